"""Lays today's series before contrast agent on the one after it, and lists what lit up near outlined lesions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mriloop.model.coding import Weighting
from mriloop.model.comparison import Alignment, EnhancementList
from mriloop.model.fact import Truth
from mriloop.model.outline import Outline
from mriloop.model.study import Study
from mriloop.stages.compare.align import MOST_UNCERTAIN_MM, backwards, through
from mriloop.stages.compare.desk import Desk
from mriloop.stages.compare.enhancing import Enhancement, enhancing
from mriloop.stages.compare.listing import Listed
from mriloop.stages.compare.pictures import PairImages, show


def take_up(today: Study, listed: Listed, desk: Desk) -> tuple[tuple[EnhancementList, ...], tuple[PairImages, ...]]:
    """Return what took up contrast agent in each series after it, and the pictures of those pairs.

    The lesions near which something may be listed are those of the list of changes, changed or not.
    """
    own = [s.series_instance_uid for s in today.series if s.series_instance_uid in desk.linked]
    t1 = [uid for uid in own if desk.kinds[uid].weighting is Weighting.T1]
    before = [uid for uid in t1 if desk.kinds[uid].contrast is Truth.FALSE]
    lists, images = [], []
    for after in (uid for uid in t1 if desk.kinds[uid].contrast is Truth.TRUE):
        same = next((uid for uid in before if desk.kinds[uid].plane is desk.kinds[after].plane), None)
        if same is None:
            continue
        alignment = _between(same, after, desk)
        if desk.spoilt(same) or desk.spoilt(after):
            said = "cannot tell what enhances: CHECK gave up one of the two series"
            lists.append(EnhancementList(before=same, after=after, statement=said))
            continue
        if alignment.accepted and alignment.uncertainty_mm > MOST_UNCERTAIN_MM:
            said = f"cannot tell what enhances: the alignment is uncertain by {alignment.uncertainty_mm:.1f} mm"
            lists.append(EnhancementList(before=same, after=after, statement=said))
            continue
        found = enhancing(
            desk.loaded[same], desk.loaded[after], alignment, lesions=_lesions(listed, desk),
            lesions_alignment=None if listed.pair is None else _between(listed.pair.today, after, desk),
        )  # fmt: skip
        lists.append(
            EnhancementList(
                before=same,
                after=after,
                statement=found.statement + _elsewhere(found),
                lesions=found.lesions,
                cautions=found.cautions,
            )
        )
        if alignment.accepted:
            images.append(_picture(after, same, alignment, found, desk))
    return tuple(lists), tuple(images)


def _elsewhere(found: Enhancement) -> str:
    """Say how many places lit up that are not listed: an empty list never means that nothing enhances."""
    if not found.elsewhere:
        return ""
    return "; not listed, to be looked at: " + ", ".join(f"{number} {why}" for why, number in found.elsewhere)


def _between(source: str, target: str, desk: Desk) -> Alignment:
    return through(desk.linked[source], backwards(desk.linked[target]))


def _lesions(listed: Listed, desk: Desk) -> Outline | None:
    if listed.change is None or listed.pair is None:
        return None
    data = listed.change.changes_today > 0
    affine = desk.loaded[listed.pair.today].volume.affine
    return Outline(data=data, affine=affine, label="lesions", series_instance_uid=listed.pair.today)


def _picture(after: str, before: str, alignment: Alignment, found: Enhancement, desk: Desk) -> PairImages:
    drawn = show("enhancement", desk.loaded[after], desk.loaded[before], alignment, None)
    if found.z is None:
        return drawn
    return replace(drawn, subtraction=replace(drawn.subtraction, data=np.nan_to_num(found.z)))
