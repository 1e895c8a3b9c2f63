"""One training example: a source turned, recontrasted, moved line by line, and treated as scanners and archives do."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter
from training.motion.sources import Source

from mriloop.imaging.foreground import regions
from mriloop.imaging.kspace_motion import (
    Kind,
    Order,
    Path,
    displacement_mm,
    line_times,
    line_weights,
    move,
    random_path,
    scaled_to,
)
from mriloop.imaging.motion_features import features

HARSH = 0.35  # share of examples with strange contrasts, much noise, missing lines or smoothing
STILL = 0.3  # share of examples without movement
MOST_MM = 5.5
SLAB = 56
FINEST_MM = 0.95


@dataclass(frozen=True, kw_only=True)
class Example:
    """Features for the phase-encode axis, and the truth in mm."""

    along: dict[str, float]
    moved_mm: float
    order: str
    kind: str


def example(source: Source, rng: np.random.Generator, *, most_slices: int = 0) -> Example | None:
    """Return one example of a source; None where too little of the object is left in it."""
    values, mask, spacing, axis = _turned(source, rng)
    most_slices = most_slices or int(rng.integers(2, 8))
    harsh = bool(rng.random() < HARSH)
    if rng.random() < 0.6:
        values = _recontrasted(values, mask, rng, harsh=harsh)
    values, mask, spacing = _coarser(values, mask, spacing, rng)
    k = np.flatnonzero(mask.sum(axis=(0, 1)) >= max(60, mask.sum(axis=(0, 1)).max() / 3))
    if k.size == 0:
        return None
    stride = max(1, (int(k[-1] - k[0]) + 1) // most_slices)
    first = int(k[0]) + int(rng.integers(0, stride))
    slices = range(first, min(first + stride * most_slices, int(k[-1]) + 1), stride)
    if len(slices) == 0:
        return None

    lines = values.shape[axis]
    order = Order(rng.choice([o.value for o in Order], p=[0.28, 0.17, 0.23, 0.22, 0.10]))
    train = int(np.exp(rng.uniform(0, np.log(32))))
    times = line_times(lines, order, train=train, together=int(rng.integers(1, 4)), seed=int(rng.integers(1 << 31)))
    if rng.random() < 0.5:
        times = times[::-1].copy()
    packages = int(rng.integers(1, 4)) if spacing[2] > 1.8 else 1
    if packages > 1:
        times = (np.arange(len(slices))[:, None] % packages + times[None, :]) / packages
    weights = line_weights(lines, spacing[axis])
    points = np.argwhere(mask)
    points = (points[rng.choice(len(points), 250)] - (np.array(values.shape) - 1) / 2) * np.array(spacing)
    kind = Kind(rng.choice([one.value for one in Kind], p=[0.3, 0.15, 0.2, 0.15, 0.2]))
    radius = float(np.sqrt(np.square(points - points.mean(axis=0)).sum(axis=1).mean()))
    path = random_path(rng, kind, radius_mm=radius, in_plane=values.shape[2] < 8)
    target = 0.0 if rng.random() < STILL else float(rng.uniform(0.1, MOST_MM))
    path = scaled_to(path, target, times, weights, points) if target else path.scaled(0.0)
    if target or rng.random() < 0.6:
        path = _elsewhere(path, spacing, rng, in_plane=values.shape[2] < 8)
    moved_mm = displacement_mm(path, times, weights, points)
    if abs(moved_mm - target) > 0.1 * target + 0.01:
        return None
    image = move(
        values,
        spacing,
        axis,
        times,
        path,
        slices=slices,
        phase=_phase(values.shape, rng),
        tolerance_mm=0.3,
        most_poses=5,
    )
    out, spacing = _received(image, float(np.percentile(values[mask], 90)), spacing, axis, rng, harsh=harsh)
    out, spacing = _archived(out, spacing, rng, harsh=harsh)
    found = regions(out, spacing)
    if int(found.object.sum()) < 400:
        return None
    along = features(out, found.object, found.zeroed, spacing, axis)
    if not along:
        return None
    return Example(along=along, moved_mm=moved_mm, order=order.value, kind=kind.value)


def _elsewhere(path: Path, spacing: tuple[float, float, float], rng: np.random.Generator, *, in_plane: bool) -> Path:
    """Lay the body a little elsewhere for the whole scan, so that what interpolation dulls is no sign of movement."""
    shift, turn = rng.uniform(-0.8, 0.8, 3) * np.array(spacing), rng.normal(scale=1.5, size=3)
    if in_plane:
        shift[2] = turn[0] = turn[1] = 0
    return replace(path, shift_mm=path.shift_mm + shift, turn_deg=path.turn_deg + turn)


def _turned(source: Source, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float], int]:
    """Mirror at random; cut other planes out of isotropic volumes; draw the phase-encode axis; take a slab."""
    values, mask, spacing = source.values, source.mask, source.spacing_mm
    if max(spacing) < 1.6 * min(spacing) and values.shape[2] >= 64:
        axes = rng.permutation(3)
        values, mask = values.transpose(axes), mask.transpose(axes)
        spacing = (spacing[axes[0]], spacing[axes[1]], spacing[axes[2]])
    for a in range(2):
        if rng.random() < 0.5:
            values, mask = np.flip(values, a), np.flip(mask, a)
    if values.shape[2] > SLAB:
        full = np.flatnonzero(mask.sum(axis=(0, 1)) >= mask.sum(axis=(0, 1)).max() / 3)
        start = int(rng.integers(full[0], max(full[0] + 1, full[-1] - SLAB + 1)))
        start = min(start, values.shape[2] - SLAB)
        values, mask = values[:, :, start : start + SLAB], mask[:, :, start : start + SLAB]
    return np.ascontiguousarray(values, dtype=np.float32), np.ascontiguousarray(mask), spacing, int(rng.integers(2))


def _recontrasted(values: np.ndarray, mask: np.ndarray, rng: np.random.Generator, *, harsh: bool) -> np.ndarray:
    """Give every grey level a new one by a smooth curve that starts at black; a rising one unless `harsh`."""
    top = float(np.percentile(values[mask], 99))
    knots = np.array([0.0, *(np.linspace(0.15, 1.3, 6))])
    if not harsh or rng.random() < 0.3:
        new = knots ** rng.uniform(0.65, 1.6)
    else:
        new = np.array([0.0, *rng.uniform(0.1, 1.2, 6)])
        new = np.array([0.0, *((new[1:] + np.roll(new[1:], 1) + new[1:]) / 3)])
    return (np.interp(values / top, knots, new) * top).astype(np.float32)


def _coarser(
    values: np.ndarray, mask: np.ndarray, spacing: tuple[float, float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float]]:
    """Cut k-space down to a coarser matrix, in the plane, each axis by its own share."""
    shape = list(values.shape)
    sizes = []
    for a in range(2):
        n = shape[a]
        most = min(n, int(n * spacing[a] / FINEST_MM))
        least = min(most, max(72, int(n * spacing[a] / 2.2)))
        sizes.append(most if rng.random() < 0.4 else int(rng.integers(least, most + 1)))
    if sizes == shape[:2]:
        return values, mask, spacing
    k = fft.fftshift(fft.fft2(values, axes=(0, 1)), axes=(0, 1))
    cut = [slice(n // 2 - m // 2, n // 2 - m // 2 + m) for n, m in zip(shape, sizes, strict=False)]
    small = fft.ifft2(fft.ifftshift(k[cut[0], cut[1]], axes=(0, 1)), axes=(0, 1))
    scale = sizes[0] * sizes[1] / (shape[0] * shape[1])
    index = np.ix_(*(np.minimum((np.arange(m) * n / m).astype(int), n - 1) for n, m in zip(shape, sizes, strict=False)))
    new = (spacing[0] * shape[0] / sizes[0], spacing[1] * shape[1] / sizes[1], spacing[2])
    return np.abs(small * scale).astype(np.float32), mask[index], new


def _phase(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return smooth unit phases over the plane, from none to several turns."""
    i, j = (np.linspace(-1, 1, n) for n in shape[:2])
    size = rng.choice([0.0, 0.4, 1.5, 4.0])
    c = rng.normal(size=5) * size
    angle = c[0] * i[:, None] + c[1] * j[None] + c[2] * i[:, None] ** 2 + c[3] * j[None] ** 2 + c[4] * np.outer(i, j)
    return np.exp(1j * angle).astype(np.complex64)


def _received(
    image: np.ndarray,
    level: float,
    spacing: tuple[float, float, float],
    axis: int,
    rng: np.random.Generator,
    *,
    harsh: bool,
) -> tuple[np.ndarray, tuple[float, float, float]]:
    """Add noise, leave lines out, filter, fill up with zeros: what happens before the magnitude is taken."""
    k = fft.fftshift(fft.fft2(image, axes=(0, 1)), axes=(0, 1))
    n = k.shape[:2]
    sigma = level / np.exp(rng.uniform(np.log(8 if harsh else 25), np.log(200))) * np.sqrt(n[0] * n[1])
    noise = rng.standard_normal((2, *k.shape), dtype=np.float32)
    k = k + np.float32(sigma) * (noise[0] + 1j * noise[1])
    if harsh and rng.random() < 0.5:
        left = int(n[axis] * rng.uniform(0, 0.25))
        where: list[slice] = [slice(None)] * 3
        where[axis] = slice(0, left) if rng.random() < 0.5 else slice(n[axis] - left, None)
        k[tuple(where)] = 0
    if rng.random() < 0.5:
        for a in range(2):
            x = np.abs(np.linspace(-1, 1, n[a]))
            edge = rng.uniform(0.3 if harsh else 0.7, 1.0)
            window = np.where(x < edge, 1.0, 0.5 + 0.5 * np.cos(np.pi * (x - edge) / (1.001 - edge)))
            k = k * window.astype(np.float32).reshape([-1 if b == a else 1 for b in range(3)])
    if rng.random() < 0.35 and max(n) <= 280:
        more = float(rng.choice([1.2, 1.5, 2.0] if max(n) <= 192 else [1.2]))
        pad = [(int(m * (more - 1) / 2),) * 2 for m in n]
        spacing = (
            spacing[0] * n[0] / (n[0] + 2 * pad[0][0]),
            spacing[1] * n[1] / (n[1] + 2 * pad[1][0]),
            spacing[2],
        )
        k = np.pad(k, [*pad, (0, 0)])
        k *= (k.shape[0] * k.shape[1]) / (n[0] * n[1])
    return np.abs(fft.ifft2(fft.ifftshift(k, axes=(0, 1)), axes=(0, 1))).astype(np.float32), spacing


def _archived(
    out: np.ndarray, spacing: tuple[float, float, float], rng: np.random.Generator, *, harsh: bool
) -> tuple[np.ndarray, tuple[float, float, float]]:
    """Shade, mask the air, cut the field of view, smooth, round: what happens after the magnitude was taken."""
    if rng.random() < 0.4:
        i, j = (np.linspace(-1, 1, n) for n in out.shape[:2])
        c = rng.normal(size=4) * 0.35
        out = out * np.exp(c[0] * i[:, None] + c[1] * j[None] - c[2] ** 2 * i[:, None] ** 2 - c[3] ** 2 * j[None] ** 2)[
            ..., None
        ].astype(np.float32)
    if harsh and rng.random() < 0.35:
        out = gaussian_filter(out, (rng.uniform(0.3, 0.8), rng.uniform(0.3, 0.8), 0))
    if rng.random() < 0.2:
        level = np.percentile(out, 99) * rng.uniform(0.02, 0.08)
        smooth = gaussian_filter(out, (2, 2, 0))
        out = np.where(smooth > level, out, 0)
    if rng.random() < 0.25:
        cut = [slice(int(n * rng.uniform(0, 0.12)), n - int(n * rng.uniform(0, 0.12))) for n in out.shape[:2]]
        out = out[cut[0], cut[1]]
    top = float(out.max()) or 1.0
    return np.round(out / top * rng.choice([1000, 4000])).astype(np.float32), spacing
