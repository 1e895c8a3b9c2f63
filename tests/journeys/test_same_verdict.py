"""One series, written as classic and as enhanced objects: the same verdict, the same defects, the same measures."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from mriloop.app.check import check_path
from mriloop.edges.dicom.phantom_headers import InventedPatient, PhantomStudy
from mriloop.edges.dicom.phantom_study import as_series, write_study
from mriloop.imaging.phantom import Acquired, bold_epi, flair_axial, t1_3d, t2_axial
from mriloop.model.coding import Region
from mriloop.model.fact import Truth
from mriloop.model.quality import Severity
from mriloop.model.quantity import Quantity
from mriloop.settings import load

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


# What each copy must be found to have, beside remarks on settings of a protocol that such small matrices do not fit.
CASES = {
    "good": (lambda: drawn(replace(t2_axial(), **GRID)), set()),
    "good 3-D": (lambda: drawn(replace(t1_3d(), **GRID)), set()),
    "ghosts": (lambda: drawn(replace(t2_axial(), **GRID), ghost=0.15), {("ghosting", Severity.MAJOR)}),
    "noise": (lambda: drawn(replace(flair_axial(), **GRID), noise=0.12), {("low_snr", Severity.MINOR)}),
    "lost slices": (
        lambda: drawn(replace(t2_axial(), **GRID), missing=(5, 6)), {("missing_slices", Severity.MAJOR)}
    ),
    "movement": (lambda: drawn(replace(bold_epi(volumes=5), **GRID), walk_mm=4.0), {("motion", Severity.MAJOR)}),
}  # fmt: skip


def checked(acquired: Acquired, out: Path, *, enhanced: bool):
    study = PhantomStudy(
        key="same verdict",
        patient=InventedPatient(name="Invented^Person", patient_id="TEST-1", birth_date="19800229", sex="O"),
        started_at=START,
        description="Head",
        region=Region.BRAIN,
        laterality="",
        feet_first=False,
    )
    write_study(study, [as_series(acquired, number=1, started_at=START)], out, enhanced=enhanced)
    (found,) = check_path(out, load({}, executor="serial")).checks
    (series,) = found.series
    return series


@pytest.mark.parametrize("name", CASES)
def test_classic_and_enhanced_copies_agree(name, tmp_path):
    make, wanted = CASES[name]
    acquired = make()
    classic, enhanced = (checked(acquired, tmp_path / str(kind), enhanced=kind) for kind in (False, True))
    assert classic.verdict is enhanced.verdict
    found = [{(d.code, d.severity) for d in one.defects} for one in (classic, enhanced)]
    assert found[0] == found[1]
    assert {pair for pair in found[0] if not pair[0].startswith("protocol")} == wanted
    # The classic header has no word for "no fat suppression": unknown there, no here, never a contradiction.
    kinds = [replace(one.kind, basis={}, fat_suppressed=Truth.UNKNOWN) for one in (classic, enhanced)]
    assert kinds[0] == kinds[1]
    assert (classic.scanner, classic.coil) == (enhanced.scanner, enhanced.coil)
    for measure, one in classic.measures.items():
        other = enhanced.measures[measure]
        assert type(one) is type(other), measure
        if isinstance(one, Quantity):
            # Each slice of a classic series is scaled to 16 bits by itself, an enhanced object as a whole.
            assert other.value == pytest.approx(one.value, rel=0.01, abs=0.002), measure
