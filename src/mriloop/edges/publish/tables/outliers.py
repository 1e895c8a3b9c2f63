"""Which series stand apart from those like them: robust z-scores within series of one kind on one scanner model."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from mriloop.edges.publish.tables.columns import Column
from mriloop.edges.publish.tables.rows import Row

LIMIT = 3.5
"""Beyond which |z| a value stands apart. Source: Iglewicz and Hoaglin, How to Detect and Handle Outliers, ASQC 1993."""

LEAST = 8
"""How many like series a z-score needs: with fewer, one odd series moves the median itself."""

_NORMAL = 0.6745
_FLOOR = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The values of one measure over one group of like series: quantiles, and the rows that stand apart (row, z)."""

    group: str
    values: tuple[float, ...]
    median: float
    quartiles: tuple[float, float]
    ends: tuple[float, float]
    apart: tuple[tuple[int, float, float], ...]


def like(row: Row) -> str:
    """Return what a series is compared within: weighting, dimensions, region, contrast agent, model and field."""
    words = [str(row.get("weighting", "unknown"))]
    words += ["3-D"] if row.get("three_d") == "yes" else ["2-D"] if row.get("three_d") == "no" else []
    words += [
        str(row[name]).replace("_", " ") for name in ("region", "model") if row.get(name) not in (None, "unknown")
    ]
    words += ["after contrast"] if row.get("contrast") == "yes" else []
    if isinstance(field := row.get("field_strength"), int | float):
        words.append(f"{field:.1f} T")
    return " · ".join(words)


def spreads(rows: Sequence[Row], column: Column) -> tuple[Spread, ...]:
    """Return the spread of one measure in every group of at least `LEAST` like series that were scored, largest first.

    z = 0.6745 (x - median) / MAD, with a MAD of at least 1 % of the median, so that a measure that hardly varies calls
    nothing an outlier for its last digit. Only the worse side stands apart where the measure has one.
    """
    groups: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for number, row in enumerate(rows):
        value = row.get(column.name)
        if (
            isinstance(value, int | float)
            and math.isfinite(value)
            and row["verdict"] in ("acceptable", "limited", "repeat")
        ):
            groups[like(row)].append((number, float(value)))
    found = [_spread(group, members, column.better) for group, members in groups.items() if len(members) >= LEAST]
    return tuple(sorted(found, key=lambda one: (-len(one.values), one.group)))


def _spread(group: str, members: Sequence[tuple[int, float]], better: str) -> Spread:
    values = sorted(value for _, value in members)
    middle = median(values)
    scale = max(median(sorted(abs(value - middle) for value in values)), _FLOOR * abs(middle), 1e-12)
    worse = {"higher": -1.0, "lower": 1.0}.get(better, 0.0)
    apart = []
    for number, value in members:
        z = _NORMAL * (value - middle) / scale
        if (z * worse if worse else abs(z)) > LIMIT:
            apart.append((number, value, z))
    return Spread(
        group=group,
        values=tuple(values),
        median=middle,
        quartiles=(quantile(values, 0.25), quantile(values, 0.75)),
        ends=(quantile(values, 0.05), quantile(values, 0.95)),
        apart=tuple(sorted(apart, key=lambda one: -abs(one[2]))),
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, linear between neighbours."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
