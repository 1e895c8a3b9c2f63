"""Measures of a region on any series of any visit, carried there by its alignment, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mriloop.imaging.resample import Grid, inverse, sample
from mriloop.imaging.voxels import ndimage
from mriloop.model.comparison import Alignment
from mriloop.model.judgement import Judgement, Repeatability
from mriloop.model.outline import Outline
from mriloop.model.quantity import Measure, NotAssessable, Quantity
from mriloop.model.volume import Affine, Volume
from mriloop.stages.compare.align import link
from mriloop.stages.compare.judge import judge

PERCENTILES = (5, 25, 75, 95)
LEAST_VOXELS = 5  # fewer give no spread worth naming
LEAST_COVERED = 0.9  # of the outline; less lies in the picture, or has values, than a mean may stand for
_FINER = 3


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionChange:
    """One region at two visits, with what may be said of the difference of its means."""

    label: str
    tracking_uid: str
    today: RegionValues | NotAssessable
    before: RegionValues | NotAssessable
    judgement: Judgement
    notes: tuple[str, ...] = field(default=())


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
    to_picture : (4, 4) from RAS+ mm of the outline's frame to RAS+ mm of the picture's (`link`); None: there is no
        such map, or it was refused, and the answer is NotAssessable
    unit : UCUM code of the values
    erode : leave out voxels that the outline does not cover wholly with all their neighbours in the slice, so that
        the mean is free of partial volume (and of the smallest regions nothing is left)

    Values are never interpolated: the outline is carried to the voxels of the picture, as shares of them.
    """
    if to_picture is None:
        return NotAssessable(reason="the outline could not be carried to this series: no accepted alignment")
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


def roi_change(
    outline: Outline,
    today: Volume,
    before: Volume,
    linked: Mapping[str, Alignment],
    *,
    measure: str,
    unit: str,
    repeatability: Repeatability | None,
    erode: bool = False,
    obstacle: str = "",
    scale: float = 1.0,
) -> RegionChange:
    """Measure a region at two visits and judge the difference of its means.

    `linked` maps SeriesInstanceUID to the alignment of that series with one reference (`Comparison.linked`); the
    outline lives in the frame of its `series_instance_uid`. Through a refused or missing alignment nothing is
    measured. `obstacle` is what else forbids a conclusion, such as other b-values or a spoilt series; `scale` turns
    the numbers of the pictures into `unit`. The standard error of both means counts as the noise of the pair.
    """
    found: list[RegionValues | NotAssessable] = []
    for volume in (today, before):
        data = volume.data if volume.data.ndim == 3 else volume.data[..., 0]
        to = link(linked, outline.series_instance_uid, volume.series_instance_uid)
        found.append(region_values(data * scale, volume.affine, outline, to, unit=unit, erode=erode))
    means = [one.mean if isinstance(one, RegionValues) else one for one in found]
    return RegionChange(
        label=outline.label,
        tracking_uid=outline.tracking_uid,
        today=found[0],
        before=found[1],
        judgement=judge(measure, means[0], means[1], repeatability, pair_noise=_pair_noise(found), obstacle=obstacle),
        notes=_volume_note(found),
    )


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


def _pair_noise(found: Sequence[RegionValues | NotAssessable]) -> float | None:
    errors = [one.standard_error for one in found if isinstance(one, RegionValues)]
    return float(np.sqrt(np.mean(np.square(errors)))) if len(errors) == 2 else None


def _volume_note(found: Sequence[RegionValues | NotAssessable]) -> tuple[str, ...]:
    volumes = [one.volume_ml for one in found if isinstance(one, RegionValues)]
    if len(volumes) == 2 and abs(volumes[0] - volumes[1]) > 0.1 * max(volumes):
        return (f"the series cover different parts of the region: {volumes[0]:.2f} and {volumes[1]:.2f} mL",)
    return ()


def _percentile(values: npt.NDArray[np.float64], shares: npt.NDArray[np.float64], percent: float) -> float:
    """Return the weighted percentile: the value at which this share of the weight lies below."""
    order = np.argsort(values)
    below = np.cumsum(shares[order]) - shares[order] / 2.0
    return float(np.interp(percent / 100.0 * shares.sum(), below, values[order]))
