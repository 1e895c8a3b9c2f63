"""What the scanner meant to acquire over time, echoes and diffusion directions, against the volumes that are there."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from mriloop.model.coding import Weighting
from mriloop.model.quality import SeriesKind
from mriloop.model.study import Frame, Point, Series
from mriloop.stages.check.header import Header, dot

_EXCERPT = 0.2  # an export of fewer volumes than this share of the plan is taken for an excerpt
_IN_TIME = frozenset({Weighting.BOLD, Weighting.PERFUSION, Weighting.ASL})
# Preparation, reference lines and dummies take time and give no volume: a plan by duration is believed beyond them.
_OVERHEAD_SHARE = 0.15
_OVERHEAD_VOLUMES = 6
_OVERHEAD_S = 15.0
_SAME_GRADIENT = 0.9994  # cosine of 2°
_DIRECTIONS_AT_LEAST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Volumes that were meant, and how many of them are absent.

    `counted` of `planned` `what` ("volumes", "diffusion volumes", "echoes" …) are there, each standing for `each`
    volumes; `basis` names the declaration. `believed`: the absent ones count as expected.
    """

    counted: int
    planned: int
    what: str
    basis: str
    each: int = 1

    @property
    def lost(self) -> int:
        """How many are absent."""
        return self.planned - self.counted

    @property
    def believed(self) -> bool:
        """Whether this is a cut series rather than an excerpt from one."""
        return self.counted >= _EXCERPT * self.planned


def plan_of(series: Series, kind: SeriesKind, firsts: Sequence[Frame]) -> Plan | None:
    """Return the plan that is not met, None where all is there or nothing is said.

    `firsts` holds the first frame of every volume, in order of acquisition. A single volume, or a single time point, is
    never measured against a plan: some exports make a series of every dynamic.
    """
    if len(firsts) < 2 or kind.derived:
        return None
    objects = series.declared.get("objects", 0)
    if objects > len(firsts) and len(firsts) == len(series.frames):
        return Plan(counted=len(firsts), planned=objects, what="volumes", basis="the number of objects")
    if any(frame.b_value for frame in firsts):
        return _diffusion(series, firsts)
    return _in_time(series, kind, firsts) or _echoes(series, firsts) or _by_duration(series, kind, firsts)


def _contrast(frame: Frame) -> Hashable:
    return (
        frame.component,
        None if frame.te_ms is None else round(frame.te_ms, 1),
        None if frame.ti_ms is None else round(frame.ti_ms),
        frame.image_type,
        frame.flip_deg,
        frame.stack,
    )


def _times(firsts: Sequence[Frame]) -> tuple[int, int]:
    """Return the number of time points, and of contrasts (echoes, components) that each of them has."""
    counts = Counter(_contrast(frame) for frame in firsts)
    return max(counts.values()), len(counts)


def _in_time(series: Series, kind: SeriesKind, firsts: Sequence[Frame]) -> Plan | None:
    times, contrasts = _times(firsts)
    if times < 2:
        return None
    planned = series.declared.get("volumes")
    if planned is not None:
        return (
            Plan(counted=times, planned=planned, what="volumes", basis="", each=contrasts) if planned > times else None
        )
    phases = series.declared.get("phases")
    triggers = {frame.trigger_time_ms for frame in firsts if frame.trigger_time_ms is not None}
    if phases is not None and len(triggers) == times < phases and kind.weighting is not Weighting.T1_MAP:
        return Plan(counted=times, planned=phases, what="cardiac phases", basis="the number of phases", each=contrasts)
    acquired = series.declared.get("acquired_images", 0)
    slices = series.declared.get("slices", 0)
    if (
        kind.weighting in _IN_TIME
        and slices
        and contrasts == 1
        and acquired % slices == 0
        and acquired > slices * times
    ):
        return Plan(counted=times, planned=acquired // slices, what="volumes", basis="ImagesInAcquisition")
    return None


def _echoes(series: Series, firsts: Sequence[Frame]) -> Plan | None:
    planned = series.declared.get("echoes")
    found = {round(frame.te_ms, 2) for frame in firsts if frame.te_ms}
    if planned is None or not 1 < len(found) < planned:
        return None
    return Plan(
        counted=len(found),
        planned=planned,
        what="echoes",
        basis="the number of echoes",
        each=max(1, len(firsts) // len(found)),
    )


def _by_duration(series: Series, kind: SeriesKind, firsts: Sequence[Frame]) -> Plan | None:
    """Where no count is declared: the planned duration over the time that a volume takes."""
    times, contrasts = _times(firsts)
    duration = series.declared.get("duration_s")
    if duration is None or contrasts != 1 or times < 3 or kind.weighting not in _IN_TIME:
        return None
    at = sorted({frame.acquired_at_s for frame in firsts if frame.acquired_at_s is not None})
    if len(at) == times:
        step = statistics.median(b - a for a, b in itertools.pairwise(at))
    elif kind.weighting is Weighting.BOLD and (tr := Header(series).tr_ms) is not None:
        step = tr / 1000
    else:
        return None
    if step <= 0:
        return None
    planned = int(duration / step)
    spare = max(_OVERHEAD_SHARE * planned, _OVERHEAD_VOLUMES, _OVERHEAD_S / step)
    if times >= planned - spare:
        return None
    return Plan(
        counted=times, planned=planned, what="volumes", basis=f"the planned duration of {duration} s", each=contrasts
    )


def _diffusion(series: Series, firsts: Sequence[Frame]) -> Plan | None:
    """Directions and b-values: the scanner's count as a lower bound, then one shell against another."""
    weighted = [f for f in firsts if (f.b_value or 0) >= 40 and f.image_type[:1] != ("DERIVED",)]
    b_values = {5 * round(f.b_value / 5) if f.b_value >= 20 else 0 for f in firsts if f.b_value is not None}
    wanted = series.declared.get("b_values")
    if wanted is not None and len(b_values) < wanted:
        return Plan(counted=len(b_values), planned=wanted, what="b-values", basis="the number of b-values")
    least = series.declared.get("diffusion_volumes")
    measured = sum(f.image_type[:1] != ("DERIVED",) for f in firsts)
    # Averaged over its directions, a series says nothing of them; GE never writes directions in the patient's frame.
    directed = len(_directions(weighted)) >= 2 or Header(series).vendor == "ge"
    if least is not None and directed and measured < least:
        return Plan(
            counted=measured, planned=least, what="diffusion volumes", basis="the number of diffusion directions"
        )
    return _cut_shell(weighted)


def _directions(frames: Sequence[Frame]) -> list[Point]:
    found: list[Point] = []
    for frame in frames:
        vector = frame.b_vector_ras
        if vector is not None and not any(dot(vector, other) > _SAME_GRADIENT for other in found):
            found.append(vector)
    return found


def _cut_shell(weighted: Sequence[Frame]) -> Plan | None:
    """Return what the last shell lacks whose directions are the first ones of another shell, in the same order.

    Shells of their own directions say nothing of each other.
    """
    shells: Mapping[int, list[Frame]] = defaultdict(list)
    for frame in weighted:
        shells[5 * round((frame.b_value or 0) / 5)].append(frame)
    if len(shells) < 2:
        return None
    last = 5 * round((weighted[-1].b_value or 0) / 5)
    tail = weighted[-len(shells[last]) :]
    if any(frame not in shells[last] for frame in tail):
        return None
    cut = [f.b_vector_ras for f in shells[last]]
    for b, frames in shells.items():
        whole = [f.b_vector_ras for f in frames]
        if b == last or len(whole) < _DIRECTIONS_AT_LEAST or not 2 <= len(cut) < len(whole):
            continue
        pairs = zip(cut, whole, strict=False)
        if all(a is not None and w is not None and dot(a, w) > _SAME_GRADIENT for a, w in pairs):
            return Plan(
                counted=len(cut),
                planned=len(whole),
                what=f"directions of b = {last}",
                basis=f"the same directions at b = {b}",
            )
    return None
