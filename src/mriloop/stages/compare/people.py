"""Whether the pictures of two visits can be one person's: what identity says where there is one, and what heads say."""

from __future__ import annotations

import numpy as np

from mriloop.imaging.same_person import Likely, SamePerson, same_head
from mriloop.model.coding import Region, Weighting
from mriloop.model.comparison import Alignment
from mriloop.stages.compare.align import Loaded

__all__ = ["Likely", "SamePerson", "doubt", "one_person"]

# Echo-planar and phase pictures are bent by the field, by millimetres and on each visit elsewhere.
_UNBENT = frozenset(
    {Weighting.T1, Weighting.T2, Weighting.PD, Weighting.FLAIR, Weighting.STIR, Weighting.DIR, Weighting.DIXON_WATER,
     Weighting.DIXON_IN}
)  # fmt: skip
_HEADS = frozenset({Region.BRAIN, Region.PITUITARY, Region.HEAD_NECK, Region.UNKNOWN})
_RIGID_LEFT_MM = 4.0


def one_person(today: Loaded, prior: Loaded, alignment: Alignment, *, growing: bool = False) -> SamePerson:
    """Tell from an aligned pair of series whether both visits show one person's head.

    `growing` says that a child lies between the two. Answers CANNOT_TELL for other regions, for pictures that the
    field bends, where no brain was found, and where the alignment turns out not to hold.
    """
    reason = _cannot(today, prior)
    if reason:
        return SamePerson(verdict=Likely.CANNOT_TELL, places=0, evidence=reason)
    brain = today.brain.mask if today.brain is not None and today.brain.trusted else None
    found = same_head(
        today.volume.data,
        today.volume.affine,
        prior.volume.data,
        prior.volume.affine,
        np.array(alignment.matrix, dtype=np.float64),
        brain=brain,
        growing=growing,
    )
    if found.verdict in (Likely.OTHER, Likely.MAYBE_OTHER) and found.moved_mm > _RIGID_LEFT_MM:
        said = f"the alignment is off by {found.moved_mm:.0f} mm, so that the anatomy cannot be compared"
        return SamePerson(verdict=Likely.CANNOT_TELL, places=found.places, moved_mm=found.moved_mm, evidence=said)
    return found


def doubt(found: SamePerson) -> str:
    """Return the caution that a reader must see before anything else, empty where there is no doubt."""
    if found.verdict is Likely.OTHER:
        return f"these are most likely two people: {found.evidence}"
    if found.verdict is Likely.MAYBE_OTHER:
        return f"these may be two people: {found.evidence}"
    return ""


def _cannot(today: Loaded, prior: Loaded) -> str:
    for one in (today, prior):
        if one.kind.region not in _HEADS:
            return f"no head ({one.kind.region.value.replace('_', ' ')})"
        if one.kind.weighting not in _UNBENT:
            return f"{one.kind.weighting.value} pictures are bent by the field"
        if one.kind.region is Region.UNKNOWN and (one.brain is None or not one.brain.trusted):
            return "no brain was recognised"
    return ""
