"""Metrics of the air round the head and of the picture as a whole: energy, entropy, artefacts, noise fit, ghosts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize, special
from scipy.ndimage import binary_opening, generate_binary_structure

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

COIL_ELEMENTS = 32.0
_LEAST = 1000
_CHUNK = 1 << 16
_GRID = np.linspace(0.0, 110.0, 1000)
_KERNEL = 4.0
_SUPPORT_PENALTY = math.log(float(np.finfo(float).max)) * 100.0
_QUARTILE = 0.6744897501960817


def fber(values: Floats, head: Mask, excluded: Mask | None = None) -> float | None:
    """Return the foreground-background energy ratio: median v² in `head` over median v² outside. Higher is better.

    `excluded` leaves out voxels that a rotation made up. MRIQC's text says mean energy, its code takes the median: the
    median is followed, one bright vessel does not move it. None where the background's energy is below 0.001, that is
    masked or defaced (MRIQC: -1). Source: Shehzad et al. 2015, doi:10.3389/conf.fnins.2015.91.00047.
    """
    outside = ~head if excluded is None else ~(head | excluded)
    background = _median_square(values[outside])
    return None if not background >= 1e-3 else _median_square(values[head]) / background


def _median_square(values: Floats) -> float:
    """Return the median of the squares, through that of the magnitudes: they are ordered alike."""
    if values.size == 0:
        return math.nan
    middle = values.size // 2
    kth = [middle - 1, middle] if values.size % 2 == 0 else [middle]
    found = np.partition(np.abs(values), kth)[kth].astype(np.float64)
    return float((found * found).mean())


def efc(values: Floats, excluded: Mask | None = None) -> float | None:
    """Return the entropy focus criterion: Σ (v/m) ln(v/m) over √N ln(1/√N), m = √Σv². Lower is better, 0 to 1.

    `values` are magnitudes (not negative). Follows observers poorly (Marchetto et al. 2025): it informs. None for an
    empty picture. Source: Atkinson et al., IEEE Trans Med Imaging 1997;16:903, doi:10.1109/42.650886.
    """
    flat = np.ascontiguousarray(values).reshape(-1) if excluded is None else values[~excluded]
    square = total = entropy = 0.0
    for start in range(0, flat.size, _CHUNK):  # pieces that stay in the processor's cache
        piece = flat[start : start + _CHUNK].astype(np.float64)
        square += float(piece @ piece)
        total += float(piece.sum())
        entropy += float(piece @ np.log(piece + 1e-16))
    if square <= 0 or flat.size < 2:
        return None
    most, root = math.sqrt(square), math.sqrt(flat.size)
    return float((entropy - total * math.log(most)) / most / (root * math.log(1.0 / root)))


def artifact_mask(values: Floats, air: Mask, distance: Floats, *, limit: float = 10.0) -> Mask:
    """Return the voxels of the air that hold an artefact: above `limit` robust deviations, opened by a 3-D cross.

    `distance` (0 to 1 of the greatest) from the head: nearer than 0.1 nothing counts, the head's own blur lies there.
    Empty where fewer than 10 voxels of the air are positive. Source: Mortamet et al., Magn Reson Med 2009;62:365,
    doi:10.1002/mrm.21992; MRIQC's settings.
    """
    found = np.zeros(values.shape, dtype=bool)
    noise = values[air]
    noise = noise[noise > 0]
    if noise.size < 10:
        return found
    spread = float(np.median(np.abs(noise - np.median(noise)))) / _QUARTILE
    np.greater(values, limit * spread, out=found)
    found &= air
    found &= distance >= 0.1
    return np.asarray(binary_opening(found, generate_binary_structure(3, 1)), dtype=bool)


def art_qi1(air: Mask, artefacts: Mask) -> float | None:
    """Return Mortamet's QI1: artefact voxels over all voxels of the air. Lower is better, 0 to 1.

    `air` without the artefacts. None where there is no air (MRIQC: -1).
    """
    clean, spoilt = int(np.count_nonzero(air)), int(np.count_nonzero(artefacts))
    return spoilt / (clean + spoilt) if clean > 0 else None


def art_qi2(values: Floats, air: Mask, *, most: int = 300_000) -> float | None:
    """Return Mortamet's QI2 as MRIQC takes it: how far the noise of the air departs from a χ² density. Lower is better.

    The air is scaled to 100 at its 99th percentile; a Gaussian kernel density (width 4) and the most likely χ² (free in
    degrees, place and scale, from 32 degrees) are compared on 1000 points from 0 to 110, by their mean absolute
    difference where the density has fallen below half of its peak on the right; unit 1.
    Of more than `most` voxels an even selection is taken (MRIQC draws at random).
    None where fewer than 1000 voxels are positive (MRIQC: 0, its best answer).
    Source: Mortamet et al., Magn Reson Med 2009;62:365, doi:10.1002/mrm.21992.
    """
    noise = np.maximum(np.nan_to_num(values[air].astype(np.float64), posinf=0.0), 0.0)
    if int(np.count_nonzero(noise)) < _LEAST:
        return None
    noise *= 100.0 / float(np.percentile(noise, 99))
    if noise.size > most:
        noise = noise[np.linspace(0, noise.size - 1, most).astype(np.int64)]
    density = kernel_density(noise)
    below = int(np.argmax(density[::-1] > density.max() * 0.5))
    degrees, place, scale = _fit_chi2(np.sort(noise))
    model = _chi2_density((_GRID - place) / scale, degrees) / scale
    return float(np.abs(density[-below:] - model[-below:]).mean())


def kernel_density(values: Floats, points: Floats = _GRID, width: float = _KERNEL) -> Floats:
    """Return the Gaussian kernel density of `values` at `points`, exact to about 1e-8 of its peak.

    Every value is moved to the middle of a bin of width/40; what that shifts is put back by the first three moments
    within the bin and the derivatives of the kernel there.
    """
    step = width / 40.0
    low, high = float(points.min()) - 9 * width, float(points.max()) + 9 * width
    near = values[(values > low) & (values < high)]
    index = ((near - low) / step).astype(np.int64)
    offset = (near - low) / step - (index + 0.5)
    count = int(index.max(initial=0)) + 1
    middle = low + (np.arange(count) + 0.5) * step
    z = (points[:, None] - middle[None, :]) / width
    kernel = np.exp(-0.5 * z * z)
    unit = step / width
    hermite = (np.ones_like(z), z, z * z - 1.0, z * (z * z - 3.0))
    total = np.zeros(len(points))
    power = np.ones(len(near))
    for order, polynomial in enumerate(hermite):
        mass = np.bincount(index, weights=power, minlength=count) * (unit**order / math.factorial(order))
        total += (kernel * polynomial) @ mass
        power = power * offset
    return np.asarray(total / (values.size * width * math.sqrt(2 * math.pi)))


def _fit_chi2(ordered: Floats) -> tuple[float, float, float]:
    """Return degrees, place and scale of the most likely χ², by the simplex search that scipy.stats.chi2.fit runs.

    The same start, likelihood and penalty for values outside the support, so that the same optimum comes out; the sum
    of logarithms is taken over products of sixteen values, which is what makes it fast.
    """
    n = ordered.size
    above = np.concatenate([np.cumsum(ordered[::-1])[::-1], [0.0]])

    def cost(theta: Any) -> float:
        degrees, place, scale = (float(x) for x in theta)
        if degrees <= 0 or scale <= 0:
            return math.inf
        first = int(np.searchsorted(ordered, place, side="right"))
        kept = n - first
        total = (degrees / 2 - 1) * (_sum_of_logs(ordered[first:] - place) - kept * math.log(scale))
        total -= (above[first] - kept * place) / scale / 2
        total -= kept * (math.lgamma(degrees / 2) + degrees / 2 * math.log(2.0))
        return float(-total + first * _SUPPORT_PENALTY + n * math.log(scale))

    least, most = float(ordered[0]), float(ordered[-1])
    scale = math.sqrt(float(ordered.var()) / 2)
    place = float(ordered.mean()) - scale
    if place >= least:
        place, scale = least - 0.1 * (most - least), 1.0
    found = optimize.fmin(cost, [COIL_ELEMENTS, place, scale], disp=0)
    return float(found[0]), float(found[1]), float(found[2])


def _sum_of_logs(values: Floats) -> float:
    whole = values.size // 16 * 16
    products = np.multiply.reduce(values[:whole].reshape(16, -1), axis=0)
    if not products.all() or not np.isfinite(products).all():
        return float(np.log(values).sum())
    return float(np.log(products).sum() + np.log(values[whole:]).sum())


def _chi2_density(x: Floats, degrees: float) -> Floats:
    inside = x > 0
    safe = np.where(inside, x, 1.0)
    log = special.xlogy(degrees / 2 - 1, safe) - safe / 2 - math.lgamma(degrees / 2) - degrees / 2 * math.log(2.0)
    return np.where(inside, np.exp(log), 0.0)


def gsr(values: Floats, mask: Mask, axis: int) -> float | None:
    """Return the ghost-to-signal ratio of an EPI volume along the phase-encode axis (0 or 1). Lower is better, unit 1.

    The mask, rolled by half the field of view, less itself, is where an N/2 ghost lies: (mean there - mean of the rest
    of the air) / median inside. The sign of the phase-encode direction does not matter: rolling by half is the same
    both ways; for 'all' of MRIQC, which raises there as for '-y', ask for both axes.
    None where ghost or air are empty. Source: Giannelli et al., J Appl Clin Med Phys 2010;11:3237,
    doi:10.1120/jacmp.v11i4.3237.
    """
    ghost = np.roll(mask, mask.shape[axis] // 2, axis=axis) & ~mask
    inside = values[mask]
    there = values[ghost]
    if not inside.size or not there.size or there.size + inside.size == mask.size:
        return None
    signal = float(np.median(inside))
    rest = (
        float(values.sum(dtype=np.float64)) - float(inside.sum(dtype=np.float64)) - float(there.sum(dtype=np.float64))
    )
    air = rest / (mask.size - inside.size - there.size)
    return (float(there.mean(dtype=np.float64)) - air) / signal if signal > 0 else None
