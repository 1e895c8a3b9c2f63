"""An examination that the scanner reports as stopped, and what it performed that never arrived (MPPS)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mriloop.model.quality import Defect, Evidence, Severity
from mriloop.model.study import PerformedStep, StepStatus, Study
from mriloop.stages.check.defects import CLAUSTROPHOBIA, defect, number
from mriloop.stages.check.header import tokens

# CID 9300 and 9301, DICOM code → (its meaning, who or what stopped the examination in the words of `termination`).
# Mistakes of the order leave no examination to finish: ADMINISTRATIVE.
ADMINISTRATIVE = ""
REASONS: dict[str, tuple[str, str]] = {
    "110500": ("the doctor cancelled it", ADMINISTRATIVE),
    "110501": ("the equipment failed", "machine"),
    "110502": ("the wrong procedure was ordered", ADMINISTRATIVE),
    "110503": ("the patient is allergic to the contrast agent", "other"),
    "110504": ("the patient died", ADMINISTRATIVE),
    "110505": ("the patient refused to go on", "patient_request"),
    "110506": ("the patient was taken for treatment or surgery", "other"),
    "110507": ("the patient did not arrive", ADMINISTRATIVE),
    "110508": ("the patient is pregnant", ADMINISTRATIVE),
    "110509": ("the procedure was changed for correct charging", ADMINISTRATIVE),
    "110510": ("the order was a duplicate", ADMINISTRATIVE),
    "110511": ("the nursing unit cancelled it", ADMINISTRATIVE),
    "110512": ("the wrong side was ordered", ADMINISTRATIVE),
    "110513": ("no reason was given", "reason_not_stated"),
    "110514": ("the wrong worklist entry was selected", ADMINISTRATIVE),
    "110515": ("the patient's condition did not allow to go on", "other"),
    "110516": ("the equipment was changed", "machine"),
    "110521": ("objects were not formatted correctly", "machine"),
    "110522": ("object types were not supported", "machine"),
    "110523": ("the set of objects is incomplete", "machine"),
    "110524": ("a medium failed", "machine"),
    "110526": ("the scanner was needed elsewhere", "time"),
    "110527": ("the scanner was not suitable", "machine"),
    "110528": ("it was given a new date", "other"),
    "110529": ("a new date was recommended", "other"),
    "110530": ("the work was rejected", ADMINISTRATIVE),
    "110533": ("the work item expired", ADMINISTRATIVE),
    "113568": ("the contrast agent went beside the vein", "other"),
}
ANXIETY = "48694002"  # SNOMED CT, in CID 9300
_PATIENT = frozenset({"110505", "110515", ANXIETY})
_SPATIAL_FEAR = re.compile(r"claustro|klaustro|platzangst|raumangst|\bpanic|\bpanik|\bangst|\banxi|\bansia|\bangoiss")
_PAIN = re.compile(r"\bpain|\bschmerz|\bdouleur|\bdolor|\bpijn")
_DENIED = re.compile(r"\b(?:no|not|non|kein\w*|ohne|without|pas|sans|sin|senza|geen)\b(?:\W+\w+)?\W+$")
_PLANNING = ("loc", "localiz", "localis", "scout", "survey", "calib", "ref", "prescan", "plan")


def steps_of(study: Study, performed: Sequence[PerformedStep]) -> tuple[PerformedStep, ...]:
    """Return the steps that belong to a study: by its UID, or by that of one of its series."""
    own = {series.series_instance_uid for series in study.series}
    return tuple(
        step
        for step in performed
        if study.study_instance_uid in step.studies or own & {one.series_instance_uid for one in step.series}
    )


def termination_of(step: PerformedStep) -> str:
    """Return why a step was discontinued: claustrophobia, pain, patient_request, time, machine, other …

    Words of fear or pain, in the reason or the comment, say more than the codes for a refusal or a condition.
    """
    code = step.reason.value if step.reason else ""
    if code == ANXIETY:
        return "claustrophobia"
    known = REASONS.get(code)
    if known is not None and code not in _PATIENT and known[1] != "reason_not_stated":
        return known[1]
    text = f"{step.reason.meaning if step.reason else ''} {step.comment}".lower()
    if _says(_SPATIAL_FEAR, text):
        return "claustrophobia"
    if _says(_PAIN, text):
        return "pain"
    return known[1] if known is not None else "other" if code else "reason_not_stated"


def discontinued(steps: Sequence[PerformedStep], *, whole: bool) -> list[Defect]:
    """Return that the examination was stopped, with the reason.

    Major, unless a protocol is met in spite of it (`whole`), the reason is not stated, or the order was at fault: an
    administrative end is information. For a patient who could not go on the action is the ladder of measures against
    claustrophobia.
    """
    found = []
    for step in steps:
        if step.status is not StepStatus.DISCONTINUED:
            continue
        code = step.reason.value if step.reason else ""
        why = termination_of(step)
        words = "the patient was afraid" if why == "claustrophobia" else REASONS.get(code, ("", ""))[0]
        words = words or (f"reason {code}" if code else "no reason was given")
        severity = Severity.MINOR if whole or why == "reason_not_stated" else Severity.MAJOR
        found.append(
            defect(
                "exam_discontinued",
                Severity.INFO if why == ADMINISTRATIVE else severity,
                f"The scanner reports the examination as discontinued: {words}.",
                Evidence(name="discontinuation_reason", value=code, unit=""),
                Evidence(name="termination", value=why, unit=""),
                action=CLAUSTROPHOBIA if why == "claustrophobia" or code in _PATIENT else None,
            )
        )
    return found


def not_received(study: Study, steps: Sequence[PerformedStep]) -> list[Defect]:
    """Return the series and images that the scanner reports as performed and that are not in the study.

    Whole localizers and reference scans are information: many sites do not archive them.
    """
    here = {series.series_instance_uid: series for series in study.series}
    found = []
    for one in (series for step in steps for series in step.series):
        if not one.images or not one.series_instance_uid:
            continue
        series = here.get(one.series_instance_uid)
        received = {frame.sop_instance_uid for frame in series.frames} | set(series.duplicates) if series else set()
        absent = len(set(one.images) - received)
        if not absent:
            continue
        planning = series is None and any(word.startswith(_PLANNING) for word in tokens(one.description))
        name = "A series" if series is None or series.series_number is None else f"Series {series.series_number}"
        found.append(
            defect(
                "not_received",
                Severity.INFO if planning else Severity.MINOR,
                f"{name} was performed with {len(one.images)} images, and "
                + ("none of them is here." if absent == len(one.images) else f"{absent} of them are not here."),
                Evidence(name="series", value=one.series_instance_uid, unit=""),
                number("images_missing", absent, "{count}", 0),
            )
        )
    return found


def _says(pattern: re.Pattern[str], text: str) -> bool:
    return any(not _DENIED.search(text[: match.start()]) for match in pattern.finditer(text))
