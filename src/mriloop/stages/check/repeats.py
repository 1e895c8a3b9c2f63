"""Series that the operator ran again: recognised, and the better one named where the measures tell them apart."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from mriloop.model.coding import Region, Subject, Weighting
from mriloop.model.fact import Truth
from mriloop.model.quality import Defect, Evidence, SeriesCheck, Severity, Verdict
from mriloop.model.quantity import Quantity
from mriloop.model.study import Series
from mriloop.stages.check.defects import defect, number
from mriloop.stages.check.header import Header
from mriloop.stages.check.limits import SHIPPED, Limits
from mriloop.stages.check.verdict import ORDER

SUBTRACTED = frozenset({Weighting.T1, Weighting.DIXON_WATER})
_DYNAMIC = frozenset({Weighting.BOLD, Weighting.PERFUSION, Weighting.ASL})
_DYNAMIC_NAMES = frozenset(
    {"dyn", "dynamic", "dynamisch", "dinamico", "dynamique", "dce", "dsc", "art", "arterial", "arteriell", "venous",
     "portal", "delayed", "late", "phase", "phases", "twist", "tricks", "disco", "tracking", "cine", "resp", "exp",
     "insp", "inspiration", "expiration", "bolus"}
)  # fmt: skip
_NEVER = frozenset(
    {Weighting.LOCALIZER, Weighting.SCREENSHOT, Weighting.UNKNOWN, Weighting.PHASE, Weighting.FIELD_MAP, Weighting.MT}
)
# Where an agent is followed through its phases, the same picture comes again without anything having gone wrong.
_PHASED = frozenset(
    {Region.LIVER, Region.ABDOMEN, Region.KIDNEY, Region.PANCREAS, Region.BREAST, Region.PROSTATE, Region.PELVIS,
     Region.UTERUS, Region.HEART, Region.CHEST, Region.PITUITARY}
)  # fmt: skip
_SAME_PLACE_MM = 30.0  # an operator shifts the box by less between two runs, a station lies farther away
_PHASES_APART_S = 120.0  # after an agent, runs closer than this are phases of its passage
_RUNS_AT_MOST = 3
_RERUN = re.compile(
    r"[\s_-]*(?:repeat(?:ed)?|rpt|rep|redo|wdh|wdhlg|wiederholung|again|rerun|herhaling|repet\w*|répét\w*|ripet\w*"
    r"|run[-_ ]?\d+|[#(]\d\)?)$"
)


@dataclass(frozen=True, slots=True)
class _Criterion:
    """By what one run is better than another: a value of which less is better, and the least difference that tells.

    The margin takes the better and the worse value. Two good runs of one scan differ by less.
    """

    why: str
    value: Callable[[SeriesCheck], float | None]
    margin: Callable[[float, float], float]


def _measure(name: str, sign: float = 1.0) -> Callable[[SeriesCheck], float | None]:
    def take(run: SeriesCheck) -> float | None:
        found = run.measures.get(name)
        return sign * found.value if isinstance(found, Quantity) else None

    return take


def _lacking(run: SeriesCheck) -> float | None:
    return None if run.completeness is None else float(len(run.completeness.missing))


CRITERIA = (
    _Criterion("its verdict", lambda run: float(ORDER.index(run.verdict)), lambda better, worse: 0.0),
    _Criterion("fewer slices are missing", _lacking, lambda better, worse: 0.0),
    _Criterion("less motion", _measure("displacement_mean"), lambda better, worse: 0.2),
    _Criterion("fewer ghosts", _measure("ghost_ratio"), lambda better, worse: max(0.02, 0.1 * worse)),
    _Criterion("sharper edges", _measure("average_edge_strength", sign=-1.0), lambda better, worse: -0.1 * better),
)


def repeats(
    checks: Sequence[SeriesCheck], by_uid: Mapping[str, Series], limits: Limits = SHIPPED
) -> tuple[list[SeriesCheck], list[Defect], frozenset[str]]:
    """Find series run more than once; name the better one; return (checks, defects, uids replaced by a better run).

    Phases of a dynamic series, pictures before and after an agent, stations of a long field of view, echoes and
    components, and two reconstructions of one acquisition are no repeats.
    """
    groups: dict[tuple[object, ...], list[SeriesCheck]] = defaultdict(list)
    agent = any(check.kind.contrast is Truth.TRUE for check in checks)
    for check in checks:
        key = _same_scan(check, by_uid.get(check.series_instance_uid))
        if key is not None:
            groups[key].append(check)
    marked = {check.series_instance_uid: check for check in checks}
    defects: list[Defect] = []
    superseded: set[str] = set()
    for members in groups.values():
        if not 2 <= len(members) <= _RUNS_AT_MOST:
            continue
        pairs = {
            (one.series_instance_uid, two.series_instance_uid): _are_runs(one, two, by_uid, agent=agent)
            for one, two in itertools.permutations(members, 2)
        }
        told = [c for c in members if any(pairs[k] is not Truth.FALSE for k in pairs if k[0] == c.series_instance_uid)]
        if len(told) < 2:
            continue
        replaced = {}
        for check in told:
            uid = check.series_instance_uid
            runs = [c for c in told if c is not check and pairs[uid, c.series_instance_uid] is Truth.TRUE]
            if not runs:
                continue
            extra = _less_sharp(check, max(runs, key=_quality), limits)
            if extra is not None:
                worse = max(check.verdict, Verdict.LIMITED, key=lambda v: ORDER.index(v) if v in ORDER else -1)
                marked[uid] = replace(check, defects=(*check.defects, extra), verdict=worse)
            began = Header(by_uid[uid]).began_at_s or 0.0
            later = [c for c in runs if (Header(by_uid[c.series_instance_uid]).began_at_s or 0.0) > began]
            heir = max(later, key=_quality, default=None)
            if heir is not None and _better(heir.verdict, marked[uid].verdict):
                replaced[uid] = heir
        superseded |= set(replaced)
        sure = all(pairs[a.series_instance_uid, b.series_instance_uid] is Truth.TRUE
                   for a, b in itertools.permutations(told, 2))  # fmt: skip
        defects.append(_said(told, next(iter(replaced.values()), None), sure=sure))
    return [marked[c.series_instance_uid] for c in checks], defects, frozenset(superseded)


def surely_runs(checks: Sequence[SeriesCheck], by_uid: Mapping[str, Series]) -> list[tuple[str, str]]:
    """Return (SeriesInstanceUID, that of the best other run of the same scan) of each series that was surely run again.

    The best is the one with the best verdict, then the sharpest; a reference that is to be repeated itself serves none.
    """
    agent = any(check.kind.contrast is Truth.TRUE for check in checks)
    groups: dict[tuple[object, ...], list[SeriesCheck]] = defaultdict(list)
    for check in checks:
        key = _same_scan(check, by_uid.get(check.series_instance_uid))
        if key is not None:
            groups[key].append(check)
    found = []
    for members in groups.values():
        for check in members if 2 <= len(members) <= _RUNS_AT_MOST else ():
            others = [c for c in members if c is not check and c.verdict in (Verdict.ACCEPTABLE, Verdict.LIMITED)]
            runs = [c for c in others if _are_runs(check, c, by_uid, agent=agent) is Truth.TRUE]
            if runs:
                found.append((check.series_instance_uid, max(runs, key=_quality).series_instance_uid))
    return found


def name_of(check: SeriesCheck) -> str:
    """Name a series to the reader: its number, weighting and plane."""
    number_text = f"Series {check.series_number}" if check.series_number is not None else "A series"
    what = check.kind.weighting.value if check.kind.weighting is not Weighting.UNKNOWN else "unknown weighting"
    return f"{number_text} ({what} {check.kind.plane.value})"


def better_run(runs: Sequence[SeriesCheck]) -> tuple[SeriesCheck, str] | None:
    """Return the best of several runs and by what it is better, None where the measures do not tell them apart.

    The criteria count in the order of `CRITERIA`: one that tells leaves only the best for the next.
    """
    left = list(runs)
    if any(run.verdict not in ORDER for run in left):
        return None
    for criterion in CRITERIA:
        values = [v for run in left if (v := criterion.value(run)) is not None]
        if len(values) < len(left):
            continue
        best = min(values)
        kept = [run for run, v in zip(left, values, strict=True) if v - best <= criterion.margin(best, v)]
        if len(kept) == 1:
            return kept[0], criterion.why
        left = kept
    return None


def _said(runs: Sequence[SeriesCheck], heir: SeriesCheck | None, *, sure: bool) -> Defect:
    choice = (heir, "") if heir is not None else better_run(runs) if sure else None
    alike = "are runs of the same scan" if sure else "look like runs of the same scan"
    if choice is not None:
        end = f"; {name_of(choice[0])} is the better one" + (f" ({choice[1]})" if choice[1] else "")
    else:
        end = "; the measures do not tell them apart" if sure else ""
    return defect(
        "repeated_series",
        Severity.INFO,
        f"{' and '.join(name_of(c) for c in runs)} {alike}{end}.",
        *(Evidence(name="series", value=c.series_instance_uid, unit="") for c in runs),
        *((Evidence(name="better", value=choice[0].series_instance_uid, unit=""),) if choice is not None else ()),
    )


def _same_scan(check: SeriesCheck, series: Series | None) -> tuple[object, ...] | None:
    """What two runs that look alike have in common; None for what is never repeated by an operator."""
    kind = check.kind
    if series is None or kind.derived or kind.object in (Subject.NOT_AN_IMAGE, Subject.PHANTOM, Subject.NONE):
        return None
    if kind.weighting in _NEVER or kind.weighting in _DYNAMIC:
        return None
    header = Header(series)
    if _DYNAMIC_NAMES & set(header.name_tokens):
        return None
    if check.volumes > 1 and kind.weighting not in (Weighting.DWI, Weighting.TRACE):
        return None
    first = header.frames[0] if header.frames else None
    settings = tuple(
        None if v is None else round(v, 1) for v in (header.tr_ms, header.te_ms, header.ti_ms, header.flip_deg)
    )
    return (
        kind.weighting,
        kind.plane,
        kind.contrast,
        kind.fat_suppressed,
        header.component,
        _RERUN.sub("", series.description.strip().lower()),
        tuple(_RERUN.sub("", name.lower()) for name in header.words("ProtocolName")),
        (first.rows, first.columns) if first else None,
        settings,
        header.te_all_ms,
        header.b_values,
        header.words("Laterality"),
        header.number("VendorPhaseEncodingPositive"),
        header.words("InPlanePhaseEncodingDirection"),
    )


def _are_runs(one: SeriesCheck, two: SeriesCheck, by_uid: Mapping[str, Series], *, agent: bool) -> Truth:
    """Return whether two series that look alike are runs of one scan, so that one may be judged by the other.

    FALSE for phases after an agent, stations, and two reconstructions of one acquisition. UNKNOWN without a name, times
    or places, and for T1 pictures of which nobody knows whether an agent was given in between (FALSE where the study
    shows one).
    """
    kind = one.kind
    first, second = (Header(by_uid[c.series_instance_uid]) for c in (one, two))
    here, there = _box(first), _box(second)
    if here is not None and there is not None and _apart(here, there):
        return Truth.FALSE
    began = first.began_at_s, second.began_at_s
    if began[0] is not None and began[1] is not None:
        apart = abs(began[1] - began[0])
        if apart == 0 or (kind.contrast is Truth.TRUE and (apart < _PHASES_APART_S or kind.region in _PHASED)):
            return Truth.FALSE
    if kind.weighting in SUBTRACTED and kind.contrast is Truth.UNKNOWN:
        return Truth.FALSE if agent else Truth.UNKNOWN
    named = bool(first.series.description.strip() or first.words("ProtocolName"))
    known = named and None not in began and here is not None and there is not None
    return Truth.TRUE if known else Truth.UNKNOWN


_Box = tuple[tuple[float, float], ...]


def _box(header: Header) -> _Box | None:
    """Return the extremes of the first voxels of all frames on each axis; None where a frame is not placed."""
    places = [f.position_ras_mm for f in header.frames if f.position_ras_mm is not None]
    if not places or len(places) < len(header.frames):
        return None
    return tuple((min(axis), max(axis)) for axis in zip(*places, strict=True))


def _apart(one: _Box, two: _Box) -> bool:
    """Tell whether neither box lies within the other, give or take a shift: a run that was cut lies in the whole."""

    def within(inner: _Box, outer: _Box) -> bool:
        return all(
            low - _SAME_PLACE_MM <= a and b <= high + _SAME_PLACE_MM
            for (a, b), (low, high) in zip(inner, outer, strict=True)
        )

    return not within(one, two) and not within(two, one)


def _better(one: Verdict, other: Verdict) -> bool:
    return one in ORDER and other in ORDER and ORDER.index(one) < ORDER.index(other)


def _quality(check: SeriesCheck) -> tuple[int, float]:
    edge = check.measures.get("average_edge_strength")
    return (
        -ORDER.index(check.verdict) if check.verdict in ORDER else -9,
        edge.value if isinstance(edge, Quantity) else 0.0,
    )


def _less_sharp(check: SeriesCheck, best: SeriesCheck, limits: Limits) -> Defect | None:
    """Edges against those of the best run: of the same anatomy where the two were laid on each other, and overall."""
    laid = check.measures.get("reference_sharpness_ratio")
    if isinstance(laid, Quantity) and laid.value < limits.sister_sharpness:
        return defect(
            "blurred_against_sister",
            Severity.MINOR,
            f"Laid on {name_of(best)}, its edges have {100 * laid.value:.0f} % of the strength that they have there.",
            number("reference_sharpness_ratio", laid.value, "1", limits.sister_sharpness),
        )
    mine, its = check.measures.get("average_edge_strength"), best.measures.get("average_edge_strength")
    if (
        not (isinstance(mine, Quantity) and isinstance(its, Quantity))
        or mine.value >= limits.sister_sharpness * its.value
    ):
        return None
    return defect(
        "blurred_against_sister",
        Severity.MINOR,
        f"Its edges have {100 * mine.value / its.value:.0f} % of the strength of those of {name_of(best)}.",
        number("average_edge_strength", mine.value, "{index}", limits.sister_sharpness * its.value),
    )
