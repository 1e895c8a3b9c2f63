"""What CHECK found, as facts for the guidelines: which series are there, whether they can be read, what to repeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mriloop.model.coding import Subject, Weighting
from mriloop.model.fact import FactValue, Truth, truth
from mriloop.model.finding import Fact, Source
from mriloop.model.quality import Defect, SeriesCheck, SeriesKind, Severity, StudyCheck, Verdict

_QUALITY = {
    Verdict.ACCEPTABLE: "diagnostic",
    Verdict.LIMITED: "limited",
    Verdict.REPEAT: "not_diagnostic",
}
_BEST_FIRST = (Verdict.ACCEPTABLE, Verdict.LIMITED, Verdict.REPEAT)
# CHECK's codes → causes of the vocabulary: every code that may call for a repeat, and no other (held by a test).
CAUSES = {
    "missing_slices": "missing_slices",
    "maybe_missing_slices": "missing_slices",
    "short_volume": "missing_slices",
    "blank_slice": "missing_slices",
    "blank_volume": "missing_slices",
    "identical_slices": "missing_slices",
    "stopped_early": "missing_slices",
    "missing_parts": "missing_slices",
    "not_received": "missing_slices",
    "missing_series": "missing_series",
    "exam_stopped": "stopped",
    "exam_discontinued": "stopped",
    "incomplete_precontrast": "incomplete_precontrast",
    "motion": "motion",
    "motion_artifact": "motion",
    "ghosting": "motion",
    "blurred_against_sister": "motion",
    "low_snr": "noise",
    "no_signal": "noise",
    "protocol_deviation": "parameters",
    "wrong_coil": "coil",
    "coil_elements_missing": "coil",
    "coil_elements_extra": "coil",
    "uneven_signal": "coil",
    "outside_baseline": "coil",
    "motion_in_volume": "motion",
    "within_volume_motion": "motion",
    "slices_torn": "motion",
    "signal_dropout": "motion",
    "several_faults": "other",
    "slice_spikes": "artefact",
    "herringbone": "artefact",
    "zipper": "artefact",
    "dissimilar_directions": "noise",
    "wrap_around": "parameters",
    "slices_uneven": "parameters",
    "clipped": "parameters",
    "few_grey_levels": "parameters",
    "poor_directions": "parameters",
}
# They say that something is to be repeated, not why: the reason stands beside them.
NO_CAUSE = frozenset({"spoilt_without_repeat"})
_SERIES_WORDS = {
    Weighting.T1: "T1",
    Weighting.T2: "T2",
    Weighting.PD: "PD",
    Weighting.FLAIR: "FLAIR",
    Weighting.STIR: "STIR",
    Weighting.DWI: "DWI",
    Weighting.TRACE: "DWI",
    Weighting.ADC: "ADC",
    Weighting.T2_STAR: "T2_star",
    Weighting.SWI: "SWI",
    Weighting.MRA: "MRA",
    Weighting.PERFUSION: "perfusion",
    Weighting.BOLD: "BOLD",
    Weighting.ASL: "ASL",
    Weighting.DIXON_WATER: "Dixon",
    Weighting.DIXON_FAT: "Dixon",
    Weighting.DIXON_IN: "Dixon",
    Weighting.DIXON_OPPOSED: "Dixon",
    Weighting.FAT_FRACTION: "Dixon",
}
_DIXON = (Weighting.FAT_FRACTION, Weighting.DIXON_FAT, Weighting.DIXON_IN)


def facts_from_check(check: StudyCheck) -> dict[str, Fact]:
    """Return what CHECK says of a study, in the words of the guidelines.

    For each kind of series that a guideline may ask for: `<kind>_present` and, where one could be assessed,
    `<kind>_quality` of the best one. A kind is absent only when every image series of the study is identified; one
    unidentified series leaves absence unknown. `study_quality` stays unknown where CHECK could not assess the study.
    `repeat_needed`, `repeat_causes`, `series_to_repeat`, `termination` and `rest_valid` say what to repeat and why;
    why a patient stopped CHECK cannot see, so of a stopped examination it says `reason_not_stated` unless the scanner's
    report (MPPS) gave the reason.
    """
    series = [each for each in check.series if _is_patient_image(each)]
    facts: dict[str, FactValue] = {}
    if check.verdict in _QUALITY:
        facts["study_quality"] = _QUALITY[check.verdict]
    identified = bool(series) and all(each.kind.weighting is not Weighting.UNKNOWN for each in series)
    for kind in _KINDS:
        facts |= _presence(
            kind, [each for each in series if _is_kind(each.kind, kind) is Truth.TRUE], series, identified
        )
    facts |= _repeat(check, series)
    facts |= _contrast_match(series)
    return {name: Fact(name=name, value=value, source=Source.CHECK) for name, value in facts.items()}


_KINDS = ("t1", "t1_pre", "t1_post", "t2", "flair", "dwi", "adc", "fluid_sensitive", "fat_fraction")


def _is_patient_image(each: SeriesCheck) -> bool:
    if each.verdict is Verdict.NOT_AN_IMAGE or each.kind.object in (
        Subject.NOT_AN_IMAGE,
        Subject.PHANTOM,
        Subject.NONE,
    ):
        return False
    return each.kind.weighting not in (Weighting.LOCALIZER, Weighting.SCREENSHOT)


def _is_kind(kind: SeriesKind, wanted: str) -> Truth:
    """Whether a series is of a wanted kind; UNKNOWN where contrast or fat suppression would decide and is not known."""
    weighting = kind.weighting
    if wanted == "t1":
        return truth(weighting is Weighting.T1)
    if wanted == "t1_pre":
        return truth(weighting is Weighting.T1) & ~kind.contrast
    if wanted == "t1_post":
        return truth(weighting is Weighting.T1) & kind.contrast
    if wanted == "fluid_sensitive":
        fat_suppressed = truth(weighting in (Weighting.T2, Weighting.PD)) & kind.fat_suppressed
        return truth(weighting in (Weighting.STIR, Weighting.DIXON_WATER)) | fat_suppressed
    if wanted == "dwi":
        return truth(weighting in (Weighting.DWI, Weighting.TRACE))
    if wanted == "fat_fraction":
        return truth(weighting in _DIXON)
    return truth(weighting is {"t2": Weighting.T2, "flair": Weighting.FLAIR, "adc": Weighting.ADC}[wanted])


def _presence(
    kind: str, found: list[SeriesCheck], series: list[SeriesCheck], identified: bool
) -> Mapping[str, FactValue]:
    if not found:
        maybe = any(_is_kind(each.kind, kind) is Truth.UNKNOWN for each in series)
        return {f"{kind}_present": Truth.FALSE} if identified and not maybe else {}
    facts: dict[str, FactValue] = {f"{kind}_present": Truth.TRUE}
    verdicts = {each.verdict for each in found}
    best = next((verdict for verdict in _BEST_FIRST if verdict in verdicts), None)
    if best is not None:
        facts[f"{kind}_quality"] = _QUALITY[best]
    return facts


def _repeat(check: StudyCheck, series: Sequence[SeriesCheck]) -> Mapping[str, FactValue]:
    spoilt = [
        each for each in series if each.verdict is Verdict.REPEAT and each.series_instance_uid not in check.superseded
    ]
    usable = [each for each in series if each.verdict in (Verdict.ACCEPTABLE, Verdict.LIMITED)]
    ended = [
        d for d in check.defects if d.code in ("exam_stopped", "exam_discontinued") and d.severity is not Severity.INFO
    ]
    stopped = bool(ended)
    facts: dict[str, FactValue] = {}
    if spoilt or usable:
        facts["rest_valid"] = truth(bool(usable))
    if check.verdict in _QUALITY:
        facts["repeat_needed"] = truth(check.verdict is Verdict.REPEAT)
    if check.verdict is Verdict.REPEAT:
        of_study = [defect for defect in check.defects if defect.severity is Severity.MAJOR]
        decisive = [*of_study, *(defect for each in spoilt for defect in _decisive(each.defects))]
        causes = dict.fromkeys(CAUSES.get(defect.code, "other") for defect in decisive if defect.code not in NO_CAUSE)
        facts["repeat_causes"] = tuple(causes) or ("other",)
        # What a stopped examination never began belongs to its second part; otherwise only what alone calls for it.
        absent = [d for d in check.defects if d.severity is not Severity.INFO] if stopped else of_study
        words = [_series_word(each.kind) for each in spoilt] + [_absent_word(defect) for defect in absent]
        facts["series_to_repeat"] = tuple(dict.fromkeys(word for word in words if word))
    if stopped:
        told = [str(each.value) for defect in ended for each in defect.evidence if each.name == "termination"]
        facts["termination"] = told[0] if told else "reason_not_stated"
    return facts


def _decisive(defects: Sequence[Defect]) -> Sequence[Defect]:
    return [defect for defect in defects if defect.severity is Severity.MAJOR] or defects


def _absent_word(defect: Defect) -> str:
    """Return which kind of series a `missing_series` defect misses; empty for any other defect."""
    if defect.code != "missing_series":
        return ""
    name = "_".join(str(each.value).lower() for each in defect.evidence if each.name == "protocol_series")
    if "t1" in name:
        after = any(word in name for word in ("post", "after", "gd", "contrast")) and "pre" not in name
        return "T1_after_contrast" if after else "T1"
    found = (
        word for word in ("FLAIR", "STIR", "DWI", "ADC", "SWI", "MRA", "Dixon", "T2", "PD") if word.lower() in name
    )
    return next(found, "other")


def _series_word(kind: SeriesKind) -> str:
    if kind.weighting is Weighting.T1 and kind.contrast is Truth.TRUE:
        return "T1_after_contrast"
    return _SERIES_WORDS.get(kind.weighting, "other")


def _contrast_match(series: list[SeriesCheck]) -> Mapping[str, FactValue]:
    """Whether every T1 after contrast has one before it of the same plane and fat suppression."""
    after = [each.kind for each in series if _is_kind(each.kind, "t1_post") is Truth.TRUE]
    if not after:
        return {}
    answer = Truth.TRUE
    for kind in after:
        match = Truth.FALSE
        for other in (each.kind for each in series):
            same = truth(other.plane is kind.plane)
            if Truth.UNKNOWN not in (other.fat_suppressed, kind.fat_suppressed):
                same &= truth(other.fat_suppressed is kind.fat_suppressed)
            match |= _is_kind(other, "t1_pre") & same
        answer &= match
    return {"precontrast_match": answer} if answer is not Truth.UNKNOWN else {}
