"""Where multiple-sclerosis lesions sit: places in this very brain that fit a named site."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from mriloop.imaging.phantom.head import head_map
from mriloop.imaging.phantom.tissues import Tissue
from mriloop.model.study import Point


class Site(StrEnum):
    """Sites of the 2017 McDonald criteria, and deep white matter."""

    PERIVENTRICULAR = "periventricular"
    JUXTACORTICAL = "juxtacortical"
    INFRATENTORIAL = "infratentorial"
    DEEP = "deep_white_matter"


@lru_cache(maxsize=8)
def _candidates(seed: int, site: Site) -> npt.NDArray[np.float64]:
    """Return (n, 3) RAS+ mm of places in the head `seed` that fit a site."""
    body = head_map(seed)
    labels = np.where(body.share > 0.5, body.over, body.under)[::2, ::2, ::2]
    step = 2 * body.pitch
    ventricle = distance_transform_edt(labels != Tissue.VENTRICULAR_CSF) * step
    cortex = distance_transform_edt((labels != Tissue.GREY_MATTER) & (labels != Tissue.CSF)) * step
    white = labels == Tissue.WHITE_MATTER
    height = body.origin[2] + step * np.arange(labels.shape[2])[None, None, :]
    side = np.abs(body.origin[0] + step * np.arange(labels.shape[0]))[:, None, None]
    depth = body.origin[1] + step * np.arange(labels.shape[1])[None, :, None]
    upper = white & (height > 4)
    if site is Site.PERIVENTRICULAR:
        fits = upper & (ventricle > 2) & (ventricle < 6) & (cortex > 4)
    elif site is Site.JUXTACORTICAL:
        fits = upper & (cortex < 3.5) & (ventricle > 14) & (side > 10)
    elif site is Site.DEEP:
        fits = upper & (cortex > 6) & (ventricle > 9)
    else:
        stem = np.isin(labels, [Tissue.BRAINSTEM, Tissue.WHITE_MATTER])
        fits = stem & (height < -22) & (height > -42) & (depth < -16) & (cortex > 3)
    found = np.argwhere(fits)
    return np.asarray(found * step + np.array(body.origin), dtype=np.float64)


def find_sites(seed: int, site: Site, count: int, rng: np.random.Generator, taken: list[Point]) -> list[Point]:
    """Return `count` places (body's own RAS+ mm) that fit a site, at least 12 mm apart and from those `taken`.

    Raises ValueError when the brain has no room for so many.
    """
    places = _candidates(seed, site)
    chosen: list[Point] = []
    for index in rng.permutation(len(places)):
        place = places[index]
        if all(np.linalg.norm(place - np.array(other)) >= 12 for other in [*taken, *chosen]):
            chosen.append((float(place[0]), float(place[1]), float(place[2])))
            if len(chosen) == count:
                return chosen
    raise ValueError(f"no room for {count} {site} lesions in the head {seed}")
