"""Baselines as a use case: learn them from images or from results, show them, and name what drifts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mriloop.app.check import Judging
from mriloop.app.inputs import Progress, silent
from mriloop.app.results import check_paths
from mriloop.edges.knowledge.baselines import SITE_FILE, read_baseline, read_results, write_baseline
from mriloop.imaging import control
from mriloop.model.errors import Exit, refuse
from mriloop.model.norm import Baseline, DriftAlarm, ScanKey, Sighting
from mriloop.model.quality import Scanner, SeriesCheck
from mriloop.settings import Settings
from mriloop.stages.check.baseline import LEAST, drift_alarms, learned, sighting_of

_RESULTS = (".json", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What `baseline learn` did: the baseline as it is now, series seen, and those that nothing was learned from."""

    baseline: Baseline
    seen: int
    passed_over: int


def learn(paths: Sequence[Path], out: Path, settings: Settings, *, progress: Progress = silent) -> Learned:
    """Add the series under `paths` to the baseline at `out`, or start it.

    Files ending in .json, .jsonl or .ndjson are results of `mriloop check`; everything else is checked first. Series
    that the baseline knows are replaced, so that learning the same results twice changes nothing.
    """
    held = read_baseline(out) if out.exists() else Baseline()
    found: list[tuple[ScanKey, Sighting]] = []
    seen = 0
    for check in _checks(paths, settings, progress):
        seen += 1
        sighting = sighting_of(check)
        if sighting is not None:
            found.append(sighting)
    baseline = learned(held, found)
    write_baseline(baseline, out)
    return Learned(baseline=baseline, seen=seen, passed_over=seen - len(found))


def _checks(paths: Sequence[Path], settings: Settings, progress: Progress) -> Iterator[SeriesCheck]:
    for path in paths:
        if path.suffix.lower() in _RESULTS and not path.is_dir():
            yield from read_results(path)
        else:
            for study in check_paths([path], settings, Judging.of(settings), progress=progress).checks:
                yield from study.series


def baseline_in_force(settings: Settings, path: Path | None = None) -> Baseline | None:
    """Return the baseline at `path`, else the site's `norms/baseline.json`, else None."""
    if path is not None:
        return read_baseline(path)
    site = settings.site_path
    place = site / SITE_FILE if site is not None else None
    return read_baseline(place) if place is not None and place.is_file() else None


def baseline_needed(settings: Settings, path: Path | None) -> Baseline:
    """Return the baseline in force. Raises `usage_value` where there is none."""
    found = baseline_in_force(settings, path)
    if found is None:
        raise refuse("usage_value", detail=f"no baseline: give --baseline, or a site folder with {SITE_FILE}")
    return found


def baseline_document(baseline: Baseline) -> dict[str, Any]:
    """Return what `mriloop baseline show --json` prints: every kind of scan with median and spread of its measures."""
    kinds = []
    for history in baseline.histories:
        by_name: dict[str, list[float]] = {}
        for sighting in history.sightings:
            for name, value in sighting.values.items():
                by_name.setdefault(name, []).append(value)
        days = sorted(sighting.at.date().isoformat() for sighting in history.sightings)
        measures = {}
        for name, values in sorted(by_name.items()):
            median, spread = control.robust(values)
            measures[name] = {"count": len(values), "median": median, "spread": spread, "enough": len(values) >= LEAST}
        kinds.append(
            {
                **scanner_words(history.key.scanner),
                "coil": history.key.coil,
                "kind": history.key.kind,
                "name": history.key.name,
                "count": len(history.sightings),
                "first": days[0] if days else None,
                "last": days[-1] if days else None,
                "measures": measures,
            }
        )
    return {"schema": "mriloop/baseline-summary/1", "kinds": kinds}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """What drifts. A lasting alarm to the worse needs a person."""

    alarms: tuple[DriftAlarm, ...]

    @property
    def exit(self) -> Exit:
        """Return 10 while something is, and stays, worse than it was."""
        return Exit.NEEDS_PERSON if any(one.lasting and one.worse for one in self.alarms) else Exit.DONE

    def document(self) -> dict[str, Any]:
        """Return what `mriloop baseline alarms --json` prints."""
        return {
            "schema": "mriloop/alarms/1",
            "false_alarm_run": control.FALSE_ALARM_RUN,
            "alarms": [
                {
                    **scanner_words(one.scanner),
                    "coil": one.coil,
                    "measure": one.measure,
                    "since": one.since.date().isoformat(),
                    "at": one.at.date().isoformat(),
                    "change": round(one.change, 4),
                    "score": round(one.score, 2),
                    "limit": one.limit,
                    "worse": one.worse,
                    "lasting": one.lasting,
                    "scans": one.scans,
                }
                for one in self.alarms
            ],
        }


def alarms(baseline: Baseline, *, lasting: bool = True) -> Alarms:
    """Return the alarms of a baseline; with `lasting` those alone that are beyond their limit at the last scan."""
    found: Iterable[DriftAlarm] = drift_alarms(baseline)
    return Alarms(alarms=tuple(one for one in found if one.lasting or not lasting))


def scanner_words(scanner: Scanner) -> dict[str, str]:
    """Return a scanner as the documents name it."""
    return {
        "manufacturer": scanner.manufacturer,
        "model": scanner.model,
        "device": scanner.device,
        "software": scanner.software,
    }
