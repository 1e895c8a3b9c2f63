"""Facts about the spine that follow from others: red flags of back pain, what an MRI of a myelopathy points to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import FactValue, Truth, any_of, truth
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive.common import Ask, Derivation, is_unknown

# A child younger than this has back pain for a reason until shown otherwise (ACR Back Pain-Child, secondary text).
_VERY_YOUNG_YEARS = 4.0
_VESSELS = frozenset({"vascular_malformation", "flow_voids", "fistula_pattern"})
_CORD_FINDINGS = frozenset({"acute_cord_compression", "cauda_equina_compression", "epidural_abscess_with_deficit"})
_CSF_SPACES = frozenset({"arachnoid_cyst", "arachnoid_web", "ventral_cord_herniation", "dorsal_cord_indentation"})


def _back_pain_red_flag(ask: Ask, as_of: date) -> FactValue:
    """Any red flag, any suspicion, or a very young child; FALSE only where somebody says that there is none."""
    flags, suspicion, age = ask("back_pain_red_flags"), ask("spine_suspicion"), ask("age")
    listed = isinstance(flags, tuple)
    young = isinstance(age, Quantity) and age.to("a").value < _VERY_YOUNG_YEARS
    suspected = not is_unknown(suspicion) and suspicion != "none"
    if young or suspected or (isinstance(flags, tuple) and any(flag != "none" for flag in flags)):
        return Truth.TRUE
    return Truth.FALSE if listed else Truth.UNKNOWN


def _cord_compression(ask: Ask, as_of: date) -> FactValue:
    """A finding that names it, or signs of a cauda equina syndrome; nothing else excludes it."""
    named = ask("critical_finding") in _CORD_FINDINGS or ask("cauda_equina_signs") is Truth.TRUE
    return Truth.TRUE if named else Truth.UNKNOWN


def _cord_emergency(ask: Ask, as_of: date) -> FactValue:
    """Compression, or a new deficit; FALSE only where compression is denied: it may be there without a deficit."""
    compressed, deficit = ask("cord_compression"), ask("acute_deficit")
    if Truth.TRUE in (compressed, deficit):
        return Truth.TRUE
    return Truth.FALSE if compressed is Truth.FALSE else Truth.UNKNOWN


def _points_to(kinds: frozenset[str]) -> Derivation:
    """Whether any of these findings is among those of the spine MRI; UNKNOWN where no finding is stated."""

    def derivation(ask: Ask, as_of: date) -> FactValue:
        findings = ask("myelopathy_findings")
        return any_of(truth(each in kinds) for each in findings) if isinstance(findings, tuple) else Truth.UNKNOWN

    return derivation


DERIVATIONS: Mapping[str, Derivation] = {
    "back_pain_red_flag": _back_pain_red_flag,
    "cord_vessels_suspected": _points_to(_VESSELS),
    "cord_compression": _cord_compression,
    "cord_emergency": _cord_emergency,
    "csf_space_lesion": _points_to(_CSF_SPACES),
}
