"""A number with its unit, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

# Factors to one base unit per dimension; UCUM codes (c/s). Only what MRI quality, anatomy and guidelines need.
_DIMENSIONS: dict[str, dict[str, float]] = {
    "length": {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6},
    "area": {"m2": 1.0, "cm2": 1e-4, "mm2": 1e-6},
    "volume": {"L": 1.0, "dL": 1e-1, "mL": 1e-3, "cm3": 1e-3, "uL": 1e-6, "mm3": 1e-6},
    "time": {
        "a": 31_557_600.0,
        "mo": 2_629_800.0,
        "wk": 604_800.0,
        "d": 86_400.0,
        "h": 3600.0,
        "min": 60.0,
        "s": 1.0,
        "ms": 1e-3,
        "us": 1e-6,
    },
    "angle": {"rad": 57.295_779_513_082_32, "deg": 1.0},
    "ratio": {"1": 1.0, "%": 1e-2, "[ppth]": 1e-3},
    "field": {"T": 1.0, "mT": 1e-3},
    "frequency": {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6},
    "diffusion": {"mm2/s": 1.0, "um2/ms": 1e-3, "10*-6.mm2/s": 1e-6},
    "b_value": {"s/mm2": 1.0},
    "growth": {"mm/a": 1.0, "cm/a": 10.0},
    "attenuation": {"[hnsf'U]": 1.0},
    "substance concentration": {"nmol/L": 1.0, "umol/L": 1e3},
    "relative rate": {"%/min": 1.0, "%/h": 1 / 60},
    # No factor leads from what kidneys clear to the same for a body of 1.73 m²: that takes the patient's size.
    "clearance": {"mL/min": 1.0},
    "clearance by body surface": {"mL/min/{1.73_m2}": 1.0},
    "cell_count": {"10*9/L": 1.0, "10*3/uL": 1.0, "/uL": 1e-3, "/mm3": 1e-3},
    "mass": {"kg": 1.0, "g": 1e-3, "mg": 1e-6},
    "concentration": {"mg/L": 1.0, "mg/dL": 10.0, "g/L": 1000.0, "ng/mL": 1e-3, "ug/L": 1e-3},
    # What a gland gives off per volume of gland (PSA density).
    "concentration by volume": {"ng/mL/mL": 1.0, "ug/L/mL": 1.0},
    "sedimentation": {"mm/h": 1.0},
    "count": {"{count}": 1.0},
    "intensity": {"{au}": 1.0},
    "index": {"{index}": 1.0},
}
_UNIT: dict[str, tuple[str, float]] = {
    unit: (dimension, factor) for dimension, units in _DIMENSIONS.items() for unit, factor in units.items()
}


class UnitError(ValueError):
    """Two units that do not measure the same thing, or a unit that is not in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A measured value with its unit (UCUM code, case-sensitive). FHIR: Quantity. DICOM: NUM content item.

    Raises UnitError for a unit outside the table of this module, so that a typing error cannot become a fact.
    """

    value: float
    unit: str

    def __post_init__(self) -> None:
        if self.unit not in _UNIT:
            raise UnitError(f"unknown unit {self.unit!r}")

    def to(self, unit: str) -> Quantity:
        """Return the same quantity in another unit of the same dimension; UnitError when there is none.

        A month is 1/12 of a Julian year of 365.25 days (UCUM `mo`): use calendar arithmetic for due dates.
        """
        return Quantity(value=self.value * factor(self.unit, unit), unit=unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAssessable:
    """A measure that could not be taken, and why, in words a technologist understands. Never a bad or a good value."""

    reason: str


Measure = Quantity | NotAssessable


def factor(unit: str, other: str) -> float:
    """Return what a number in `unit` is multiplied by to be in `other`; UnitError when they are not commensurable."""
    for code in (unit, other):
        if code not in _UNIT:
            raise UnitError(f"unknown unit {code!r}")
    dimension, scale = _UNIT[unit]
    other_dimension, other_scale = _UNIT[other]
    if dimension != other_dimension:
        raise UnitError(f"{unit!r} measures {dimension}, {other!r} measures {other_dimension}")
    return scale / other_scale


def known_units() -> tuple[str, ...]:
    """Return every UCUM code that a Quantity may carry."""
    return tuple(_UNIT)
