"""Every defect that CHECK can name: its code, its place in the repeat taxonomy, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from mriloop.model.quality import Defect, Evidence, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class DefectEntry:
    """One line of the table. `taxonomy` is the repeat-reason code (R1 … R4), empty where nothing is to be repeated.

    `fault` names the cause of a fault of the picture (signal, movement, loss, stripes): minor ones of several causes
    together spoil a series (`verdict.several_faults`), those of one cause count once. Empty: not counted, as shading
    and fold-over are not, which many readable series have.
    """

    code: str
    taxonomy: str
    meaning: str
    action: str
    fault: str = ""


_RESEND = (
    "Look on the scanner console whether the slices are there and send the series again; repeat it only if they "
    "are not."
)
_STILL = (
    "Tell the patient how long the next scan takes and that holding still matters; support the body part, treat pain; "
    "then repeat the series. If it happens again: shorter or motion-robust acquisition (radial, PROPELLER/BLADE), "
    "the most important series first, sedation last."
)

# The ladder of clinical.md C.6: Munn 2015 (Radiography 21:e59), Dewey 2007 (J Magn Reson Imaging 26:1322, open and
# short-bore scanners 2.1 to 0.7 %), AJR 2013 (an explanation beforehand halves the repeats).
CLAUSTROPHOBIA = (
    "Ask the patient what would help, and explain what comes (AJR 2013: explaining beforehand halves repeats). Then, "
    "one step after the other: prone or feet first, mirror, music, a companion; a short, quiet or wide-bore scanner "
    "(Dewey 2007); only the series that are missing; an oral anxiolytic with an escort; sedation, and anaesthesia "
    "last, with fasting, monitoring and an escort."
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
        code="missing_parts",
        taxonomy="R1.incomplete",
        meaning="an object that was split into parts for transfer came without some of them",
        action=_RESEND,
    ),
    DefectEntry(
        code="stored_apart",
        taxonomy="",
        meaning="what the scanner declares for the whole acquisition lies in several series",
        action="Nothing to do: read them together.",
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
        fault="loss",
    ),
    DefectEntry(
        code="blank_volume",
        taxonomy="R1.incomplete",
        meaning="volumes, or a whole series, that hold one value everywhere",
        action="Reconstruct the series again on the scanner and send it; repeat it if the volumes stay blank.",
    ),
    DefectEntry(
        code="identical_slices",
        taxonomy="R1.incomplete",
        meaning="neighbouring slices hold exactly the same picture",
        action="Reconstruct the series again on the scanner and send it.",
        fault="loss",
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
        fault="movement",
    ),
    DefectEntry(
        code="within_volume_motion",
        taxonomy="R1.motion.voluntary",
        meaning="the patient moved while single volumes were taken, so that their slices lie in different places",
        action=_STILL,
        fault="movement",
    ),
    DefectEntry(
        code="signal_dropout",
        taxonomy="R1.motion.involuntary",
        meaning="single slices of some volumes lost signal, as movement during diffusion weighting or a fault does it",
        action="Leave these slices out, or replace them in the correction of the series. Repeat the series where one "
        "place lost many of its volumes; with pulsation, trigger on the heart beat; if a phantom shows it too, call "
        "the engineer.",
        fault="loss",
    ),
    DefectEntry(
        code="slice_spikes",
        taxonomy="R1.coil",
        meaning="stripes all over single slices of single volumes: discharges in the room, a coil or a gradient",
        action="Look for metal, loose plugs, a lamp or clothes that spark; scan a phantom; call the engineer if it "
        "shows them.",
        fault="stripes",
    ),
    DefectEntry(
        code="drift",
        taxonomy="",
        meaning="the signal drifts through the series",
        action="Take the trend off before the series is used. If other series drift as well, scan a phantom and tell "
        "the engineer.",
    ),
    DefectEntry(
        code="dissimilar_directions",
        taxonomy="R1.coil",
        meaning="neighbouring diffusion directions hardly resemble each other: noise, motion or a wrong table",
        action="Look at the single directions. Repeat with more averages, larger voxels or a lower b-value.",
        fault="signal",
    ),
    DefectEntry(
        code="poor_directions",
        taxonomy="R1.params",
        meaning="the diffusion directions do not suffice for a tensor although there are six and more of them",
        action="Load a table of directions that are spread over the sphere.",
    ),
    DefectEntry(
        code="ghosting",
        taxonomy="R1.motion.involuntary",
        meaning="copies of the object lie beside it along the phase-encode direction: motion, flow, or a fault",
        action="Look for movement, breathing, pulsation or swallowing. Repeat with the phase-encode direction turned, "
        "saturation bands or gating; if a phantom shows it too, call the engineer.",
        fault="movement",
    ),
    DefectEntry(
        code="motion_artifact",
        taxonomy="R1.motion.voluntary",
        meaning="ghosts together with smeared edges: the patient moved during the scan",
        action=_STILL,
        fault="movement",
    ),
    DefectEntry(
        code="herringbone",
        taxonomy="R1.coil",
        meaning="stripes of one direction over whole slices: a false sample of k-space",
        action="Repeat the series. If the stripes come again: look for loose metal and sparks (cables, light bulbs, "
        "dry blankets), have the engineer look at gradients and receive chain.",
        fault="stripes",
    ),
    DefectEntry(
        code="zipper",
        taxonomy="R1.coil",
        meaning="a line of dots across the picture: radio signal from outside, or from the device itself",
        action="Close the door of the magnet room; take out or switch off monitors, pumps and lamps that are not made "
        "for it; then repeat. If it stays, call the engineer.",
        fault="stripes",
    ),
    DefectEntry(
        code="wrap_around",
        taxonomy="R1.params",
        meaning="tissue from beyond the field of view lies folded over the picture",
        action="Make the field of view larger along the phase-encode direction, switch phase oversampling on, or turn "
        "the direction; then repeat if the fold covers what is asked about.",
    ),
    DefectEntry(
        code="slices_torn",
        taxonomy="R1.motion.voluntary",
        meaning="every other slice shows the body in another place or brightness",
        action=_STILL,
        fault="movement",
    ),
    DefectEntry(
        code="slices_uneven",
        taxonomy="R1.params",
        meaning="odd and even slices differ in brightness: cross-talk, or something changed between two packages",
        action="Use a larger gap between slices, or more concatenations; read with care meanwhile.",
    ),
    DefectEntry(
        code="clipped",
        taxonomy="R1.params",
        meaning="the brightest part of the picture was cut off at the end of the scale",
        action="Reconstruct with a smaller image scale, or repeat with prescan (receiver gain) done anew.",
    ),
    DefectEntry(
        code="few_grey_levels",
        taxonomy="R1.params",
        meaning="the object is stored in very few steps of grey",
        action="Reconstruct with a larger image scale, or send the series again at full depth.",
    ),
    DefectEntry(
        code="uneven_signal",
        taxonomy="R1.coil",
        meaning="one side of the body is much darker than the other: a silent coil element, or a coil out of place",
        action="Look whether the coil lies straight and all its plugs and elements are on; compare with another series "
        "of the study. One-sided disease, implants and metal look alike.",
    ),
    DefectEntry(
        code="motion_in_volume",
        taxonomy="R1.motion.voluntary",
        meaning="ghosts, ringing and blur along the phase-encode direction, as a patient leaves them who moved",
        action=_STILL,
        fault="movement",
    ),
    DefectEntry(
        code="blurred_against_sister",
        taxonomy="R1.motion.voluntary",
        meaning="clearly less sharp than a series of the same kind in the same study",
        action="Compare the two side by side; read the sharper one, repeat if neither will do.",
        fault="movement",
    ),
    DefectEntry(
        code="low_snr",
        taxonomy="R1.coil",
        meaning="too little signal against the noise",
        action="Check that the coil is plugged in, close to the body and switched on in the protocol; then repeat with "
        "more averages or larger voxels.",
        fault="signal",
    ),
    DefectEntry(
        code="several_faults",
        taxonomy="R1.motion.voluntary",
        meaning="several faults of the picture, none of which alone would spoil it",
        action="Go through the faults one by one, mend what can be mended (coil, position, movement), then repeat.",
    ),
    DefectEntry(
        code="limit_loosened",
        taxonomy="",
        meaning="a norm lets more pass than the shipped limits do",
        action="Nothing, if it is meant so; `mriloop norms show` says whose norm it is and why.",
    ),
    DefectEntry(
        code="outside_baseline",
        taxonomy="R1.coil",
        meaning="a measure lies far outside of what the same scan usually gives on the same scanner",
        action="Look at the picture and at the coil's plug and elements; when the next patient shows it too, scan the "
        "phantom and call the engineer.",
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
        code="wrong_coil",
        taxonomy="R1.coil",
        meaning="the receive coil is not the one of the protocol",
        action="Connect and select the protocol's coil, then repeat the series.",
    ),
    DefectEntry(
        code="coil_elements_missing",
        taxonomy="R1.coil",
        meaning="elements of the receive coil that the protocol uses were not in use",
        action="Reconnect the coil or select its elements; repeat if the picture is dark there.",
    ),
    DefectEntry(
        code="coil_elements_extra",
        taxonomy="R1.coil",
        meaning="elements of the receive coil beyond those of the protocol were in use: noise and folding from outside",
        action="Deselect them for the next series; repeat only if folding or noise disturbs.",
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
    DefectEntry(
        code="exam_discontinued",
        taxonomy="R1.incomplete",
        meaning="the scanner reports that the examination was stopped before its end",
        action="Complete what is missing as soon as the reason is gone; tell the referrer that a part is outstanding.",
    ),
    DefectEntry(
        code="not_received",
        taxonomy="R1.incomplete",
        meaning="the scanner reports images as performed that did not arrive",
        action="Send the series again from the scanner; nothing has to be scanned again.",
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
