"""Displacement between volumes beside SimpleITK's registration and the phantom's truth: agreement and time."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813

from mriloop.edges.dicom import Limits, load_volumes, read_intake
from mriloop.imaging import motion
from mriloop.imaging.foreground import object_mask
from mriloop.imaging.phantom.acquire import Faults, acquire
from mriloop.imaging.phantom.anatomy import head
from mriloop.imaging.phantom.motion import drift, restless
from mriloop.imaging.phantom.prescription import bold_epi

REAL = Path(os.environ.get("MRILOOP_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
SERIES = ("03_ge_fmri_deliberate_head_motion", "04_siemens_mosaic_fmri_head_turn", "04_siemens_mosaic_fmri_still")


def run() -> list[dict[str, object]]:
    """Return one row per time series: mean displacement here, at SimpleITK, in truth, their differences, seconds."""
    rows = [_row(name, volumes, affine, truth) for name, volumes, affine, truth in _phantoms()]
    return rows + [_row(name, volumes, affine, None) for name, volumes, affine in _real()]


def _phantoms():
    anatomy, prescription = head(seed=0), bold_epi(volumes=10)
    rng = np.random.default_rng(5)
    for name, moves in {
        "phantom, restless": restless(rng, moves=5, translation_mm=1.0, rotation_deg=1.0),
        "phantom, drift": drift((1, 2, 1), (2, 1, 1)),
        "phantom, still": None,
    }.items():
        taken = acquire(anatomy, prescription, motion=moves, faults=Faults(snr=60), seed=1)
        yield name, [taken.data[..., t] for t in range(taken.data.shape[3])], taken.affine, taken.poses


def _real():
    for name in SERIES:
        if not (REAL / name).is_dir():
            continue
        with read_intake(REAL / name, Limits()) as intake:
            series = intake.studies[0].series[0]
            volume = load_volumes(intake, series, Limits())[0]
            yield name, [volume.data[..., t].astype(np.float32) for t in range(volume.count)], volume.affine


def _row(name, volumes, affine, poses):
    spacing = tuple(float(v) for v in np.linalg.norm(affine[:3, :3], axis=0))
    mask = object_mask(np.asarray(volumes[len(volumes) // 2], dtype=np.float32), spacing)
    points = motion.object_points(mask, affine)
    began = time.perf_counter()
    reference, found = motion.estimate(volumes, affine, mask)
    ours_s = time.perf_counter() - began
    began = time.perf_counter()
    theirs = [_sitk(volumes[reference], volume, affine, mask) for volume in volumes]
    theirs_s = time.perf_counter() - began
    mine = _framewise([one.matrix for one in found], points)
    peer = _framewise(theirs, points)
    row: dict[str, object] = {
        "series": name,
        "mean_mm": round(float(mine.mean()), 3),
        "simpleitk_mean_mm": round(float(peer.mean()), 3),
        "median_difference_mm": round(float(np.median(np.abs(mine - peer))), 3),
        "seconds": round(ours_s, 2),
        "simpleitk_seconds": round(theirs_s, 2),
        "times_as_fast": round(theirs_s / ours_s, 1),
    }
    if poses is not None:
        truth = _framewise(list(poses), points)
        row["truth_mean_mm"] = round(float(truth.mean()), 3)
        row["error_mm"] = round(float(np.abs(mine - truth).mean()), 3)
        row["simpleitk_error_mm"] = round(float(np.abs(peer - truth).mean()), 3)
    return row


def _framewise(matrices, points):
    return np.array([motion.mean_displacement(a, b, points) for a, b in itertools.pairwise(matrices)])


def _sitk(fixed, moving, affine, mask):
    """Return the 4 × 4 motion by SimpleITK: correlation metric, three resolutions, from the centre of the object."""
    images = [_image(v, affine) for v in (fixed, moving)]
    where = np.argwhere(mask).mean(axis=0)
    start = sitk.Euler3DTransform()
    start.SetCenter([float(v) for v in affine[:3, :3] @ where + affine[:3, 3]])
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-4, 200)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([2, 1, 1])
    method.SetSmoothingSigmasPerLevel([6, 3, 0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(start, inPlace=True)
    method.Execute(images[0], images[1])
    turn = np.array(start.GetMatrix()).reshape(3, 3)
    centre = np.array(start.GetCenter())
    result = np.eye(4)
    result[:3, :3] = turn
    result[:3, 3] = np.array(start.GetTranslation()) + centre - turn @ centre
    return result


def _image(volume, affine):
    """Wrap an array on its grid; SimpleITK is told RAS+ numbers and never learns that they are not LPS."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(np.asarray(volume, dtype=np.float32).T))
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing([float(v) for v in spacing])
    image.SetOrigin([float(v) for v in affine[:3, 3]])
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    return image
