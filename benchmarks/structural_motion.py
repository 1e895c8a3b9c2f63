"""Motion in mm from one volume, on real volumes moved by simulators that the model never saw.

Simulators: torchio's RandomMotion (two to five poses, contiguous parts of k-space, real part), and one of this file: a
random walk seen by four coils, image-space linear resampling shot by shot, a direct Fourier matrix, root of sum of
squares. Truth: root-mean-square displacement of the object, weighted by line as `kspace_motion.displacement_mm` says,
and beside it with uniform weights. Every volume is judged by a model that has seen no volume of its subject
(MRILOOP_MOTION_FOLDS names the folder that `python -m training.motion --folds` wrote); without it the shipped model
is used, and the row says "in sample". MRILOOP_PEER_TORCHIO names an interpreter with torchio.
Bars: AUC of at least 1.5 mm against none 0.95; false repeats on untouched series 2 %; median absolute error 0.4 mm
between 0.5 and 4 mm. Intervals: 95 %, bootstrap over subjects.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import affine_transform
from scipy.spatial.transform import Rotation
from scipy.stats import rankdata
from training.motion.sources import Source, read_folder

from mriloop.edges.knowledge.models import load_motion_model, read_motion_model
from mriloop.imaging.foreground import regions
from mriloop.imaging.kspace_motion import line_weights, spread_mm
from mriloop.imaging.motion_features import features
from mriloop.imaging.motion_model import NOISE_MOST, STEP_MM, VOXEL_LEAST, MotionModel, predict, strangeness
from mriloop.stages.check.limits import SHIPPED

REAL = Path(os.environ.get("MRILOOP_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
PEER = os.environ.get("MRILOOP_PEER_TORCHIO", "")
FOLDS = os.environ.get("MRILOOP_MOTION_FOLDS", "")
EACH = int(os.environ.get("MRILOOP_MOTION_EACH", "3"))
STILL, CHECKED, TORCHIO, WALK = "untouched, each axis", "untouched", "torchio", "random walk, coils"
NAMES = ("01", "02", "10", "12", "16", "17", "21")
Row = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One volume to judge: its truth under both weightings, and its features along `axis` (both axes where unknown)."""

    source: Source
    simulator: str
    truth: float
    uniform: float
    rows: tuple[dict[str, float], ...]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One judged volume: its truth under both weightings and the interval, NaN where the model declines."""

    source: Source
    simulator: str
    truth: float
    uniform: float
    lower: float
    middle: float
    upper: float


def run() -> list[Row]:
    """Return one row per simulator and split."""
    sources = [s for s in _sources() if fits(s)]
    return report([shot for source in sources for shot in shots(source)]) if sources else []


def _sources() -> Iterator[Source]:
    for name in NAMES:
        for folder in sorted(REAL.glob(f"{name}_*")) if REAL.is_dir() else ():
            yield from read_folder(folder, folder.name)


def shots(source: Source) -> Iterator[Shot]:
    """Yield everything that is judged of one series."""
    yield from untouched(source)
    yield from walked(source)
    if PEER:
        yield from by_torchio(source)


def report(taken: Sequence[Shot]) -> list[Row]:
    """Judge every volume by a model that has not seen its subject, and return the table."""
    models = Models()
    seen = [judged(shot, models.for_(shot.source)) for shot in taken]
    return table(seen, models, [shot.source for shot in taken])


def fits(source: Source) -> bool:
    """Tell whether a series lies in the model's range at all: the others are refused by their geometry."""
    inside = all(STEP_MM[0] <= s <= STEP_MM[1] for s in source.spacing_mm[:2])
    return inside and min(source.values.shape[:2]) >= VOXEL_LEAST and source.values.shape[2] > 1


class Models:
    """The model for each subject: one that has not seen it where the folds are at hand."""

    def __init__(self) -> None:
        self.shipped = load_motion_model()
        self.folds: dict[str, MotionModel] = {}
        for path in sorted(Path(FOLDS).glob("*.npz")) if FOLDS else ():
            self.folds[path.stem] = read_motion_model(path.read_bytes(), str(path))

    def for_(self, source: Source) -> MotionModel:
        """Return the model that judges this source."""
        return self.folds.get(source.group, self.shipped)

    def held_out(self, sources: Sequence[Source]) -> bool:
        """Tell whether every source is judged by a model that has not seen it."""
        return all(source.group in self.folds for source in sources)


def untouched(source: Source) -> Iterator[Shot]:
    """Take the series as CHECK would, and once along each in-plane axis for the comparison with moved ones."""
    axes = (0, 1) if source.axis is None else (source.axis,)
    rows = [taken(source, source.values, axis) for axis in (0, 1)]
    yield Shot(source=source, simulator=CHECKED, truth=0.0, uniform=0.0, rows=tuple(rows[axis] for axis in axes))
    for row in rows:
        yield Shot(source=source, simulator=STILL, truth=0.0, uniform=0.0, rows=(row,))


def taken(source: Source, values: np.ndarray, axis: int) -> dict[str, float]:
    """Return the features of a volume, its masks found anew."""
    found = regions(values, source.spacing_mm)
    return features(values, found.object, found.zeroed, source.spacing_mm, axis)


def judged(shot: Shot, model: MotionModel) -> Seen:
    """Return the interval as `motion_model.judge` gives it: refused looks stay out, of two axes the worse counts."""
    best = (float("nan"),) * 3
    for row in shot.rows:
        x = np.array([[row.get(name, np.nan) for name in model.names]])
        if not row or row["noise.m"] > NOISE_MOST or strangeness(model, x)[0] > model.familiar_most:
            best = (float("nan"),) * 3
            break
        found = predict(model, x)[0]
        if not best[1] >= found[1]:
            best = (float(found[0]), float(found[1]), float(found[2]))
    return Seen(
        source=shot.source,
        simulator=shot.simulator,
        truth=shot.truth,
        uniform=shot.uniform,
        lower=best[0],
        middle=best[1],
        upper=best[2],
    )


def both(poses: np.ndarray, of_line: np.ndarray, spacing: float, points: np.ndarray) -> tuple[float, float]:
    """Return the truth with the weights of lines and with uniform ones; `of_line` is the pose of each line."""
    n = len(of_line)
    found = []
    for weights in (line_weights(n, spacing), np.full(n, 1 / n)):
        found.append(spread_mm(poses, np.bincount(of_line, weights, minlength=len(poses)), points))
    return found[0], found[1]


def points_of(source: Source, rng: np.random.Generator) -> np.ndarray:
    """Return 400 points of the object in mm from the grid's middle."""
    index = np.argwhere(source.mask)
    chosen = index[rng.choice(len(index), 400)]
    return (chosen - (np.array(source.values.shape) - 1) / 2) * np.array(source.spacing_mm)


def walked(source: Source) -> Iterator[Shot]:
    """Move the slices that are judged by the second simulator."""
    for number in range(EACH):
        rng = np.random.default_rng([2718, number, *source.name.encode()[-6:]])
        axis = int(rng.integers(2))
        shots = int(rng.integers(6, 28))
        lines = source.values.shape[axis]
        segments = rng.random() < 0.5
        of_line = np.arange(lines) * shots // lines if segments else np.arange(lines) % shots
        steps = rng.normal(size=(shots, 6)) * np.array([1, 1, 1, 0.8, 0.8, 0.8])
        if source.values.shape[2] < 8:
            steps[:, 2:5] = 0
        walk = np.cumsum(steps, axis=0)
        walk *= rng.uniform(0.2, 5.0) / np.sqrt(np.square(walk - walk.mean(axis=0)).sum(axis=1).mean())
        poses = np.tile(np.eye(4), (shots, 1, 1))
        poses[:, :3, :3] = Rotation.from_euler("zyx", walk[:, 5:2:-1], degrees=True).as_matrix()
        poses[:, :3, 3] = walk[:, :3]
        truth, uniform = both(poses, of_line, source.spacing_mm[axis], points_of(source, rng))
        values = coils_walk(source, axis, poses, of_line)
        row = taken(source, values, axis)
        yield Shot(source=source, simulator=WALK, truth=truth, uniform=uniform, rows=(row,))


def coils_walk(source: Source, axis: int, poses: np.ndarray, of_line: np.ndarray) -> np.ndarray:
    """Return eight slices seen by four coils shot by shot, poses applied in image space, magnitudes combined."""
    counts = source.mask.sum(axis=(0, 1))
    full = np.flatnonzero(counts >= counts.max() / 3)
    kept = [int(k) for k in np.unique(np.round(np.linspace(full[0], full[-1], 8)).astype(int))]
    shape, spacing = source.values.shape, np.array(source.spacing_mm)
    middle = (np.array(shape) - 1) / 2
    n = shape[axis]
    k = np.arange(n) - n // 2
    fourier = np.exp(-2j * np.pi * np.outer(k, np.arange(n)) / n) / np.sqrt(n)
    i, j = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    coils = [
        np.exp(-0.5 * ((i - a) ** 2 + (j - b) ** 2) + 1j * (a * j + b * i))
        for a, b in ((1.1, 0), (-1.1, 0), (0, 1.1), (0, -1.1))
    ]
    out = np.zeros((shape[0], shape[1], len(kept)))
    for number, slice_index in enumerate(kept):
        reach = slice(max(0, slice_index - 12), min(shape[2], slice_index + 13))
        slab = source.values[:, :, reach]
        lines = [np.zeros((shape[axis], shape[1 - axis]), complex) for _ in coils]
        for shot, pose in enumerate(poses):
            own = np.flatnonzero(of_line == shot)
            back = np.linalg.inv(pose)
            matrix = back[:3, :3] * spacing[None] / spacing[:, None]
            offset = middle + back[:3, 3] / spacing - matrix @ middle + matrix[:, 2] * slice_index
            offset[2] -= reach.start
            seen = affine_transform(slab, matrix, offset, output_shape=(*shape[:2], 1), order=1, mode="nearest")
            for coil, line in zip(coils, lines, strict=True):
                picture = seen[:, :, 0] * coil
                line[own] = fourier[own] @ (picture if axis == 0 else picture.T)
        total = sum(np.square(np.abs(fourier.conj().T @ line)) for line in lines)
        level = sum(np.square(np.abs(coil)) for coil in coils)
        picture = np.sqrt(total if axis == 0 else total.T) / np.sqrt(level)
        out[:, :, number] = picture
    return out.astype(np.float32)


def by_torchio(source: Source) -> Iterator[Shot]:
    """Move whole volumes by torchio in a child process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        axes = {}
        for number in range(EACH):
            rng = np.random.default_rng([314, number, *source.name.encode()[-6:]])
            axis = int(rng.integers(2))
            order = [1 - axis, 2, axis]
            spacing = np.array(source.spacing_mm)[order]
            values = np.ascontiguousarray(source.values.transpose(order))
            affine = np.diag([*spacing, 1.0])
            affine[:3, 3] = -(np.array(values.shape) - 1) / 2 * spacing
            size = float(np.exp(rng.uniform(np.log(0.8), np.log(8.0))))
            axes[number] = axis, rng
            np.savez(
                folder / f"job{number}.npz", values=values, affine=affine, degrees=size, shift=size,
                moves=int(rng.integers(1, 5)), seed=int(rng.integers(1 << 31)),
                flat=1 if source.values.shape[2] < 8 else -1,
            )  # fmt: skip
        command = [PEER, str(Path(__file__).with_name("torchio_motion.py")), name]
        subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True)
        for number, (axis, rng) in axes.items():
            got = np.load(folder / f"moved{number}.npz")
            order = [1 - axis, 2, axis]
            values = np.ascontiguousarray(got["values"].transpose(np.argsort(order)))
            lps = np.diag([-1.0, -1.0, 1.0, 1.0])
            poses = np.array([lps @ np.linalg.inv(m) @ lps for m in got["matrices"]])
            n = values.shape[axis]
            of_line = np.searchsorted((got["until"] * n).round().astype(int), np.arange(n), side="right")
            points = points_of(source, rng)[:, order]
            truth, uniform = both(poses, of_line, source.spacing_mm[axis], points)
            row = taken(source, values, axis)
            yield Shot(source=source, simulator=TORCHIO, truth=truth, uniform=uniform, rows=(row,))


def table(seen: Sequence[Seen], models: Models, sources: Sequence[Source]) -> list[Row]:
    """Return the rows: each simulator whole, then by contrast and by voxel size; and the untouched series."""
    judged = "subjects held out" if models.held_out(sources) else "in sample"
    rows: list[Row] = []
    checked = [one for one in seen if one.simulator == CHECKED]
    said = [one for one in checked if np.isfinite(one.lower)]
    repeats = [one for one in said if one.lower > SHIPPED.within_major_mm]
    warned = [one for one in said if one.lower > SHIPPED.within_minor_mm]
    rows.append(
        {
            "volumes": CHECKED,
            "split": "all",
            "judged by": judged,
            "n": len(checked),
            "subjects": len({one.source.group for one in checked}),
            "declined": len(checked) - len(said),
            "false repeats": f"{len(repeats)} of {len(said)} (≤ {upper_bound(len(repeats), len(said)):.0%})",
            "false warnings": f"{len(warned)} of {len(said)}",
        }
    )
    still = [one for one in seen if one.simulator == STILL and np.isfinite(one.middle)]
    splits: list[tuple[str, Callable[[Seen], bool]]] = [("all", lambda one: True)]
    for contrast in sorted({s.contrast for s in sources}):
        splits.append((contrast, lambda one, c=contrast: one.source.contrast == c))  # type: ignore[misc]
    for low, high in ((0.0, 0.95), (0.95, 1.3), (1.3, 2.6)):
        splits.append((f"{low} to {high} mm", lambda one, a=low, b=high: a <= min(one.source.spacing_mm[:2]) < b))  # type: ignore[misc]
    for simulator in (TORCHIO, WALK):
        for weighting in ("truth", "uniform"):
            for name, rule in splits if weighting == "truth" else splits[:1]:
                own = [one for one in seen if one.simulator == simulator and rule(one)]
                rows += _row(own, [one for one in still if rule(one)], simulator, name, weighting, judged)
    if not any(one.simulator == TORCHIO for one in seen):
        rows.append({"volumes": TORCHIO, "split": "not run: MRILOOP_PEER_TORCHIO names no interpreter with torchio"})
    heads = list(dict.fromkeys(head for row in rows for head in row))
    return [{head: row.get(head, "") for head in heads} for row in rows]


def _row(own: list[Seen], still: list[Seen], simulator: str, split: str, weighting: str, judged: str) -> list[Row]:
    said = [one for one in own if np.isfinite(one.middle)]
    if len(said) < 4 or not still:
        return []
    moved = [one for one in said if getattr(one, weighting) >= 1.5]
    middle = [one for one in said if 0.5 <= getattr(one, weighting) <= 4]

    def area(chosen: Sequence[str]) -> float:
        return auc([o.middle for o in _of(moved, chosen)], [o.middle for o in _of(still, chosen)])

    def error(chosen: Sequence[str]) -> float:
        errors = [abs(o.middle - getattr(o, weighting)) for o in _of(middle, chosen)]
        return float(np.median(errors)) if errors else float("nan")

    subjects = sorted({one.source.group for one in [*said, *still]})
    covered = np.mean([o.lower <= getattr(o, weighting) <= o.upper for o in said])
    return [
        {
            "volumes": simulator,
            "split": split + ("" if weighting == "truth" else ", uniform weights"),
            "judged by": judged,
            "n": len(own),
            "subjects": len({one.source.group for one in own}),
            "declined": len(own) - len(said),
            "AUC ≥ 1.5 mm": _with_interval(area, subjects),
            "median error mm": _with_interval(error, subjects),
            "truth inside": f"{covered:.0%}",
            "repeat asked ≥ 3 mm": _share(said, weighting),
        }
    ]


def _share(said: list[Seen], weighting: str) -> str:
    bad = [one for one in said if getattr(one, weighting) >= 3]
    return f"{sum(o.lower > SHIPPED.within_major_mm for o in bad)} of {len(bad)}"


def _of(seen: list[Seen], subjects: Sequence[str]) -> list[Seen]:
    by: dict[str, list[Seen]] = {}
    for one in seen:
        by.setdefault(one.source.group, []).append(one)
    return [one for subject in subjects for one in by.get(subject, [])]


def _with_interval(measure: Callable[[Sequence[str]], float], subjects: list[str]) -> str:
    rng = np.random.default_rng(0)
    drawn = [measure(list(rng.choice(np.array(subjects), len(subjects)))) for _ in range(300)]
    finite = [d for d in drawn if np.isfinite(d)]
    low, high = np.percentile(finite, [2.5, 97.5]) if len(finite) > 20 else (np.nan, np.nan)
    return f"{measure(subjects):.2f} ({low:.2f} to {high:.2f})"


def auc(moved: Sequence[float], still: Sequence[float]) -> float:
    """Return the chance that a moved volume gets a larger middle than a still one; NaN without both."""
    if not moved or not still:
        return float("nan")
    ranks = rankdata([*moved, *still])
    return float((ranks[: len(moved)].sum() - len(moved) * (len(moved) + 1) / 2) / (len(moved) * len(still)))


def upper_bound(found: int, of: int) -> float:
    """Return the upper end of the 95 % interval of a share (Wilson)."""
    if of == 0:
        return 1.0
    z = 1.96
    p = found / of
    return float((p + z * z / (2 * of) + z * np.sqrt(p * (1 - p) / of + z * z / (4 * of * of))) / (1 + z * z / of))
