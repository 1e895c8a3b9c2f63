"""The invented patients: who they are, how they lie, what is planted in them, and which series they get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

import numpy as np

from mriloop.edges.dicom.phantom_headers import InventedPatient
from mriloop.imaging.phantom import (
    Faults,
    Lesion,
    LesionKind,
    Motion,
    Prescription,
    Site,
    Visit,
    bold_epi,
    drift,
    dwi_axial,
    find_sites,
    flair_axial,
    localizer,
    pituitary_t1,
    pituitary_t2,
    restless,
    step,
    stir_foot,
    t1_3d,
    t1_axial,
    t1_foot,
    t2_axial,
)
from mriloop.model.coding import Plane, Region
from mriloop.model.study import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One series of a plan: what is prescribed, how the patient moves, what goes wrong, when it is taken."""

    prescription: Prescription
    motion: Motion | None = None
    faults: Faults = Faults(snr=45.0)  # noqa: RUF009 - frozen
    after_contrast: bool = False
    with_adc: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """One visit of a plan: when, how the patient lies, which lesions, which series."""

    at: datetime
    visit: Visit
    shots: tuple[Shot, ...]
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """An invented patient. `story` is what a reader should find; `seed` makes the person."""

    name: str
    story: str
    patient: InventedPatient
    region: Region
    seed: int
    plan: Callable[[int], tuple[Appointment, Appointment | None]]
    coil: str = "Head_32"
    laterality: str = ""


def _at(year: int, month: int, day: int, hour: int, minute: int) -> datetime:
    """Return a local time of the invented hospital."""
    return datetime(year, month, day, hour, minute, tzinfo=timezone(timedelta(hours=1)))


def _multiple_sclerosis(seed: int) -> tuple[Appointment, Appointment]:
    rng = np.random.default_rng([seed, 0x3115])
    wanted = [(Site.PERIVENTRICULAR, 7), (Site.JUXTACORTICAL, 3), (Site.DEEP, 4), (Site.INFRATENTORIAL, 1)]
    places: list[tuple[Site, Point]] = []
    for site, count in wanted:
        taken = [place for _, place in places]
        places += [(site, place) for place in find_sites(seed, site, count, rng, taken)]
    lesions = []
    for number, (site, place) in enumerate(places, start=1):
        long = float(rng.uniform(3.2, 5.0))
        radii = (long, long * float(rng.uniform(0.65, 0.9)), long * float(rng.uniform(0.6, 0.9)))
        lesions.append(
            Lesion(
                id=number,
                center_mm=place,
                radii_mm=radii,
                severity=float(rng.uniform(0.7, 1.0)),
                rotation_deg=(0.0, 0.0, float(rng.uniform(-60, 60))),
                site=site.value,
            )
        )
    resolved, shrinking, enlarging = lesions[1], lesions[4], lesions[8]
    fresh = (lesions[2], lesions[9], lesions[12], lesions[6])
    stable = [one for one in lesions if one not in (resolved, shrinking, enlarging, *fresh)]
    before = (*stable, resolved, _sized(shrinking, 1.25), enlarging)
    active = replace(_sized(fresh[3], 1.2), kind=LesionKind.MS_ACTIVE, severity=1.0)
    after = (*stable, _sized(shrinking, 0.85), _sized(enlarging, 1.4), *fresh[:3], active)
    shots = (Shot(prescription=t1_3d()), Shot(prescription=flair_axial()), Shot(prescription=t2_axial()))
    contrast = (Shot(prescription=t1_axial()), Shot(prescription=t1_axial(), after_contrast=True))
    today = Appointment(
        at=_at(2026, 11, 12, 9, 30),
        visit=Visit(lesions=after, translation_mm=(4.0, -5.0, 3.0), rotation_deg=(5.0, -2.5, 4.0)),
        shots=(*shots, *contrast),
        description="MRI brain MS follow-up",
    )
    prior = Appointment(
        at=_at(2025, 11, 6, 14, 10), visit=Visit(lesions=before), shots=shots, description="MRI brain MS follow-up"
    )
    return today, prior


def _sized(lesion: Lesion, by: float) -> Lesion:
    a, b, c = lesion.radii_mm
    return replace(lesion, radii_mm=(a * by, b * by, c * by))


def _one_visit(shots: tuple[Shot, ...], description: str, at: datetime, visit: Visit | None = None) -> Appointment:
    return Appointment(at=at, visit=visit or Visit(), shots=shots, description=description)


def _moving(seed: int) -> tuple[Appointment, None]:
    rng = np.random.default_rng([seed, 0x307E])
    toss = restless(rng, moves=3, translation_mm=1.6, rotation_deg=2.0)
    nod = restless(rng, moves=3, translation_mm=1.8, rotation_deg=2.4)
    shots = (
        Shot(prescription=t1_3d()),
        Shot(prescription=t2_axial(), motion=toss),
        Shot(prescription=flair_axial(), motion=nod),
        Shot(prescription=dwi_axial(), with_adc=True),
    )
    return _one_visit(shots, "MRI brain", _at(2026, 11, 16, 11, 5)), None


def _claustrophobic(seed: int) -> tuple[Appointment, None]:
    shots = (
        Shot(prescription=localizer()),
        Shot(prescription=t2_axial()),
        Shot(prescription=flair_axial(), faults=Faults(snr=45.0, stop_at=0.6)),
    )
    return _one_visit(shots, "MRI brain with and without contrast", _at(2026, 11, 17, 15, 20)), None


def _pituitary(seed: int) -> tuple[Appointment, Appointment]:
    residual = Lesion(
        id=1,
        kind=LesionKind.ADENOMA,
        center_mm=(-6.0, 2.0, -28.5),
        radii_mm=(4.0, 3.5, 3.5),
        site="left cavernous margin of the sella",
    )
    fluid = Lesion(
        id=2,
        kind=LesionKind.FLUID,
        center_mm=(3.0, 3.0, -28.0),
        radii_mm=(4.5, 4.0, 3.5),
        site="operated part of the sella",
    )
    shots = (
        Shot(prescription=pituitary_t1()),
        Shot(prescription=pituitary_t2()),
        Shot(prescription=pituitary_t1(), after_contrast=True),
    )
    today = _one_visit(
        shots,
        "MRI pituitary with and without contrast",
        _at(2026, 7, 13, 10, 40),
        Visit(lesions=(residual,), translation_mm=(-1.5, 2.0, 1.0), rotation_deg=(2.0, 1.0, -2.0)),
    )
    prior = _one_visit(
        shots,
        "MRI pituitary with and without contrast",
        _at(2026, 4, 14, 9, 0),
        Visit(lesions=(residual, fluid)),
    )
    return today, prior


def _foot(seed: int) -> tuple[Appointment, None]:
    ulcer = Lesion(
        id=1, kind=LesionKind.ULCER, center_mm=(20.0, 62.0, -36.0), radii_mm=(7.0, 9.0, 4.5), site="plantar, first ray"
    )
    halo = Lesion(
        id=2,
        kind=LesionKind.SOFT_TISSUE_OEDEMA,
        center_mm=(18.0, 60.0, -31.0),
        radii_mm=(15.0, 22.0, 7.0),
        severity=0.7,
        site="subcutaneous fat about the ulcer",
    )
    shots = (
        Shot(prescription=t1_foot()),
        Shot(prescription=stir_foot()),
        Shot(prescription=t1_foot(plane=Plane.CORONAL)),
        Shot(prescription=stir_foot(plane=Plane.CORONAL)),
    )
    return (
        _one_visit(shots, "MRI foot left without contrast", _at(2026, 11, 13, 13, 15), Visit(lesions=(halo, ulcer))),
        None,
    )


def _contrast_only(seed: int) -> tuple[Appointment, None]:
    shots = (Shot(prescription=localizer()), Shot(prescription=t1_axial(), after_contrast=True))
    return _one_visit(shots, "MRI brain with contrast", _at(2026, 11, 19, 8, 50)), None


def _clean(seed: int) -> tuple[Appointment, None]:
    shots = (
        Shot(prescription=t1_3d()),
        Shot(prescription=t2_axial()),
        Shot(prescription=flair_axial()),
        Shot(prescription=dwi_axial(), with_adc=True),
    )
    return _one_visit(shots, "MRI brain", _at(2026, 11, 10, 10, 0)), None


def _time_series(seed: int) -> tuple[Appointment, None]:
    moved = drift((0.6, -0.8, 1.2), (1.5, 0.0, -0.8))
    jump = step(0.5, (0.0, 1.0, 2.5), (3.0, 0.0, 1.0))
    shots = (
        Shot(prescription=bold_epi(volumes=20)),
        Shot(prescription=bold_epi(volumes=20), motion=moved),
        Shot(prescription=bold_epi(volumes=20), motion=jump),
    )
    return _one_visit(shots, "MRI brain functional", _at(2026, 11, 11, 16, 0)), None


def _person(name: str, number: int, born: str, sex: str, weight: float = 70.0, size: float = 1.70) -> InventedPatient:
    return InventedPatient(
        name=name, patient_id=f"PHANTOM-{number:03d}", birth_date=born, sex=sex, weight_kg=weight, size_m=size
    )


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="ms",
        story="Multiple sclerosis, a year after the last MRI: new, enlarging, shrinking, resolved and stable lesions.",
        patient=_person("Imaginary^Iris", 1, "19890314", "F", 64, 1.68),
        region=Region.BRAIN,
        seed=11,
        plan=_multiple_sclerosis,
    ),
    Scenario(
        name="motion",
        story="Headache; the patient could not lie still: T2 and FLAIR must be repeated, the rest is fine.",
        patient=_person("Fidget^Felix", 2, "19570822", "M", 82, 1.78),
        region=Region.BRAIN,
        seed=12,
        plan=_moving,
    ),
    Scenario(
        name="claustrophobia",
        story="The patient asked to come out: FLAIR stops at sixty percent of its slices, T1 was never taken.",
        patient=_person("Narrow^Nadia", 3, "19740130", "F", 71, 1.66),
        region=Region.BRAIN,
        seed=13,
        plan=_claustrophobic,
    ),
    Scenario(
        name="pituitary",
        story="Fifteen years old, pituitary adenoma operated on 2026-01-10: a small residual, unchanged since April.",
        patient=_person("Madeup^Milo", 4, "20110503", "M", 55, 1.69),
        region=Region.PITUITARY,
        seed=14,
        plan=_pituitary,
    ),
    Scenario(
        name="foot",
        story="Diabetic foot ulcer under the first ray; marrow is normal: no sign of osteomyelitis.",
        patient=_person("Fictive^Frank", 5, "19610917", "M", 96, 1.80),
        region=Region.FOOT,
        seed=15,
        plan=_foot,
        coil="Foot_Ankle_16",
        laterality="L",
    ),
    Scenario(
        name="contrast_only",
        story="Ordered with contrast only: there is no T1 before contrast to compare with.",
        patient=_person("Pretend^Paula", 6, "19830706", "F", 68, 1.72),
        region=Region.BRAIN,
        seed=16,
        plan=_contrast_only,
    ),
    Scenario(
        name="clean",
        story="A brain with nothing wrong, nobody moved, nothing failed.",
        patient=_person("Fabled^Fay", 7, "19950219", "F", 60, 1.65),
        region=Region.BRAIN,
        seed=17,
        plan=_clean,
    ),
    Scenario(
        name="fmri_motion",
        story="Three BOLD runs: still, drifting, and one sudden movement half-way.",
        patient=_person("Notional^Noah", 8, "20000111", "M", 75, 1.83),
        region=Region.BRAIN,
        seed=18,
        plan=_time_series,
    ),
)
