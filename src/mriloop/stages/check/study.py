"""What the whole study lacks or repeats: series of the protocol, pictures before contrast, an early end."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from mriloop.model.coding import Subject, Weighting
from mriloop.model.fact import Truth
from mriloop.model.protocol import Protocol
from mriloop.model.quality import Defect, Evidence, SeriesCheck, SeriesKind, Severity, StudyCheck, Verdict
from mriloop.model.quantity import Quantity
from mriloop.model.study import Series, Study
from mriloop.stages.check import limits
from mriloop.stages.check.defects import defect, number
from mriloop.stages.check.header import Header
from mriloop.stages.check.protocol import fits, missing_lines
from mriloop.stages.check.verdict import ORDER, worst_of

_SUBTRACTED = frozenset({Weighting.T1, Weighting.DIXON_WATER})


def check_study(study: Study, checks: Sequence[SeriesCheck], protocol: Protocol | None = None) -> StudyCheck:
    """Return the answer of CHECK for a study from those for its series.

    A series that was repeated with success does not count against the study; a series clearly less sharp than its twin
    of the same settings is marked. The verdict is the worst over the remaining assessed series and the study's own
    defects (major: REPEAT, minor: LIMITED).
    """
    by_uid = {series.series_instance_uid: series for series in study.series}
    marked, repeats, superseded = _repeats(checks, by_uid)
    defects = [*repeats, *_before_contrast(marked, by_uid)]
    if protocol is not None:
        defects += _against_protocol(marked, protocol)
    defects += _early_end(marked, defects, protocol)
    spoilt = [c for c in marked if c.verdict is Verdict.REPEAT and c.series_instance_uid not in superseded]
    for check in spoilt:
        defects.append(
            defect(
                "spoilt_without_repeat",
                Severity.MAJOR,
                f"{_name(check)} has to be repeated and the study holds no usable repeat of it.",
                Evidence(name="series", value=check.series_instance_uid, unit=""),
            )
        )
    counted = [c.verdict for c in marked if c.series_instance_uid not in superseded]
    own = {Severity.MAJOR: Verdict.REPEAT, Severity.MINOR: Verdict.LIMITED}
    verdict = worst_of([*counted, *(own[d.severity] for d in defects if d.severity in own)])
    return StudyCheck(
        study_instance_uid=study.study_instance_uid,
        verdict=verdict,
        series=tuple(marked),
        defects=tuple(defects),
        protocol=protocol.id if protocol else None,
    )


def _name(check: SeriesCheck) -> str:
    number_text = f"Series {check.series_number}" if check.series_number is not None else "A series"
    what = check.kind.weighting.value if check.kind.weighting is not Weighting.UNKNOWN else "unknown weighting"
    return f"{number_text} ({what} {check.kind.plane.value})"


def _same_scan(check: SeriesCheck, series: Series | None) -> tuple[object, ...] | None:
    """What two runs of one protocol line have in common; None for what is never repeated by an operator."""
    kind = check.kind
    if series is None or kind.derived or kind.object in (Subject.NOT_AN_IMAGE, Subject.PHANTOM, Subject.NONE):
        return None
    if kind.weighting in (
        Weighting.LOCALIZER,
        Weighting.SCREENSHOT,
        Weighting.UNKNOWN,
        Weighting.PHASE,
        Weighting.FIELD_MAP,
    ):
        return None
    header = Header(series)
    name = re.sub(
        r"[\s_-]*(repeat|rpt|rep|wdh|wiederholung|run[-_ ]?\d+|[#(]?\d\)?)$", "", series.description.strip().lower()
    )
    first = header.frames[0] if header.frames else None
    matrix = (first.rows, first.columns) if first else None
    settings = tuple(
        None if v is None else round(v, 1) for v in (header.tr_ms, header.te_ms, header.ti_ms, header.flip_deg)
    )
    return (
        kind.weighting,
        kind.plane,
        kind.contrast,
        kind.fat_suppressed,
        header.component,
        name,
        matrix,
        settings,
        header.b_values,
    )


def _repeats(
    checks: Sequence[SeriesCheck], by_uid: dict[str, Series]
) -> tuple[list[SeriesCheck], list[Defect], frozenset[str]]:
    """Find series run more than once; name the better one; return (checks, defects, uids replaced by a better run)."""
    groups: dict[tuple[object, ...], list[SeriesCheck]] = defaultdict(list)
    for check in checks:
        key = _same_scan(check, by_uid.get(check.series_instance_uid))
        if key is not None:
            groups[key].append(check)
    marked = {check.series_instance_uid: check for check in checks}
    defects: list[Defect] = []
    superseded: set[str] = set()
    for twins in groups.values():
        began = [Header(by_uid[c.series_instance_uid]).began_at_s for c in twins]
        if len(twins) < 2 or (None not in began and len(set(began)) < len(began)):
            continue
        best = max(twins, key=_quality)
        for check in twins:
            if check is best:
                continue
            extra = _less_sharp(check, best)
            if extra is not None:
                worse = max(check.verdict, Verdict.LIMITED, key=lambda v: ORDER.index(v) if v in ORDER else -1)
                marked[check.series_instance_uid] = replace(check, defects=(*check.defects, extra), verdict=worse)
            now = marked[check.series_instance_uid]
            if now.verdict in ORDER and best.verdict in ORDER and ORDER.index(best.verdict) < ORDER.index(now.verdict):
                superseded.add(check.series_instance_uid)
        better = f"; {_name(best)} is the better one" if superseded & {c.series_instance_uid for c in twins} else ""
        defects.append(
            defect(
                "repeated_series",
                Severity.INFO,
                f"{' and '.join(_name(c) for c in twins)} are runs of the same scan{better}.",
                *(Evidence(name="series", value=c.series_instance_uid, unit="") for c in twins),
            )
        )
    return [marked[c.series_instance_uid] for c in checks], defects, frozenset(superseded)


def _quality(check: SeriesCheck) -> tuple[int, float]:
    edge = check.measures.get("average_edge_strength")
    return (
        -ORDER.index(check.verdict) if check.verdict in ORDER else -9,
        edge.value if isinstance(edge, Quantity) else 0.0,
    )


def _less_sharp(check: SeriesCheck, best: SeriesCheck) -> Defect | None:
    mine, its = check.measures.get("average_edge_strength"), best.measures.get("average_edge_strength")
    if (
        not (isinstance(mine, Quantity) and isinstance(its, Quantity))
        or mine.value >= limits.SISTER_SHARPNESS * its.value
    ):
        return None
    return defect(
        "blurred_against_sister",
        Severity.MINOR,
        f"Its edges have {100 * mine.value / its.value:.0f} % of the strength of those of {_name(best)}.",
        number("average_edge_strength", mine.value, "{index}", limits.SISTER_SHARPNESS * its.value),
    )


def _before_contrast(checks: Sequence[SeriesCheck], by_uid: dict[str, Series]) -> list[Defect]:
    """Find T1 pictures after contrast without any T1 picture before it (minor), or with none for sure (information)."""
    usable = [c for c in checks if c.kind.weighting in _SUBTRACTED and c.kind.object is not Subject.NOT_AN_IMAGE]
    usable = [c for c in usable if not c.kind.derived]
    after = [c for c in usable if c.kind.contrast is Truth.TRUE]
    before = [c for c in usable if c.kind.contrast is Truth.FALSE]
    unsure = [c for c in usable if c.kind.contrast is Truth.UNKNOWN]
    found = []
    for check in after:
        if any(_matches(check.kind, other.kind) for other in before):
            continue
        first = Header(by_uid[check.series_instance_uid]).began_at_s
        maybe = [
            c
            for c in unsure
            if _matches(check.kind, c.kind)
            and (first is None or (t := Header(by_uid[c.series_instance_uid]).began_at_s) is None or t < first)
        ]
        found.append(
            defect(
                "incomplete_precontrast",
                Severity.INFO if maybe else Severity.MINOR,
                f"{_name(check)} is after contrast and no T1 series of the same plane is known to be before it"
                + (f"; {_name(maybe[0])} may be, but its header does not say." if maybe else "."),
                Evidence(name="series", value=check.series_instance_uid, unit=""),
            )
        )
    return found


def _matches(one: SeriesKind, other: SeriesKind) -> bool:
    """Fit for subtraction: the same plane (or a volume that can be cut anew), not fat-suppressed on one side only."""
    planes = one.plane is other.plane or Truth.TRUE in (one.three_d, other.three_d)
    fat = {one.fat_suppressed, other.fat_suppressed}
    return planes and fat != {Truth.TRUE, Truth.FALSE}


def _against_protocol(checks: Sequence[SeriesCheck], protocol: Protocol) -> list[Defect]:
    kinds = [c.kind for c in checks if c.kind.object not in (Subject.NOT_AN_IMAGE, Subject.PHANTOM, Subject.NONE)]
    found = []
    for line, state in missing_lines(protocol, kinds):
        sure = state is Truth.FALSE
        found.append(
            defect(
                "missing_series",
                Severity.MINOR if sure and not protocol.fallback else Severity.INFO,
                f"{protocol.title} asks for {line.title}; "
                + ("the study has none." if sure else "a series may be it, but its header does not say enough."),
                Evidence(name="protocol_series", value=line.id, unit=""),
            )
        )
    return found


def _early_end(checks: Sequence[SeriesCheck], so_far: Sequence[Defect], protocol: Protocol | None) -> list[Defect]:
    """A last series cut short together with absent later series is an exam that was stopped."""
    cut = {"stopped_early", "missing_slices", "short_volume"}
    ordered = [c for c in checks if not c.kind.derived and c.kind.object is not Subject.NOT_AN_IMAGE]
    ordered.sort(key=lambda c: c.series_number if c.series_number is not None else 1 << 30)
    absent = [d for d in so_far if d.code == "missing_series" and "the study has none" in d.message]
    if protocol is None or not ordered or not absent:
        return []
    if all(fits(ordered[-1].kind, line) is Truth.FALSE for line in protocol.series):
        return []
    if not any(d.code in cut and d.severity is not Severity.INFO for d in ordered[-1].defects):
        return []
    return [
        defect(
            "exam_stopped",
            Severity.MAJOR,
            f"{_name(ordered[-1])} ends early and {len(absent)} series of the protocol never began: it was stopped.",
            number("series_missing", len(absent), "{count}", 0),
        )
    ]
