"""Every defect that CHECK can name: its code, its place in the repeat taxonomy, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from mriloop.model.quality import Defect, Evidence, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class DefectEntry:
    """One line of the table. `taxonomy` is the repeat-reason code (R1 … R4), empty where nothing is to be repeated."""

    code: str
    taxonomy: str
    meaning: str
    action: str


_RESEND = (
    "Look on the scanner console whether the slices are there and send the series again; repeat it only if they "
    "are not."
)
_STILL = (
    "Tell the patient how long the next scan takes and that holding still matters; support the body part, treat pain; "
    "then repeat the series. If it happens again: shorter or motion-robust acquisition (radial, PROPELLER/BLADE), "
    "the most important series first, sedation last."
)

TABLE: tuple[DefectEntry, ...] = (
    DefectEntry(
        code="missing_slices",
        taxonomy="R1.incomplete",
        meaning="slices that the positions of the others, or the scanner's own declaration, call for are absent",
        action=_RESEND,
    ),
    DefectEntry(
        code="maybe_missing_slices",
        taxonomy="R1.incomplete",
        meaning="the slice positions leave room for slices, and the header can neither prove nor rule out a loss",
        action="Compare the number of slices with the scanner console; send the series again if it has more.",
    ),
    DefectEntry(
        code="short_volume",
        taxonomy="R1.incomplete",
        meaning="one or more volumes of the series hold fewer slices than the others",
        action="Send the series again; if the scanner has no more either, leave the short volume out.",
    ),
    DefectEntry(
        code="stopped_early",
        taxonomy="R1.incomplete",
        meaning="fewer volumes than the scanner declares",
        action="Ask why the scan ended. If the patient stopped it, explain, offer prone or feet-first position, "
        "mirror, music or company, and repeat only what is missing; if it was a transfer, send the series again.",
    ),
    DefectEntry(
        code="unknown_slice_count",
        taxonomy="",
        meaning="the header does not allow to tell how many slices there should be",
        action="Compare the number of slices with the scanner console.",
    ),
    DefectEntry(
        code="duplicate_images",
        taxonomy="R4.admin",
        meaning="the same image was sent more than once",
        action="Nothing to repeat; clear the second copy in the archive.",
    ),
    DefectEntry(
        code="separate_slabs",
        taxonomy="",
        meaning="the slices lie in separate blocks, as prescribed for two joints or several levels",
        action="Nothing to do if it was prescribed so.",
    ),
    DefectEntry(
        code="blank_slice",
        taxonomy="R1.incomplete",
        meaning="slices without any picture between slices that have one",
        action="Reconstruct the series again on the scanner and send it; repeat it if the slices stay blank.",
    ),
    DefectEntry(
        code="identical_slices",
        taxonomy="R1.incomplete",
        meaning="neighbouring slices hold exactly the same picture",
        action="Reconstruct the series again on the scanner and send it.",
    ),
    DefectEntry(
        code="not_converted",
        taxonomy="",
        meaning="no picture could be made of the files, only the headers were checked",
        action="Send the series again, uncompressed; look at it on the console meanwhile.",
    ),
    DefectEntry(
        code="motion",
        taxonomy="R1.motion.voluntary",
        meaning="the patient moved between the volumes of the series",
        action=_STILL,
    ),
    DefectEntry(
        code="ghosting",
        taxonomy="R1.motion.involuntary",
        meaning="copies of the object lie beside it along the phase-encode direction: motion, flow, or a fault",
        action="Look for movement, breathing, pulsation or swallowing. Repeat with the phase-encode direction turned, "
        "saturation bands or gating; if a phantom shows it too, call the engineer.",
    ),
    DefectEntry(
        code="motion_artifact",
        taxonomy="R1.motion.voluntary",
        meaning="ghosts together with smeared edges: the patient moved during the scan",
        action=_STILL,
    ),
    DefectEntry(
        code="motion_in_volume",
        taxonomy="R1.motion.voluntary",
        meaning="ghosts, ringing and blur along the phase-encode direction, as a patient leaves them who moved",
        action=_STILL,
    ),
    DefectEntry(
        code="blurred_against_sister",
        taxonomy="R1.motion.voluntary",
        meaning="clearly less sharp than a series of the same kind in the same study",
        action="Compare the two side by side; read the sharper one, repeat if neither will do.",
    ),
    DefectEntry(
        code="low_snr",
        taxonomy="R1.coil",
        meaning="too little signal against the noise",
        action="Check that the coil is plugged in, close to the body and switched on in the protocol; then repeat with "
        "more averages or larger voxels.",
    ),
    DefectEntry(
        code="no_object",
        taxonomy="",
        meaning="there is nothing in the picture but noise or stripes",
        action="If a patient was in the scanner: check coil, position and field of view, and repeat.",
    ),
    DefectEntry(
        code="no_signal",
        taxonomy="R1.coil",
        meaning="nothing but noise in the picture although a patient was in the scanner",
        action="Check that the coil is plugged in, selected in the protocol and over the body part, and that the field "
        "of view lies on the patient; then repeat the series.",
    ),
    DefectEntry(
        code="phantom",
        taxonomy="",
        meaning="a test object, not a patient",
        action="Nothing: no clinical score is given.",
    ),
    DefectEntry(
        code="computed_series",
        taxonomy="",
        meaning="computed from other series; its quality is judged there",
        action="Nothing to repeat: compute it again from its source series if it is not complete.",
    ),
    DefectEntry(
        code="planning_only",
        taxonomy="",
        meaning="a localizer or calibration, not made for reading",
        action="Nothing: no clinical score is given.",
    ),
    DefectEntry(
        code="not_mr",
        taxonomy="",
        meaning="another modality",
        action="Nothing: it is left out of the check.",
    ),
    DefectEntry(
        code="not_an_image",
        taxonomy="",
        meaning="raw data, a report, a presentation state or another object without a picture",
        action="Nothing.",
    ),
    DefectEntry(
        code="protocol_deviation",
        taxonomy="R1.params",
        meaning="a setting is outside the tolerance of the protocol",
        action="Load the protocol's own settings; repeat if the deviation changes what can be seen.",
    ),
    DefectEntry(
        code="protocol_unknown",
        taxonomy="",
        meaning="the header does not carry settings that the protocol names: they are unknown, not right",
        action="Look them up on the console if they matter.",
    ),
    DefectEntry(
        code="missing_series",
        taxonomy="R1.protocol",
        meaning="a series that the protocol requires is absent",
        action="Acquire it before the patient leaves.",
    ),
    DefectEntry(
        code="incomplete_precontrast",
        taxonomy="R1.protocol",
        meaning="a T1 series after contrast has no matching T1 series before it",
        action="It cannot be made up for today: report without subtraction, and have the next visit begin with "
        "the same T1 series before contrast.",
    ),
    DefectEntry(
        code="repeated_series",
        taxonomy="",
        meaning="the operator acquired the same series again",
        action="Read the better one; both are kept.",
    ),
    DefectEntry(
        code="spoilt_without_repeat",
        taxonomy="R1.incomplete",
        meaning="a series has to be repeated and no usable repeat of it is in the study",
        action="Repeat it before the patient leaves.",
    ),
    DefectEntry(
        code="exam_stopped",
        taxonomy="R1.incomplete",
        meaning="the study ends early: the last series is cut short and later series of the protocol are absent",
        action="Ask the patient why. For claustrophobia: explain; prone or feet first, mirror, music, a companion; "
        "a short, quiet or wide-bore scanner; only the missing series; then an oral anxiolytic with an escort; "
        "sedation and anaesthesia last.",
    ),
)  # fmt: skip
BY_CODE: dict[str, DefectEntry] = {entry.code: entry for entry in TABLE}


def defect(code: str, severity: Severity, message: str, *evidence: Evidence, action: str | None = None) -> Defect:
    """Return a defect of the table with its action. KeyError for a code outside the table."""
    entry = BY_CODE[code]
    return Defect(
        code=code,
        severity=severity,
        message=message,
        action=entry.action if action is None else action,
        evidence=evidence,
    )


def number(name: str, value: float, unit: str, limit: float | None = None) -> Evidence:
    """Return evidence rounded to four significant digits."""
    return Evidence(name=name, value=float(f"{value:.4g}"), unit=unit, limit=limit)
