"""Does a step that was done answer a step that is owed? Wrong exam, missing contrast, not diagnostic: never."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from mriloop.model.coding import Contrast, Region
from mriloop.model.fact import Truth
from mriloop.model.follow_up import FollowUp, Performed
from mriloop.stages.follow_up.clock import COMING_DUE_DAYS

# Which regions an exam of a larger region covers. An organ with a protocol of its own (pituitary, prostate, …) is not
# covered by the region around it.
COVERS: dict[str, frozenset[str]] = {
    Region.SPINE: frozenset({Region.CERVICAL_SPINE, Region.THORACIC_SPINE, Region.LUMBAR_SPINE}),
    Region.ABDOMEN: frozenset({Region.LIVER, Region.KIDNEY, Region.PANCREAS}),
}
_WANTS_CONTRAST = frozenset({Contrast.WITH.value, Contrast.WITHOUT_AND_WITH.value})


def reasons_against(follow_up: FollowUp, performed: Performed) -> tuple[str, ...]:
    """Return why a performed step does not answer a follow-up; nothing when it does.

    An imaging follow-up is answered by a diagnostic exam of the same patient, modality and region, with the contrast
    phases that were asked for, of another study than the one it came from, and no earlier than 30 days before the
    window opens. A later one still answers. A follow-up that names no modality is answered by the same step, done.
    What is unknown never answers.
    """
    return tuple(_against(follow_up, performed))


def _against(follow_up: FollowUp, performed: Performed) -> Iterable[str]:
    if performed.patient != follow_up.patient:
        yield "it is of another patient"
    if performed.study_instance_uid and performed.study_instance_uid == follow_up.study_instance_uid:
        yield "it is the study that the recommendation came from"
    if performed.diagnostic is not Truth.TRUE:
        yield "it is not diagnostic" if performed.diagnostic is Truth.FALSE else "nobody has said that it is diagnostic"
    if follow_up.opened_on is not None and performed.performed_on < follow_up.opened_on:
        yield "it was done before the recommendation was signed"
    elif follow_up.window is not None:
        first = follow_up.window.earliest - timedelta(days=COMING_DUE_DAYS)
        if performed.performed_on < first:
            yield f"it was done before {first.isoformat()}, too early for this window"
    if follow_up.modality is None:
        if performed.step != follow_up.step:
            yield f"it is {performed.step or 'no such step'}, and {follow_up.step} is owed"
        return
    if performed.modality != follow_up.modality:
        yield f"it is {performed.modality or 'of unknown modality'}, and {follow_up.modality} is owed"
    if follow_up.region is not None and not _covers(performed.region, follow_up.region):
        yield f"it shows {performed.region or 'an unknown region'}, and {follow_up.region} is owed"
    if follow_up.contrast in _WANTS_CONTRAST and performed.contrast not in _enough(follow_up.contrast):
        yield f"it was done {performed.contrast or 'with unknown contrast'}, and {follow_up.contrast} is owed"


def _covers(shown: str | None, owed: str) -> bool:
    return shown is not None and (shown == owed or owed in COVERS.get(shown, frozenset()))


def _enough(contrast: str | None) -> frozenset[str]:
    both = Contrast.WITHOUT_AND_WITH.value
    return frozenset({both}) if contrast == both else frozenset({Contrast.WITH.value, both})
