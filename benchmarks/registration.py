"""Known rigid maps on real and phantom volumes: greedy beside SimpleITK, error in mm and processor seconds."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mriloop.imaging.phantom import Visit, acquire, flair_axial, head
from mriloop.imaging.register import ENGINES, align, foreground, picture
from mriloop.imaging.resample import Grid, apply, mean_displacement_mm, rigid, sample

REAL = Path(os.environ.get("MRILOOP_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
SOURCES = ("12_ms_longitudinal_p12/raw/patient12/study1_FLAIR.nii.gz", "17_brain_T1_gadolinium_nifti/MR_Gd.nii.gz")
MOVES = ((6.0, 6.0), (14.0, 20.0), (20.0, 25.0))  # largest turn in degrees about an axis, largest shift in mm


def run() -> list[dict[str, object]]:
    """Return one row per engine: mean and worst error, processor seconds, both relative to greedy.

    Each volume is moved by a known map onto a grid turned against its own, with a smooth shading, gamma 1.2 and 2 %
    Rician noise. The error is the mean distance over 2000 foreground points between true and estimated position.
    """
    errors: dict[str, list[float]] = {name: [] for name in ENGINES}
    seconds: dict[str, list[float]] = {name: [] for name in ENGINES}
    for number, (data, grid) in enumerate(_volumes()):
        for move, (turn, shift) in enumerate(MOVES):
            rng = np.random.default_rng([number, move])
            moved, at, truth = _disturbed(data, grid, turn, shift, rng)
            points = _points(data, grid, rng)
            for name in ENGINES:
                begun = _spent()
                fit = align(picture(moved, at, 1.2), picture(data, grid.affine, 1.2), thorough=False, engine=name)
                seconds[name].append(_spent() - begun)
                errors[name].append(mean_displacement_mm(fit.matrix, truth, points))
    base = float(np.mean(errors["greedy"])), float(np.median(seconds["greedy"]))
    return [
        {
            "engine": name,
            "pairs": len(errors[name]),
            "error_mean_mm": round(float(np.mean(errors[name])), 3),
            "error_worst_mm": round(float(np.max(errors[name])), 3),
            "cpu_median_s": round(float(np.median(seconds[name])), 1),
            "error_ratio": round(float(np.mean(errors[name])) / base[0], 2),
            "cpu_ratio": round(float(np.median(seconds[name])) / base[1], 2),
        }
        for name in ENGINES
    ]


def _volumes() -> Iterator[tuple[np.ndarray, Grid]]:
    scan = acquire(head(Visit(), seed=3), flair_axial(), seed=1)
    yield scan.data.astype(np.float32), Grid(shape=scan.data.shape[:3], affine=scan.affine)
    for name in SOURCES:
        if (REAL / name).is_file():
            import nibabel

            image = nibabel.load(REAL / name)
            yield image.get_fdata(dtype=np.float32), Grid(shape=image.shape[:3], affine=image.affine)


def _disturbed(
    data: np.ndarray, grid: Grid, turn: float, shift: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the moved, shaded, noisy picture, its affine, and the true map from the picture to it."""
    turns, shifts = rng.uniform(-turn, turn, 3), rng.uniform(-shift, shift, 3)
    truth = rigid((turns[0], turns[1], turns[2]), (shifts[0], shifts[1], shifts[2]), grid.centre_ras_mm)
    affine = rigid((2.0, -1.5, 1.0), (0.3, -0.7, 1.1), grid.centre_ras_mm) @ grid.affine
    seen = sample(data, grid.affine, Grid(shape=grid.shape, affine=affine), truth)
    top = float(np.percentile(seen, 99.5))
    ramp = sum(
        rng.uniform(-0.3, 0.3) * np.linspace(-0.5, 0.5, n).reshape([-1 if a == axis else 1 for a in range(3)])
        for axis, n in enumerate(grid.shape)
    )
    shaded = (seen.clip(0) / top) ** 1.2 * np.exp(ramp)
    noisy = np.hypot(shaded + rng.normal(scale=0.02, size=grid.shape), rng.normal(scale=0.02, size=grid.shape))
    return (noisy * top).astype(np.float32), affine, truth


def _points(data: np.ndarray, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    index = np.argwhere(foreground(data))
    return apply(grid.affine, index[rng.choice(len(index), 2000)].astype(float))


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
