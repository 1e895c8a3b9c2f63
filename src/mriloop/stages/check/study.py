"""What the whole study lacks or repeats: series of the protocol, pictures before contrast, an early end."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mriloop.model.coding import Subject, Weighting
from mriloop.model.fact import Truth
from mriloop.model.protocol import Protocol
from mriloop.model.quality import Defect, Evidence, SeriesCheck, SeriesKind, Severity, StudyCheck, Verdict
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.model.study import Point, Series, Study
from mriloop.stages.check.defects import defect, number
from mriloop.stages.check.header import Header
from mriloop.stages.check.limits import SHIPPED, Limits
from mriloop.stages.check.measures import BLANK
from mriloop.stages.check.protocol import fits, missing_lines
from mriloop.stages.check.verdict import ORDER, verdict_of, worst_of

_SUBTRACTED = frozenset({Weighting.T1, Weighting.DIXON_WATER})
_NOISE_BY_NATURE = frozenset({Weighting.PHASE, Weighting.FIELD_MAP, Weighting.LOCALIZER, Weighting.SCREENSHOT})
_DYNAMIC = frozenset({Weighting.BOLD, Weighting.PERFUSION, Weighting.ASL})
_DYNAMIC_NAMES = frozenset({"dyn", "dynamic", "dynamisch", "dce", "dsc", "art", "arterial", "phase", "phases", "twist"})
_SAME_PLACE_MM = 30.0  # between the centres of two runs: an operator shifts the box a little, a station lies farther
_PHASES_APART_S = 120.0  # after an agent, runs closer than this are phases of its passage
_RUNS_AT_MOST = 3


def check_study(
    study: Study, checks: Sequence[SeriesCheck], protocol: Protocol | None = None, limits: Limits = SHIPPED
) -> StudyCheck:
    """Return the answer of CHECK for a study from those for its series.

    A series that was repeated with success does not count against the study; a series clearly less sharp than its twin
    of the same settings is marked. The verdict is the worst over the remaining assessed series and the study's own
    defects (major: REPEAT, minor: LIMITED). A series of noise only beside series that show a patient is a failed scan,
    not an empty one: it is to be repeated.
    """
    by_uid = {series.series_instance_uid: series for series in study.series}
    marked, repeats, superseded = _repeats(_without_signal(checks, by_uid), by_uid, limits)
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
        superseded=tuple(c.series_instance_uid for c in marked if c.series_instance_uid in superseded),
    )


def _without_signal(checks: Sequence[SeriesCheck], by_uid: Mapping[str, Series]) -> list[SeriesCheck]:
    """Mark the series without any signal as failed where another series, or an agent that was given, tells a patient.

    Pictures whose air is expected to look like noise (phase, field maps), noise scans by name and planning are left.
    """
    shown = any(c.kind.object is Subject.PATIENT for c in checks)
    result = []
    for check in checks:
        header = Header(by_uid[check.series_instance_uid]) if check.series_instance_uid in by_uid else None
        given = check.kind.contrast is Truth.TRUE and check.kind.basis.get("contrast", "").startswith("ContrastBolus")
        if header is None or not (shown or given) or not _silent(check, header):
            result.append(check)
            continue
        why = "another series of the study shows a patient" if shown else "a contrast agent was given"
        failed = defect("no_signal", Severity.MAJOR, f"There is nothing but noise in the picture, and {why}.")
        kept = tuple(d for d in check.defects if d.code != "no_object")
        basis = {**check.kind.basis, "object": f"no signal, and {why}"}
        kind = replace(check.kind, object=Subject.UNKNOWN, basis=basis)
        verdict = verdict_of(kind, (*kept, failed), computed=False, seen=True)
        result.append(replace(check, kind=kind, defects=(*kept, failed), verdict=verdict))
    return result


def _silent(check: SeriesCheck, header: Header) -> bool:
    if check.kind.derived or check.kind.weighting in _NOISE_BY_NATURE or "noise" in header.name_tokens:
        return False
    tail = check.measures.get("entropy_focus")
    blank = isinstance(tail, NotAssessable) and tail.reason == BLANK
    return check.kind.object is Subject.NONE or (blank and check.kind.object is not Subject.NOT_AN_IMAGE)


def _name(check: SeriesCheck) -> str:
    number_text = f"Series {check.series_number}" if check.series_number is not None else "A series"
    what = check.kind.weighting.value if check.kind.weighting is not Weighting.UNKNOWN else "unknown weighting"
    return f"{number_text} ({what} {check.kind.plane.value})"


def _same_scan(check: SeriesCheck, series: Series | None) -> tuple[object, ...] | None:
    """What two runs that look alike have in common; None for what is never repeated by an operator.

    That they look alike is said to the reader. Whether one may stand in for another is decided by `_replaces`.
    """
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
        r"[\s_-]*(repeat|rpt|rep|wdh|wiederholung|run[-_ ]?\d+|[#(]\d\)?)$", "", series.description.strip().lower()
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
        header.words("ProtocolName"),
        matrix,
        settings,
        header.te_all_ms,
        header.b_values,
    )


def _replaces(other: SeriesCheck, check: SeriesCheck, by_uid: Mapping[str, Series], runs: int) -> bool:
    """Tell whether two series that look alike are surely runs of one scan, so that one may be judged by the other.

    Never for dynamic series and several volumes (diffusion apart), for T1 pictures whose contrast agent is not known,
    for phases after an agent, without a name, without times, or at another place.
    """
    kind = check.kind
    one, two = (Header(by_uid[c.series_instance_uid]) for c in (check, other))
    named = bool(by_uid[check.series_instance_uid].description.strip() or one.words("ProtocolName"))
    if not named or runs > _RUNS_AT_MOST or kind.weighting in _DYNAMIC or _DYNAMIC_NAMES & set(one.name_tokens):
        return False
    if max(check.volumes, other.volumes) > 1 and kind.weighting not in (Weighting.DWI, Weighting.TRACE):
        return False
    if kind.weighting in _SUBTRACTED and kind.contrast is Truth.UNKNOWN:
        return False
    began = one.began_at_s, two.began_at_s
    if began[0] is None or began[1] is None or began[0] == began[1]:
        return False
    if kind.contrast is Truth.TRUE and abs(began[1] - began[0]) < _PHASES_APART_S:
        return False
    here, there = _centre(one), _centre(two)
    return here is not None and there is not None and math.dist(here, there) <= _SAME_PLACE_MM


def _centre(header: Header) -> Point | None:
    """Return the middle between the extremes of the first voxels of all frames; None where a frame is not placed."""
    places = [f.position_ras_mm for f in header.frames if f.position_ras_mm is not None]
    if not places or len(places) < len(header.frames):
        return None
    x, y, z = ((min(axis) + max(axis)) / 2 for axis in zip(*places, strict=True))
    return x, y, z


def _repeats(
    checks: Sequence[SeriesCheck], by_uid: dict[str, Series], limits: Limits
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
        began = {c.series_instance_uid: Header(by_uid[c.series_instance_uid]).began_at_s for c in twins}
        if len(twins) < 2 or (None not in began.values() and len(set(began.values())) < len(began)):
            continue
        replaced: dict[str, SeriesCheck] = {}
        for check in twins:
            uid = check.series_instance_uid
            runs = [c for c in twins if c is not check and _replaces(c, check, by_uid, len(twins))]
            sharpest = max(runs, key=_quality, default=None)
            extra = _less_sharp(check, sharpest, limits) if sharpest is not None else None
            if extra is not None:
                worse = max(check.verdict, Verdict.LIMITED, key=lambda v: ORDER.index(v) if v in ORDER else -1)
                marked[uid] = replace(check, defects=(*check.defects, extra), verdict=worse)
            later = [c for c in runs if (began[c.series_instance_uid] or 0) > (began[uid] or 0)]
            heir = max(later, key=_quality, default=None)
            if heir is not None and _better(heir.verdict, marked[uid].verdict):
                replaced[uid] = heir
        superseded |= set(replaced)
        better = f"; {_name(next(iter(replaced.values())))} is the better one" if replaced else ""
        alike = "are runs of the same scan" if replaced else "look like runs of the same scan"
        defects.append(
            defect(
                "repeated_series",
                Severity.INFO,
                f"{' and '.join(_name(c) for c in twins)} {alike}{better}.",
                *(Evidence(name="series", value=c.series_instance_uid, unit="") for c in twins),
            )
        )
    return [marked[c.series_instance_uid] for c in checks], defects, frozenset(superseded)


def _better(one: Verdict, other: Verdict) -> bool:
    return one in ORDER and other in ORDER and ORDER.index(one) < ORDER.index(other)


def _quality(check: SeriesCheck) -> tuple[int, float]:
    edge = check.measures.get("average_edge_strength")
    return (
        -ORDER.index(check.verdict) if check.verdict in ORDER else -9,
        edge.value if isinstance(edge, Quantity) else 0.0,
    )


def _less_sharp(check: SeriesCheck, best: SeriesCheck, limits: Limits) -> Defect | None:
    mine, its = check.measures.get("average_edge_strength"), best.measures.get("average_edge_strength")
    if (
        not (isinstance(mine, Quantity) and isinstance(its, Quantity))
        or mine.value >= limits.sister_sharpness * its.value
    ):
        return None
    return defect(
        "blurred_against_sister",
        Severity.MINOR,
        f"Its edges have {100 * mine.value / its.value:.0f} % of the strength of those of {_name(best)}.",
        number("average_edge_strength", mine.value, "{index}", limits.sister_sharpness * its.value),
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
                Severity.MINOR if sure and not protocol.advisory else Severity.INFO,
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
