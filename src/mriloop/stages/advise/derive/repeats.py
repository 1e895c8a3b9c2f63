"""Facts about repeats that follow from others: motion against the voxel, and what a repeat after contrast needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import UNKNOWN, FactValue, Truth, truth
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive.common import Ask, Derivation

# Series that show where contrast has gone (arterial spin labelling and time of flight have words of their own).
_AFTER_CONTRAST = frozenset(("T1_after_contrast", "perfusion"))
_BEFORE = "T1_before_contrast"


def _displacement_in_voxels(ask: Ask, as_of: date) -> FactValue:
    """Mean displacement over the finest voxel size: what blurs depends on both."""
    moved, voxel = ask("mean_displacement"), ask("voxel_size")
    if not isinstance(moved, Quantity) or not isinstance(voxel, Quantity) or voxel.to("mm").value <= 0:
        return UNKNOWN
    return Quantity(value=moved.to("mm").value / voxel.to("mm").value, unit="{index}")


def _contrast_repeated(ask: Ask, as_of: date) -> FactValue:
    """Whether a series after contrast is among those to repeat; unknown where nobody says which they are."""
    series = ask("series_to_repeat")
    return truth(bool(_AFTER_CONTRAST.intersection(series))) if isinstance(series, tuple) else Truth.UNKNOWN


def _series_to_make(ask: Ask, as_of: date) -> FactValue:
    """The series to repeat; a T1 after contrast brings the T1 before it, because both must be of one session."""
    series = ask("series_to_repeat")
    if not isinstance(series, tuple) or "T1_after_contrast" not in series or _BEFORE in series:
        return series if isinstance(series, tuple) else UNKNOWN
    at = series.index("T1_after_contrast")
    return (*series[:at], _BEFORE, *series[at:])


DERIVATIONS: Mapping[str, Derivation] = {
    "displacement_in_voxels": _displacement_in_voxels,
    "contrast_repeated": _contrast_repeated,
    "series_to_make": _series_to_make,
}
