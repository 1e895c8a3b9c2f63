"""Rigid motion of the body during an acquisition, as a trajectory in millimetres and degrees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.phantom.prescription import rotation
from mriloop.model.study import Point
from mriloop.model.volume import Affine

Floats = npt.NDArray[np.float64]


def rigid(translation_mm: Point, rotation_deg: Point, pivot_mm: Point = (0.0, 0.0, 0.0)) -> Affine:
    """Return the (4, 4) that rotates about R, A, S through `pivot_mm` and then moves by `translation_mm` (RAS+ mm)."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(rotation_deg)
    pivot = np.array(pivot_mm)
    matrix[:3, 3] = pivot - matrix[:3, :3] @ pivot + np.array(translation_mm)
    return matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """Where the body is, relative to where it lay at first, while a series is acquired.

    times : rising, 0 at the first excitation of the series and 1 at its end
    translations_mm, rotations_deg : one triple per time, RAS+ axes of the scanner; linear between the times
    pivot_mm : the point rotations turn about (the neck is a good one: a nod moves the forehead most)
    """

    times: tuple[float, ...]
    translations_mm: tuple[Point, ...]
    rotations_deg: tuple[Point, ...]
    pivot_mm: Point = (0.0, -35.0, -60.0)

    def pose(self, time: float) -> Affine:
        """Return the (4, 4) map, RAS+ mm, from the body's first position to its position at `time` (0 to 1)."""
        moved = [np.interp(time, self.times, [v[n] for v in self.translations_mm]) for n in range(3)]
        turned = [np.interp(time, self.times, [v[n] for v in self.rotations_deg]) for n in range(3)]
        return rigid(
            (float(moved[0]), float(moved[1]), float(moved[2])),
            (float(turned[0]), float(turned[1]), float(turned[2])),
            self.pivot_mm,
        )


def step(at: float, translation_mm: Point = (0, 0, 0), rotation_deg: Point = (0, 0, 0)) -> Motion:
    """Return one sudden movement at time `at` (0 to 1): still before, still after."""
    zero = (0.0, 0.0, 0.0)
    return Motion(
        times=(0.0, at, min(at + 1e-6, 1.0), 1.0),
        translations_mm=(zero, zero, translation_mm, translation_mm),
        rotations_deg=(zero, zero, rotation_deg, rotation_deg),
    )


def drift(translation_mm: Point = (0, 0, 0), rotation_deg: Point = (0, 0, 0)) -> Motion:
    """Return a slow, steady movement from rest to the given pose."""
    zero = (0.0, 0.0, 0.0)
    return Motion(times=(0.0, 1.0), translations_mm=(zero, translation_mm), rotations_deg=(zero, rotation_deg))


def periodic(cycles: float, translation_mm: Point = (0, 0, 0), rotation_deg: Point = (0, 0, 0)) -> Motion:
    """Return a sinusoidal movement (breathing, a nodding head) of this amplitude and number of cycles."""
    times = np.linspace(0, 1, int(cycles * 24) + 2)
    wave = np.sin(2 * np.pi * cycles * times)
    return Motion(
        times=tuple(times.tolist()),
        translations_mm=tuple(_scaled(translation_mm, w) for w in wave),
        rotations_deg=tuple(_scaled(rotation_deg, w) for w in wave),
    )


def restless(rng: np.random.Generator, *, moves: int, translation_mm: float, rotation_deg: float) -> Motion:
    """Return `moves` sudden changes of pose at random times, each drawn with these standard deviations per axis."""
    starts = np.sort(rng.uniform(0.05, 0.95, moves))
    zero = (0.0, 0.0, 0.0)
    times, moved, turned = [0.0], [zero], [zero]
    for start in starts:
        times += [float(start), float(start) + 1e-6]
        new = [tuple(map(float, rng.normal(0, s, 3))) for s in (translation_mm, rotation_deg)]
        moved += [moved[-1], (new[0][0], new[0][1], new[0][2])]
        turned += [turned[-1], (new[1][0], new[1][1], new[1][2])]
    return Motion(times=(*times, 1.0), translations_mm=(*moved, moved[-1]), rotations_deg=(*turned, turned[-1]))


def displacement_mm(a: Affine, b: Affine, points: Floats) -> float:
    """Return the mean distance (mm) between where two poses put the same points (n, 3)."""
    change = a - b
    return float(np.linalg.norm(points @ change[:3, :3].T + change[:3, 3], axis=1).mean())


def _scaled(point: Point, by: float) -> Point:
    return float(point[0] * by), float(point[1] * by), float(point[2] * by)
