"""Defects of time and diffusion series: torn volumes, lost slices, spikes, drift, directions that do not fit."""

from __future__ import annotations

from collections.abc import Sequence

from mriloop.model.coding import Weighting
from mriloop.model.quality import Defect, SeriesKind, Severity
from mriloop.model.quantity import Quantity
from mriloop.stages.check.defects import defect, number
from mriloop.stages.check.limits import SHIPPED, Limits
from mriloop.stages.check.measures.times import Slice
from mriloop.stages.check.motion import Moved

_DRIFT_OF = frozenset({Weighting.BOLD})
_LEAST_DIRECTIONS = 6
_NAMED = 4


def time_defects(moved: Moved, kind: SeriesKind, limits: Limits = SHIPPED) -> list[Defect]:
    """Return what the volumes of a series tell by being several, besides motion between them."""
    return [
        *_torn(moved, limits),
        *_lost(moved, limits),
        *_spikes(moved, limits),
        *_drift(moved, kind, limits),
        *_directions(moved, limits),
    ]


def _value(moved: Moved, name: str) -> float | None:
    found = moved.measures.get(name)
    return found.value if isinstance(found, Quantity) else None


def _torn(moved: Moved, limits: Limits) -> list[Defect]:
    """Volumes whose even and odd slices lie apart: minor from a tenth of the volumes, major from half."""
    share, most = _value(moved, "within_volume_share"), _value(moved, "within_volume_max")
    if share is None or most is None or share <= limits.combed_minor:
        return []
    return [
        defect(
            "within_volume_motion",
            Severity.MAJOR if share > limits.combed_major else Severity.MINOR,
            f"In {share:.0f} % of the volumes every second slice lies elsewhere than its neighbours, by up to "
            f"{most:.1f} mm: the patient moved while they were taken.",
            number("within_volume_share", share, "%", limits.combed_minor),
            number("within_volume_max", most, "mm", moved.limit_mm),
        )
    ]


def _lost(moved: Moved, limits: Limits) -> list[Defect]:
    """Slices without their signal: to know, minor from 1 % or where one place lost a fifth, major from a tenth."""
    count, share = _value(moved, "slices_lost"), _value(moved, "slices_lost_share")
    worst = _value(moved, "slices_lost_at_worst")
    if not count or share is None or worst is None:
        return []
    severity = Severity.INFO
    if share > limits.lost_minor or worst > limits.lost_at_worst:
        severity = Severity.MINOR
    if share > limits.lost_major:
        severity = Severity.MAJOR
    places = moved.sample.lost if moved.sample else ()
    return [
        defect(
            "signal_dropout",
            severity,
            f"{count:.0f} slice{'s' if count > 1 else ''} ({share:.1f} %) lost a quarter of the signal and more"
            + _listed(places, "lost {:.0f} %", 100.0)
            + ".",
            number("slices_lost", count, "{count}", 0),
            number("slices_lost_share", share, "%", limits.lost_minor),
            number("slices_lost_at_worst", worst, "%", limits.lost_at_worst),
        )
    ]


def _spikes(moved: Moved, limits: Limits) -> list[Defect]:
    count = _value(moved, "slice_spikes")
    if count is None or count <= limits.spikes_minor:
        return []
    places = moved.sample.spikes if moved.sample else None
    return [
        defect(
            "slice_spikes",
            Severity.MINOR,
            f"{count:.0f} slice{'s' if count > 1 else ''} of single volumes carry stripes or noise that their "
            "neighbours do not" + _listed(places or (), "{:.1f} times the usual level in the air", 1.0) + ".",
            number("slice_spikes", count, "{count}", limits.spikes_minor),
        )
    ]


def _drift(moved: Moved, kind: SeriesKind, limits: Limits) -> list[Defect]:
    """Only of series that should keep their brightness: contrast agents and labelled blood change it on purpose."""
    total = _value(moved, "drift")
    if total is None or abs(total) <= limits.drift_minor or kind.weighting not in _DRIFT_OF:
        return []
    return [
        defect(
            "drift",
            Severity.MINOR,
            f"The signal {'rose' if total > 0 else 'fell'} steadily by {abs(total):.1f} % through the series.",
            number("drift", total, "%", limits.drift_minor),
        )
    ]


def _directions(moved: Moved, limits: Limits) -> list[Defect]:
    result: list[Defect] = []
    count, alike = _value(moved, "directions"), _value(moved, "neighbouring_dwi_correlation")
    if count is None or count < _LEAST_DIRECTIONS:
        return result
    if alike is not None and alike < limits.dwi_correlation_minor:
        result.append(
            defect(
                "dissimilar_directions",
                Severity.MINOR,
                f"Neighbouring diffusion directions correlate by {alike:.2f} only.",
                number("neighbouring_dwi_correlation", alike, "1", limits.dwi_correlation_minor),
            )
        )
    condition = _value(moved, "directions_condition")
    if condition is None or condition > limits.condition_minor:
        told = "lie in a plane or a cone" if condition is None else f"have a condition number of {condition:.0f}"
        result.append(
            defect(
                "poor_directions",
                Severity.MINOR,
                f"The {count:.0f} diffusion directions {told}: no tensor can be trusted to them.",
                number("directions", count, "{count}"),
                *(
                    []
                    if condition is None
                    else [number("directions_condition", condition, "1", limits.condition_minor)]
                ),
            )
        )
    return result


def _listed(places: Sequence[Slice], told: str, by: float) -> str:
    """Name the worst slices, counted from 1."""
    if not places:
        return ""
    named = [f"slice {one.index + 1} of volume {one.time + 1} {told.format(by * one.share)}" for one in places[:_NAMED]]
    return ": " + ", ".join(named) + (" and others" if len(places) > _NAMED else "")
