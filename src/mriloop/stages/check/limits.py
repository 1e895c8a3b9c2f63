"""The numbers on which verdicts turn, each with its unit, its reason and the way in which it may be loosened.

`Limits` holds what is shipped; a norm of `knowledge/norms` or of the site replaces single fields of it for the series
that it names (`stages/check/thresholds.py`). Nothing else in CHECK decides a severity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

Way = Literal["higher", "lower"]


_MOTION = ("displacement_mean",)
_COMBED = ("within_volume_share",)
_WITHIN = ("motion_in_volume_lower",)
_LOST = ("slices_lost",)
_TIMES = ("drift",)
_DIRECTIONS = ("neighbouring_dwi_correlation",)
_NOISE = ("snr_air", "snr_difference", "snr_inside")
_GHOSTS = ("ghost_ratio",)


def _limit(
    default: float, unit: str, looser: Way, least: float, most: float, judges: tuple[str, ...] = (), *, because: str
) -> Any:
    """Return a field of `Limits`: `looser` says which way it lets more pass, least and most what a norm may ask for.

    judges : the measures that it is held against; empty for one that concerns every series
    """
    told = {"unit": unit, "looser": looser, "least": least, "most": most, "because": because, "judges": judges}
    return field(default=default, metadata=told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits in force for one series; `whose` maps the fields that a norm replaced to where that norm stands."""

    # fmt: off
    # Completeness.
    hidden_mm: float = _limit(3.0, "mm", "higher", 0.0, 20.0, because=(
        "the smallest lesion that counts in the MS criteria (doi:10.1016/S1474-4422(17)30470-2): a gap that could hide "
        "one whole spoils a series, a smaller gap is something to know"))
    missing_share: float = _limit(0.1, "1", "higher", 0.0, 0.5, because=(
        "a tenth of the slices is more than a margin of the prescription"))
    blank_share_minor: float = _limit(0.15, "1", "higher", 0.0, 1.0, because=(
        "slices without a picture: a 3-D slab is padded by a few at its ends; a seventh is more"))
    blank_share_major: float = _limit(0.35, "1", "higher", 0.0, 1.0, because=(
        "a third of the stack is not there"))
    blank_volumes_major: float = _limit(0.1, "1", "higher", 0.0, 1.0, because=(
        "a tenth of the volumes is more than a dummy that was kept"))
    short_share: float = _limit(0.5, "1", "higher", 0.0, 1.0, because=(
        "with most volumes short there is nothing to leave out"))

    # Motion between volumes.
    motion_mm: float = _limit(0.5, "mm", "higher", 0.1, 20.0, _MOTION, because=(
        "mean displacement of heads: Afacan 2016, doi:10.1007/s00247-016-3677-4"))
    motion_voxel_share: float = _limit(0.2, "1", "higher", 0.0, 1.0, _MOTION, because=(
        "a large voxel hides more movement, and registration errs with its size"))
    motion_most_mm: float = _limit(1.0, "mm", "higher", 0.1, 20.0, _MOTION, because=(
        "where what the size of the voxel adds to the limit ends"))
    mean_major: float = _limit(2.0, "1", "higher", 1.0, 10.0, _MOTION, because=(
        "times the limit above; in Afacan 2016, 11 of the 17 beyond the single limit were not diagnostic"))
    still_minor: float = _limit(90.0, "%", "lower", 0.0, 100.0, _MOTION, because=(
        "motion-free time under it: Afacan 2016, doi:10.1007/s00247-016-3677-4"))
    still_major: float = _limit(50.0, "%", "lower", 0.0, 100.0, _MOTION, because=(
        "cohort tools keep series with at least half of the volumes still"))
    jump_major_mm: float = _limit(5.0, "mm", "higher", 1.0, 50.0, _MOTION, because=(
        "one move of a slice thickness tears a scan apart"))

    # Motion within volumes, lost slices, spikes and drift of time series.
    combed_minor: float = _limit(10.0, "%", "higher", 0.0, 100.0, _COMBED, because=(
        "volumes combed apart by more than the displacement limit: the counterpart of 90 % still ones"))
    combed_major: float = _limit(50.0, "%", "higher", 0.0, 100.0, _COMBED, because=(
        "most volumes are torn, and no registration mends slices that lie in different places"))
    lost_minor: float = _limit(1.0, "%", "higher", 0.0, 50.0, _LOST, because=(
        "of all slices: pulsation near the skull base costs a still volunteer a few in a thousand"))
    lost_major: float = _limit(10.0, "%", "higher", 1.0, 100.0, _LOST, because=(
        "a tenth of the measurements is lost; correction replaces outliers, not a tenth of the data "
        "(Andersson 2016, doi:10.1016/j.neuroimage.2016.06.058)"))
    lost_at_worst: float = _limit(20.0, "%", "higher", 1.0, 100.0, _LOST, because=(
        "one slice position without a fifth of its volumes or directions: what is computed of it there is biased"))
    spikes_minor: float = _limit(0.0, "{count}", "higher", 0.0, 1000.0, ("slice_spikes",), because=(
        "a spike is a discharge in the room or the coil, and does not come alone for long"))
    drift_minor: float = _limit(10.0, "%", "higher", 1.0, 100.0, _TIMES, because=(
        "twice what gradient heating takes from long series: up to 5 % in 15 min (Vos 2017, doi:10.1002/mrm.26124)"))
    dwi_correlation_minor: float = _limit(0.4, "1", "lower", 0.0, 1.0, _DIRECTIONS, because=(
        "below it a diffusion series is of poor quality: Yeh 2019, doi:10.1016/j.neuroimage.2019.116131"))
    condition_minor: float = _limit(10.0, "1", "higher", 2.0, 1000.0, ("directions_condition",), because=(
        "usual schemes have 1.3 to 2 (Skare 2000, doi:10.1006/jmre.2000.2209); beyond 10 noise decides the tensor"))

    # Motion within one volume, by the lower end of a 90 % interval, for in-plane voxels up to 1 mm; both grow with
    # larger ones.
    within_minor_mm: float = _limit(0.5, "mm", "higher", 0.1, 20.0, _WITHIN, because=(
        "11 of 17 children's scans beyond it were not diagnostic: Afacan 2016, doi:10.1007/s00247-016-3677-4"))
    within_major_mm: float = _limit(1.5, "mm", "higher", 0.5, 20.0, _WITHIN, because=(
        "what the interval must exclude before a patient is asked to stay; a judgement, no rater stands behind it"))

    # Signal to noise.
    snr_minor: float = _limit(6.0, "1", "lower", 0.0, 50.0, _NOISE, because=(
        "Rose's criterion: 5 to see an object of the size of a voxel"))
    snr_major: float = _limit(3.0, "1", "lower", 0.0, 50.0, _NOISE, because="below it magnitudes drown in noise")
    snr_inside_major: float = _limit(1.7, "1", "lower", 0.0, 50.0, _NOISE, because=(
        "where no air is found: noise alone reads 1.5 to 1.6 inside itself, and a picture like that shows nothing"))
    snr_voxel_mm3: float = _limit(3.0, "mm3", "higher", 0.1, 30.0, _NOISE, because=(
        "the voxel for which the two hold; they go with the square root of a smaller volume"))
    snr_scale_least: float = _limit(0.5, "1", "lower", 0.0, 1.0, _NOISE, because="… down to this share of them")

    # Ghosts and blur: 1 stands for ghosts of 15 % of the brightness of the object, or of 7.5 % and edges of half the
    # usual strength.
    ghost_spoils: float = _limit(0.15, "1", "higher", 0.01, 1.0, _GHOSTS, because=(
        "untouched real series that are not echo-planar reach 0.04"))
    ghost_spoils_epi: float = _limit(0.40, "1", "higher", 0.01, 1.0, _GHOSTS, because=(
        "single-shot EPI: half-field ghosts and the fat shift belong to it"))
    ghost_cut_minor: float = _limit(0.5, "1", "higher", 0.1, 2.0, _GHOSTS, because=(
        "objects cut on two sides, or an unknown axis: dark tissue may pass for ghosts, and only gross ones count"))
    half_field_tells: float = _limit(0.10, "1", "higher", 0.0, 1.0, ("half_field_ghost",), because=(
        "matrices of 40 lines reach 0.08 by chance, usual ones 0.03"))
    sharp: float = _limit(0.20, "{index}", "lower", 0.0, 1.0, _GHOSTS, because="edge strength of usual pictures")
    blur_spoils: float = _limit(0.10, "{index}", "higher", 0.01, 1.0, _GHOSTS, because=(
        "this much less of it doubles what ghosts count"))
    spoilt_minor: float = _limit(0.6, "{index}", "higher", 0.1, 10.0, _GHOSTS, because=(
        "untouched structural series stay under 0.45"))
    spoilt_major: float = _limit(1.0, "{index}", "higher", 0.1, 10.0, _GHOSTS, because=(
        "moved phantoms reach 1.2 and more"))
    sister_sharpness: float = _limit(0.75, "1", "lower", 0.1, 1.0, ("average_edge_strength",), because=(
        "a quarter less edge strength than another run of the same scan is seen side by side"))

    # The picture of any body part. Minor is what a reader sees, major what lies over the anatomy. Each minor limit lies
    # at twice or more of what the untouched real series at hand reach.
    herringbone_minor: float = _limit(0.05, "1", "higher", 0.0, 1.0, ("herringbone",), because=(
        "crests of the stripes over the object; real series have none"))
    herringbone_major: float = _limit(0.20, "1", "higher", 0.0, 1.0, ("herringbone",), because=(
        "stripes as bright as tissue contrasts"))
    zipper_minor: float = _limit(0.20, "1", "higher", 0.0, 2.0, ("zipper",), because=(
        "brightness of the line over that of the object; real series reach 0.09"))
    zipper_major: float = _limit(0.50, "1", "higher", 0.0, 2.0, ("zipper",), because="half as bright as the object")
    fold_minor: float = _limit(0.35, "1", "higher", 0.0, 1.0, ("folded_share",), because=(
        "share of lines that fold: a twentieth of a round body on each side"))
    tear_minor: float = _limit(1.2, "1", "higher", 1.0, 5.0, ("interleave_tear",), because=(
        "two slices apart are more alike than neighbours; real series reach 0.9, noise 1.0"))
    tear_major: float = _limit(1.6, "1", "higher", 1.0, 5.0, ("interleave_tear",), because=(
        "neighbours that hardly belong to one body"))
    step_minor: float = _limit(0.10, "1", "higher", 0.0, 1.0, ("interleave_step",), because=(
        "odd and even slices differ by as much; real series by 0.02"))
    clipped_minor: float = _limit(0.02, "1", "higher", 0.0, 1.0, ("clipped_share",), because=(
        "share of the object without a value of its own"))
    clipped_major: float = _limit(0.20, "1", "higher", 0.0, 1.0, ("clipped_share",), because="a fifth of it is lost")
    levels_minor: float = _limit(16.0, "{count}", "lower", 2.0, 64.0, ("grey_levels",), because=(
        "grey levels: fewer than the eye tells apart"))
    asymmetry_info: float = _limit(0.20, "1", "higher", 0.0, 1.0, ("left_right_asymmetry",), because=(
        "(left - right) / (left + right); real heads and trunks reach 0.13"))
    asymmetry_minor: float = _limit(0.35, "1", "higher", 0.0, 1.0, ("left_right_asymmetry",), because=(
        "one side twice as bright as the other"))

    # Several faults in one series.
    minor_faults_spoil: float = _limit(3.0, "{count}", "higher", 2.0, 10.0, because=(
        "minor faults of the picture, of different causes, that together make it a repeat; with two it can be read"))

    # Against the history of the same scan on the same scanner.
    baseline_info_z: float = _limit(3.5, "1", "higher", 2.0, 20.0, because=(
        "an outlier by the modified z-score (Iglewicz and Hoaglin 1993)"))
    baseline_minor_z: float = _limit(6.0, "1", "higher", 2.0, 50.0, because=(
        "far outside of anything that this scanner has given"))
    # fmt: on

    whose: Mapping[str, str] = field(default_factory=dict)

    def loosened(self) -> dict[str, tuple[float, float]]:
        """Return the fields that let more pass than the shipped ones do: name to (limit in force, shipped limit)."""
        found = {}
        for name, about in SPECS.items():
            mine, shipped = getattr(self, name), getattr(SHIPPED, name)
            if mine > shipped if about.looser == "higher" else mine < shipped:
                found[name] = (mine, shipped)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSpec:
    """What is known of one limit: shipped value, unit, which way it is loosened, range, reason, measures it judges."""

    name: str
    value: float
    unit: str
    looser: Way
    least: float
    most: float
    because: str
    judges: tuple[str, ...] = ()


SPECS: dict[str, LimitSpec] = {
    each.name: LimitSpec(name=each.name, value=float(each.default), **each.metadata)  # type: ignore[arg-type]
    for each in fields(Limits)
    if each.metadata
}
SHIPPED = Limits()
