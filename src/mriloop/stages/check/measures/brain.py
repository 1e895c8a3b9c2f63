"""The measures of a structural picture of a brain, under MRIQC's names: tissues, noise, shading, artefacts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from mriloop.imaging import iqm
from mriloop.imaging.brainmask import brain_mask
from mriloop.imaging.foreground import Floats, Mask
from mriloop.imaging.segment import Contrast, Tissues, segment
from mriloop.model.coding import Region, Subject, Weighting
from mriloop.model.quality import SeriesKind
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.model.volume import Affine, Volume
from mriloop.stages.check.measures.measure import ImageMeasure, take_all
from mriloop.stages.check.measures.sample import Sample, slices_last

CONTRASTS: Mapping[Weighting, Contrast] = {
    Weighting.T1: Contrast.T1,
    Weighting.T2: Contrast.T2,
    Weighting.T2_STAR: Contrast.T2,
    Weighting.PD: Contrast.T2,
    Weighting.FLAIR: Contrast.FLAIR,
}
HARMONISED = 1000.0
NO_AIR = "no air above the skull base in the field of view"
_RIM_MM = 2.0  # the border of a mask is known to about a voxel of 2 mm; what it may hold of dura and bone is no tissue
_LEAST_AIR = 1000
_FLOOR = 0.25  # of the height of the brain: below it mouth, neck and their ghosts make the air of another kind
_QI2_VOXELS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BrainSample:
    """One structural picture of a whole brain, made even and brought to white matter = 1000, with what is in it.

    values : (i, j, k) magnitudes over the shading, median of sure white matter 1000
    tissues : maps of CSF, grey and white matter, and the shading
    head, air, artefacts : the object; the air above the skull base less what stands out of its noise; what does
    summary : of csf, gm, wm and, where there is air, bg
    spacing_mm : of the three axes
    """

    values: Floats
    tissues: Tissues
    head: Mask
    air: Mask
    artefacts: Mask
    summary: Mapping[str, iqm.Summary]
    spacing_mm: tuple[float, float, float]

    @property
    def maps(self) -> dict[str, npt.NDArray[np.float32]]:
        """The three maps by MRIQC's names of the tissues."""
        return dict(zip(iqm.TISSUES, self.tissues.maps, strict=True))


def brain_sample(
    volumes: Sequence[Volume], sample: Sample | NotAssessable, kind: SeriesKind
) -> BrainSample | NotAssessable:
    """Find the brain and its tissues in a structural series, or say why its brain cannot be measured.

    `sample` is what the measures of any picture were taken on. Two to five seconds for 256³ on one core.
    """
    why = _unsuited(volumes, sample, kind)
    if why or isinstance(sample, NotAssessable):
        return NotAssessable(reason=why)
    volume = volumes[0]
    affine = _slices_last(volume)
    data = np.asarray(slices_last(volume)[..., 0], dtype=np.float32)
    found = brain_mask(data, affine)
    if not found.trusted:
        return NotAssessable(reason=f"no whole brain was found: {found.reason}")
    inner = distance_transform_edt(found.mask, sampling=np.linalg.norm(affine[:3, :3], axis=0)) > _RIM_MM
    tissues = segment(data, affine, inner, CONTRASTS[kind.weighting])
    if isinstance(tissues, str):
        return NotAssessable(reason=tissues)
    even = data / tissues.bias
    white = even[tissues.maps[2] > 0.9]
    typical = float(np.median(white)) if white.size >= 500 else tissues.means[2]
    even *= np.float32(HARMONISED / typical)
    head, air = sample.regions.object, sample.regions.air & _above(found.mask, affine)
    distance = distance_transform_edt(~head, sampling=sample.spacing_mm)
    artefacts = iqm.artifact_mask(even, air, distance / max(float(distance.max()), 1e-6))
    air = air & ~artefacts
    maps: dict[str, npt.NDArray[np.float32] | Mask] = dict(zip(iqm.TISSUES, tissues.maps, strict=True))
    if int(air.sum()) >= _LEAST_AIR:
        maps["bg"] = air
    summary = iqm.summary_stats(even, maps)
    if not all(tissue in summary for tissue in iqm.TISSUES):
        return NotAssessable(reason="one of the three tissues was not found")
    return BrainSample(
        values=even,
        tissues=tissues,
        head=head,
        air=air,
        artefacts=artefacts,
        summary=summary,
        spacing_mm=sample.spacing_mm,
    )


def _unsuited(volumes: Sequence[Volume], sample: Sample | NotAssessable, kind: SeriesKind) -> str:
    """Return why the measures of the brain are not for this series, or an empty string."""
    if isinstance(sample, NotAssessable):
        return sample.reason
    if kind.region not in (Region.BRAIN, Region.UNKNOWN):
        return f"not known to be a brain (region: {kind.region.value})"
    if kind.object in (Subject.PHANTOM, Subject.NONE):
        return "no patient in the picture"
    if kind.weighting not in CONTRASTS or kind.derived:
        return f"tissues are told apart in T1, T2, PD, T2* and FLAIR only (weighting: {kind.weighting.value})"
    if len(volumes) != 1 or volumes[0].count != 1:
        return "several volumes: not one structural picture"
    if volumes[0].filled_slices:
        return "slices are missing"
    if sample.values.shape != slices_last(volumes[0]).shape[:3]:
        return "the picture has no regular grid"
    return ""


def _slices_last(volume: Volume) -> Affine:
    order = [axis for axis in range(3) if axis != volume.slice_axis] + [volume.slice_axis]
    return volume.affine[:, [*order, 3]]


def _above(brain: Mask, affine: Affine) -> Mask:
    """Return the voxels above the lowest quarter of the brain: roughly MRIQC's hat above glabella and inion."""
    rise = affine[2, :3]
    i, j, k = np.ogrid[: brain.shape[0], : brain.shape[1], : brain.shape[2]]
    height = i * rise[0] + j * rise[1] + k * rise[2]
    inside = height[brain]
    low, high = float(inside.min()), float(inside.max())
    return np.asarray(height > low + _FLOOR * (high - low))


def _air(sample: BrainSample) -> iqm.Summary | None:
    return sample.summary.get("bg")


def _cnr(sample: BrainSample) -> float | str | None:
    wm, gm, air = sample.summary["wm"], sample.summary["gm"], _air(sample)
    return NO_AIR if air is None else iqm.cnr(wm.median, gm.median, air.stdv, wm.stdv, gm.stdv)


def _cjv(sample: BrainSample) -> float | str | None:
    wm, gm = sample.summary["wm"], sample.summary["gm"]
    return iqm.cjv(wm.median, gm.median, wm.mad, gm.mad)


def _wm2max(sample: BrainSample) -> float | str | None:
    return iqm.wm2max(sample.values, sample.summary["wm"].median)


def _snr(sample: BrainSample, tissue: str) -> float | None:
    one = sample.summary[tissue]
    return iqm.snr(one.median, one.stdv, one.n)


def _snrd(sample: BrainSample, tissue: str) -> float | str | None:
    air = _air(sample)
    if air is None:
        return NO_AIR
    return iqm.snr_dietrich(sample.summary[tissue].median, mad_air=air.mad, sigma_air=air.stdv)


def _total(take: Callable[[BrainSample, str], float | str | None]) -> Callable[[BrainSample], float | str | None]:
    def mean(sample: BrainSample) -> float | str | None:
        found = [take(sample, tissue) for tissue in iqm.TISSUES]
        numbers = [one for one in found if isinstance(one, float)]
        return math.fsum(numbers) / 3 if len(numbers) == 3 else next(one for one in found if not isinstance(one, float))

    return mean


def _of(
    take: Callable[[BrainSample, str], float | str | None], tissue: str
) -> Callable[[BrainSample], float | str | None]:
    return lambda sample: take(sample, tissue)


def _qi1(sample: BrainSample) -> float | str | None:
    return NO_AIR if _air(sample) is None else iqm.art_qi1(sample.air, sample.artefacts)


def _qi2(sample: BrainSample) -> float | str | None:
    if _air(sample) is None:
        return NO_AIR
    found = iqm.art_qi2(sample.values, sample.air, most=_QI2_VOXELS)
    return "the air holds too little noise" if found is None else found


def _fber(sample: BrainSample) -> float | str | None:
    found = iqm.fber(sample.values, sample.head)
    return "the air was masked" if found is None else found


def _efc(sample: BrainSample) -> float | str | None:
    return iqm.efc(sample.values)


def _rpve(sample: BrainSample, tissue: str) -> float | None:
    return iqm.residual_partial_volume(sample.maps[tissue])


def _icvs(sample: BrainSample, tissue: str) -> float | None:
    return iqm.volume_fraction(sample.tissues.maps)[tissue]


def _inu_med(sample: BrainSample) -> float | str | None:
    return float(np.median(sample.tissues.bias[sample.tissues.mask]))


def _inu_range(sample: BrainSample) -> float | str | None:
    low, high = np.percentile(sample.tissues.bias[sample.tissues.mask], [5, 95])
    return float(high - low)


def _by_tissue(
    name: str, unit: str, better: str, take: Callable[[BrainSample, str], float | str | None]
) -> tuple[ImageMeasure[BrainSample], ...]:
    return tuple(ImageMeasure(f"{name}_{tissue}", unit, better, _of(take, tissue)) for tissue in iqm.TISSUES)


BRAIN: tuple[ImageMeasure[BrainSample], ...] = (
    ImageMeasure("cnr", "1", "higher", _cnr),
    ImageMeasure("cjv", "1", "lower", _cjv),
    ImageMeasure("wm2max", "1", "", _wm2max),
    *_by_tissue("snr", "1", "higher", _snr),
    ImageMeasure("snr_total", "1", "higher", _total(_snr)),
    *_by_tissue("snrd", "1", "higher", _snrd),
    ImageMeasure("snrd_total", "1", "higher", _total(_snrd)),
    ImageMeasure("qi_1", "1", "lower", _qi1),
    ImageMeasure("qi_2", "{index}", "lower", _qi2),
    ImageMeasure("fber", "1", "higher", _fber),
    ImageMeasure("efc", "{index}", "lower", _efc),
    *_by_tissue("rpve", "1", "lower", _rpve),
    *_by_tissue("icvs", "1", "", _icvs),
    ImageMeasure("inu_med", "1", "", _inu_med),
    ImageMeasure("inu_range", "1", "lower", _inu_range),
)

_SUMMARY_UNITS = {"k": "1", "n": "{count}"}


def _summary(region: str, field: str) -> ImageMeasure[BrainSample]:
    def take(sample: BrainSample) -> float | str | None:
        one = sample.summary.get(region)
        return NO_AIR if one is None else float(getattr(one, field))

    return ImageMeasure(f"summary_{region}_{field}", _SUMMARY_UNITS.get(field, "{au}"), "", take)


SUMMARY: tuple[ImageMeasure[BrainSample], ...] = tuple(
    _summary(region, field)
    for region in ("bg", *iqm.TISSUES)
    for field in ("mean", "median", "p95", "p05", "k", "stdv", "mad", "n")
)


def mriqc_row(sample: BrainSample) -> dict[str, float]:
    """Return the columns of MRIQC's T1w/T2w table that this sample gives, by MRIQC's names; what cannot be is absent.

    Not here: tpm_overlap_*, which need a template in standard space, and fwhm_*, which belong to the picture.
    """
    taken = take_all(sample, (*BRAIN, *SUMMARY))
    row = {name: one.value for name, one in taken.items() if isinstance(one, Quantity)}
    for axis, n, step in zip("xyz", sample.values.shape, sample.spacing_mm, strict=True):
        row |= {f"size_{axis}": float(n), f"spacing_{axis}": float(step)}
    return row
