"""Measures of an outlined region on a series, whether the outline is of that study, and whether a lesion changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.resample import Grid, inverse, sample
from mriloop.imaging.voxels import ndimage
from mriloop.model.judgement import Judgement, Repeatability
from mriloop.model.outline import Outline
from mriloop.model.quantity import Measure, NotAssessable, Quantity
from mriloop.model.study import Study
from mriloop.model.volume import Affine, Volume
from mriloop.stages.compare.judge import judge

PERCENTILES = (5, 25, 75, 95)
LEAST_VOXELS = 5  # fewer give no spread worth naming
LEAST_COVERED = 0.9  # of the outline; less lies in the picture, or has values, than a mean may stand for
_FINER = 3
_SAME_MM = 0.01  # corners of an affine; a mask is drawn on voxels or it is not


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionValues:
    """What a picture shows inside an outline.

    mean, median, sd : in the unit of the picture, each voxel weighted by the share of it that the outline covers
    percentiles : value below which this percentage lies
    volume_ml : of the outline, as far as it lies in the picture
    voxels : of the picture whose centre lies inside
    covered : share (0 to 1) of the outline that lies in the picture and has values
    standard_error : of the mean, from the spread and the number of voxels
    """

    mean: Quantity
    median: Quantity
    sd: Quantity
    percentiles: Mapping[int, float]
    volume_ml: float
    voxels: int
    covered: float
    standard_error: float


def region_values(
    data: npt.NDArray[np.floating],
    affine: Affine,
    outline: Outline,
    to_picture: Affine | None,
    *,
    unit: str,
    erode: bool = False,
) -> RegionValues | NotAssessable:
    """Measure a (i, j, k) picture inside an outline.

    Parameters
    ----------
    data, affine : the picture; nan where it has no value
    to_picture : (4, 4) from RAS+ mm of the outline's frame to RAS+ mm of the picture's; None: there is no
        such map, or it was refused, and the answer is NotAssessable
    unit : UCUM code of the values
    erode : leave out voxels that the outline does not cover wholly with all their neighbours in the slice, so that
        the mean is free of partial volume (and of the smallest regions nothing is left)

    Values are never interpolated: the outline is carried to the voxels of the picture, as shares of them.
    """
    if to_picture is None:
        return NotAssessable(reason="the outline was drawn in another frame of reference than this series")
    if not outline.data.any():
        return NotAssessable(reason="the outline is empty")
    grid = Grid(shape=(data.shape[0], data.shape[1], data.shape[2]), affine=affine)
    cover = cover_of(outline, grid, to_picture)
    whole_ml = float(outline.data.sum()) * abs(float(np.linalg.det(outline.affine[:3, :3]))) / 1000.0
    if erode:
        cover = np.where(ndimage.binary_erosion(cover > 0.99, np.ones((3, 3, 1), bool)), 1.0, 0.0).astype(np.float32)
        if not cover.any():
            return NotAssessable(reason="nothing is left of the region without its rim")
    weight = np.where(np.isfinite(data), cover, 0.0)
    known_ml = float(weight.sum()) * grid.voxel_ml
    asked_ml = float(cover.sum()) * grid.voxel_ml if erode else whole_ml
    covered = min(known_ml / max(asked_ml, 1e-9), 1.0)
    voxels = int((weight >= 0.5).sum())
    if covered < LEAST_COVERED:
        return NotAssessable(reason=f"only {100 * covered:.0f} % of the region has values in this series")
    if voxels < LEAST_VOXELS:
        return NotAssessable(reason=f"the region covers only {voxels} voxels of this series")
    inside = weight > 0
    values, shares = data[inside].astype(np.float64), weight[inside].astype(np.float64)
    mean = float(np.average(values, weights=shares))
    sd = float(np.sqrt(np.average((values - mean) ** 2, weights=shares)))
    effective = float(shares.sum() ** 2 / (shares**2).sum())
    return RegionValues(
        mean=Quantity(value=mean, unit=unit),
        median=Quantity(value=_percentile(values, shares, 50), unit=unit),
        sd=Quantity(value=sd, unit=unit),
        percentiles={p: _percentile(values, shares, p) for p in PERCENTILES},
        volume_ml=known_ml,
        voxels=voxels,
        covered=covered,
        standard_error=sd / float(np.sqrt(max(effective, 1.0))),
    )


def cover_of(outline: Outline, grid: Grid, to_grid: Affine) -> npt.NDArray[np.float32]:
    """Return the share (0 to 1) of every voxel of a grid that an outline covers, by 3 × 3 × 3 points in each."""
    total = np.zeros(grid.shape, np.float64)
    steps = (np.arange(_FINER) - (_FINER - 1) / 2.0) / _FINER
    mask = outline.data.astype(np.float32)
    box = _reach(outline, grid, to_grid)
    if box is None:
        return total.astype(np.float32)
    start = np.eye(4)
    start[:3, 3] = [part.start for part in box]
    shape = tuple(part.stop - part.start for part in box)
    for i in steps:
        for j in steps:
            for k in steps:
                shift = np.eye(4)
                shift[:3, 3] = (i, j, k)
                at = Grid(shape=(shape[0], shape[1], shape[2]), affine=grid.affine @ start @ shift)
                total[box] += sample(mask, outline.affine, at, to_grid, order=0)
    return np.asarray(total / _FINER**3, dtype=np.float32)


def _reach(outline: Outline, grid: Grid, to_grid: Affine) -> tuple[slice, slice, slice] | None:
    """Return the part of the grid that an outline may touch, None where it touches none of it."""
    index = np.argwhere(outline.data)
    corners = np.array([[a, b, c, 1.0] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    low, high = index.min(axis=0) - 1.0, index.max(axis=0) + 1.0
    corners[:, :3] = low + corners[:, :3] * (high - low)
    there = (inverse(grid.affine) @ to_grid @ outline.affine @ corners.T)[:3]
    box = []
    for axis in range(3):
        first = max(0, int(np.floor(there[axis].min())) - 1)
        last = min(grid.shape[axis], int(np.ceil(there[axis].max())) + 2)
        if first >= last:
            return None
        box.append(slice(first, last))
    return box[0], box[1], box[2]


def home_of(outline: Outline, study: Study, volumes: Iterable[Volume]) -> str | None:
    """Return the series of a study that an outline was drawn on, "" where it names the study alone, None for neither.

    An outline that names another study or another series is none of this one, wherever it lies; one that names nothing
    (a NIfTI mask) must lie on the very voxels of one of the `volumes`: coordinates alone fit any patient.
    """
    named, series = outline.study_instance_uid, outline.series_instance_uid
    if named and named != study.study_instance_uid:
        return None
    if series:
        return series if any(one.series_instance_uid == series for one in study.series) else None
    for volume in volumes:
        if outline.data.shape == volume.data.shape[:3] and np.allclose(outline.affine, volume.affine, atol=_SAME_MM):
            return volume.series_instance_uid
    return "" if named else None


def one_frame(study: Study, series: Iterable[str]) -> bool:
    """Whether these series of a study ("" is any of them) state one frame of reference, or none that differs."""
    wanted = set(series)
    frames = {
        one.frame_of_reference_uid
        for one in study.series
        if one.frame_of_reference_uid and ("" in wanted or one.series_instance_uid in wanted)
    }
    return len(frames) <= 1


def judge_lesion(
    today_ml: float,
    before_ml: float,
    repeatability: Repeatability | None,
    *,
    noise_ml: float | None = None,
    obstacle: str = "",
) -> Judgement:
    """Judge the volume of one lesion; `noise_ml` is `Change.volume_noise_ml`, one standard deviation of its change."""
    today: Measure = Quantity(value=today_ml, unit="mL")
    before: Measure = Quantity(value=before_ml, unit="mL")
    noise = None if noise_ml is None else noise_ml / 2.0**0.5
    return judge("lesion volume", today, before, repeatability, pair_noise=noise, obstacle=obstacle)


def _percentile(values: npt.NDArray[np.float64], shares: npt.NDArray[np.float64], percent: float) -> float:
    """Return the weighted percentile: the value at which this share of the weight lies below."""
    order = np.argsort(values)
    below = np.cumsum(shares[order]) - shares[order] / 2.0
    return float(np.interp(percent / 100.0 * shares.sum(), below, values[order]))
