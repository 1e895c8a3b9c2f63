"""Which voxels of a series its picture measures are taken on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mriloop.imaging import ghosting, noise, shading, smoothness
from mriloop.imaging.foreground import Floats, Mask, Regions, real_values, regions
from mriloop.model.quantity import NotAssessable
from mriloop.model.study import Component, Frame, Series
from mriloop.model.volume import Volume
from mriloop.stages.check.header import Header, dot

SMALLEST_MATRIX = 16
BLANK = "every voxel has the same value"
LABELS = "a mask or label map, not a measured picture"
LABELS_AT_MOST = 12
GHOST_SLICES = 16
BRIGHT = 0.75  # of the object's brighter third: ghosts are no cut of the field of view


@dataclass(frozen=True)
class Sample:
    """What the measures look at.

    values : (i, j, k) magnitudes of one volume: the least diffusion-weighted one, else the middle one
    twin : a second volume of the same contrast, or None
    regions : object and air of `values`
    spacing_mm : of the three axes
    phase_axis : voxel axis (0 or 1) of phase encoding, None when not known
    patient_axes : for each voxel axis the patient axis that it follows most: 0 left-right, 1 back-front, 2 feet-head
    """

    values: Floats
    twin: Floats | None
    regions: Regions
    spacing_mm: tuple[float, float, float]
    phase_axis: int | None
    patient_axes: tuple[int, int, int] = (0, 1, 2)

    @cached_property
    def sigma(self) -> float | None:
        """The noise sd inside the object: several measures ask for it."""
        return noise.sigma_inside(self.values, self.regions.object)

    @cached_property
    def ghostly(self) -> tuple[Floats, Mask, Mask]:
        """Up to 16 slices of the object, its bright core on them, and where ghosts may lie.

        Strong ghosts pass for object in `regions`, and must not hide themselves that way: what lies 12 mm from
        the object's bright core counts like air here.
        """
        counts = self.regions.object.sum(axis=(0, 1))
        held = np.flatnonzero(counts >= max(30, counts.max() / 4))
        if held.size > GHOST_SLICES:
            held = held[np.linspace(0, held.size - 1, GHOST_SLICES).astype(int)]
        values, inside, air = self.values[:, :, held], self.regions.object[:, :, held], self.regions.air[:, :, held]
        core = ghosting.core(values, inside)
        return values, core, air | (inside & ghosting.away(core, self.spacing_mm))

    @cached_property
    def sides_cut(self) -> int:
        """How many sides of the field of view cut the object's bright core."""
        values, core, _ = self.ghostly
        return ghosting.sides_cut(ghosting.core(values, core, BRIGHT), share=0.06)

    @cached_property
    def fwhm_mm(self) -> tuple[float | None, ...]:
        """Smoothness along the three voxel axes."""
        return smoothness.fwhm_mm(self.values, self.regions.object, self.spacing_mm)

    @cached_property
    def field(self) -> Floats | None:
        """The bias field over the object."""
        return shading.bias_field(self.values, self.regions.object, self.spacing_mm)


def sample_of(volumes: Sequence[Volume], series: Series) -> Sample | NotAssessable:
    """Choose what to measure of a series: the largest magnitude volume, its least diffusion-weighted time.

    Where no b-value is known the brightest time point is the least weighted one.
    Slices that were filled in for the sake of a regular grid are left out: they are nobody's measurement.
    """
    best = max(volumes, key=_worth, default=None)
    if best is None:
        return NotAssessable(reason="no picture could be made of this series")
    values = slices_last(best)
    if min(values.shape[:2]) < SMALLEST_MATRIX:
        return NotAssessable(reason=f"matrix of {values.shape[0]} × {values.shape[1]} is too small to judge")
    real = [k for k in range(values.shape[2]) if k not in best.filled_slices]
    bs = b_values_of(best, series)
    middle = values.shape[3] // 2
    if all(b is None for b in bs):
        order = sorted(range(values.shape[3]), key=lambda t: (-round(float(values[..., t].mean()), 1), abs(t - middle)))
    else:
        order = sorted(range(values.shape[3]), key=lambda t: (math.inf if bs[t] is None else bs[t], abs(t - middle)))
    chosen = order[0]
    means = values.mean(axis=(0, 1, 2))
    same = [t for t in order[1:] if bs[t] == bs[chosen] and abs(means[t] - means[chosen]) <= 0.05 * means[chosen]]
    # Slices one after the other in memory: nearly all measures go slice by slice.
    one = np.asfortranarray(values[:, :, real, chosen])
    if one.size == 0 or float(one.max()) == float(one.min()):
        return NotAssessable(reason=BLANK)
    levels = np.unique(one[:, :, :: max(1, one.shape[2] // 16)])
    if levels.size <= LABELS_AT_MOST:
        # A scanner's picture with few grey levels is a nearly black one: a fault, not a label map.
        drawn = not _acquired(series) and bool((levels == np.round(levels)).all())
        return NotAssessable(reason=LABELS if drawn else f"only {levels.size} grey levels: too dark to judge")
    spacing = list(best.spacing_mm)
    spacing.append(spacing.pop(best.slice_axis))
    where = (spacing[0], spacing[1], spacing[2])
    twin = np.asfortranarray(values[:, :, real, same[0]]) if same else None
    return Sample(one, twin, regions(one, where), where, phase_axis(best, series), patient_axes(best))


def _acquired(series: Series) -> bool:
    """Tell whether the header speaks of an acquisition, as one of a label map does not."""
    header = Header(series)
    return any((header.te_ms, header.tr_ms, header.flip_deg, header.words("ScanningSequence"), header.image_type))


def _worth(volume: Volume) -> tuple[bool, int, int]:
    """Magnitudes before maps and phases, then the most voxels, then the most time points."""
    computed = {"ADC", "FA", "PHASE MAP"} & set(volume.image_type)
    plain = volume.component in (Component.MAGNITUDE, Component.UNKNOWN) and not computed
    return plain, int(np.prod(volume.data.shape[:3])), volume.count


def slices_last(volume: Volume) -> Floats:
    """Return the data as (i, j, k, t) float32 magnitudes with the slices along k, whatever the volume holds."""
    data = real_values(volume.data)
    while data.ndim < 3:
        data = data[..., np.newaxis]
    if data.ndim == 3:
        data = data[..., np.newaxis]
    return np.moveaxis(np.abs(data), volume.slice_axis, 2)


def frames_by_time(volume: Volume, series: Series) -> list[Frame | None]:
    """Return one frame header for each time point, None where the volume does not know."""
    frames = {(f.sop_instance_uid, f.frame_number): f for f in series.frames}
    found: list[Frame | None] = []
    for t in range(volume.count):
        sources = volume.sources[t] if t < len(volume.sources) else ()
        known = (frames.get((source.sop_instance_uid, source.frame_number)) for source in sources)
        found.append(next((frame for frame in known if frame is not None), None))
    return found


def b_values_of(volume: Volume, series: Series) -> list[float | None]:
    """Return the b-value of each time point, rounded to 50 with b below 20 as 0; None where nothing tells."""
    if len(volume.b_values) == volume.count:
        raw: list[float | None] = list(volume.b_values)
    else:
        raw = [frame.b_value if frame else None for frame in frames_by_time(volume, series)]
    return [None if b is None else 0.0 if b < 20 else 50.0 * round(b / 50) for b in raw]


def patient_axes(volume: Volume) -> tuple[int, int, int]:
    """Return for each voxel axis of the sample (slices last) the patient axis (R, A, S) that it follows most."""
    order = [axis for axis in range(3) if axis != volume.slice_axis] + [volume.slice_axis]
    size = np.abs(volume.affine[:3, :3] / np.linalg.norm(volume.affine[:3, :3], axis=0))
    found = [int(np.argmax(size[:, axis])) for axis in order]
    if len(set(found)) < 3:  # an axis at 45°: the best of all ways to share the three out
        ways = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
        found = list(max(ways, key=lambda way: sum(size[p, a] for p, a in zip(way, order, strict=True))))
    return (found[0], found[1], found[2])


def phase_axis(volume: Volume, series: Series) -> int | None:
    """Return the in-plane voxel axis of phase encoding (0 or 1, slices being 2), None when not known or through-plane.

    InPlanePhaseEncodingDirection ROW means along a row, the first triplet of ImageOrientationPatient. A BIDS sidecar's
    PhaseEncodingDirection names the voxel axis itself.
    """
    header = Header(series)
    order = [axis for axis in range(3) if axis != volume.slice_axis]
    for value in header.words("VendorPhaseEncodingAxis"):
        axis = "IJK".find(value[:1])
        if axis >= 0:
            return order.index(axis) if axis in order else None
    said = header.words("InPlanePhaseEncodingDirection") or header.words("InPlanePhaseEncodingDirectionDICOM")
    if not said or said[0] not in ("ROW", "COL", "COLUMN"):
        return None
    frame = next((f for f in header.frames if f.row_axis_ras and f.column_axis_ras), None)
    wanted = (frame.row_axis_ras if said[0] == "ROW" else frame.column_axis_ras) if frame else None
    if wanted is None:
        return 0 if said[0] == "ROW" else 1
    axes = volume.affine[:3, :3] / np.linalg.norm(volume.affine[:3, :3], axis=0)
    along = [abs(dot(wanted, (float(axes[0, a]), float(axes[1, a]), float(axes[2, a])))) for a in order]
    return int(np.argmax(along)) if max(along) > 0.7 else None
