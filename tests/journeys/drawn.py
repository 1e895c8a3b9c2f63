"""Heads drawn without the project's own phantom, written as a scanner would write them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, shift

from mriloop.edges.dicom.phantom_headers import InventedPatient, PhantomStudy
from mriloop.edges.dicom.phantom_study import as_series, write_study
from mriloop.imaging.phantom import Acquired
from mriloop.model.coding import Region

START = datetime(2026, 11, 20, 8, 0, tzinfo=timezone(timedelta(hours=1)))
GRID = {"matrix": (64, 64, 12), "spacing": (3.4, 3.4, 6.0), "thickness": 6.0}


def drawn(prescription, *, noise=0.02, ghost=0.0, walk_mm=0.0, missing=()) -> Acquired:
    """Return an ellipsoid with texture as a scanner would have taken it: noisy, ghosting, walking, with slices lost."""
    x, y, z = np.mgrid[-1:1:64j, -1:1:64j, -1:1:12j]
    rng = np.random.default_rng(6)
    radius = np.sqrt((x / 0.62) ** 2 + (y / 0.72) ** 2 + (z / 1.3) ** 2)
    one = np.where(
        radius < 1, (0.5 + 0.5 * gaussian_filter(rng.standard_normal(x.shape), (1.2, 1.2, 0.6))).clip(0.1), 0
    )
    one = one + ghost * np.roll(one, 32, axis=prescription.phase_index)
    volumes = prescription.points
    steps = walk_mm / 3.4 * rng.standard_normal((volumes, 2)).cumsum(axis=0)
    clean = np.stack([shift(one, (*step, 0.0), order=1) for step in steps], axis=3)
    data = np.hypot(clean + noise * rng.standard_normal(clean.shape), noise * rng.standard_normal(clean.shape))
    present = np.ones((12, volumes), dtype=bool)
    present[list(missing)] = False
    data[:, :, list(missing)] = 0
    nothing = np.zeros(data.shape[:3], dtype=np.uint16)
    return Acquired(
        data=(data if volumes > 1 else data[..., 0]).astype(np.float32),
        affine=prescription.affine,
        present=present if volumes > 1 else present[:, 0],
        tissue_labels=nothing.astype(np.uint8),
        lesion_labels=nothing,
        true_motion_mm=0.0,
        framewise_mm=np.zeros(volumes),
        poses=np.tile(np.eye(4), (volumes, 1, 1)),
        noise_sigma=noise,
        prescription=prescription,
    )


def write(acquired: Acquired, out: Path, *, enhanced: bool = False, day: int = 0) -> None:
    """Write one series of an invented patient, `day` days after the first."""
    study = PhantomStudy(
        key=f"drawn {day}",
        patient=InventedPatient(name="Invented^Person", patient_id="TEST-1", birth_date="19800229", sex="O"),
        started_at=START + timedelta(days=day),
        description="Head",
        region=Region.BRAIN,
        laterality="",
        feet_first=False,
    )
    write_study(study, [as_series(acquired, number=1, started_at=START + timedelta(days=day))], out, enhanced=enhanced)
