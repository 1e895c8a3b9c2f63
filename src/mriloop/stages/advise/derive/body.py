"""Facts about prostate, liver, pancreas and kidney that follow from others, and about the clock of surveillance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from dateutil.relativedelta import relativedelta

from mriloop.model.fact import UNKNOWN, FactValue, Truth, truth
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive.common import Ask, Derivation, is_unknown, months_between, months_since, number_in

_HCC_RISKS = ("cirrhosis", "chronic_hepatitis_b", "hepatocellular_carcinoma")
_LIRADS_FEATURES = ("lirads_washout", "lirads_capsule", "lirads_threshold_growth")
# LI-RADS v2018: the diameter grows by half or more within 6 months.
_THRESHOLD_PERCENT, _THRESHOLD_MONTHS = 50.0, 6.0
# ACR 2017: from which prior diameter (mm) on which growth (percent of it) counts.
_ACR_GROWTH = ((15.0, 20.0), (5.0, 50.0), (0.0, 100.0))
_OLDEST, _OLD = 80.0, 65.0
_TOLERANCE = 1e-9


def _psa_density(ask: Ask, as_of: date) -> FactValue:
    """PSA in ng/mL by the volume of the prostate in mL; unknown without a volume above zero."""
    psa, volume = number_in(ask("psa"), "ng/mL"), number_in(ask("prostate_volume"), "mL")
    if psa is None or volume is None or volume <= 0:
        return UNKNOWN
    return Quantity(value=psa / volume, unit="ng/mL/mL")


def _percent_gained(ask: Ask) -> float | None:
    """What the diameter gained since the prior, in percent of the prior one."""
    size, prior = number_in(ask("lesion_size"), "mm"), number_in(ask("prior_lesion_size"), "mm")
    return None if size is None or not prior else 100 * (size - prior) / prior


def _pancreatic_age_band(ask: Ask, as_of: date) -> FactValue:
    """The age when the cyst was first imaged, as one of the ACR's bands.

    From the birth date it is exact. From an age in whole years it is known to within a year, so that near 65 and 80
    somebody has to say; without a prior the age is that of today.
    """
    first, born, age = ask("surveillance_start"), ask("birth_date"), number_in(ask("age"), "a")
    if isinstance(first, date) and isinstance(born, date) and born <= first:
        return _band(float(relativedelta(first, born).years))
    if age is None:
        return UNKNOWN
    if ask("change_vs_prior") == "no_prior":
        return _band(age)
    if not isinstance(first, date) or first > as_of:
        return _band(age) if age < _OLD else UNKNOWN
    years = months_between(first, as_of) / 12
    youngest, oldest = _band(age - years), _band(age - years + 1 - _TOLERANCE)
    return youngest if youngest == oldest else UNKNOWN


def _band(age: float) -> str:
    return "80_or_more" if age >= _OLDEST else "from_65_to_79" if age >= _OLD else "under_65"


def _acr_cyst_growth(ask: Ask, as_of: date) -> FactValue:
    """Growth by the share that the ACR asks for at the prior size; no prior, or a stable cyst, has not grown."""
    percent, prior = _percent_gained(ask), number_in(ask("prior_lesion_size"), "mm")
    if percent is not None and prior is not None:
        needed = next(share for size, share in _ACR_GROWTH if prior >= size)
        return truth(percent >= needed - _TOLERANCE)
    if ask("change_vs_prior") in ("no_prior", "stable", "shrinkage"):
        return Truth.FALSE
    return Truth.UNKNOWN


def _hcc_risk(ask: Ask, as_of: date) -> FactValue:
    """A condition that makes the risk high says yes; the others leave it open."""
    conditions = ask("condition")
    named = isinstance(conditions, tuple) and any(each in conditions for each in _HCC_RISKS)
    return Truth.TRUE if named else Truth.UNKNOWN


def _lirads_threshold_growth(ask: Ask, as_of: date) -> FactValue:
    """Half as large again, or more, within 6 months; without a prior the feature cannot be there.

    A slower growth over a longer time is absent; the same growth in a prior of unknown date stays unknown.
    """
    if ask("change_vs_prior") in ("no_prior", "stable", "shrinkage"):
        return "absent"
    percent, months = _percent_gained(ask), number_in(ask("months_since_prior"), "mo")
    if percent is not None and percent < _THRESHOLD_PERCENT - _TOLERANCE:
        return "absent"
    if percent is None or months is None:
        return UNKNOWN
    return "present" if months <= _THRESHOLD_MONTHS else "absent"


def _lirads_features(ask: Ask, as_of: date) -> FactValue:
    """How many of washout, capsule and threshold growth are present; two are enough to know that there are two or more.

    A reader who is unsure counts a feature as absent (LI-RADS v2018); a feature that nobody has looked for does not.
    """
    said = [ask(name) for name in _LIRADS_FEATURES]
    present = sum(each == "present" for each in said)
    if present >= 2:
        return "two_or_more"
    if any(is_unknown(each) for each in said):
        return UNKNOWN
    return "one" if present else "none"


def _renal_mass_kind(ask: Ask, as_of: date) -> FactValue:
    """What has a Bosniak class is cystic; a condition may say the kind by its name."""
    if not is_unknown(ask("bosniak_class")):
        return "cystic"
    conditions = ask("condition")
    named = {"cystic_renal_mass": "cystic", "solid_renal_mass": "solid"}
    kinds = {named[each] for each in conditions if each in named} if isinstance(conditions, tuple) else set()
    return kinds.pop() if len(kinds) == 1 else UNKNOWN


DERIVATIONS: Mapping[str, Derivation] = {
    "psa_density": _psa_density,
    "months_since_prior": months_since("prior_exam_date", "exam_date"),
    "pancreatic_age_band": _pancreatic_age_band,
    "acr_cyst_growth": _acr_cyst_growth,
    "hcc_risk": _hcc_risk,
    "lirads_threshold_growth": _lirads_threshold_growth,
    "lirads_features": _lirads_features,
    "renal_mass_kind": _renal_mass_kind,
}
