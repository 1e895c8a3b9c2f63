"""Decides which series of a prior answers which series of today, and says in words how alike the two are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mriloop.model.coding import Plane, Region, Subject, Weighting
from mriloop.model.comparison import NotComparable
from mriloop.model.fact import Truth
from mriloop.model.quality import SeriesKind
from mriloop.model.study import Series, SeriesObject, Study

Kinds = Mapping[str, SeriesKind]
_HEAD = frozenset({Region.BRAIN, Region.PITUITARY, Region.HEAD_NECK})
_SPINE = frozenset({Region.SPINE, Region.CERVICAL_SPINE, Region.THORACIC_SPINE, Region.LUMBAR_SPINE})
_NOT_PICTURES = frozenset({Weighting.LOCALIZER, Weighting.SCREENSHOT})
_BY_B_VALUE = frozenset({Weighting.DWI, Weighting.TRACE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A series of today, the series of the prior that answers it best, and every difference that matters, in words."""

    today: str
    prior: str
    comparability: tuple[str, ...]
    score: float


def match_series(
    today: Study, today_kinds: Kinds, prior: Study, prior_kinds: Kinds
) -> tuple[list[Proposal], list[NotComparable]]:
    """Pair the series of today with those of a prior.

    Two series are paired when they show the same thing: weighting, region, plane (unless both are three-dimensional),
    phase of contrast agent and b-value. What merely differs (fat suppression, thickness, scanner, two- or
    three-dimensional) goes into the words. Every series that stays alone comes back with the reason; a series of the
    prior may answer more than one series of today.
    """
    proposals: list[Proposal] = []
    alone: list[NotComparable] = []
    usable = []
    for series in prior.series:
        reason = unfit(series, prior_kinds.get(series.series_instance_uid))
        if reason:
            alone.append(NotComparable(series=series.series_instance_uid, reason=reason))
        else:
            usable.append(series)
    for series in today.series:
        kind = today_kinds.get(series.series_instance_uid)
        reason = unfit(series, kind)
        if kind is None or reason:
            alone.append(NotComparable(series=series.series_instance_uid, reason=reason))
            continue
        tried = [(other, _differences(series, kind, other, prior_kinds[other.series_instance_uid])) for other in usable]
        fitting = [(other, words, score) for other, (obstacle, words, score) in tried if not obstacle]
        if fitting:
            best, words, score = max(fitting, key=lambda t: t[2])
            proposals.append(
                Proposal(
                    today=series.series_instance_uid,
                    prior=best.series_instance_uid,
                    comparability=words,
                    score=score,
                )
            )
        else:
            obstacles = [(obstacle, score) for _, (obstacle, _, score) in tried]
            alone.append(
                NotComparable(
                    series=series.series_instance_uid, reason=_why_alone(kind, obstacles, usable, prior_kinds)
                )
            )
    answered = {p.prior for p in proposals}
    for series in usable:
        if series.series_instance_uid not in answered:
            shown = _name(prior_kinds[series.series_instance_uid])
            alone.append(
                NotComparable(series=series.series_instance_uid, reason=f"no series of today answers this {shown}")
            )
    return proposals, alone


def unfit(series: Series, kind: SeriesKind | None) -> str:
    """Return why a series takes no part in a comparison, or an empty string when it may."""
    if series.object is not SeriesObject.IMAGE:
        return f"not an image ({series.object.value.replace('_', ' ')})"
    if kind is None:
        return "this series has not been identified"
    if kind.weighting in _NOT_PICTURES:
        return f"a {kind.weighting.value.lower()}, not a diagnostic picture"
    if kind.derived:
        return "a derived picture: its sources are compared instead"
    if kind.object in (Subject.PHANTOM, Subject.NONE, Subject.NOT_AN_IMAGE):
        return f"shows no patient ({kind.object.value.replace('_', ' ')})"
    if kind.weighting is Weighting.UNKNOWN:
        return "what this series shows could not be established"
    return ""


def same_region(first: Region, second: Region) -> bool:
    """Return whether two regions can hold the same anatomy; an unknown region does not contradict any."""
    if Region.UNKNOWN in (first, second) or first is second:
        return True
    return {first, second} <= _HEAD or (Region.SPINE in (first, second) and {first, second} <= _SPINE)


def b_value(series: Series) -> float | None:
    """Return the highest b-value of a series in s/mm2, None when it names none."""
    values = [frame.b_value for frame in series.frames if frame.b_value is not None]
    return max(values) if values else None


def thickness_mm(series: Series) -> float | None:
    """Return the slice thickness that the header states, None when it does not."""
    stated = next((f.thickness_mm for f in series.frames if f.thickness_mm is not None), None)
    value = series.parameters.get("SliceThickness")
    return stated if stated is not None else float(value) if isinstance(value, int | float) else None


def _differences(
    first: Series, kind: SeriesKind, second: Series, other: SeriesKind
) -> tuple[str, tuple[str, ...], float]:
    """Return the obstacle (empty: none), the differences in words, and how alike the two are (higher is better)."""
    if kind.weighting is not other.weighting:
        return f"{_name(kind)} and {_name(other)} show different things", (), 0.0
    if not same_region(kind.region, other.region):
        return f"{kind.region.value} today, {other.region.value} in the prior".replace("_", " "), (), 1.0
    if {kind.contrast, other.contrast} == {Truth.TRUE, Truth.FALSE}:
        return f"{_phase(kind)} today, {_phase(other)} in the prior", (), 2.0
    if kind.weighting in _BY_B_VALUE:
        b, c = b_value(first), b_value(second)
        if b is not None and c is not None and abs(b - c) > max(50.0, 0.1 * b):
            return f"b={b:.0f} s/mm2 today, b={c:.0f} in the prior", (), 3.0
    both_3d = kind.three_d is other.three_d is Truth.TRUE
    planes = {kind.plane, other.plane}
    if len(planes) > 1 and not both_3d and not planes & {Plane.UNKNOWN, Plane.OBLIQUE, Plane.MIXED}:
        return f"{kind.plane.value} slices today, {other.plane.value} in the prior", (), 4.0
    return _words(first, kind, second, other)


def _words(first: Series, kind: SeriesKind, second: Series, other: SeriesKind) -> tuple[str, tuple[str, ...], float]:
    words: list[str] = []
    score = 10.0
    if kind.plane is not other.plane:
        words.append(f"{kind.plane.value} today, {other.plane.value} in the prior")
        score -= 3.0
    if kind.three_d is not other.three_d and Truth.UNKNOWN not in (kind.three_d, other.three_d):
        words.append("3-D today, 2-D in the prior" if kind.three_d is Truth.TRUE else "2-D today, 3-D in the prior")
        score -= 2.0
    if kind.contrast is not other.contrast:
        words.append(f"{_phase(kind)} today, {_phase(other)} in the prior")
        score -= 2.0
    if {kind.fat_suppressed, other.fat_suppressed} == {Truth.TRUE, Truth.FALSE}:
        words.append("fat suppressed on one visit only")
        score -= 1.5
    a, b = thickness_mm(first), thickness_mm(second)
    if a is not None and b is not None and abs(a - b) > max(0.1, 0.1 * max(a, b)):
        words.append(f"slices {a:g} mm thick today, {b:g} mm in the prior")
        score -= 1.0
    for keyword, label in (
        ("Manufacturer", "maker"),
        ("ManufacturerModelName", "scanner"),
        ("DeviceSerialNumber", "device"),
    ):
        mine, theirs = first.parameters.get(keyword), second.parameters.get(keyword)
        if mine and theirs and str(mine).strip().lower() != str(theirs).strip().lower():
            words.append(f"another {label}")
            score -= 1.0
            break
    for keyword, short in (
        ("MagneticFieldStrength", "field strength"),
        ("EchoTime", "TE"),
        ("RepetitionTime", "TR"),
        ("InversionTime", "TI"),
    ):
        mine, theirs = first.parameters.get(keyword), second.parameters.get(keyword)
        if isinstance(mine, int | float) and isinstance(theirs, int | float) and abs(mine - theirs) > 0.1 * abs(mine):
            words.append(f"{short} {mine:g} today, {theirs:g} in the prior")
            score -= 0.3
    if first.description and first.description.strip().lower() == second.description.strip().lower():
        score += 0.5
    return "", tuple(words) or ("same protocol as far as the headers say",), score


def _why_alone(kind: SeriesKind, obstacles: list[tuple[str, float]], usable: list[Series], kinds: Kinds) -> str:
    nearest = max(obstacles, key=lambda o: o[1], default=None)
    if nearest is not None and nearest[1] > 0.0:
        return nearest[0]
    shown = sorted({_name(kinds[s.series_instance_uid]) for s in usable})
    if not shown:
        return "the prior holds no series to compare with"
    return f"the prior has no {_name(kind)} series; its {', '.join(shown)} would show other things"


def _name(kind: SeriesKind) -> str:
    return kind.weighting.value


def _phase(kind: SeriesKind) -> str:
    return {
        Truth.TRUE: "after contrast agent",
        Truth.FALSE: "without contrast agent",
        Truth.UNKNOWN: "contrast agent unknown",
    }[kind.contrast]
