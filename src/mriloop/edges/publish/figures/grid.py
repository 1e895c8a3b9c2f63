"""The grid of missing slices, volumes across and slices upwards, and the round numbers that every drawing needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mriloop.edges.publish.render import render
from mriloop.edges.publish.words import count

_TOLD = 8


def slice_grid_svg(by_volume: Mapping[int | None, Sequence[int]], depth: int, volumes: int) -> str:
    """Draw which slices of which volumes are missing. `by_volume`: volume (None: all of them) to missing slices."""
    cells = []
    for volume, slices in by_volume.items():
        first, width = (0, volumes) if volume is None else (volume, 1)
        for low, high in runs(slices):
            cells.append(
                {
                    "left": round(100 * first / volumes, 3),
                    "width": round(max(100 * width / volumes, 0.3), 3),
                    "top": round(100 * (depth - 1 - high) / depth, 3),
                    "height": round(max(100 * (high - low + 1) / depth, 1.0), 3),
                }
            )
    own = {volume: slices for volume, slices in by_volume.items() if volume is not None}
    told = [f"volume {volume + 1}: {ranges(own[volume])}" for volume in sorted(own)[:_TOLD]]
    rest = f" and {count(len(own) - _TOLD, 'volume')} more" if len(own) > _TOLD else ""
    everywhere = f"missing from all volumes: {ranges(by_volume[None])}; " if None in by_volume else ""
    return render(
        "figures/grid.svg.j2",
        cells=cells,
        depth=depth,
        volumes=volumes,
        height=180,
        desc=f"{everywhere}{count(len(own), 'volume')} of {volumes} lack slices. {'; '.join(told)}{rest}.",
        title=f"Missing slices, of {depth} in each volume",
    )


def runs(indices: Sequence[int]) -> list[tuple[int, int]]:
    """Return runs of neighbouring indices as (first, last)."""
    parts: list[list[int]] = []
    for index in sorted(indices):
        if parts and index == parts[-1][1] + 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return [(low, high) for low, high in parts]


def ranges(indices: Sequence[int]) -> str:
    """Return numbers counted from 1, with neighbours joined: `3, 7–9`."""
    return ", ".join(f"{low + 1}" if low == high else f"{low + 1}–{high + 1}" for low, high in runs(indices))


def round_step(rough: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not below `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
