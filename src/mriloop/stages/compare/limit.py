"""Measures what this very pair could have shown: lesions of known size and contrast are planted and looked for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mriloop.imaging.lesions import EVERYWHERE, Evidence, Rules, candidates, evidence
from mriloop.imaging.normalise import Map, Mask, Visits
from mriloop.imaging.voxels import ndimage
from mriloop.model.comparison import DetectionLimit

DIAMETERS_MM = (3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
CONTRASTS_PERCENT = (15.0, 25.0, 40.0)
APART_MM = 16.0


def detection_limit(
    visits: Visits, seen: Evidence, rules: Rules, rng: np.random.Generator, *, each: int = 16, rounds: int = 6
) -> tuple[DetectionLimit, ...]:
    """Plant synthetic lesions in today's visit and return, per size and contrast, the share that the strict list finds.

    Blurred spheres go into tissue that looks normal and unchanged; only the change step runs again, on `rounds`
    pictures at most, until `each` of every cell were tried. The planted pictures leave this function only as numbers.
    """
    cells = [(d, c) for d in DIAMETERS_MM for c in CONTRASTS_PERCENT]
    hits = {cell: [0, 0] for cell in cells}
    room = _normal_tissue(visits, seen, rules)
    pending = [cell for _ in range(each) for cell in cells]
    order = rng.permutation(len(pending))
    queue = [pending[n] for n in order]
    for _ in range(rounds):
        if not queue:
            break
        places = _places(room, visits, rng)
        batch, queue = queue[: len(places)], queue[len(places) :]
        planted = list(zip(places, batch, strict=False))
        picture = visits.today.copy()
        spots = [_plant(picture, place, diameter, percent, visits) for place, (diameter, percent) in planted]
        trial = Visits(today=picture, prior=visits.prior, mask=visits.mask, grid=visits.grid, gain=visits.gain)
        found = np.zeros(visits.mask.shape, bool)
        for piece, part in candidates(evidence(trial, rules), trial, rules, brighter_today=True):
            found[piece] |= part
        for (_, cell), (box, spot) in zip(planted, spots, strict=True):
            hits[cell][1] += 1
            hits[cell][0] += bool((found[box] & spot).sum() >= 0.1 * spot.sum())
    return tuple(
        DetectionLimit(diameter_mm=d, contrast_percent=c, found=hits[d, c][0] / hits[d, c][1], tried=hits[d, c][1])
        for d, c in cells
        if hits[d, c][1]
    )


def _normal_tissue(visits: Visits, seen: Evidence, rules: Rules) -> Mask:
    """Return where a lesion could be planted: tissue of ordinary brightness, unchanged, away from the border."""
    mean = (visits.today + visits.prior) / 2.0
    plain = (mean > 0.85) & (mean < 1.15) & (np.abs(seen.z) < 2.0) & visits.mask
    spacing = visits.grid.spacing_mm
    share = ndimage.uniform_filter(plain.astype(np.float32), [max(1, 2 * round(2.5 / s) + 1) for s in spacing])
    padded = np.pad(visits.mask, 1)
    depth = ndimage.distance_transform_edt(padded, sampling=spacing)[1:-1, 1:-1, 1:-1]
    return np.asarray(plain & (share > 0.7) & (depth > rules.rim_mm + 4.0))


def _places(room: Mask, visits: Visits, rng: np.random.Generator) -> list[npt.NDArray[np.float64]]:
    """Return random places, in voxels, at least APART_MM from each other."""
    index = np.argwhere(room)
    if not len(index):
        return []
    spacing = np.array(visits.grid.spacing_mm)
    chosen: list[npt.NDArray[np.float64]] = []
    for n in rng.permutation(len(index))[:3000]:
        place = index[n] + rng.uniform(-0.5, 0.5, 3)
        if all(float(np.linalg.norm((place - other) * spacing)) > APART_MM for other in chosen):
            chosen.append(place)
    return chosen


def _plant(
    picture: Map, place: npt.NDArray[np.float64], diameter_mm: float, percent: float, visits: Visits
) -> tuple[tuple[slice, slice, slice], Mask]:
    """Add one blurred sphere to a picture and return its box and the voxels that it fills by at least a half."""
    spacing = np.array(visits.grid.spacing_mm)
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
