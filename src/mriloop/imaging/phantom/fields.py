"""Smooth random fields, seeded, that make every phantom head a person of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.ndimage import map_coordinates

Field = npt.NDArray[Any]


def band_noise(
    shape: tuple[int, int, int], spacing_mm: float, wavelength_mm: float, rng: np.random.Generator, octave: float = 0.35
) -> Field:
    """Return zero-mean, unit-variance noise (i, j, k), periodic, with power around one wavelength.

    `octave` is the width of the band on a natural-log frequency axis: small is regular, large is rough.
    """
    white = rng.standard_normal(shape, dtype=np.float32)
    spectrum = fft.rfftn(white)
    axes = [fft.fftfreq(n, spacing_mm) for n in shape[:2]] + [fft.rfftfreq(shape[2], spacing_mm)]
    radius = np.sqrt(sum(np.square(a) for a in np.ix_(*axes)))
    radius[0, 0, 0] = 1e-9
    band = np.exp(-0.5 * np.square(np.log(radius * wavelength_mm) / octave)) / np.maximum(radius, 1e-6)
    noise = fft.irfftn(spectrum * band.astype(np.float32), s=shape)
    noise -= noise.mean()
    return np.asarray(noise / noise.std(), dtype=np.float32)


def smooth_noise(
    shape: tuple[int, int, int], spacing_mm: float, wavelength_mm: float, rng: np.random.Generator
) -> Field:
    """Return zero-mean, unit-variance noise (i, j, k) with nothing shorter than about `wavelength_mm`.

    It is drawn on a coarse lattice and interpolated, so that a field over a whole head costs little.
    """
    coarse = tuple(max(4, int(np.ceil(n * spacing_mm / (wavelength_mm / 2.0))) + 3) for n in shape)
    lattice = rng.standard_normal(coarse, dtype=np.float32)
    field: Field = lattice
    for axis, n in enumerate(shape):
        at = 1.0 + np.arange(n) * spacing_mm / (wavelength_mm / 2.0)
        field = _spline_axis(field, at, axis)
    return np.asarray((field - field.mean()) / field.std(), dtype=np.float32)


def _spline_axis(values: Field, at: Field, axis: int) -> Field:
    """Interpolate along one axis with a cubic B-spline used as a smoother (no prefilter): partition of unity."""
    base = np.floor(at).astype(int)
    u = at - base
    weights = (
        (1 - u) ** 3 / 6.0,
        (3 * u**3 - 6 * u**2 + 4) / 6.0,
        (-3 * u**3 + 3 * u**2 + 3 * u + 1) / 6.0,
        u**3 / 6.0,
    )
    matrix = np.zeros((at.size, values.shape[axis]), dtype=np.float32)
    rows = np.arange(at.size)
    for offset, weight in zip((-1, 0, 1, 2), weights, strict=True):
        np.add.at(matrix, (rows, np.clip(base + offset, 0, values.shape[axis] - 1)), weight)
    return np.asarray(np.moveaxis(np.tensordot(matrix, values, axes=(1, axis)), 0, axis))


def sample(field: Field, points: tuple[Field, Field, Field], spacing_mm: float) -> Field:
    """Return a periodic field at points given in millimetres from its centre (linear interpolation)."""
    at = [p / spacing_mm + n / 2.0 for p, n in zip(points, field.shape, strict=True)]
    return np.asarray(map_coordinates(field, at, order=1, mode="grid-wrap"), dtype=np.float32)
