"""Facts about the adrenal gland, the ovary and the quality of a whole study that follow from others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import UNKNOWN, FactValue, Truth, truth
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive.common import Ask, Derivation, is_unknown

_LIPID_HU = 10.0  # ESE/ENSAT 2023: homogeneous and at most this without contrast is benign


def _study_readable(ask: Ask, as_of: date) -> FactValue:
    """A diagnostic study answers; a limited one where the reader says so; one that is not diagnostic never does."""
    quality = ask("study_quality")
    if quality == "limited":
        said = ask("limited_study_answers")
        return said if isinstance(said, Truth) else Truth.UNKNOWN
    return Truth.UNKNOWN if is_unknown(quality) else truth(quality == "diagnostic")


def _adrenal_kind(ask: Ask, as_of: date) -> FactValue:
    """A lesion whose lipid was examined, and that nobody calls a myelolipoma or a cyst, is undetermined."""
    examined = (ask("adrenal_signal_drop"), ask("adrenal_attenuation"))
    return UNKNOWN if all(is_unknown(each) for each in examined) else "undetermined"


def _adrenal_benign_shown(ask: Ask, as_of: date) -> FactValue:
    """Whether a test has shown a benign lesion.

    One that shows it is enough: a myelolipoma or a cyst, or lipid (signal drop, or at most 10 HU) in a homogeneous
    lesion. Where the tests that were made show none it is FALSE, which leads to more work-up and never to less; where
    none was made it is UNKNOWN.
    """
    if ask("adrenal_kind") in ("myelolipoma", "cyst"):
        return Truth.TRUE
    attenuation = ask("adrenal_attenuation")
    tests = [truth(attenuation.value <= _LIPID_HU)] if isinstance(attenuation, Quantity) else []
    drop = ask("adrenal_signal_drop")
    tests += [drop] if isinstance(drop, Truth) and drop is not Truth.UNKNOWN else []
    if not tests:
        return Truth.UNKNOWN
    if Truth.TRUE not in tests:
        return Truth.FALSE
    homogeneous = ask("adrenal_homogeneous")
    return homogeneous if isinstance(homogeneous, Truth) else Truth.UNKNOWN


def _adnexal_solid_large(ask: Ask, as_of: date) -> FactValue:
    """No enhancing solid tissue at all, no large volume of it."""
    return Truth.FALSE if ask("adnexal_solid_tissue") is Truth.FALSE else Truth.UNKNOWN


DERIVATIONS: Mapping[str, Derivation] = {
    "study_readable": _study_readable,
    "adnexal_solid_large": _adnexal_solid_large,
    "adrenal_kind": _adrenal_kind,
    "adrenal_benign_shown": _adrenal_benign_shown,
}
