"""Makes the quantitative maps that a study allows, ADC and fat fraction, and says what cannot be made and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mriloop.imaging import adc as diffusion
from mriloop.imaging import dixon
from mriloop.imaging.adc import AdcMap, adc_map, scale_of_adc
from mriloop.imaging.dixon import FatMap, from_water_fat, multi_echo, two_point
from mriloop.model.coding import Region, Weighting
from mriloop.model.quality import SeriesKind
from mriloop.model.quantity import NotAssessable
from mriloop.model.study import Component, Point, Series, SeriesObject, Study
from mriloop.model.volume import Affine, Floats, Volume

Load = Callable[[str], tuple[Volume, ...]]
_DIFFUSION = frozenset({Weighting.DWI, Weighting.TRACE})
_DIXON = frozenset({Weighting.DIXON_IN, Weighting.DIXON_OPPOSED, Weighting.DIXON_WATER, Weighting.DIXON_FAT})
_LONGEST_TE_MS = 20.0  # echoes beyond it are for T2*, not for fat: the fat of marrow is gone by then
_STEEP_FLIP_DEG = 10.0
ISOTROPIC = "isotropic"
CALCULATED = ("CALC", "SYNTH", "COMPUTED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The scanner's own map beside ours: percentiles 5, 50 and 95 of its values over ours where both have one."""

    series: str
    what: str
    low: float
    median: float
    high: float
    voxels: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuantityMap:
    """One map.

    measure, unit : such as "ADC" in mm2/s, "fat fraction" in %
    series : SeriesInstanceUIDs that it was made of
    data : (i, j, k), nan where not assessable; error : standard error of it, None where not known
    unfit : code of each voxel, 0 where assessed; reasons : what each other code means, and its share of the object
    basis : what it rests on, by name
    """

    measure: str
    unit: str
    series: tuple[str, ...]
    data: npt.NDArray[np.float32]
    affine: Affine
    unfit: npt.NDArray[np.uint8]
    reasons: Mapping[str, float]
    basis: Mapping[str, float | str | tuple[float, ...]]
    error: npt.NDArray[np.float32] | None = None
    alternative: npt.NDArray[np.float32] | None = None
    cautions: tuple[str, ...] = ()
    beside: tuple[Beside, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quantities:
    """The maps of a study, and (SeriesInstanceUID, reason) of each series that looked as if it would give one."""

    maps: tuple[QuantityMap, ...] = ()
    cannot: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Desk:
    """Volumes read so far, and what came of them."""

    load: Load
    kinds: Mapping[str, SeriesKind]
    volumes: dict[str, tuple[Volume, ...]] = field(default_factory=dict)
    maps: list[QuantityMap] = field(default_factory=list)
    cannot: list[tuple[str, str]] = field(default_factory=list)

    def of(self, series: Series) -> tuple[Volume, ...]:
        uid = series.series_instance_uid
        if uid not in self.volumes:
            self.volumes[uid] = self.load(uid)
        return self.volumes[uid]


def quantify(study: Study, *, kinds: Mapping[str, SeriesKind], load: Load) -> Quantities:
    """Make every ADC and fat-fraction map that the series of one study allow.

    `load` gives the volumes of a series, none where its pixels cannot be read. Only measurements are used: a scanner's
    ADC, a calculated b-value and a fat-fraction map are never input; a scanner's ADC is compared with the map instead.
    """
    desk = _Desk(load=load, kinds=kinds)
    images = [s for s in study.series if s.object is SeriesObject.IMAGE and s.series_instance_uid in kinds]
    _diffusion(images, desk)
    _fat(images, desk)
    if not desk.maps and not desk.cannot:
        made = (Weighting.ADC, "ADC map"), (Weighting.FAT_FRACTION, "fat-fraction map")
        for series in images:
            for weighting, name in made:
                if desk.kinds[series.series_instance_uid].weighting is weighting:
                    reason = f"the scanner's {name}; the measurements it was made of are not in the study"
                    desk.cannot.append((series.series_instance_uid, reason))
    return Quantities(maps=tuple(desk.maps), cannot=tuple(desk.cannot))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Weighted:
    """Diffusion-weighted volumes on one grid, of one series or several."""

    series: tuple[str, ...]
    data: Floats
    affine: Affine
    b_values: tuple[float, ...]
    directions: tuple[Point | None, ...]
    trace: bool
    region: Region


def _diffusion(images: Sequence[Series], desk: _Desk) -> None:
    alone: list[tuple[Series, Volume]] = []
    for series in images:
        kind = desk.kinds[series.series_instance_uid]
        if kind.weighting not in _DIFFUSION:
            continue
        if _calculated(series):
            desk.cannot.append((series.series_instance_uid, "a calculated b-value is no measurement"))
            continue
        whole = [v for v in desk.of(series) if not v.label.startswith(ISOTROPIC) and _magnitude(v)]
        if not whole:
            desk.cannot.append((series.series_instance_uid, "its pixels could not be made a magnitude volume"))
            continue
        volume = whole[0]
        if len(volume.b_values) != volume.count:
            desk.cannot.append((series.series_instance_uid, "no b-value is known"))
        elif len({round(b, -1) for b in volume.b_values}) > 1:
            _make_adc(_weighted([(series, volume)], kind), images, desk)
        else:
            alone.append((series, volume))
    for group in _same_grid(alone):
        kind = desk.kinds[group[0][0].series_instance_uid]
        if len({round(b, -1) for _, v in group for b in v.b_values}) > 1:
            _make_adc(_weighted(group, kind), images, desk)
        else:
            for series, volume in group:
                known = f"{volume.b_values[0]:.0f} s/mm2"
                desk.cannot.append((series.series_instance_uid, f"one b-value alone ({known}) gives no ADC"))


def _weighted(group: Sequence[tuple[Series, Volume]], kind: SeriesKind) -> _Weighted:
    arrays = [v.data if v.data.ndim == 4 else v.data[..., None] for _, v in group]
    vectors: list[Point | None] = []
    for _, volume in group:
        vectors += volume.b_vectors_ras if len(volume.b_vectors_ras) == volume.count else [None] * volume.count
    trace = all(scanner_trace(volume) for _, volume in group if max(volume.b_values) > 50.0)
    return _Weighted(
        series=tuple(s.series_instance_uid for s, _ in group),
        data=np.concatenate(arrays, axis=3),
        affine=group[0][1].affine,
        b_values=tuple(b for _, v in group for b in v.b_values),
        directions=tuple(vectors),
        trace=trace,
        region=kind.region,
    )


def scanner_trace(volume: Volume) -> bool:
    """Tell whether weighted volumes are the scanner's mean over directions, as ImageType says."""
    return any("TRACE" in word for word in volume.image_type)


def _make_adc(weighted: _Weighted, images: Sequence[Series], desk: _Desk) -> None:
    spacing = _spacing(weighted.affine)
    # QIBA: brain from b = 0 and about 1000; elsewhere perfusion weighs more than the noise that b = 0 would save
    least = 0.0 if weighted.region in (Region.BRAIN, Region.PITUITARY, Region.HEAD_NECK) else diffusion.LEAST_B
    found = adc_map(
        weighted.data, weighted.b_values, directions=weighted.directions, trace=weighted.trace, spacing_mm=spacing,
        least_b=least,
    )  # fmt: skip
    if isinstance(found, NotAssessable):
        desk.cannot += [(uid, found.reason) for uid in weighted.series]
        return
    desk.maps.append(
        QuantityMap(
            measure="ADC",
            unit="mm2/s",
            series=weighted.series,
            data=found.adc,
            affine=weighted.affine,
            unfit=found.unfit,
            reasons=_shares(found.unfit, found.error, [diffusion.WORDS[code] for code in diffusion.Unfit]),
            basis={
                "b_values": found.b_used,
                "volumes": float(found.volumes),
                "model": "tensor, its mean diffusivity" if found.tensor else "one exponential",
                "noise_sigma": found.noise.sigma,
                "noise_source": found.noise.source,
            },
            error=found.error,
            cautions=(*found.cautions, *dict.fromkeys(f"left out: {why}" for _, why in found.left_out)),
            beside=tuple(_scanners(found, weighted, images, desk)),
        )
    )


def _scanners(ours: AdcMap, weighted: _Weighted, images: Sequence[Series], desk: _Desk) -> Iterable[Beside]:
    """Compare with every ADC map of the scanner on the same grid, and with the isotropic volume inside the series."""
    for series in images:
        uid = series.series_instance_uid
        if desk.kinds[uid].weighting is not Weighting.ADC and uid not in weighted.series:
            continue
        for volume in desk.of(series):
            if uid in weighted.series and not volume.label.startswith(ISOTROPIC):
                continue
            values = volume.data if volume.data.ndim == 3 else volume.data[..., 0]
            if values.shape != ours.adc.shape or not np.allclose(volume.affine, weighted.affine, atol=0.1):
                continue
            both = ours.assessable & np.isfinite(values) & (values > 0) & (ours.adc > 0)
            if both.sum() < 100:
                continue
            trace = _trace_inside(values, weighted, both) if uid in weighted.series else None
            if trace is not None:
                yield _beside(uid, "the scanner's trace inside the series, beside the geometric mean", trace)
                continue
            scale = scale_of_adc(values[both])
            if scale is not None:
                what = f"the scanner's ADC (its unit taken for {scale:g} mm2/s)"
                yield _beside(uid, what, values[both] * scale / ours.adc[both])
                every = _with_every_b(ours, weighted)
                if every is not None:
                    both &= np.isfinite(every) & (every > 0)
                    yield _beside(uid, f"{what}, ours from every b-value", values[both] * scale / every[both])


def _with_every_b(ours: AdcMap, weighted: _Weighted) -> npt.NDArray[np.float32] | None:
    """Return the coefficients from every b-value, which the scanner uses; None where ours are those."""
    if not ours.left_out:
        return None
    found = adc_map(
        weighted.data, weighted.b_values, directions=weighted.directions, trace=weighted.trace,
        spacing_mm=_spacing(weighted.affine), least_b=0.0, most_b=np.inf,
    )  # fmt: skip
    return None if isinstance(found, NotAssessable) or found.b_used == ours.b_used else found.adc


def _trace_inside(values: Floats, weighted: _Weighted, both: npt.NDArray[np.bool_]) -> Floats | None:
    """Return the ratio to the geometric mean of the highest shell where an isotropic volume is a trace, else None."""
    b = np.array(weighted.b_values)
    shell = weighted.data[..., b > 0.9 * b.max()][both]
    mean = np.exp(np.log(np.maximum(shell, 1e-6)).mean(axis=1))
    ratio = values[both] / np.maximum(mean, 1e-6)
    return ratio if 0.67 < float(np.median(ratio)) < 1.5 else None


def _beside(uid: str, what: str, ratio: Floats) -> Beside:
    low, median, high = (float(v) for v in np.percentile(ratio, [5, 50, 95]))
    return Beside(series=uid, what=what, low=low, median=median, high=high, voxels=int(ratio.size))


def _fat(images: Sequence[Series], desk: _Desk) -> None:
    held: list[tuple[Series, Volume, Weighting]] = []
    for series in images:
        weighting = desk.kinds[series.series_instance_uid].weighting
        if weighting in _DIXON:
            held += [(series, v, _part(v, weighting)) for v in desk.of(series) if v.data.ndim == 3 and _magnitude(v)]
        elif _may_hold_echoes(series):
            short = [v for v in desk.of(series) if v.data.ndim == 3 and v.te_ms is not None and _magnitude(v)]
            if len({v.te_ms for v in short}) >= 2 and max(v.te_ms or 0.0 for v in short) <= _LONGEST_TE_MS:
                held += [(series, v, Weighting.UNKNOWN) for v in short]
    for group in _same_grid([(s, v) for s, v, _ in held]):
        parts = {id(v): part for _, v, part in held}
        _make_fat(group, [parts[id(v)] for _, v in group], desk)


def _part(volume: Volume, weighting: Weighting) -> Weighting:
    """Return which part of a Dixon series a volume is: its own ImageType wins over the kind of the series."""
    said = [
        part
        for word, part in (
            ("WATER", Weighting.DIXON_WATER), ("W", Weighting.DIXON_WATER),
            ("FAT", Weighting.DIXON_FAT), ("F", Weighting.DIXON_FAT),
            ("IN_PHASE", Weighting.DIXON_IN), ("IP", Weighting.DIXON_IN), ("IN", Weighting.DIXON_IN),
            ("OPP_PHASE", Weighting.DIXON_OPPOSED), ("OUT_PHASE", Weighting.DIXON_OPPOSED),
            ("OP", Weighting.DIXON_OPPOSED), ("OPP", Weighting.DIXON_OPPOSED),
        )
        if word in volume.image_type[2:]
    ]  # fmt: skip
    return said[0] if said else weighting


def _make_fat(group: Sequence[tuple[Series, Volume]], parts: Sequence[Weighting], desk: _Desk) -> None:
    """Make one map from the volumes of one grid: of the most telling input that there is."""
    series = group[0][0]
    uids = tuple(dict.fromkeys(s.series_instance_uid for s, _ in group))
    affine, spacing = group[0][1].affine, _spacing(group[0][1].affine)
    by_part = {part: volume for (_, volume), part in zip(group, parts, strict=True)}
    echoes = sorted(
        {
            v.te_ms: v
            for (_, v), part in zip(group, parts, strict=True)
            if v.te_ms is not None and part not in (Weighting.DIXON_WATER, Weighting.DIXON_FAT)
        }.items()
    )
    tesla = series.parameters.get("MagneticFieldStrength")
    field_t = float(tesla) if isinstance(tesla, int | float) else None
    found: FatMap | NotAssessable
    if len(echoes) >= 3 and field_t:
        found = multi_echo([v.data for _, v in echoes], [te for te, _ in echoes], field_t, spacing_mm=spacing)
    elif Weighting.DIXON_WATER in by_part and Weighting.DIXON_FAT in by_part:
        pair = by_part[Weighting.DIXON_WATER], by_part[Weighting.DIXON_FAT]
        found = from_water_fat(pair[0].data, pair[1].data, spacing_mm=spacing)
    elif len(echoes) == 2 and field_t:
        found = two_point([v.data for _, v in echoes], [te for te, _ in echoes], field_t, spacing_mm=spacing)
    else:
        lack = "the field strength is unknown" if len(echoes) >= 2 else "its partner (fat, or another echo) is missing"
        found = NotAssessable(reason=lack)
    if isinstance(found, NotAssessable):
        desk.cannot += [(uid, found.reason) for uid in uids]
        return
    flip = series.parameters.get("FlipAngle")
    steep = isinstance(flip, int | float) and flip > _STEEP_FLIP_DEG
    more = (f"a flip angle of {flip:g}° weighs fat by its short T1: more than its share of protons",) if steep else ()
    rates = np.empty(0) if found.r2_star is None else found.r2_star[np.isfinite(found.r2_star)]
    beside = {"r2_star_median_hz": float(np.median(rates))} if rates.size else {}
    desk.maps.append(
        QuantityMap(
            measure="fat fraction",
            unit="%",
            series=uids,
            data=found.fraction,
            affine=affine,
            unfit=found.unfit,
            reasons=_shares(
                found.unfit,
                np.where(found.unfit == dixon.NoFat.NO_SIGNAL, np.nan, 0.0),
                [dixon.WORDS[code] for code in dixon.NoFat],
            ),
            basis={
                "method": found.method,
                "echo_times_ms": tuple(te for te, _ in echoes),
                "ambiguous_share": float(found.ambiguous[found.assessable].mean()) if found.assessable.any() else 0.0,
                "noise_sigma": found.noise.sigma,
                "noise_source": found.noise.source,
                **beside,
            },
            alternative=found.alternative if np.isfinite(found.alternative).any() else None,
            cautions=(*found.cautions, *more),
        )
    )


def _shares(unfit: npt.NDArray[np.uint8], known: Floats, words: Sequence[str]) -> dict[str, float]:
    """Return which share of the object (where `known` is finite) each reason takes."""
    inside = np.isfinite(known)
    total = max(int(inside.sum()), 1)
    counts = np.bincount(unfit[inside], minlength=len(words))
    return {words[code]: float(counts[code]) / total for code in range(1, len(words)) if counts[code]}


def _same_grid(volumes: Sequence[tuple[Series, Volume]]) -> list[list[tuple[Series, Volume]]]:
    """Group volumes that share one grid."""
    groups: list[list[tuple[Series, Volume]]] = []
    for series, volume in volumes:
        for group in groups:
            first = group[0][1]
            if first.data.shape[:3] == volume.data.shape[:3] and np.allclose(first.affine, volume.affine, atol=0.1):
                group.append((series, volume))
                break
        else:
            groups.append([(series, volume)])
    return groups


def _calculated(series: Series) -> bool:
    text = f"{series.description} {series.parameters.get('ImageType', '')}".upper()
    return any(word in text for word in CALCULATED)


def _may_hold_echoes(series: Series) -> bool:
    words = series.parameters.get("ScanningSequence", ())
    listed = words if isinstance(words, tuple) else (words,)
    return "GR" in listed and len({f.te_ms for f in series.frames if f.te_ms is not None}) >= 2


def _magnitude(volume: Volume) -> bool:
    return volume.component in (Component.MAGNITUDE, Component.UNKNOWN) and not volume.filled_slices


def _spacing(affine: Affine) -> tuple[float, float, float]:
    i, j, k = np.linalg.norm(affine[:3, :3], axis=0)
    return float(i), float(j), float(k)
