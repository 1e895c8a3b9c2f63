"""Where the object is and where there is only air: masks for any body part, made from one magnitude volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import (
    binary_dilation,
    binary_erosion,
    binary_fill_holes,
    binary_opening,
    gaussian_filter,
    label,
    maximum_filter1d,
)

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

_COARSE_MM = 2.5  # masks are made on voxels of up to this size: a finer edge would serve no measure
_COARSE_LEAST = 64
_BINS = 256
_LAG = 4
_BLOCKS = 8
_AIR_SHARE = 0.06
_SURELY_AIR = 0.3  # of the root of tissue: a tenth of its intensity
_TISSUE_STRUCTURE = 0.25
_LARGEST = 1e15


@dataclass(frozen=True, slots=True)
class Regions:
    """Masks of one volume, all of its shape.

    object : voxels with tissue or liquid (holes inside it filled slice by slice)
    air : voxels well outside the object that still carry the receiver's noise; empty where the scanner wrote zeros
    zeroed : share (0 to 1) of the outside that the scanner, or a defacing or masking step, set to one constant value
    """

    object: Mask
    air: Mask
    zeroed: float


def real_values(data: npt.NDArray[np.generic]) -> Floats:
    """Return `data` as float32 magnitudes: NaN and infinities become 0, colour becomes its mean, complex its modulus.

    Values so large that their squares overflow are scaled down: no measure depends on the unit of the intensities.

    Colour is a structured array with one field a channel (as dcm2niix and nibabel give it) or three in the last axis
    of a five-dimensional array. The shape is kept but for the channel axis.
    """
    if data.dtype.names:
        colours: Any = data
        data = np.mean([np.asarray(colours[name], dtype=np.float32) for name in data.dtype.names], axis=0)
    elif np.iscomplexobj(data):
        data = np.abs(data)
    elif data.ndim == 5:
        data = np.asarray(data, dtype=np.float32).mean(axis=-1)
    values = np.asarray(data, dtype=np.float32)
    if not np.isfinite(values).all():
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    peak = float(np.abs(values).max(initial=0.0))
    return values if peak < _LARGEST else values * np.float32(1e4 / peak)


def picked(values: Floats, mask: Mask) -> Floats:
    """Return values[mask] in the order of memory, which for volumes stored slice by slice is several times faster."""
    return values.T[mask.T] if values.flags.f_contiguous else values[mask]


def otsu(values: Floats) -> float:
    """Return the threshold that splits `values` into two classes of least inner variance.

    Source: Otsu, IEEE Trans SMC 1979;9:62, doi:10.1109/TSMC.1979.4310076. A constant array gives its value.
    """
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return low
    counts, edges = np.histogram(values, bins=_BINS, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts).astype(float)
    above = below[-1] - below
    mass = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (mass / below - (mass[-1] - mass) / above) ** 2
    between[~np.isfinite(between)] = -1
    # A run of empty bins is a plateau: take its middle, so that a constant added to one class does not move the split.
    best = np.flatnonzero(between >= between.max() * (1 - 1e-12))
    return float(edges[1 + best].mean())


def object_mask(values: Floats, spacing_mm: tuple[float, float, float]) -> Mask:
    """Return the mask of tissue in a (i, j, k) magnitude volume whose slices lie along k.

    The square roots of the smoothed magnitudes (the root keeps bright fat and fluid from setting the threshold) are
    split by Otsu; the blocks of the border that lie in the dark class and look like air (see `_air_at_the_border`) give
    the level of the air, and the threshold is its median plus six robust deviations, at least its 99th percentile and
    a third of the split, at most the split: muscle, or tissue far from a surface coil, is not air. Where the border
    shows no air the picture holds none, and all but its darkest voxels are object. Parts smaller than 2 % of the
    largest are dropped, holes are filled slice by slice. All False where the volume is constant.
    Voxels of up to 1.25 mm are averaged to blocks of up to 2.5 mm first, and the mask is as coarse as those.
    """
    small, spacing, step = _coarse(values, spacing_mm)
    return _fine(_object_and_air(small, spacing)[0], step, values.shape)


def regions(values: Floats, spacing_mm: tuple[float, float, float], margin_mm: float = 8.0) -> Regions:
    """Split a (i, j, k) magnitude volume into the object and the air round it.

    Air keeps `margin_mm` from the object in the slice, leaves out the outermost 3 % of rows and columns (filters
    and wrap-around live there) and every block that was set to one constant value. Single zeros stay: they are
    noise below one grey level. Made on blocks of voxels, as `object_mask` is.
    """
    small, spacing, step = _coarse(values, spacing_mm)
    mask, has_air = _object_and_air(small, spacing)
    full = _fine(mask, step, values.shape)
    if not has_air:
        return Regions(full, np.zeros_like(full), 0.0)
    reach = [max(1, min(round(margin_mm / s), n // 8 + 1)) for n, s in zip(small.shape[:2], spacing, strict=False)]
    near = mask.view(np.uint8)
    for axis in (0, 1):
        near = maximum_filter1d(near, 2 * reach[axis] + 1, axis=axis, mode="constant")
    outside = near == 0
    frame = np.zeros(small.shape, dtype=bool)
    edge = [max(1, round(0.03 * n)) if n > 16 else 0 for n in small.shape[:2]]
    frame[edge[0] : small.shape[0] - edge[0], edge[1] : small.shape[1] - edge[1]] = True
    outside &= frame
    total = int(outside.sum())
    if total == 0:
        return Regions(full, np.zeros_like(full), 0.0)
    flat = _least_everywhere(values, step, small.shape)
    # Blocks of 3 × 3 voxels that hold nothing but the least value were written, not measured.
    square = np.ones((3 if step[0] == 1 else 1, 3 if step[1] == 1 else 1, 1), dtype=bool)
    blocks = binary_opening(flat, square) if square.size > 1 else flat
    zeroed = float((blocks & outside).sum() / total)
    rim = np.ones((3, 3, 1), dtype=bool)
    return Regions(full, _fine(outside & ~binary_dilation(blocks, rim), step, values.shape), zeroed)


def _coarse(
    values: Floats, spacing_mm: tuple[float, float, float]
) -> tuple[Floats, tuple[float, float, float], tuple[int, int, int]]:
    """Return the volume averaged over blocks of voxels of up to 2.5 mm, its spacing, and the size of a block."""
    step = [max(1, min(int(_COARSE_MM / s), n // _COARSE_LEAST)) for n, s in zip(values.shape, spacing_mm, strict=True)]
    a, b, c = step
    spacing = (spacing_mm[0] * a, spacing_mm[1] * b, spacing_mm[2] * c)
    if a * b * c == 1:
        return values, spacing, (1, 1, 1)
    # Slices are taken, not averaged: neighbouring ones may belong to different moments.
    whole = _padded(values, (a, b))[:, :, ::c]
    total = np.zeros((whole.shape[0] // a, whole.shape[1] // b, whole.shape[2]), dtype=np.float32, order="F")
    for i in range(a):
        for j in range(b):
            total += whole[i::a, j::b]
    total /= a * b
    return total, spacing, (a, b, c)


def _padded(values: npt.NDArray[Any], step: tuple[int, int]) -> npt.NDArray[Any]:
    """Repeat the last row and column until whole blocks fill the slice."""
    lack = [-n % each for n, each in zip(values.shape[:2], step, strict=True)]
    return np.pad(values, ((0, lack[0]), (0, lack[1]), (0, 0)), mode="edge") if any(lack) else values


def _fine(mask: Mask, step: tuple[int, int, int], shape: tuple[int, ...]) -> Mask:
    """Return a mask of blocks as one of voxels."""
    for axis, each in enumerate(step):
        if each > 1:
            mask = np.repeat(mask, each, axis=axis)
    return np.asfortranarray(mask[: shape[0], : shape[1], : shape[2]])


def _least_everywhere(values: Floats, step: tuple[int, int, int], shape: tuple[int, ...]) -> Mask:
    """Tell for every block whether all its voxels hold the least value of the volume."""
    a, b, c = step
    least = _padded(values[:, :, ::c] == values.min(), (a, b))
    found = np.ones(shape, dtype=bool, order="F")
    for i in range(a):
        for j in range(b):
            found &= least[i::a, j::b]
    return found


def _object_and_air(values: Floats, spacing_mm: tuple[float, float, float]) -> tuple[Mask, bool]:
    """Return the object, and whether there is air at all beside it."""
    ceiling = float(np.percentile(values, 99.8)) or float(values.max())
    if ceiling <= 0 or float(values.min()) == float(values.max()):
        return np.zeros(values.shape, dtype=bool), False
    sigma = [0.0 if n < 4 else min(1.0, 1.5 / s) for n, s in zip(values.shape[:2], spacing_mm[:2], strict=True)]
    roots = np.sqrt(np.clip(values, 0, ceiling))
    smooth = gaussian_filter(roots, (*sigma, 0.0))
    sample = smooth.ravel()[:: max(1, smooth.size // 400_000)]
    split = otsu(sample)
    bright = float(np.median(sample[sample >= split]))
    air, share = _air_at_the_border(roots, smooth, split, bright)
    if share < _AIR_SHARE:
        return tidy(smooth > _SURELY_AIR * bright), False
    centre, high, spread = 0.0, 0.0, 0.0
    if air.size:
        centre, high = (float(v) for v in np.percentile(air, [50, 99]))
        spread = 1.4826 * float(np.median(np.abs(air - centre)))
    return tidy(smooth > min(split, max(centre + 6 * spread, high, split / 3))), True


def _air_at_the_border(roots: Floats, smooth: Floats, split: float, bright: float) -> tuple[Floats, float]:
    """Return the smoothed values of the border blocks that show air, and which share of all border blocks they are.

    Every slice is cut into 8 × 8 blocks. A block at the border shows air when all of it is below the split and it is
    darker than a tenth of tissue, or as restless and as unstructured as noise: muscle, and tissue far from a surface
    coil, is neither. Blocks set to the least value count as air but give no values.
    """
    rows, columns = (np.linspace(0, n, _BLOCKS + 1).astype(int) for n in roots.shape[:2])
    floor = float(roots.min())
    found: list[Floats] = []
    seen = 0
    total = 0
    for k in range(0, roots.shape[2], max(1, roots.shape[2] // 32)):
        for a in range(_BLOCKS):
            for b in range(_BLOCKS):
                if 0 < a < _BLOCKS - 1 and 0 < b < _BLOCKS - 1:
                    continue
                part = smooth[rows[a] : rows[a + 1], columns[b] : columns[b + 1], k]
                if part.size == 0:
                    continue
                total += 1
                if np.percentile(part, 95) >= split:
                    continue
                raw = roots[rows[a] : rows[a + 1], columns[b] : columns[b + 1], k]
                if float((raw <= floor).mean()) > 0.5:
                    seen += 1
                elif float(np.median(part)) < _SURELY_AIR * bright or _like_noise(raw):
                    seen += 1
                    found.append(part.ravel())
    return (np.concatenate(found) if found else np.empty(0)), seen / max(total, 1)


def _like_noise(block: Floats) -> bool:
    """Tell whether a block of square roots is as restless as noise (level under 8 deviations) without structure."""
    if min(block.shape) < 6:
        return False
    rest = block - block.mean()
    power = float((rest * rest).mean())
    if power <= 0 or float(block.mean()) > 8 * power**0.5:
        return False
    lags = (rest[3:] * rest[:-3]).mean() + (rest[:, 3:] * rest[:, :-3]).mean()
    return float(lags) / (2 * power) < _TISSUE_STRUCTURE


def structure(values: Floats) -> float:
    """Return how much of the variance has spatial structure: 0 for noise, towards 1 for a picture of something.

    For every slice a plane-and-bowl (quadratic) background is taken off, so that coil shading of pure noise does not
    count; then the correlation between voxels four apart, along both in-plane axes, is taken and the 90th percentile
    over slices returned. Four voxels exceed the reach of interpolation filters. Higher means more structure. 0 for
    matrices smaller than 16 × 16.
    """
    if min(values.shape[:2]) < 16:
        return 0.0
    step = max(1, values.shape[2] // 24)
    scores = []
    basis = _bowl(values.shape[0], values.shape[1])
    for k in range(0, values.shape[2], step):
        flat = values[:, :, k].astype(np.float64).ravel()
        rest = (flat - basis @ (basis.T @ flat)).reshape(values.shape[:2])
        power = float((rest * rest).mean())
        if power <= 0:
            continue
        lags = [
            float((rest[_LAG:] * rest[:-_LAG]).mean()) / power,
            float((rest[:, _LAG:] * rest[:, :-_LAG]).mean()) / power,
        ]
        scores.append(sum(lags) / 2)
    return float(np.clip(np.percentile(scores, 90), 0, 1)) if scores else 0.0


def _bowl(rows: int, columns: int) -> Floats:
    """Return an orthonormal basis (rows × columns, 6) of quadratic surfaces."""
    y, x = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1).reshape(-1, 6)
    return np.linalg.qr(terms)[0]


def _some_slices(mask: Mask) -> list[int]:
    """Return at most 32 slices, evenly taken from those that hold object."""
    held = np.flatnonzero(mask.any(axis=(0, 1)))
    return [int(k) for k in held[:: max(1, len(held) // 32)]]


def tidy(mask: Mask) -> Mask:
    """Drop specks, keep every part of at least 2 % of the largest, fill holes slice by slice."""
    if min(mask.shape[:2]) > 16:
        mask = binary_opening(mask, np.ones((2, 2, 1), dtype=bool))
    labels, count = label(mask)
    if count > 1:
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        mask = (sizes >= max(1.0, 0.02 * sizes.max()))[labels]
    filled = np.empty_like(mask)
    for k in range(mask.shape[2]):
        filled[:, :, k] = binary_fill_holes(mask[:, :, k])
    return filled


def stripes(values: Floats) -> float:
    """Return the share (0 to 1) of the in-plane variance that one profile along one axis explains, median over slices.

    A picture of anything stays well under 0.7; a scan of nothing that shows only receiver offsets comes near 1.
    """
    shares = []
    for k in range(0, values.shape[2], max(1, values.shape[2] // 24)):
        plane = values[:, :, k].astype(np.float64)
        total = float(plane.var())
        if total > 0:
            shares.append(max(float(plane.mean(axis=0).var()), float(plane.mean(axis=1).var())) / total)
    return float(np.median(shares)) if shares else 0.0


def roughness(values: Floats, mask: Mask) -> float | None:
    """Return the robust spread inside the object after a quadratic surface is taken off, over its median intensity.

    The lower quartile over slices: a uniform phantom of liquid stays under 0.05 in most slices even where some show
    inserts; living tissue does not get below 0.08. None where no slice has 60 voxels inside a two-voxel rim.
    """
    spreads = []
    for k in _some_slices(mask):
        inside = binary_erosion(mask[:, :, k], iterations=2)
        if int(inside.sum()) < 60:
            continue
        i, j = np.nonzero(inside)
        found = values[:, :, k][inside].astype(np.float64)
        level = float(np.median(found))
        if level <= 0:
            continue
        x, y = (i - i.mean()) / (np.ptp(i) + 1), (j - j.mean()) / (np.ptp(j) + 1)
        surface = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
        weights = np.ones_like(found)
        for _ in range(3):
            normal = np.einsum("ni,n,nj->ij", surface, weights, surface)
            terms = np.linalg.lstsq(normal, np.einsum("ni,n,n->i", surface, weights, found), rcond=None)[0]
            rest = found - np.einsum("ni,i->n", surface, terms)
            spread = 1.4826 * float(np.median(np.abs(rest)))
            weights = (1 + (rest / (2 * spread + 1e-12)) ** 2) ** -2
        spreads.append(spread / level)
    return float(np.percentile(spreads, 25)) if spreads else None


def regularity(mask: Mask) -> float | None:
    """Return how well an ellipse or a rectangle of the same second moments covers the object: Jaccard index, 0 to 1.

    The upper quartile over the slices that hold at least 60 voxels of it (largest part only). Bottles, spheres and
    cylinders reach 0.97; heads stay under 0.97, other body parts lower. None where no slice is large enough.
    """
    scores = []
    axes = np.indices(mask.shape[:2])
    for k in _some_slices(mask):
        labels, count = label(mask[:, :, k])
        if count == 0:
            continue
        part = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
        if int(part.sum()) < max(60, 0.005 * part.size):
            continue
        away = np.stack([axes[0] - np.nonzero(part)[0].mean(), axes[1] - np.nonzero(part)[1].mean()], axis=-1)
        moments = np.cov(away[part].T, bias=True)
        widths, turn = np.linalg.eigh(moments)
        if widths[0] <= 0:
            continue
        along = away @ turn
        shapes = [
            (along**2 / (4 * widths)).sum(axis=-1) <= 1,
            (np.abs(along) <= np.sqrt(3 * widths)).all(axis=-1),
            (np.abs(away) <= np.sqrt(3 * np.diag(moments))).all(axis=-1),
        ]
        scores.append(max(float((shape & part).sum() / (shape | part).sum()) for shape in shapes))
    return float(np.percentile(scores, 75)) if scores else None
