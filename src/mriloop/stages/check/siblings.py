"""Series that belong together: one acquisition stored as several, and pictures computed from others of the study."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace

from mriloop.model.coding import Weighting
from mriloop.model.quality import Defect, SeriesCheck, Severity, Verdict
from mriloop.model.quantity import Quantity
from mriloop.model.study import Series
from mriloop.stages.check.defects import defect, number
from mriloop.stages.check.header import Header
from mriloop.stages.check.identify import computed
from mriloop.stages.check.verdict import verdict_of

_DIFFUSION = frozenset({Weighting.DWI, Weighting.TRACE, Weighting.ADC, Weighting.FA})
_DECLARED_ENDS = frozenset({"missing_slices", "stopped_early"})


def joined(checks: Sequence[SeriesCheck], by_uid: Mapping[str, Series]) -> list[SeriesCheck]:
    """Take back what series lack by declaration alone where other series of the same acquisition hold it.

    Series stand together that share protocol, PulseSequence, matrix, orientation and frame of reference, declare the
    same number of slices, and lie at places of their own. Together they must hold at least as many places as one of
    them declares. A gap between the places of one series is never taken back.
    """
    groups: dict[Hashable, list[SeriesCheck]] = defaultdict(list)
    for check in checks:
        series = by_uid.get(check.series_instance_uid)
        if series is not None and (key := _acquisition(series)) is not None:
            groups[key].append(check)
    answers = {check.series_instance_uid: check for check in checks}
    for members in groups.values():
        places = [_places(by_uid[check.series_instance_uid]) for check in members]
        together = set().union(*places)
        declared = by_uid[members[0].series_instance_uid].declared["slices"]
        apart = len(members) > 1 and sum(map(len, places)) == len(together) >= declared
        if apart and max(map(len, places)) < declared:
            for check in members:
                answers[check.series_instance_uid] = _told(check, by_uid, len(members), declared)
    return [answers[check.series_instance_uid] for check in checks]


def short_of_source(checks: Sequence[SeriesCheck], by_uid: Mapping[str, Series]) -> list[SeriesCheck]:
    """Mark computed diffusion pictures (ADC, trace, calculated b) that hold fewer slices than their source.

    Their source is the diffusion series of the same geometry whose places include all of theirs. Only a loss at the
    ends is looked for here: gaps are found in the series itself.
    """
    answers = []
    for check in checks:
        series = by_uid.get(check.series_instance_uid)
        lost = _beyond(check, series, checks, by_uid) if series is not None else 0
        if not lost or any(d.code == "missing_slices" for d in check.defects):
            answers.append(check)
            continue
        told = defect(
            "missing_slices",
            Severity.MINOR,
            f"{lost} slice{'s' if lost > 1 else ''} of the diffusion series that it was computed from "
            f"{'are' if lost > 1 else 'is'} absent at its ends.",
            number("slices_missing", lost, "{count}", 0),
        )
        is_computed = computed(Header(series), check.kind) if series is not None else True
        verdict = verdict_of(check.kind, (*check.defects, told), computed=is_computed, seen=True)
        answers.append(replace(check, defects=(*check.defects, told), verdict=verdict))
    return answers


def _beyond(check: SeriesCheck, series: Series, checks: Sequence[SeriesCheck], by_uid: Mapping[str, Series]) -> int:
    if not check.kind.derived or check.kind.weighting not in _DIFFUSION:
        return 0
    mine, geometry = _places(series), _geometry(series)
    if len(mine) < 2 or geometry is None:
        return 0
    most = 0
    for other in checks:
        source = by_uid.get(other.series_instance_uid)
        if source is None or source is series or other.kind.weighting not in _DIFFUSION:
            continue
        if _geometry(source) == geometry and mine < (theirs := _places(source)) and len(theirs) <= 3 * len(mine):
            most = max(most, len(theirs) - len(mine))
    return most


def _geometry(series: Series) -> Hashable | None:
    header = Header(series)
    if not header.frames or len(header.normals) != 1:
        return None
    first = header.frames[0]
    return (
        series.frame_of_reference_uid, first.rows, first.columns, first.spacing_mm,
        tuple(round(v, 2) for v in header.normals[0]),
    )  # fmt: skip


def _acquisition(series: Series) -> Hashable | None:
    header = Header(series)
    if not header.frames or "slices" not in series.declared or len(header.normals) != 1:
        return None
    first = header.frames[0]
    return (
        header.words("ProtocolName") or series.description.strip().lower().rstrip("0123456789_ -"),
        header.words("SequenceName"),
        series.frame_of_reference_uid,
        first.rows,
        first.columns,
        tuple(round(v, 1) for v in header.normals[0]),
        header.tr_ms,
        header.te_all_ms,
        header.component,
        header.image_type,
        series.declared["slices"],
    )


def _places(series: Series) -> set[tuple[float, ...]]:
    return {
        tuple(round(v, 1) for v in frame.position_ras_mm)
        for frame in series.frames
        if frame.has_pixels and frame.position_ras_mm is not None
    }


def _told(check: SeriesCheck, by_uid: Mapping[str, Series], members: int, declared: int) -> SeriesCheck:
    """Return the check without what was missing by declaration alone, and with the reason."""
    ends = [d for d in check.defects if d.code in _DECLARED_ENDS and _by_declaration(d, check)]
    if not ends:
        return check
    kept: tuple[Defect, ...] = tuple(d for d in check.defects if d not in ends)
    told = defect(
        "stored_apart",
        Severity.INFO,
        f"The {declared} slices that the scanner declares lie in {members} series.",
        number("series_together", members, "{count}"),
    )
    whole = check.completeness
    if whole is not None:
        missing = tuple(m for m in whole.missing if m.position_ras_mm is not None or m.volume is not None)
        expected = None if whole.expected is None else whole.found + len(missing)
        whole = replace(whole, missing=missing, expected=expected, basis=f"one of {members} series of an acquisition")
    seen = check.verdict is not Verdict.NOT_ASSESSABLE and any(isinstance(m, Quantity) for m in check.measures.values())
    is_computed = computed(Header(by_uid[check.series_instance_uid]), check.kind)
    verdict = verdict_of(check.kind, (*kept, told), computed=is_computed, seen=seen)
    return replace(check, defects=(*kept, told), verdict=verdict, completeness=whole)


def _by_declaration(one: Defect, check: SeriesCheck) -> bool:
    """Tell whether only a declaration speaks for a defect: no missing slice has a place."""
    if one.code == "stopped_early":
        return True
    missing = check.completeness.missing if check.completeness is not None else ()
    return bool(missing) and all(m.position_ras_mm is None for m in missing if m.volume is None)
