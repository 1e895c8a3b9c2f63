"""The measures of a diffusion series: a new one is one function and one line of DIFFUSION."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mriloop.imaging import diffusion
from mriloop.imaging.diffusion import GradientTable
from mriloop.imaging.foreground import Floats, Mask, object_mask
from mriloop.model.coding import Weighting
from mriloop.model.quality import SeriesKind
from mriloop.model.quantity import NotAssessable
from mriloop.model.study import Series
from mriloop.model.volume import Volume
from mriloop.stages.check.measures.contrasts import contrasts_of
from mriloop.stages.check.measures.measure import ImageMeasure

NO_DIRECTIONS = "no directions of diffusion weighting in the headers"
NO_B0 = "no volume without diffusion weighting"


@dataclass(frozen=True, eq=False)
class DiffusionSample:
    """What the measures look at: the volumes of one grid with their b-values.

    volumes : (i, j, k) magnitudes, in order of time
    b_values : (t,) in s/mm²
    directions : (t, 3) in RAS+, nan where there is none or it is not known
    object : mask of the least weighted volume
    """

    volumes: list[Floats]
    b_values: npt.NDArray[np.float64]
    directions: npt.NDArray[np.float64]
    object: Mask

    @cached_property
    def table(self) -> GradientTable:
        """What the table of b-values and directions holds."""
        return diffusion.gradient_table(self.b_values, self.directions)

    @cached_property
    def b0(self) -> list[Floats]:
        """The volumes without diffusion weighting."""
        return [v for v, b in zip(self.volumes, self.b_values, strict=True) if b <= diffusion.B0_AT_MOST]


def diffusion_sample(series: Series, volumes: Sequence[Volume], kind: SeriesKind) -> DiffusionSample | NotAssessable:
    """Gather the diffusion-weighted volumes of a series with its b0; traces and maps that ride in it are left out."""
    if kind.weighting is not Weighting.DWI:
        return NotAssessable(reason="not a series of diffusion directions")
    groups = [group for group in contrasts_of(series, volumes) if group.b_value is not None and not group.isotropic]
    if not any(group.diffusion for group in groups):
        return NotAssessable(reason="no b-values in the headers")
    shape = max(groups, key=lambda group: len(group.volumes)).volumes[0].shape
    chosen = [
        (group.times[t], group.b_value or 0.0, group.directions[t], group.volumes[t])
        for group in groups
        if group.volumes[0].shape == shape
        for t in range(len(group.volumes))
    ]
    chosen.sort(key=lambda each: each[0])
    b_values = np.array([b for _, b, _, _ in chosen])
    unknown = (math.nan, math.nan, math.nan)
    directions = np.array([unknown if direction is None else direction for _, _, direction, _ in chosen])
    least = chosen[int(b_values.argmin())][3]
    where = object_mask(least, groups[0].spacing_mm)
    if int(where.sum()) < 200:
        return NotAssessable(reason="no object stands out of the volumes")
    return DiffusionSample([volume for *_, volume in chosen], b_values, directions, where)


def _correlation(sample: DiffusionSample) -> float | str | None:
    known = (sample.b_values <= diffusion.B0_AT_MOST) | np.isfinite(sample.directions).all(axis=1)
    weighted = known & (sample.b_values > diffusion.B0_AT_MOST)
    if np.count_nonzero(weighted) < 2:
        return NO_DIRECTIONS
    data = np.stack([sample.volumes[int(t)][sample.object] for t in np.flatnonzero(weighted)], axis=-1)
    return diffusion.neighbouring_dwi_correlation(data, sample.b_values[weighted], sample.directions[weighted])


def _b0_snr(sample: DiffusionSample) -> float | str | None:
    if not sample.b0:
        return NO_B0
    mask = sample.object
    repeats = np.stack([volume[mask] for volume in sample.b0], axis=-1)
    sigma = diffusion.noise_of_repeats(repeats)
    return (
        "only one b0 volume: nothing to take the noise from" if not sigma else float(np.median(repeats.mean(1))) / sigma
    )


def _b0_volumes(sample: DiffusionSample) -> float | str | None:
    return float(sample.table.b0)


def _shells(sample: DiffusionSample) -> float | str | None:
    return float(len(sample.table.shells))


def _fewest(sample: DiffusionSample) -> float | str | None:
    return float(max(distinct for _, distinct, _ in sample.table.shells)) if sample.table.shells else NO_DIRECTIONS


def _duplicates(sample: DiffusionSample) -> float | str | None:
    return float(sample.table.duplicates)


def _unknown(sample: DiffusionSample) -> float | str | None:
    return float(sample.table.unknown)


def _not_unit(sample: DiffusionSample) -> float | str | None:
    return float(sample.table.not_unit)


def _condition(sample: DiffusionSample) -> float | str | None:
    found = sample.table.condition
    return found if math.isfinite(found) else "fewer than six directions, or all of them in a plane"


def _one_sided(sample: DiffusionSample) -> float | str | None:
    return sample.table.one_sided if math.isfinite(sample.table.condition) else "fewer than six directions"


DIFFUSION: tuple[ImageMeasure[DiffusionSample], ...] = (
    ImageMeasure("neighbouring_dwi_correlation", "1", "higher", _correlation),
    ImageMeasure("b0_snr", "1", "higher", _b0_snr),
    ImageMeasure("b0_volumes", "{count}", "", _b0_volumes),
    ImageMeasure("shells", "{count}", "", _shells),
    ImageMeasure("directions", "{count}", "higher", _fewest),
    ImageMeasure("directions_repeated", "{count}", "", _duplicates),
    ImageMeasure("directions_unknown", "{count}", "lower", _unknown),
    ImageMeasure("directions_not_unit", "{count}", "lower", _not_unit),
    ImageMeasure("directions_condition", "1", "lower", _condition),
    ImageMeasure("directions_one_sided", "1", "", _one_sided),
)
