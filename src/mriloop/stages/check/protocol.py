"""Does a series match the protocol's reference? Declarative fields with tolerances; a missing tag is unknown."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence

from mriloop.model.coding import Region, Weighting
from mriloop.model.fact import Truth
from mriloop.model.protocol import FieldResult, FieldRule, FieldState, Protocol, SeriesProtocol
from mriloop.model.quality import Defect, Evidence, SeriesKind, Severity
from mriloop.model.study import Series, Study
from mriloop.stages.check.defects import defect
from mriloop.stages.check.header import Header, cross, dot, tokens

# Elements that classic and enhanced objects keep under different keywords: asked for in this order.
_ALSO: dict[str, tuple[str, ...]] = {
    "EchoTime": ("EffectiveEchoTime",),
    "InversionTime": ("InversionTimes",),
    "SequenceName": ("PulseSequenceName", "VendorPulseSequence"),
    "ReceiveCoilName": ("VendorCoilName", "MultiCoilElementName", "VendorCoilElements"),
    "SpacingBetweenSlices": ("SlicePitch",),
    "EchoTrainLength": ("RFEchoTrainLength", "GradientEchoTrainLength"),
}


def choose_protocol(
    study: Study, kinds: Mapping[str, SeriesKind], protocols: Mapping[str, Protocol], region: Region | None = None
) -> Protocol | None:
    """Return the protocol that fits a study, None when none does.

    A protocol whose keyword stands in the study's name or the names of its series wins; then the only one for the
    region that needs no keyword (`fallback`). `region` overrides the region that most series show.
    """
    counts: dict[Region, int] = {}
    for kind in kinds.values():
        if kind.region is not Region.UNKNOWN:
            counts[kind.region] = counts.get(kind.region, 0) + 1
    regions = {region} if region is not None else ({max(counts, key=lambda r: counts[r])} if counts else set())
    regions |= {r for r in counts if r is Region.PITUITARY and region is None}
    texts = [tokens(study.description)]
    for series in study.series:
        texts.append(Header(series).name_tokens)
        for keyword in ("RequestedProcedureDescription", "PerformedProcedureStepDescription"):
            texts += [tokens(value) for value in Header(series).words(keyword)]
    fitting = [p for p in protocols.values() if regions & set(p.regions)]
    counted = {p.id: sum(_says(keyword, texts) for keyword in p.keywords) for p in fitting}
    named = [p for p in fitting if counted[p.id]]
    if named:
        return max(named, key=lambda p: counted[p.id])
    general = [p for p in fitting if p.fallback]
    return general[0] if len(general) == 1 else None


def _says(keyword: str, texts: Sequence[tuple[str, ...]]) -> bool:
    """Tell whether a text holds the words of the keyword, one right after the other; "500 ms" is a time, no disease."""
    parts = tokens(keyword)
    return any(
        text[k : k + len(parts)] == parts and not (k and len(parts[0]) <= 2 and text[k - 1].isdigit())
        for text in texts
        for k in range(len(text) - len(parts) + 1)
    )


def match_series(kind: SeriesKind, series: Series, protocol: Protocol) -> SeriesProtocol | None:
    """Return the line of the protocol that this series answers, None when none: the one most closely met."""
    fitting = [line for line in protocol.series if fits(kind, line) is not Truth.FALSE]
    if not fitting or (kind.derived and kind.weighting not in (Weighting.ADC, Weighting.TRACE, Weighting.FAT_FRACTION)):
        return None
    return max(fitting, key=lambda line: _closeness(kind, series, line))


def fits(kind: SeriesKind, line: SeriesProtocol) -> Truth:
    """Return whether a series of this kind may serve as `line`: UNKNOWN where what would decide it is not known."""
    if kind.weighting not in line.weightings:
        return Truth.FALSE
    if line.planes and kind.plane not in line.planes and kind.plane.value not in ("unknown", "oblique"):
        return Truth.FALSE
    result = Truth.TRUE
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


def _closeness(kind: SeriesKind, series: Series, line: SeriesProtocol) -> tuple[int, int, int]:
    sure = 1 if fits(kind, line) is Truth.TRUE else 0
    passed = sum(compare(rule, series).state is FieldState.PASS for rule in line.fields)
    demands = sum(t is not Truth.UNKNOWN for t in (line.contrast, line.fat_suppressed, line.three_d)) + bool(
        line.planes
    )
    return sure, demands if sure else -demands, passed


def check_protocol(series: Series, line: SeriesProtocol) -> tuple[Defect, ...]:
    """Return a defect for every field out of tolerance, and one that lists the fields of which the header is silent."""
    results = [compare(rule, series) for rule in line.fields]
    found = [
        defect(
            "protocol_deviation",
            result.severity,
            f"{result.keyword} is {result.found}{_unit(result.unit)}; {line.title} asks for {result.wanted}.",
            Evidence(name=result.keyword, value=_value(result.found), unit=result.unit, limit=result.wanted),
        )
        for result in results
        if result.state is FieldState.DEVIATION
    ]
    silent = [result for result in results if result.state is FieldState.UNKNOWN]
    if silent:
        names = ", ".join(result.keyword for result in silent)
        found.append(
            defect(
                "protocol_unknown",
                Severity.INFO,
                f"The header does not say {names}, so {line.title} cannot be checked for it.",
                *(Evidence(name=r.keyword, value="unknown", unit=r.unit, limit=r.wanted) for r in silent),
            )
        )
    return tuple(found)


def compare(rule: FieldRule, series: Series) -> FieldResult:
    """Hold one element of a series against its rule. A number equal to the wanted one within 1 % passes by default."""
    header = Header(series)
    for keyword, wanted_text in rule.when:
        if not any(wanted_text.upper() in word for word in header.words(keyword)):
            return _result(rule, FieldState.NOT_APPLICABLE, "", "")
    if rule.one_of or rule.contains_any or rule.contains_all:
        return _compare_text(rule, header)
    number = _number(rule.keyword, header)
    wanted = _wanted(rule)
    if number is None:
        return _result(rule, FieldState.UNKNOWN, "", wanted)
    good = True
    if rule.value is not None:
        slack = rule.tolerance if rule.tolerance is not None else abs(rule.value) * rule.relative
        good = abs(number - rule.value) <= slack * (1 + 1e-9)
    if rule.minimum is not None:
        good &= number >= rule.minimum - abs(rule.minimum) * 1e-3
    if rule.maximum is not None:
        good &= number <= rule.maximum + abs(rule.maximum) * 1e-3
    return _result(rule, FieldState.PASS if good else FieldState.DEVIATION, f"{number:.4g}", wanted)


def _compare_text(rule: FieldRule, header: Header) -> FieldResult:
    words: tuple[str, ...] = ()
    for keyword in (rule.keyword, *_ALSO.get(rule.keyword, ())):
        words = words or header.words(keyword)
    wanted = _wanted(rule)
    if not words:
        return _result(rule, FieldState.UNKNOWN, "", wanted)
    good = True
    if rule.one_of:
        good &= any(word in {w.upper() for w in rule.one_of} for word in words)
    if rule.contains_any:
        good &= any(part.upper() in word for part in rule.contains_any for word in words)
    if rule.contains_all:
        good &= all(any(part.upper() in word for word in words) for part in rule.contains_all)
    return _result(rule, FieldState.PASS if good else FieldState.DEVIATION, "\\".join(words), wanted)


def _number(keyword: str, header: Header) -> float | None:
    """Return an element as a number, or one of the derived names of `FieldRule`."""
    if keyword == "Coverage":
        return _coverage(header)
    if keyword == "SlicePitch":
        return _pitch(header)
    if keyword == "PixelSpacingMax":
        return max((max(f.spacing_mm) for f in header.frames if f.spacing_mm), default=None)
    if keyword in ("BValueMax", "BValueMin"):
        bs = header.b_values
        return (max(bs) if keyword == "BValueMax" else min(bs)) if bs else None
    if keyword == "EchoTime":
        return header.te_ms
    if keyword == "InversionTime":
        return header.ti_ms
    if keyword == "FlipAngle":
        return header.flip_deg
    if keyword == "SliceThickness":
        thick = [f.thickness_mm for f in header.frames if f.thickness_mm]
        return statistics.median(thick) if thick else header.number(keyword)
    for name in (keyword, *_ALSO.get(keyword, ())):
        number = _pitch(header) if name == "SlicePitch" else header.number(name)
        if number is not None:
            return number
    return None


def _places(header: Header) -> list[float]:
    frame = next((f for f in header.frames if f.row_axis_ras and f.column_axis_ras), None)
    if frame is None or len(header.normals) != 1:
        return []
    assert frame.row_axis_ras is not None and frame.column_axis_ras is not None
    normal = cross(frame.row_axis_ras, frame.column_axis_ras)
    return sorted({round(dot(normal, f.position_ras_mm), 2) for f in header.frames if f.position_ras_mm})


def _pitch(header: Header) -> float | None:
    places = _places(header)
    if len(places) > 1:
        return statistics.median(b - a for a, b in itertools.pairwise(places))
    return header.number("SpacingBetweenSlices")


def _coverage(header: Header) -> float | None:
    """Distance from the outer face of the first slice to that of the last, mm."""
    places = _places(header)
    thick = next((f.thickness_mm for f in header.frames if f.thickness_mm), None)
    if len(places) > 1:
        return places[-1] - places[0] + (thick or 0.0)
    tiles = next((f.tiles for f in header.frames if f.tiles), None)
    pitch = header.number("SpacingBetweenSlices")
    return tiles * pitch if tiles and pitch else None


def _wanted(rule: FieldRule) -> str:
    unit = _unit(rule.unit)
    if rule.value is not None:
        slack = rule.tolerance if rule.tolerance is not None else abs(rule.value) * rule.relative
        return f"{rule.value:g} ± {slack:g}{unit}"
    if rule.minimum is not None and rule.maximum is not None:
        return f"{rule.minimum:g} to {rule.maximum:g}{unit}"
    if rule.minimum is not None:
        return f"at least {rule.minimum:g}{unit}"
    if rule.maximum is not None:
        return f"at most {rule.maximum:g}{unit}"
    return " or ".join(rule.one_of or rule.contains_any) or " and ".join(rule.contains_all)


def _unit(unit: str) -> str:
    return f" {unit}" if unit and unit != "1" else ""


def _value(found: str) -> float | str:
    try:
        return float(found)
    except ValueError:
        return found


def _result(rule: FieldRule, state: FieldState, found: str, wanted: str) -> FieldResult:
    return FieldResult(
        keyword=rule.keyword, state=state, found=found, wanted=wanted, severity=rule.severity, unit=rule.unit
    )


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


_RANK = {Truth.FALSE: 0, Truth.UNKNOWN: 1, Truth.TRUE: 2}
