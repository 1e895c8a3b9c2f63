"""Measures what this very pair could have shown: lesions of known size and contrast are planted and looked for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mriloop.imaging.change_candidates import EVERYWHERE, Box, Setting, depth_mm
from mriloop.imaging.change_evidence import Evidence, crowding, evidence
from mriloop.imaging.change_score import ChangeScore
from mriloop.imaging.lesions import Rules, strict
from mriloop.imaging.normalise import Map, Mask, Visits
from mriloop.imaging.resample import Grid
from mriloop.imaging.voxels import ndimage
from mriloop.model.comparison import DetectionLimit

DIAMETERS_MM = (3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
CONTRASTS_PERCENT = (15.0, 25.0, 40.0)
AROUND_MM = 22.0
RIM_MM = 8.0


def detection_limit(
    visits: Visits,
    seen: Evidence,
    rules: Rules,
    rng: np.random.Generator,
    *,
    each: int = 16,
    model: ChangeScore | None = None,
) -> tuple[DetectionLimit, ...]:
    """Plant synthetic lesions in today's visit and return, per size and contrast, the share that the strict list finds.

    Blurred spheres go, one at a time, into tissue that looks normal and unchanged; the noise model stays that of the
    pair, and `strict` decides with the same rules and the same `model` as for the list that is shown. The planted
    pictures leave this function only as numbers.
    """
    index = np.argwhere(_normal_tissue(visits, seen))
    if not len(index) or each < 1:
        return ()
    depth = depth_mm(visits)
    limits = []
    for diameter in DIAMETERS_MM:
        for percent in CONTRASTS_PERCENT:
            places = index[rng.integers(len(index), size=each)] + rng.uniform(-0.5, 0.5, (each, 3))
            found = sum(_found(place, diameter, percent, visits, seen, rules, depth, model) for place in places)
            limits.append(
                DetectionLimit(diameter_mm=diameter, contrast_percent=percent, found=found / each, tried=each)
            )
    return tuple(limits)


def _found(
    place: npt.NDArray[np.float64],
    diameter_mm: float,
    percent: float,
    visits: Visits,
    seen: Evidence,
    rules: Rules,
    depth: Map,
    model: ChangeScore | None,
) -> bool:
    """Return whether the strict list finds a lesion planted here; only the 22 mm around it are looked at again."""
    near = [int(np.ceil(AROUND_MM / s)) for s in visits.grid.spacing_mm]
    middle = np.rint(place).astype(int)
    i, j, k = (slice(max(0, m - n), m + n + 1) for m, n in zip(middle, near, strict=True))
    cut: Box = (i, j, k)
    start = np.array([s.start for s in cut], float)
    picture = visits.today[cut].copy()
    a, b, c = picture.shape
    part = Visits(
        today=picture,
        prior=visits.prior[cut],
        mask=visits.mask[cut],
        grid=Grid(shape=(a, b, c), affine=visits.grid.affine),
        gain=visits.gain,
    )
    box, spot = plant(picture, place - start, diameter_mm, percent, part.grid)
    again = evidence(part, seen)
    there = Setting(depth=depth[cut], crowd=crowding(again, part))
    found = np.zeros(picture.shape, bool)
    for one, _ in strict(again, part, rules, model, around=there, directions=(True,)):
        found[one.box] |= one.part
    return bool((found[box] & spot).sum() >= 0.1 * spot.sum())


def _normal_tissue(visits: Visits, seen: Evidence) -> Mask:
    """Return where a lesion could be planted: tissue of ordinary brightness, unchanged, away from the border."""
    mean = (visits.today + visits.prior) / 2.0
    plain = (mean > 0.85) & (mean < 1.15) & (np.abs(seen.z) < 2.0) & visits.mask
    spacing = visits.grid.spacing_mm
    share = ndimage.uniform_filter(plain.astype(np.float32), [max(1, 2 * round(2.5 / s) + 1) for s in spacing])
    padded = np.pad(visits.mask, 1)
    depth = ndimage.distance_transform_edt(padded, sampling=spacing)[1:-1, 1:-1, 1:-1]
    return np.asarray(plain & (share > 0.7) & (depth > RIM_MM))


def plant(
    picture: Map, place: npt.NDArray[np.float64], diameter_mm: float, percent: float, grid: Grid
) -> tuple[tuple[slice, slice, slice], Mask]:
    """Add one blurred sphere, its centre `place` in voxels, to a picture.

    Returns its box and the voxels in it that it fills by at least a half.
    """
    spacing = np.array(grid.spacing_mm)
    reach = np.ceil((diameter_mm / 2.0 + 2.5) / spacing).astype(int)
    base = np.rint(place).astype(int)
    low = np.maximum(base - reach, 0)
    high = np.minimum(base + reach + 1, picture.shape)
    box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
    fine = 5
    steps = (np.arange(fine) - (fine - 1) / 2.0) / fine
    axes = [
        ((np.arange(a, b)[:, None] + steps).ravel() - p) * s
        for a, b, p, s in zip(low, high, place, spacing, strict=True)
    ]
    inside = (
        axes[0][:, None, None] ** 2 + axes[1][None, :, None] ** 2 + axes[2][None, None, :] ** 2
        <= (diameter_mm / 2) ** 2
    )
    shape = [n for size in (high - low) for n in (size, fine)]
    share = inside.reshape(shape).mean(axis=(1, 3, 5))
    blurred = ndimage.gaussian_filter(share, [0.5 if s < 2.0 else 0.0 for s in spacing])
    picture[box] += (percent / 100.0 * blurred).astype(picture.dtype)
    spot = share >= min(0.5, float(share.max()) * 0.5)
    return box, ndimage.binary_dilation(spot, EVERYWHERE) if spot.sum() < 2 else spot
