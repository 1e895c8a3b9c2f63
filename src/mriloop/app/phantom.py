"""Phantom studies on disk: image an invented patient's visits, write them as DICOM, and say what is true of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from mriloop.app.phantom_scenarios import SCENARIOS, Appointment, Scenario
from mriloop.edges.dicom.phantom_headers import PhantomSeries, PhantomStudy
from mriloop.edges.dicom.phantom_study import as_adc, as_series, write_study
from mriloop.imaging.phantom import Acquired, Anatomy, Visit, acquire, foot, head
from mriloop.model.coding import Region
from mriloop.model.comparison import ChangeKind
from mriloop.model.study import Point

STABLE_SHARE = 0.1
AT_ONCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionTruth:
    """A planted lesion. Positions are RAS+ mm in the patient frame of that visit; None where it is not there."""

    id: int
    kind: str
    change: ChangeKind | None
    volume_ml: float
    prior_volume_ml: float | None
    diameter_mm: float
    position_ras_mm: Point | None
    prior_position_ras_mm: Point | None
    site: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesTruth:
    """What is true of a written series of today: motion in mm inside the body, slices that are not there."""

    number: int
    description: str
    motion_mm: float
    framewise_mm: tuple[float, ...]
    missing_slices: tuple[int, ...]
    expected_slices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioTruth:
    """The truth of a scenario, as truth.json holds it.

    today_from_prior (4 × 4, rows) maps RAS+ mm of the prior's patient frame to today's; None without a prior.
    """

    scenario: str
    story: str
    lesions: tuple[LesionTruth, ...]
    series: tuple[SeriesTruth, ...]
    today_from_prior: tuple[tuple[float, ...], ...] | None
    files: int = field(default=0)


Progress = Callable[[str], None]


def write_scenario(name: str, out: Path, *, enhanced: bool = False, progress: Progress | None = None) -> ScenarioTruth:
    """Write the study of a scenario to `out/today`, its prior to `out/prior` where it has one, and out/truth.json.

    The same name gives the same bytes. `progress` is told each series as it is written. KeyError for an unknown name.
    """
    scenario = {one.name: one for one in SCENARIOS}[name]
    today, prior = scenario.plan(scenario.seed)
    anatomy, acquired = _image(scenario, today, salt=1)
    files = _write(scenario, today, acquired, out / "today", enhanced=enhanced, progress=progress)
    before = None
    if prior is not None:
        before, old = _image(scenario, prior, salt=2)
        files += _write(scenario, prior, old, out / "prior", enhanced=enhanced, progress=progress)
    truth = ScenarioTruth(
        scenario=name,
        story=scenario.story,
        lesions=_lesion_truth(anatomy, before),
        series=tuple(_series_truth(n, one) for n, one in enumerate(acquired, start=1)),
        today_from_prior=None if before is None else _rows(anatomy.pose @ np.linalg.inv(before.pose)),
        files=files,
    )
    document = {"schema": "mriloop/truth/1", **asdict(truth)}
    (out / "truth.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return truth


def _body(scenario: Scenario, visit: Visit) -> Anatomy:
    return (foot if scenario.region is Region.FOOT else head)(visit, seed=scenario.seed)


def _image(scenario: Scenario, appointment: Appointment, *, salt: int) -> tuple[Anatomy, list[Acquired]]:
    """Return the body of a visit and its series. Two are imaged at a time; each has its own seed, so none depends."""
    plain = _body(scenario, appointment.visit)
    bright = replace(plain, gadolinium=True)

    def image(number: int) -> Acquired:
        shot = appointment.shots[number]
        return acquire(
            bright if shot.after_contrast else plain,
            shot.prescription,
            motion=shot.motion,
            faults=shot.faults,
            seed=scenario.seed * 1000 + salt * 100 + number,
        )

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return plain, list(pool.map(image, range(len(appointment.shots))))


def _write(
    scenario: Scenario,
    appointment: Appointment,
    acquired: list[Acquired],
    out: Path,
    *,
    enhanced: bool,
    progress: Progress | None,
) -> int:
    study = PhantomStudy(
        key=f"{scenario.name} {appointment.at.isoformat()} {enhanced}",
        patient=scenario.patient,
        started_at=appointment.at,
        description=appointment.description,
        region=scenario.region,
        tesla=appointment.shots[0].prescription.tesla,
        laterality=scenario.laterality,
        feet_first=scenario.region is Region.FOOT,
        reason=appointment.description,
    )
    clock = appointment.at + timedelta(minutes=2)
    contrast: datetime | None = None
    series: list[PhantomSeries] = []
    for number, (shot, one) in enumerate(zip(appointment.shots, acquired, strict=True), start=1):
        if shot.after_contrast and contrast is None:
            contrast = clock + timedelta(minutes=1)
            clock = contrast + timedelta(minutes=5)
        at = contrast if shot.after_contrast else None
        written = as_series(one, number=number, started_at=clock, contrast_at=at, coil=scenario.coil)
        series.append(replace(written, description=f"{written.description} +GD") if shot.after_contrast else written)
        if shot.with_adc:
            series.append(as_adc(one, number=number * 100, started_at=clock, coil=scenario.coil))
        clock += timedelta(seconds=round(one.prescription.duration_s) + 20)
    return len(write_study(study, series, out, enhanced=enhanced, progress=progress))


def _lesion_truth(today: Anatomy, prior: Anatomy | None) -> tuple[LesionTruth, ...]:
    now = {lesion.id: (lesion, ml) for lesion, ml in zip(today.lesions, today.lesion_ml, strict=True)}
    then = {} if prior is None else {v.id: (v, ml) for v, ml in zip(prior.lesions, prior.lesion_ml, strict=True)}
    rows = []
    for key in sorted({*now, *then}):
        lesion, volume = now.get(key, (then[key][0] if key in then else now[key][0], 0.0))
        old = then.get(key)
        rows.append(
            LesionTruth(
                id=key,
                kind=lesion.kind.value,
                change=None if prior is None else _change(volume if key in now else None, old[1] if old else None),
                volume_ml=round(volume if key in now else 0.0, 5),
                prior_volume_ml=round(old[1], 5) if old else None,
                diameter_mm=round(lesion.diameter_mm, 3) if key in now else 0.0,
                # Where a resolved lesion was, carried into today's frame: that is where a reader would look.
                position_ras_mm=today.position_mm(lesion),
                prior_position_ras_mm=prior.position_mm(old[0]) if prior is not None and old else None,
                site=lesion.site,
            )
        )
    return tuple(rows)


def _change(now: float | None, then: float | None) -> ChangeKind:
    if then is None or now is None:
        return ChangeKind.NEW if then is None else ChangeKind.RESOLVED
    if abs(now - then) <= STABLE_SHARE * then:
        return ChangeKind.STABLE
    return ChangeKind.ENLARGING if now > then else ChangeKind.SHRINKING


def _series_truth(number: int, acquired: Acquired) -> SeriesTruth:
    present = acquired.present.reshape(acquired.present.shape[0], -1)
    return SeriesTruth(
        number=number,
        description=acquired.prescription.name,
        motion_mm=round(acquired.true_motion_mm, 4),
        framewise_mm=tuple(round(float(v), 4) for v in acquired.framewise_mm),
        missing_slices=tuple(int(k) for k in np.flatnonzero(~present.all(axis=1))),
        expected_slices=int(present.shape[0]),
    )


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(float(v), 6) for v in row) for row in matrix)
