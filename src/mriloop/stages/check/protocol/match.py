"""Which line of a protocol a series answers, which lines nothing answers, and what of a series is not as prescribed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mriloop.model.coding import Plane, Region, Subject, Weighting
from mriloop.model.fact import Truth
from mriloop.model.protocol import FieldResult, FieldState, Protocol, SeriesProtocol
from mriloop.model.quality import Defect, Evidence, SeriesKind, Severity
from mriloop.model.study import Series, Study
from mriloop.stages.check.defects import defect
from mriloop.stages.check.header import Header, tokens
from mriloop.stages.check.protocol.coil import check_coil
from mriloop.stages.check.protocol.compare import applies, burden, compare, in_force
from mriloop.stages.check.protocol.fields import title_of

_MAPS = frozenset({Weighting.ADC, Weighting.TRACE, Weighting.FAT_FRACTION, Weighting.DIXON_WATER, Weighting.DIXON_FAT})
_MAPS |= {Weighting.DIXON_IN, Weighting.DIXON_OPPOSED, Weighting.DWI}
_RANK = {Truth.FALSE: 0, Truth.UNKNOWN: 1, Truth.TRUE: 2}
# Regions that a header often names for each other: a series of one is not known to be outside the other.
_NEAR: tuple[frozenset[Region], ...] = (
    frozenset({Region.BRAIN, Region.PITUITARY, Region.HEAD_NECK}),
    frozenset({Region.CERVICAL_SPINE, Region.THORACIC_SPINE, Region.LUMBAR_SPINE, Region.SPINE}),
    frozenset({Region.CERVICAL_SPINE, Region.HEAD_NECK}),
    frozenset({Region.ABDOMEN, Region.LIVER, Region.KIDNEY, Region.PANCREAS}),
    frozenset({Region.PELVIS, Region.PROSTATE, Region.UTERUS, Region.HIP}),
    frozenset({Region.FOOT, Region.ANKLE, Region.EXTREMITY}),
    frozenset({Region.KNEE, Region.EXTREMITY}),
)


def in_region(region: Region, regions: Sequence[Region]) -> Truth:
    """Tell whether a region is one of `regions`: UNKNOWN for an unknown one and for a neighbour named in its place."""
    if not regions or region in regions or Region.WHOLE_BODY in regions:
        return Truth.TRUE
    if region in (Region.UNKNOWN, Region.WHOLE_BODY):
        return Truth.UNKNOWN
    return Truth.UNKNOWN if any(region in near and near & set(regions) for near in _NEAR) else Truth.FALSE


def fits(kind: SeriesKind, line: SeriesProtocol) -> Truth:
    """Return whether a series of this kind may serve as `line`: UNKNOWN where what would decide it is not known."""
    if kind.weighting not in line.weightings:
        return Truth.FALSE
    if line.planes and kind.plane not in line.planes and kind.plane not in (Plane.UNKNOWN, Plane.OBLIQUE):
        return Truth.FALSE
    result = in_region(kind.region, line.regions)
    for wanted, found in (
        (line.contrast, kind.contrast),
        (line.fat_suppressed, kind.fat_suppressed),
        (line.three_d, kind.three_d),
    ):
        if wanted is Truth.UNKNOWN:
            continue
        if found is Truth.UNKNOWN:
            result &= Truth.UNKNOWN
        elif found is not wanted:
            return Truth.FALSE
    return result


def match_series(kind: SeriesKind, series: Series, protocol: Protocol) -> SeriesProtocol | None:
    """Return the line of the protocol that this series answers, None when none: the one most closely met.

    The line comes back `advisory` where the protocol is, or where it is not known that the series was made for it.
    """
    if kind.derived and kind.weighting not in _MAPS:
        return None
    fitting = [line for line in protocol.series if fits(kind, line) is not Truth.FALSE and _is_named(series, line)]
    if not fitting:
        return None
    best = max(fitting, key=lambda line: _closeness(kind, series, line))
    unsure = fits(kind, best) is not Truth.TRUE
    return replace(best, advisory=best.advisory or protocol.advisory or unsure)


def match_study(
    study: Study, kinds: Mapping[str, SeriesKind], protocol: Protocol | None
) -> Mapping[str, SeriesProtocol]:
    """Return the line that each series of a study answers, by SeriesInstanceUID; series without a line are absent.

    Where several series answer one line, the one that meets it best stands for it; an extra series beside one without
    major or minor deviation is held to nothing.
    """
    if protocol is None:
        return {}
    found: dict[str, SeriesProtocol] = {}
    for series in study.series:
        kind = kinds[series.series_instance_uid]
        line = None if kind.object is Subject.NOT_AN_IMAGE else match_series(kind, series, protocol)
        if line is not None:
            found[series.series_instance_uid] = line
    by_uid = {series.series_instance_uid: series for series in study.series}
    met = {line.id for uid, line in found.items() if burden(results_of(by_uid[uid], line))[:2] == (0, 0)}
    return {
        uid: replace(line, advisory=True)
        if line.id in met and burden(results_of(by_uid[uid], line))[:2] != (0, 0)
        else line
        for uid, line in found.items()
    }


def _is_named(series: Series, line: SeriesProtocol) -> bool:
    own = tuple(Header(series).name_tokens)
    return not line.named or any(tokens(name) == own for name in line.named) or not own


def _closeness(kind: SeriesKind, series: Series, line: SeriesProtocol) -> tuple[float, ...]:
    sure = 1 if fits(kind, line) is Truth.TRUE else 0
    demands = sum(t is not Truth.UNKNOWN for t in (line.contrast, line.fat_suppressed, line.three_d))
    demands += bool(line.planes)
    results = results_of(series, line)
    passed = sum(r.state is FieldState.PASS for r in results)
    return (sure, demands if sure else -demands, *(-n for n in burden(results)[:3]), passed)


def results_of(series: Series, line: SeriesProtocol) -> tuple[FieldResult, ...]:
    """Return how every field of a line compares: its own fields, and those of the set-up that is met best."""
    header = Header(series)
    own = tuple(compare(rule, series) for rule in in_force(line.fields, header))
    ways = [tuple(compare(rule, series) for rule in in_force(setup.fields, header)) for setup in line.setups]
    return own + (min(ways, key=burden) if ways else ())


def check_protocol(series: Series, line: SeriesProtocol) -> tuple[Defect, ...]:
    """Return a defect for every field out of tolerance, one that lists what the header is silent of, and the coil's."""
    results = results_of(series, line)
    found = [_deviation(result, line) for result in results if result.state is FieldState.DEVIATION]
    for rule in line.coils:
        if applies(rule.when, Header(series)) is Truth.TRUE:
            found += check_coil(rule, series, line.title)
    silent = [result for result in results if result.state is FieldState.UNKNOWN]
    if silent:
        names = ", ".join(title_of(result.keyword) for result in silent)
        found.append(
            defect(
                "protocol_unknown",
                Severity.INFO,
                f"The header does not say {names}, so {line.title} cannot be checked for it.",
                *(Evidence(name=r.keyword, value="unknown", unit=r.unit, limit=r.wanted) for r in silent),
            )
        )
    return tuple(replace(d, severity=Severity.INFO) if line.advisory else d for d in found)


def _deviation(result: FieldResult, line: SeriesProtocol) -> Defect:
    unit = f" {result.unit}" if result.unit not in ("", "1", "{count}") else ""
    title = title_of(result.keyword)
    because = f" ({result.because})" if result.because else ""
    return defect(
        "protocol_deviation",
        result.severity,
        f"{title[0].upper()}{title[1:]} is {result.found}{unit}; {line.title} asks for {result.wanted}{because}.",
        Evidence(name=result.keyword, value=_value(result.found), unit=result.unit, limit=result.wanted),
        action=result.action,
    )


def _value(found: str) -> float | str:
    try:
        return float(found)
    except ValueError:
        return found


def missing_lines(protocol: Protocol, kinds: Sequence[SeriesKind]) -> tuple[tuple[SeriesProtocol, Truth], ...]:
    """Return the required lines that no series answers, each with UNKNOWN where one may and FALSE where none can."""
    served = {
        line.id: max((fits(kind, line) for kind in kinds), key=_RANK.__getitem__, default=Truth.FALSE)
        for line in protocol.series
    }
    lacking = []
    for line in protocol.series:
        if not line.required:
            continue
        best = max((served[name] for name in (line.id, *line.alternatives) if name in served), key=_RANK.__getitem__)
        if best is not Truth.TRUE:
            lacking.append((line, best))
    return tuple(lacking)
