"""A site's own history of measures: what the same scan usually gives on the same scanner, and when it drifts away."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np

from mriloop.imaging import control
from mriloop.model.coding import Subject
from mriloop.model.norm import Baseline, DriftAlarm, History, ScanKey, Sighting
from mriloop.model.quality import Defect, Scanner, SeriesCheck, Severity, Standing, Verdict
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.stages.check.catalogue import CATALOGUE
from mriloop.stages.check.defects import defect, number
from mriloop.stages.check.limits import SHIPPED, Limits
from mriloop.stages.check.verdict import ORDER

LEAST = 10  # values of a kind before anything is said against it: the median deviation of fewer is chance
FIRM = 30  # … and before it may do more than inform
MOST = 500  # kept for each kind; older ones say less of a scanner than newer ones
BETTER: dict[str, str] = {entry.name: entry.better for entry in CATALOGUE if entry.better}
_RUN = re.compile(r"[\s_-]*(repeat|rpt|rep|wdh|wiederholung|run[-_ ]?\d+|[#(]\d\)?)$")


def key_of(check: SeriesCheck) -> ScanKey | None:
    """Return what the series may be held against; None for one whose scanner no header tells."""
    if not check.scanner.device:
        return None
    kind = check.kind
    words = (kind.weighting, kind.plane, kind.region, kind.fat_suppressed.answer, kind.contrast.answer)
    return ScanKey(
        scanner=check.scanner,
        coil=check.coil,
        kind=" ".join([*map(str, words), kind.three_d.answer]),
        name=_RUN.sub("", check.description.strip().lower()),
    )


def sighting_of(check: SeriesCheck) -> tuple[ScanKey, Sighting] | None:
    """Return what a baseline learns from a series.

    None for phantoms, empty scans, computed and planning series, and where scanner or date are not told. Spoilt series
    are learned from as well: medians bear them, and leaving them out would make the history better than the scanner is.
    """
    key = key_of(check)
    scored = check.verdict in ORDER and check.kind.object not in (Subject.PHANTOM, Subject.NONE)
    if key is None or check.acquired_at is None or not scored or check.kind.derived:
        return None
    values = {name: m.value for name, m in check.measures.items() if name in BETTER and isinstance(m, Quantity)}
    mark = hashlib.sha256(check.series_instance_uid.encode()).hexdigest()[:16]
    return key, Sighting(at=check.acquired_at, mark=mark, values=values)


def learned(baseline: Baseline, seen: Iterable[tuple[ScanKey, Sighting]]) -> Baseline:
    """Return the baseline with these series added; one that it holds already replaces its older self."""
    held: dict[ScanKey, dict[str, Sighting]] = {h.key: {s.mark: s for s in h.sightings} for h in baseline.histories}
    for key, sighting in seen:
        held.setdefault(key, {})[sighting.mark] = sighting
    histories = [
        History(key=key, sightings=tuple(sorted(marks.values(), key=lambda s: (s.at, s.mark))[-MOST:]))
        for key, marks in held.items()
    ]
    return Baseline(histories=tuple(sorted(histories, key=lambda h: _order(h.key))))


def standings(check: SeriesCheck, baseline: Baseline) -> dict[str, Standing | NotAssessable]:
    """Return each measure of a series against the history of the same scan: scanner, software, coil, kind and name.

    A history that holds the series itself is read without it. NotAssessable with fewer than 10 values, without any
    spread among them, and where the scanner is not told; measures that were not taken are left out.
    """
    taken = {name: m.value for name, m in check.measures.items() if name in BETTER and isinstance(m, Quantity)}
    key = key_of(check)
    if key is None:
        return dict.fromkeys(taken, NotAssessable(reason="the header does not tell which scanner it was"))
    mark = hashlib.sha256(check.series_instance_uid.encode()).hexdigest()[:16]
    history = next((h for h in baseline.histories if h.key == key), History(key=key))
    others = [s for s in history.sightings if s.mark != mark]
    return {
        name: _standing(name, value, [s.values[name] for s in others if name in s.values])
        for name, value in taken.items()
    }


def _standing(name: str, value: float, values: list[float]) -> Standing | NotAssessable:
    if len(values) < LEAST:
        return NotAssessable(reason=f"not enough history: {len(values)} of {LEAST} values")
    median, spread = control.robust(values)
    if spread <= 1e-9 * abs(median):
        return NotAssessable(reason="the history has no spread to measure against")
    z = (value - median) / spread
    worse = -z if BETTER[name] == "higher" else z
    return Standing(value=value, median=median, spread=spread, z=z, worse=worse, values=tuple(values))


def baseline_defects(found: Mapping[str, Standing | NotAssessable], limits: Limits = SHIPPED) -> list[Defect]:
    """Return whether a series is worse than the same scan usually is: information, or minor when it is far outside.

    One defect for all measures, so that one cause is told once. Minor needs a history of at least 30 values. Only what
    is worse counts; a measure better than ever says nothing here, and nothing is ever taken back because of a baseline.
    """
    outside = sorted(
        ((s.worse, name, s) for name, s in found.items() if isinstance(s, Standing) and s.worse is not None),
        reverse=True,
        key=lambda each: each[0],
    )
    outside = [each for each in outside if each[0] > limits.baseline_info_z]
    if not outside:
        return []
    firm = any(worse > limits.baseline_minor_z and len(s.values) >= FIRM for worse, _, s in outside)
    told = ", ".join(
        f"{name.replace('_', ' ')} {s.value:.3g} (usual {s.median:.3g} ± {s.spread:.2g})" for _, name, s in outside[:4]
    )
    return [
        defect(
            "outside_baseline",
            Severity.MINOR if firm else Severity.INFO,
            f"Worse than the same scan usually is on this scanner: {told}.",
            *(number(f"{name}_z", s.z, "1", limits.baseline_info_z) for _, name, s in outside),
        )
    ]


def against_baseline(check: SeriesCheck, baseline: Baseline, limits: Limits = SHIPPED) -> SeriesCheck:
    """Return the check with its standings and what follows from them. The verdict never gets better by it."""
    if check.verdict not in ORDER or check.kind.derived:
        return check
    found = standings(check, baseline)
    extra = baseline_defects(found, limits)
    verdict = check.verdict
    if any(one.severity is Severity.MINOR for one in extra):
        verdict = max(verdict, Verdict.LIMITED, key=ORDER.index)
    return replace(check, standings=found, defects=(*check.defects, *extra), verdict=verdict)


def drift_alarms(baseline: Baseline) -> tuple[DriftAlarm, ...]:
    """Return the measures of each coil of each scanner that left their own past, the latest alarm first.

    Every value is scored by its rank in the history of its own kind of scan (`control.normal_scores`), the scores of
    all kinds of one coil are put in order of time, and their moving average is watched. On values that do not change,
    one chart gives a false alarm once in 10 000 scans. An alarm that has passed is told with `lasting` False; of
    several on one chart the last one is.
    """
    charts: dict[tuple[Scanner, str, str], list[_Point]] = defaultdict(list)
    for kind, history in enumerate(baseline.histories):
        for name in BETTER:
            seen = [(s.at, s.values[name]) for s in history.sightings if name in s.values]
            scores = control.normal_scores(value for _, value in seen)
            charts[history.key.scanner, history.key.coil, name] += [
                (at, kind, score, value) for (at, value), score in zip(seen, scores, strict=True)
            ]
    found = [alarm for key, points in charts.items() if (alarm := _alarm(*key, sorted(points))) is not None]
    return tuple(sorted(found, key=lambda alarm: (alarm.at, alarm.measure), reverse=True))


_Point = tuple[datetime, int, float, float]  # when, which kind of scan, score, value


def _alarm(scanner: Scanner, coil: str, measure: str, points: list[_Point]) -> DriftAlarm | None:
    """Return the last alarm of one chart; `since` is where the moving average last left zero before it."""
    if len(points) < LEAST:
        return None
    level = control.moving_average([score for _, _, score, _ in points])
    beyond = np.flatnonzero(np.abs(level) > control.LIMIT)
    if beyond.size == 0:
        return None
    starts = beyond[np.flatnonzero(np.diff(beyond, prepend=-2) > 1)]
    at = int(starts[-1])
    side = np.sign(level[at])
    other = np.flatnonzero(np.sign(level[:at]) != side)
    since = int(other[-1]) + 1 if other.size else 0
    return DriftAlarm(
        scanner=scanner,
        coil=coil,
        measure=measure,
        since=points[since][0],
        at=points[at][0],
        change=_change(points, since),
        score=float(level[at]),
        limit=control.LIMIT,
        worse=bool(side > 0) == (BETTER[measure] == "lower"),
        lasting=bool(abs(level[-1]) > control.LIMIT),
        scans=len(points) - since,
    )


def _change(points: list[_Point], since: int) -> float:
    """Return the median share by which values since then differ from the median of their kind before; 0 without any."""
    before: dict[int, list[float]] = defaultdict(list)
    for _, kind, _, value in points[:since]:
        before[kind].append(value)
    usual = {kind: float(np.median(values)) for kind, values in before.items()}
    shares = [(value - usual[kind]) / abs(usual[kind]) for _, kind, _, value in points[since:] if usual.get(kind)]
    return float(np.median(shares)) if shares else 0.0


def _order(key: ScanKey) -> tuple[str, ...]:
    scanner = key.scanner
    return scanner.manufacturer, scanner.model, scanner.device, scanner.software, key.coil, key.kind, key.name
