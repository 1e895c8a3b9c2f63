"""Volumes of a series that may be compared with each other, because nothing but time lies between them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mriloop.imaging.foreground import Floats
from mriloop.model.study import Frame, Point, Series
from mriloop.model.volume import Volume
from mriloop.stages.check.measures.sample import b_values_of, frames_by_time, slices_last

_STEP = 1.15


@dataclass(frozen=True, slots=True)
class Contrast:
    """Volumes of one contrast on one grid, in the order of time.

    volumes : magnitudes (i, j, k), slices along k
    times : their places in the whole series
    directions : of diffusion weighting, RAS+, None where there is none or it is not known
    affine : (4, 4), voxel index to RAS+ mm
    b_value : s/mm², 0 for b0 volumes, None in a series that knows of no b-value
    isotropic : diffusion-weighted without a direction beside others that have one: a trace or map that rides along
    repetition_time_ms : from one volume of the series to the next, None where not known
    """

    volumes: list[Floats]
    times: list[int]
    directions: list[Point | None]
    affine: npt.NDArray[np.float64]
    b_value: float | None
    repetition_time_ms: float | None
    isotropic: bool = False

    @property
    def diffusion(self) -> bool:
        """Whether the volumes are diffusion-weighted, so that each direction has a contrast of its own."""
        return bool(self.b_value)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxels along i, j, k."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(i), float(j), float(k)

    def part(self, chosen: Sequence[int]) -> Contrast:
        """Return the contrast with only these of its volumes."""
        return replace(
            self,
            volumes=[self.volumes[t] for t in chosen],
            times=[self.times[t] for t in chosen],
            directions=[self.directions[t] for t in chosen],
        )


def contrasts_of(series: Series, volumes: Sequence[Volume]) -> list[Contrast]:
    """Sort the volumes of a series by what they may be compared with: grid, b-value, echo, inversion time, component.

    Volumes of one value throughout are left out; so are colour pictures.
    """
    found: dict[Hashable, Contrast] = {}
    counter = 0
    for volume in volumes:
        if volume.data.dtype.names or volume.data.ndim > 4:
            continue
        data = slices_last(volume)
        affine = _slices_last_affine(volume)
        bs = b_values_of(volume, series)
        for t, frame in enumerate(frames_by_time(volume, series)):
            picture = data[..., t]
            if float(picture.max()) > float(picture.min()):
                key = (
                    data.shape[:3],
                    tuple(np.round(affine, 2).ravel()),
                    bs[t],
                    volume.label,
                    _contrast(frame, volume),
                )
                empty = Contrast([], [], [], affine, bs[t], volume.repetition_time_ms)
                group = found.setdefault(key, empty)
                group.volumes.append(picture)
                group.times.append(counter)
                group.directions.append(_direction(frame, volume, t))
            counter += 1
    return [part for group in found.values() for part in _by_direction(group, found.values())]


def alike(group: Contrast) -> list[Contrast]:
    """Part a group where the brightness of its volumes steps by more than a seventh: a contrast no header names.

    The 90th percentile of a volume does not change when the object moves; it does with an inversion time or a b-value.
    """
    levels = [float(np.percentile(volume, 90)) for volume in group.volumes]
    parts: list[list[int]] = []
    for index in np.argsort(levels):
        if not parts or levels[index] > _STEP * levels[parts[-1][-1]]:
            parts.append([])
        parts[-1].append(int(index))
    return [group] if len(parts) == 1 else [group.part(sorted(part)) for part in parts]


def _by_direction(group: Contrast, groups: Iterable[Contrast]) -> list[Contrast]:
    """Part what has a direction from what has none where the series has both among its weighted volumes."""
    if not group.diffusion or not any(d for each in groups if each.diffusion for d in each.directions):
        return [group]
    with_one = [t for t, direction in enumerate(group.directions) if direction is not None]
    without = [t for t, direction in enumerate(group.directions) if direction is None]
    parts = [group.part(with_one)] if with_one else []
    return [*parts, replace(group.part(without), isotropic=True)] if without else parts


def _direction(frame: Frame | None, volume: Volume, t: int) -> Point | None:
    if len(volume.b_vectors_ras) == volume.count:
        return volume.b_vectors_ras[t]
    return frame.b_vector_ras if frame else None


def _contrast(frame: Frame | None, volume: Volume) -> Hashable:
    """What, beside the b-value, must be equal for two volumes to be compared."""
    if frame is None:
        return None
    kind = tuple(word for word in frame.image_type if word in ("ADC", "FA", "TRACEW", "TRACE", "PHASE", "P", "R", "I"))
    te = None if frame.te_ms is None else round(frame.te_ms, 1)
    ti = None if frame.ti_ms is None else round(frame.ti_ms)
    return (te, ti, frame.component, kind)


def _slices_last_affine(volume: Volume) -> npt.NDArray[np.float64]:
    affine = np.array(volume.affine, dtype=np.float64)
    order = [axis for axis in range(3) if axis != volume.slice_axis] + [volume.slice_axis]
    affine[:3, :3] = affine[:3, order]
    return affine
