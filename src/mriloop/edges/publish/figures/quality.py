"""Drawings behind a verdict: the profile that shows ghosts, and a measure among the site's own history."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mriloop.edges.publish.figures.grid import round_step
from mriloop.edges.publish.render import render
from mriloop.edges.publish.words import code_words, number_words, quantity_words
from mriloop.model.quality import PhaseProfile, Standing

_OBJECT, _AIR = 0.5, 0.02
_TALLEST = 0.2  # of the object's brightness at least: a profile without ghosts must look flat, not full of noise
_BINS = 24


def profile_svg(profile: PhaseProfile, ghost_ratio: float | None = None) -> str:
    """Draw brightness along the phase-encode direction, low enough that ghosts in the air are seen.

    The object is a shaded block that goes beyond the frame, lighter where few lines have it. The air beside it carries
    the curve, a dashed line shows the air that no ghost can reach, and the brightest place of the air is named with its
    height above that line.
    """
    along = [value if math.isfinite(value) else 0.0 for value in profile.along]
    places = len(along)
    air = [value for value, share in zip(along, profile.object, strict=True) if share < _AIR]
    top = max(_TALLEST, 1.6 * max(air, default=0.0), 2 * profile.beside)
    step = round_step(top / 3)
    top = math.ceil(top / step - 1e-9) * step

    def up(value: float) -> float:
        return round(100 * (1 - min(value, top) / top), 2)

    def across(at: float) -> float:
        return round(1000 * at / max(places - 1, 1), 1)

    excess = 0.0 if profile.peak is None else max(0.0, along[profile.peak] - profile.beside)
    ghost = "" if ghost_ratio is None else f" The ghost ratio is {number_words(100 * ghost_ratio)} %."
    peak = None
    if profile.peak is not None and excess > 0.005:
        peak = {
            "x": round(across(profile.peak) / 10, 2),
            "y": up(along[profile.peak]),
            "text": f"{number_words(100 * excess)} % above the air",
            "left": across(profile.peak) > 500,
        }
    blocks = [
        (across(low - 0.5), across(high + 0.5), full)
        for full, least in ((False, _AIR), (True, _OBJECT))
        for low, high in _stretches(profile.object, least)
    ]
    length = places * profile.step_mm
    return render(
        "figures/profile.svg.j2",
        points=" ".join(f"{across(at)},{up(value)}" for at, value in enumerate(along)),
        blocks=[
            {"left": max(low, 0.0), "width": round(min(high, 1000.0) - max(low, 0.0), 1), "full": full}
            for low, high, full in blocks
        ],
        beside=up(profile.beside),
        peak=peak,
        scale=[
            {"y": up(number * step), "text": f"{number_words(round(100 * number * step, 6))} %"}
            for number in range(round(top / step) + 1)
        ],
        length=number_words(round(length)),
        height=150,
        desc=f"{number_words(round(length))} mm. Air that no ghost reaches: {number_words(100 * profile.beside)} % "
        f"of the object's brightness; the brightest air in line with the object is "
        f"{number_words(100 * excess)} % above it.{ghost}",
        title="Brightness along the phase-encode direction",
    )


def history_svg(name: str, standing: Standing, unit: str) -> str:
    """Draw a measure of this series in the histogram of the same scan on the same scanner.

    The median is a line, two spreads to either side are shaded, a diamond marks this series; worse lies where the words
    say. Counts stand in the description.
    """
    values = np.asarray([*standing.values, standing.value], dtype=float)
    low, high = float(values.min()), float(values.max())
    pad = 0.05 * (high - low) or max(abs(high), 1.0) * 0.05
    low, high = low - pad, high + pad
    bins = min(_BINS, max(6, round(2 * math.sqrt(len(standing.values)))))
    counts, edges = np.histogram(np.asarray(standing.values), bins=bins, range=(low, high))

    def across(value: float) -> float:
        return round(100 * min(max((value - low) / (high - low), 0.0), 1.0), 2)

    most = max(int(counts.max()), 1)
    bars = [
        {
            "left": across(float(start)),
            "width": round(100 / bins - 0.4, 3),
            "tall": round(100 * int(number) / most, 2),
        }
        for start, number in zip(edges[:-1], counts, strict=True)
        if number
    ]
    more_is_worse = (standing.worse or 0.0) * standing.z > 0
    away = "" if standing.worse is None else f", {number_words(round(abs(standing.z), 1))} spreads to the "
    away += "" if standing.worse is None else ("worse" if standing.worse > 0 else "better") + " side"
    told = quantity_words(standing.value, unit)
    return render(
        "figures/history.svg.j2",
        bars=bars,
        usual={
            "left": across(standing.median - 2 * standing.spread),
            "width": round(
                across(standing.median + 2 * standing.spread) - across(standing.median - 2 * standing.spread), 2
            ),
        },
        median={"at": across(standing.median), "text": f"usual {quantity_words(standing.median, unit)}"},
        mine={"at": across(standing.value), "text": f"this series {told}", "end": across(standing.value) > 50},
        worse="" if standing.worse is None else ("worse →" if more_is_worse else "← worse"),
        right=more_is_worse,
        low=number_words(low),
        high=number_words(high),
        height=90,
        desc=f"{told}; the median of {len(standing.values)} earlier series is "
        f"{quantity_words(standing.median, unit)}{away}.",
        title=f"{code_words(name).capitalize()} against the history of this scan",
    )


def _stretches(shares: Sequence[float], least: float) -> list[tuple[int, int]]:
    """Return the stretches of places whose share is at least `least`, as (first, last)."""
    found: list[tuple[int, int]] = []
    for at, share in enumerate(shares):
        if share < least:
            continue
        if found and found[-1][1] == at - 1:
            found[-1] = (found[-1][0], at)
        else:
            found.append((at, at))
    return found
