"""Facts about lesions of the brain that follow from others: times since treatment, growth, what counts as untreated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from dateutil.relativedelta import relativedelta

from mriloop.model.fact import UNKNOWN, FactValue, Truth, truth
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive.common import Ask, Derivation, is_unknown, months_between, months_since

_TREATMENT_DAYS = ("surgery_date", "radiotherapy_end_date", "radiosurgery_date")
_RADIATION = ("radiotherapy_end_date", "radiosurgery_date", "weeks_since_radiotherapy", "months_since_radiosurgery")
_PITUITARY = frozenset(
    {
        "pituitary_lesion",
        "pituitary_incidentaloma",
        "pituitary_adenoma_presumed",
        "incidental_pituitary_adenoma",
        "pituitary_cystic_lesion",
    }
)
_INCIDENTAL = "incidental_meningioma"


def _days(ask: Ask, names: tuple[str, ...]) -> list[date]:
    return [day for day in map(ask, names) if isinstance(day, date)]


def _untouched(ask: Ask) -> bool:
    """Whether a lesion was found by chance, or is observed by choice."""
    conditions = ask("condition")
    by_name = isinstance(conditions, tuple) and _INCIDENTAL in conditions
    return by_name or ask("discovered") == "incidental" or ask("observation_chosen") is Truth.TRUE


def _tumour_grade(ask: Ask, as_of: date) -> FactValue:
    """A glioblastoma has grade 4 by its definition (WHO 2021); other names say nothing of the grade."""
    conditions = ask("condition")
    return "grade_4" if isinstance(conditions, tuple) and "glioblastoma" in conditions else UNKNOWN


def _lesion_treatment(ask: Ask, as_of: date) -> FactValue:
    """Days of treatment say what was done; found by chance or observed counts as untreated until one is stated."""
    operated = isinstance(ask("surgery_date"), date)
    irradiated = any(not is_unknown(ask(name)) for name in _RADIATION)
    if operated and irradiated:
        return "surgery_and_radiotherapy"
    if operated or irradiated:
        return "surgery" if operated else "radiotherapy"
    return "none" if _untouched(ask) else UNKNOWN


def _treatment_date(ask: Ask, as_of: date) -> FactValue:
    """The last of the stated days of operation, radiosurgery and end of radiotherapy."""
    days = [day for day in _days(ask, _TREATMENT_DAYS) if day <= as_of]
    return max(days) if days else UNKNOWN


def _years_since_treatment(ask: Ask, as_of: date) -> FactValue:
    """Years in calendar months from the last treatment to the day of the question."""
    treated = ask("treatment_date")
    if not isinstance(treated, date) or treated > as_of:
        return UNKNOWN
    return Quantity(value=months_between(treated, as_of) / 12, unit="a")


def _weeks_since_radiotherapy(ask: Ask, as_of: date) -> FactValue:
    """Weeks from the end of radiotherapy to the MRI, not to the day of the question."""
    ended, made = ask("radiotherapy_end_date"), ask("exam_date")
    if not isinstance(ended, date) or not isinstance(made, date) or made < ended:
        return UNKNOWN
    return Quantity(value=(made - ended).days / 7, unit="wk")


def _mri_made_after(name: str) -> Derivation:
    """Whether an MRI was made on or after a stated day; no MRI on record is no answer."""

    def derivation(ask: Ask, as_of: date) -> FactValue:
        start, made = ask(name), ask("exam_date")
        after = isinstance(start, date) and isinstance(made, date) and made >= start
        return Truth.TRUE if after else Truth.UNKNOWN

    return derivation


def _surveillance_start(ask: Ask, as_of: date) -> FactValue:
    """The first MRI that shows the lesion, by day or by distance; this MRI, where nobody speaks of one before."""
    first, made, months = ask("first_mri_date"), ask("exam_date"), ask("months_since_first_mri")
    if isinstance(first, date):
        return first
    if not isinstance(made, date):
        return UNKNOWN
    if isinstance(months, Quantity):
        whole, share = divmod(months.to("mo").value, 1)
        return made - relativedelta(months=int(whole), days=round(share * 32))
    change = ask("change_vs_prior")
    return made if is_unknown(change) or change == "no_prior" else UNKNOWN


def _smallest_before(ask: Ask) -> float | None:
    sizes = [ask("prior_lesion_size"), ask("baseline_lesion_size")]
    known = [size.to("mm").value for size in sizes if isinstance(size, Quantity)]
    return min(known) if known else None


def _lesion_growth(ask: Ask, as_of: date) -> FactValue:
    """Millimetres of largest diameter gained since the smaller of the first and the previous measurement."""
    size, before = ask("lesion_size"), _smallest_before(ask)
    if not isinstance(size, Quantity) or before is None:
        return UNKNOWN
    return Quantity(value=round(size.to("mm").value - before, 6), unit="mm")


def _lesion_growth_percent(ask: Ask, as_of: date) -> FactValue:
    """The same in percent of that earlier measurement; unknown where it was 0."""
    size, before = ask("lesion_size"), _smallest_before(ask)
    if not isinstance(size, Quantity) or not before:
        return UNKNOWN
    return Quantity(value=round(100 * (size.to("mm").value - before) / before, 6), unit="%")


def _growth_per_year(ask: Ask, as_of: date) -> FactValue:
    """Millimetres of largest diameter a year between the previous MRI and this one, a year being 12 calendar months."""
    size, before, months = ask("lesion_size"), ask("prior_lesion_size"), ask("months_since_prior")
    if not isinstance(size, Quantity) or not isinstance(before, Quantity) or not isinstance(months, Quantity):
        return UNKNOWN
    apart = months.to("mo").value
    gained = size.to("mm").value - before.to("mm").value
    return Quantity(value=round(gained * 12 / apart, 6), unit="mm/a") if apart > 0 else UNKNOWN


def _lesion_elsewhere(ask: Ask, as_of: date) -> FactValue:
    """A stated condition or region other than the pituitary says that the lesion in question is another one."""
    conditions, region = ask("condition"), ask("region")
    named = set(conditions) - {"none", "other"} if isinstance(conditions, tuple) else set()
    if named & _PITUITARY or region == "pituitary":
        return Truth.FALSE
    return truth(bool(named) or (isinstance(region, str) and region != "brain"))


def _hydrocephalus(ask: Ask, as_of: date) -> FactValue:
    conditions = ask("condition")
    return Truth.TRUE if isinstance(conditions, tuple) and "hydrocephalus" in conditions else Truth.UNKNOWN


def _quality_unsettled(ask: Ask, as_of: date) -> FactValue:
    """A limited study counts as unsettled until a person says that it answers the question."""
    quality = ask("study_quality")
    if is_unknown(quality):
        return Truth.UNKNOWN
    return truth(quality == "limited" and ask("limited_study_answers") is not Truth.TRUE)


def _aneurysm_treatment(ask: Ask, as_of: date) -> FactValue:
    return "none" if _untouched(ask) else UNKNOWN


_WITHOUT_GADOLINIUM = frozenset({"multiple_sclerosis", "intracranial_aneurysm"})


def _gadolinium_not_needed(ask: Ask, as_of: date) -> FactValue:
    """Monitoring of MS, of an observed vestibular schwannoma and of an aneurysm does without."""
    conditions = ask("condition")
    if not isinstance(conditions, tuple):
        return Truth.UNKNOWN
    if "vestibular_schwannoma" in conditions:
        treatment = ask("lesion_treatment")
        return Truth.UNKNOWN if is_unknown(treatment) else truth(treatment == "none")
    return truth(bool(_WITHOUT_GADOLINIUM & set(conditions)))


DERIVATIONS: Mapping[str, Derivation] = {
    "tumour_grade": _tumour_grade,
    "lesion_treatment": _lesion_treatment,
    "treatment_date": _treatment_date,
    "years_since_treatment": _years_since_treatment,
    "weeks_since_radiotherapy": _weeks_since_radiotherapy,
    "months_since_radiosurgery": months_since("radiosurgery_date", "exam_date"),
    "post_operative_mri_done": _mri_made_after("surgery_date"),
    "post_radiotherapy_mri_done": _mri_made_after("radiotherapy_end_date"),
    "surveillance_start": _surveillance_start,
    "lesion_growth": _lesion_growth,
    "lesion_growth_percent": _lesion_growth_percent,
    "growth_per_year": _growth_per_year,
    "lesion_elsewhere": _lesion_elsewhere,
    "hydrocephalus": _hydrocephalus,
    "quality_unsettled": _quality_unsettled,
    "aneurysm_treatment": _aneurysm_treatment,
    "gadolinium_not_needed": _gadolinium_not_needed,
}
