"""Why an MRI is made again: the closed taxonomy of reasons, whether each could be avoided, and what to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mriloop.model.advice import Recommendation
from mriloop.model.coding import Contrast
from mriloop.model.fact import Truth
from mriloop.model.guideline import Step


class RepeatFamily(StrEnum):
    """The four families: what was made cannot be read, a planned look, another technique, a matter of paper."""

    TECHNICAL = "R1"
    LONGITUDINAL = "R2"
    SPECIALISED = "R3"
    ADMINISTRATIVE = "R4"


# Steps that propose an MRI: each names its reason.
IMAGING_STEPS: frozenset[Step] = frozenset(
    {Step.FOLLOW_UP_IMAGING, Step.ADDITIONAL_IMAGING, Step.REPEAT_IMAGING, Step.COMPLETE_IMAGING}
)

_WITH_AGENT = (Contrast.WITH, Contrast.WITHOUT_AND_WITH, Contrast.NEEDS_DECISION)

MOTION_LADDER = (
    "comfort and pain control, immobilisation",
    "breath-hold coaching",
    "respiratory or cardiac gating",
    "radial, blade or compressed-sensing sampling, several slices at once",
    "shorter series, the most important first",
    "antiperistaltic for abdomen and pelvis",
    "sedation last",
)
CLAUSTROPHOBIA_LADDER = (
    "explain the examination, leaflet or film beforehand",
    "prone or feet first, mirror, music, a companion",
    "short, wide or quiet scanner",
    "shorten the protocol to what is missing",
    "oral anxiolytic with an escort home",
    "conscious sedation with fasting, escort and monitoring",
    "general anaesthesia",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatReason:
    """One code of the taxonomy.

    `avoidable` is TRUE where the first visit could have made this one unnecessary, FALSE where a second look is the
    plan, and UNKNOWN where it depends on the case. `mitigation` says what to change or to try, one step at a time.
    """

    code: str
    words: str
    avoidable: Truth
    mitigation: tuple[str, ...] = ()

    @property
    def family(self) -> RepeatFamily:
        """The family that the code begins with."""
        return RepeatFamily(self.code[:2])


def _reasons(*entries: tuple[str, Truth, str, tuple[str, ...]]) -> Mapping[str, RepeatReason]:
    return {
        code: RepeatReason(code=code, words=words, avoidable=avoidable, mitigation=mitigation)
        for code, avoidable, words, mitigation in entries
    }


_YES, _NO, _OPEN = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
_SAME = ("the same protocol, so that both can be laid side by side",)
_FIRST = ("ask at the first order whether this technique is needed",)
_INVOLUNTARY = (*MOTION_LADDER[1:4], MOTION_LADDER[5])

# Families and codes follow the repeat taxonomy of the project; which of them are avoidable is our judgement.
REPEAT_REASONS: Mapping[str, RepeatReason] = _reasons(
    ("R1", _OPEN, "the images do not answer the question", ("find the cause before repeating",)),
    ("R1.motion", _OPEN, "motion", MOTION_LADDER),
    ("R1.motion.voluntary", _OPEN, "the patient moved", (*MOTION_LADDER[:2], *MOTION_LADDER[3:5], MOTION_LADDER[6])),
    ("R1.motion.involuntary", _OPEN, "breathing, heartbeat, bowel, swallowing, flow or tremor", _INVOLUNTARY),
    ("R1.coil", _YES, "wrong, badly placed or failing coil", ("the coil of the protocol", "report a coil that fails")),
    ("R1.params", _YES, "parameters outside the protocol, or too little signal", ("the parameters of the protocol",)),
    ("R1.coverage", _YES, "the anatomy is not covered, or folds over", ("plan the field of view on the localizer",)),
    ("R1.fatsat", _OPEN, "fat suppression failed", ("STIR or Dixon", "shim again")),
    (
        "R1.metal",
        _OPEN,
        "metal",
        ("take off what can be taken off", "metal-artefact reduction", "implant screen again"),
    ),
    ("R1.protocol", _YES, "the wrong protocol, or series of it that do not match", ("the protocol of the question",)),
    ("R1.incomplete", _OPEN, "series or slices are missing", ("make only what is missing, if the rest can be kept",)),
    ("R1.incomplete.claustrophobia", _OPEN, "stopped for fear of tight spaces", CLAUSTROPHOBIA_LADDER),
    ("R1.incomplete.pain", _OPEN, "stopped for pain", ("treat pain beforehand", "the most important series first")),
    ("R1.incomplete.time", _YES, "stopped for want of time", ("book the time that the protocol needs",)),
    ("R1.incomplete.machine", _NO, "stopped because the scanner failed", ("another scanner",)),
    ("R1.contrast_timing", _YES, "contrast agent mistimed", ("bolus tracking, or a test bolus",)),
    ("R1.wrong_patient", _YES, "wrong patient", ("two identifiers before every scan",)),
    ("R2", _NO, "a planned look at the course", _SAME),
    ("R2.ms", _NO, "surveillance in multiple sclerosis", _SAME),
    ("R2.oncology", _NO, "response or surveillance of a tumour", _SAME),
    ("R2.oncology.recist", _NO, "response by RECIST", _SAME),
    ("R2.oncology.rano", _NO, "response by RANO", _SAME),
    ("R2.oncology.my_rads", _NO, "response of myeloma", _SAME),
    ("R2.oncology.precise", _NO, "active surveillance of the prostate", _SAME),
    ("R2.incidental", _NO, "an incidental finding", _SAME),
    ("R2.vascular", _NO, "a vascular finding", _SAME),
    ("R2.post-op", _NO, "surveillance after an operation or procedure", _SAME),
    ("R2.infection", _NO, "an infection that does not respond", _SAME),
    ("R2.disc", _NO, "a disc, after a change of signs", _SAME),
    ("R2.inflammatory", _NO, "inflammatory disease", _SAME),
    ("R3", _OPEN, "another technique", _FIRST),
    ("R3.contrast", _OPEN, "images with contrast agent", (*_FIRST, "before and after contrast in one session")),
    ("R3.mra_mrv", _OPEN, "angiography or venography", _FIRST),
    ("R3.fmri_dti", _NO, "functional MRI or tractography before an operation", ("practise the task beforehand",)),
    ("R3.mrcp", _OPEN, "MR cholangiopancreatography", _FIRST),
    ("R3.perfusion_spect", _OPEN, "perfusion or spectroscopy", _FIRST),
    ("R3.higher_field", _OPEN, "a higher field strength", _FIRST),
    ("R3.dedicated_organ", _OPEN, "a protocol for one organ", _FIRST),
    ("R3.protocol", _OPEN, "a technique that the first protocol lacked", _FIRST),
    ("R4", _YES, "a matter of administration", ("ask before anything is scanned",)),
    ("R4.admin", _YES, "a matter of administration", ("ask before anything is scanned",)),
    ("R4.lost_prior", _YES, "earlier images are lost", ("look in every archive before anything is scanned",)),
    ("R4.outside", _YES, "earlier images lie elsewhere", ("have them sent before anything is scanned",)),
    ("R4.duplicate", _YES, "the same examination was ordered twice", ("use the one that exists",)),
    ("R4.wrong_order", _YES, "the wrong part or side of the body was ordered", ("ask the referrer",)),
)


def reason_of(code: str) -> RepeatReason | None:
    """Return the reason that a code names; None for an empty code or one outside the taxonomy."""
    return REPEAT_REASONS.get(code)


def screens_of(step: Recommendation) -> tuple[str, ...]:
    """Return what must be screened before a proposed MRI is booked; nothing for a step that images nobody.

    Every MRI needs its implant screen anew, whatever the last one found: an earlier MRI is no clearance.
    """
    if step.modality != "MR" or step.step not in IMAGING_STEPS:
        return ()
    agent = step.contrast in _WITH_AGENT or "T1_after_contrast" in step.pulse_sequences
    return ("implant_screen", "contrast_screen") if agent else ("implant_screen",)


# How each screen is asked for.
SCREENS: Mapping[str, str] = {
    "implant_screen": "implants, devices and metal, asked anew: an earlier MRI is no clearance",
    "contrast_screen": "kidneys, earlier reactions, pregnancy and the agent, before contrast is given",
}
