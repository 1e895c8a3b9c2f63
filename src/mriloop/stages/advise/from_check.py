"""What CHECK found, as facts for the guidelines: which series are there, whether they can be read, what to repeat."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
# Word in a defect's code → cause of the vocabulary. The first that fits counts; the order is from special to general.
_CAUSES = (
    ("precontrast", "incomplete_precontrast"),
    ("contrast_timing", "contrast_timing"),
    ("wrong_patient", "wrong_patient"),
    ("missing_series", "missing_series"),
    ("absent_series", "missing_series"),
    ("protocol.absent", "missing_series"),
    ("motion", "motion"),
    ("ghost", "motion"),
    ("blur", "motion"),
    ("dropout", "motion"),
    ("slice", "missing_slices"),
    ("incomplete", "missing_slices"),
    ("stopped", "missing_slices"),
    ("truncat", "missing_slices"),
    ("volume", "missing_slices"),
    ("coverage", "coverage"),
    ("wrap", "coverage"),
    ("coil", "coil"),
    ("param", "parameters"),
    ("protocol", "parameters"),
    ("fatsat", "fat_suppression"),
    ("fat", "fat_suppression"),
    ("metal", "metal"),
    ("suscept", "metal"),
    ("noise", "noise"),
    ("snr", "noise"),
    ("artefact", "artefact"),
    ("spike", "artefact"),
    ("zipper", "artefact"),
)
_TERMINATIONS = ("claustrophobia", "pain", "patient_request", "time", "machine")
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
    `repeat_needed`, `repeat_causes`, `series_to_repeat`, `termination` and `rest_valid` say what to repeat and why.
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


def _repeat(check: StudyCheck, series: list[SeriesCheck]) -> Mapping[str, FactValue]:
    spoilt = [each for each in series if each.verdict is Verdict.REPEAT]
    major = [defect for defect in check.defects if defect.severity is Severity.MAJOR]
    facts: dict[str, FactValue] = {}
    if check.verdict in _QUALITY:
        facts["repeat_needed"] = truth(check.verdict is Verdict.REPEAT)
    if check.verdict is Verdict.REPEAT:
        causes = dict.fromkeys(
            cause_of(defect) for defects in (major, *(_decisive(each.defects) for each in spoilt)) for defect in defects
        )
        facts["repeat_causes"] = tuple(causes) or ("other",)
        facts["series_to_repeat"] = tuple(dict.fromkeys(_series_word(each.kind) for each in spoilt))
        rest = [each for each in series if each not in spoilt]
        facts["rest_valid"] = truth(any(each.verdict in (Verdict.ACCEPTABLE, Verdict.LIMITED) for each in rest))
    codes = " ".join(defect.code for defect in (*check.defects, *(d for each in series for d in each.defects)))
    stopped = next((reason for reason in _TERMINATIONS if f"{reason}" in codes.split("incomplete")[-1]), None)
    if stopped is not None and "incomplete" in codes:
        facts["termination"] = stopped
    return facts


def _decisive(defects: Iterable[Defect]) -> list[Defect]:
    listed = list(defects)
    return [defect for defect in listed if defect.severity is Severity.MAJOR] or listed


def cause_of(defect: Defect) -> str:
    """Return the cause, in the words of the vocabulary, that a defect's code stands for; `other` for a new code."""
    code = defect.code.lower()
    return next((cause for word, cause in _CAUSES if word in code), "other")


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
