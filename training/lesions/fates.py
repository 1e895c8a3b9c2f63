"""Tells what the list calls lesions whose fate is known, and how many items of each kind are none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mriloop.imaging.change_evidence import evidence
from mriloop.imaging.change_score import ChangeScore
from mriloop.imaging.lesions import Lesion, Rules, follow
from mriloop.imaging.normalise import Visits
from mriloop.model.comparison import ChangeKind

NEAR_MM = 3.0


def fates_in(
    visits: Visits, score: ChangeScore | None, planted: list[str], places: np.ndarray
) -> list[tuple[str, str]]:
    """Return (true fate, listed kind) of every planted lesion and every listed change of one pair.

    places : (n, 3) middle of each planted lesion in voxels. A lesion that nothing is listed at is "missed"; a listed
    change that lies at no planted lesion has the fate "none".
    """
    listed = follow(evidence(visits), visits, Rules(), score)
    taken: set[int] = set()
    rows = []
    for fate, place in zip(planted, places, strict=True):
        away = [_away_mm(one, place, visits) for one in listed]
        nearest = int(np.argmin(away)) if away else -1
        if away and away[nearest] <= NEAR_MM:
            taken.add(nearest)
            rows.append((fate, str(listed[nearest].kind)))
        else:
            rows.append((fate, "missed"))
    others = [one for n, one in enumerate(listed) if n not in taken and one.kind is not ChangeKind.STABLE]
    return rows + [("none", str(one.kind)) for one in others]


def _away_mm(one: Lesion, place: np.ndarray, visits: Visits) -> float:
    index = np.argwhere(one.today | one.prior | one.changed) + [b.start for b in one.box]
    return float(np.linalg.norm((index - place) * visits.grid.spacing_mm, axis=1).min())


def table(rows: list[tuple[str, str]]) -> Mapping[str, dict[str, int]]:
    """Return how often each true fate was called what."""
    counted: dict[str, dict[str, int]] = {}
    for fate, kind in rows:
        counted.setdefault(fate, {}).setdefault(kind, 0)
        counted[fate][kind] += 1
    return counted
