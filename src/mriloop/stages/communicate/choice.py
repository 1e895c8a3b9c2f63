"""Which step a letter is about, and which kind of letter explains it."""

from __future__ import annotations

from mriloop.model.advice import Recommendation
from mriloop.model.coding import Contrast, Urgency
from mriloop.model.errors import refuse
from mriloop.model.follow_up import owed
from mriloop.model.report import Outcome, VerifiedReport

AT_ONCE = frozenset({Urgency.MINUTES, Urgency.HOURS})
WITH_DYE = frozenset({Contrast.WITH, Contrast.WITHOUT_AND_WITH})
# Repeat reasons (taxonomy R1) and the letter that explains them; any other R1 gets the letter that blames nobody.
_REPEAT_KINDS = {
    "r1.motion": "r1_motion",
    "r1.incomplete": "r1_incomplete",
    **dict.fromkeys(
        ("r1.coil", "r1.params", "r1.coverage", "r1.fatsat", "r1.protocol", "r1.contrast_timing", "r1.wrong_patient"),
        "r1_technical",
    ),
}
_RANK = {"R1": 1, "R3": 2, "R2": 3, "R4": 4}


def kind_of(report: VerifiedReport) -> str:
    """Return the kind of patient letter that a signed report calls for.

    An urgent step comes first, and has a letter of its own whatever its reason (save a repeat, R1: what it explains is
    over); then a repeat (R1), another technique (R3), a planned look (R2), pictures that are lost or elsewhere (R4),
    then any other step; where no step is owed, the signed outcome decides.
    Raises SenderError `letter_no_kind` where that is not stated.
    """
    return kind_for(main_step(report), report.draft.outcome)


def kind_for(step: Recommendation | None, outcome: Outcome) -> str:
    """Return the kind of letter that explains a step, or the outcome where there is no step; as `kind_of`."""
    if step is None:
        kinds = {
            Outcome.NORMAL: "normal",
            Outcome.ABNORMAL: "abnormal_next_step",
            Outcome.NOT_DIAGNOSTIC: "r1_other",
        }
        if outcome not in kinds:
            raise refuse("letter_no_kind")
        return kinds[outcome]
    reason = step.repeat_reason.lower()
    if reason.startswith("r1"):
        return _REPEAT_KINDS.get(".".join(reason.split(".")[:2]), "r1_other")
    if step.urgency in AT_ONCE:
        return "urgent_next_step"
    if reason.startswith("r3"):
        return "r3_contrast" if step.contrast in WITH_DYE else "r3_technique"
    if reason.startswith("r4"):
        return "r4_admin"
    if reason.startswith("r2"):
        return "r2_follow_up"
    return "normal" if outcome is Outcome.NORMAL else "abnormal_next_step"


def main_step(report: VerifiedReport) -> Recommendation | None:
    """Return the step that the letter is about, or None where nothing is owed."""
    steps = [item for item in report.draft.recommendations if owed(item)]

    def rank(item: Recommendation) -> tuple[int, bool, bool]:
        family = family_of(item)
        place = 0 if item.urgency in AT_ONCE and family != "R1" else _RANK.get(family, 5)
        # Among repeats, the one that explains most to the patient: a tight space, then motion.
        return place, not tight_space(item), item.repeat_reason.lower()[:9] != "r1.motion"

    return min(steps, key=rank, default=None)


def family_of(item: Recommendation) -> str:
    """Return the reason family of a step: R1, R2, R3, R4, or nothing."""
    return item.repeat_reason.upper()[:2]


def tight_space(item: Recommendation) -> bool:
    """Whether the scan stopped for claustrophobia, as the reason or the row of the guideline says."""
    return "claustrophobia" in f"{item.repeat_reason} {item.row}".lower()
