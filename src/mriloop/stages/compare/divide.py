"""Decides which parts of a region move by themselves, and cuts the picture into them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mriloop.imaging.body import Column, Mask, column, limbs, meant, tissue
from mriloop.imaging.local import Joint, Piece, Play
from mriloop.imaging.pieces import Room, along_column, around, in_blocks, merged
from mriloop.imaging.register import Picture, picture
from mriloop.imaging.resample import apply, isotropic
from mriloop.model.coding import Region, Weighting
from mriloop.stages.compare.align import Loaded

MOST_WORKING_VOXELS = 3_000_000
BLOCK_MM = 80.0
LIMB_BLOCK_MM = 55.0  # about the width of a knee or an ankle: no block spans two joints
NECK_STEP_MM = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spine:
    """Sizes of one stretch of the spine in mm, and how far two of its vertebrae may move against each other."""

    pitch: float
    forward: float
    room: Room
    play: Play


# White and Panjabi call a segment unstable beyond 3.5 mm or 11 degrees against its neighbour (neck), 4.5 mm or 15
# degrees (loin): what moves further between two visits is not aligned silently.
NECK = Spine(
    pitch=17.0, forward=16.0, room=Room(across=25.0, behind=32.0, before=27.0), play=Play(turn_deg=11.0, shift_mm=3.5)
)
THORAX = Spine(
    pitch=25.0, forward=22.0, room=Room(across=28.0, behind=40.0, before=38.0), play=Play(turn_deg=11.0, shift_mm=3.5)
)
LOIN = Spine(
    pitch=36.0, forward=28.0, room=Room(across=32.0, behind=50.0, before=48.0), play=Play(turn_deg=15.0, shift_mm=4.5)
)
SPINES = {
    Region.CERVICAL_SPINE: NECK,
    Region.THORACIC_SPINE: THORAX,
    Region.LUMBAR_SPINE: LOIN,
    Region.SPINE: THORAX,
}
LIMBS = frozenset(
    {
        Region.SHOULDER,
        Region.ELBOW,
        Region.WRIST,
        Region.HAND,
        Region.HIP,
        Region.KNEE,
        Region.ANKLE,
        Region.FOOT,
        Region.EXTREMITY,
    }
)
MIDDLES = {Region.PROSTATE: 35.0, Region.UTERUS: 55.0, Region.PELVIS: 70.0}
BLOCKS = frozenset(
    {
        Region.ABDOMEN,
        Region.LIVER,
        Region.KIDNEY,
        Region.PANCREAS,
        Region.CHEST,
        Region.HEART,
        Region.BREAST,
        Region.WHOLE_BODY,
    }
)
SOFT = frozenset({*BLOCKS, *MIDDLES})
LIMB_PLAY = Play(turn_deg=30.0, shift_mm=9.0)  # a knee or ankle in a coil; skin and muscle slide over the bones
SOFT_PLAY = Play(turn_deg=12.0, shift_mm=20.0)  # one breath moves the liver 10 to 20 mm and its neighbours less
_FLUID_IS_BRIGHT = frozenset({Weighting.T2, Weighting.STIR, Weighting.T2_STAR})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Division:
    """The picture of today, its pieces, and what was decided on the way.

    inside : the tissue that takes part, on the voxels of the series; `masked` says whether another limb was left out
    rhythm_mm : step from vertebra to vertebra, along which a start may be a level off; 0 where there is none
    why_not : why there are no pieces
    """

    picture: Picture
    inside: Mask
    pieces: list[Piece] = field(default_factory=list)
    joints: list[Joint] = field(default_factory=list)
    play: Play = SOFT_PLAY
    masked: bool = False
    rhythm_mm: float = 0.0
    words: tuple[str, ...] = ()
    why_not: str = ""


def divide(today: Loaded, region: Region) -> Division:
    """Return the parts of today's picture that move by themselves in this region."""
    inside = tissue(today.volume.data, today.volume.affine)
    if region in SPINES:
        return _spine(today, inside, SPINES[region])
    if region in LIMBS:
        return _limb(today, inside)
    one = ready(today, inside)
    if region is Region.HEAD_NECK:
        return _head_neck(today, inside, one)
    if region in MIDDLES:
        pieces, joints = around(one, one.mask, today.grid.centre_ras_mm, MIDDLES[region])
        words = ("the organ was not outlined: what lies in the middle of the picture is taken for it",)
        return Division(picture=one, inside=inside, pieces=pieces, joints=joints, words=words)
    if region in BLOCKS:
        pieces, joints = in_blocks(one, one.mask, BLOCK_MM)
        return Division(picture=one, inside=inside, pieces=pieces, joints=joints)
    return Division(picture=one, inside=inside, why_not=_unknown(region))


def ready(one: Loaded, inside: Mask) -> Picture:
    """Return a series ready for local alignment: voxels of 1 mm, coarser where it would have over three million."""
    size = float(np.prod(np.array(one.grid.shape) * np.array(one.grid.spacing_mm)))
    return picture(one.volume.data, one.volume.affine, max(1.0, (size / MOST_WORKING_VOXELS) ** (1.0 / 3.0)), inside)


def _unknown(region: Region) -> str:
    if region is Region.UNKNOWN:
        return "the body region is not known"
    return f"no moving parts are known of the region {region.value.replace('_', ' ')}"


def _spine(today: Loaded, inside: Mask, sizes: Spine) -> Division:
    one = ready(today, inside)
    bright = True if today.kind.weighting in _FLUID_IS_BRIGHT else None
    course = column(
        today.volume.data, today.volume.affine, pitch_mm=sizes.pitch, forward_mm=sizes.forward, bright=bright
    )
    if course is None:
        return Division(picture=one, inside=inside, why_not="the picture is too low to follow the spine")
    pieces, joints = along_column(one, course, sizes.room)
    words = _of_column(course)
    steps = np.diff(course.cuts)
    return Division(
        picture=one,
        inside=inside,
        pieces=pieces,
        joints=joints,
        play=sizes.play,
        rhythm_mm=float(np.median(steps)) if course.vertebrae and len(steps) else sizes.pitch,
        words=words,
    )


def _of_column(course: Column) -> tuple[str, ...]:
    words = []
    if course.trust < 1.0:
        words.append("the spinal canal was not found with certainty")
    if not course.vertebrae:
        words.append("vertebrae could not be told apart: the spine was cut into equal pieces")
    else:
        words.append("vertebrae are named by their height: their levels were not identified")
    return tuple(words)


def _limb(today: Loaded, inside: Mask) -> Division:
    found = limbs(inside, today.grid)
    if not found:
        return Division(picture=ready(today, inside), inside=inside, why_not="no limb was recognised")
    chosen = meant(found, today.grid)
    words: tuple[str, ...] = ()
    keep = inside
    if chosen is not None and len(found) > 1:
        keep = found[chosen]
        words = (f"{_side(found, chosen, today)} limb lies in the middle and was aligned; the other was masked out",)
    one = ready(today, keep)
    if chosen is not None:
        pieces, joints = in_blocks(one, one.mask, LIMB_BLOCK_MM, "piece")
    else:
        words = ("more than one limb is in the picture: each was aligned by itself",)
        groups = [
            in_blocks(one, _onto(m, today, one) & one.mask, LIMB_BLOCK_MM, f"{_side(found, n, today)} limb")
            for n, m in enumerate(found)
        ]
        pieces, joints = merged(groups)
    why_not = "" if pieces else "the limb is too small in the picture"
    return Division(
        picture=one,
        inside=keep,
        pieces=pieces,
        joints=joints,
        play=LIMB_PLAY,
        masked=chosen is not None and len(found) > 1,
        words=words,
        why_not=why_not,
    )


def _side(found: list[Mask], which: int, today: Loaded) -> str:
    """Return the side of a limb among others: R+ is the patient's right."""
    places = [apply(today.grid.affine, np.argwhere(m)[::7].astype(float)).mean(axis=0)[0] for m in found]
    others = [p for n, p in enumerate(places) if n != which]
    return "right" if places[which] > max(others) else "left" if places[which] < min(others) else "middle"


def _onto(mask: Mask, today: Loaded, one: Picture) -> Mask:
    index = np.argwhere(np.ones(one.mask.shape, bool)).astype(float)
    at = np.rint(apply(np.linalg.inv(today.volume.affine) @ one.affine, index)).astype(int)
    at = np.clip(at, 0, np.array(mask.shape) - 1)
    return np.asarray(mask[tuple(at.T)].reshape(one.mask.shape))


def _head_neck(today: Loaded, inside: Mask, one: Picture) -> Division:
    """Part the head from jaw and neck at the lowest brain; the neck in steps along its canal."""
    if today.brain is None or not today.brain.trusted:
        pieces, joints = in_blocks(one, one.mask, BLOCK_MM)
        words = ("no brain was recognised: head, jaw and neck could not be told apart, blocks were aligned",)
        return Division(picture=one, inside=inside, pieces=pieces, joints=joints, play=LIMB_PLAY, words=words)
    heights = apply(today.volume.affine, np.argwhere(today.brain.mask)[::11].astype(float))[:, 2]
    base = float(np.percentile(heights, 0.5))
    points = apply(one.affine, np.argwhere(np.ones(one.mask.shape, bool)).astype(float))
    above = (points[:, 2] > base).reshape(one.mask.shape) & one.mask
    at = np.argwhere(above)
    centre = apply(one.affine, at[:: max(1, len(at) // 4000)].astype(float)).mean(axis=0)
    head = Piece(name="head", mask=above, centre=centre, radius_mm=100.0)
    cube, grid = isotropic(today.volume.data, today.volume.affine, 2.0)
    high = int(np.clip((base - grid.affine[2, 3]) / 2.0, 0, cube.shape[2]))
    course = (
        column(
            cube[:, :, :high],
            grid.affine,
            pitch_mm=NECK_STEP_MM,
            forward_mm=NECK.forward,
            bright=True if today.kind.weighting in _FLUID_IS_BRIGHT else None,
        )
        if high >= 12
        else None
    )
    if course is None:
        words = ("too little of the neck is in the picture to be aligned by itself",)
        return Division(picture=one, inside=inside, pieces=[head], play=LIMB_PLAY, words=words)
    neck, held = along_column(_below(one, base), course, NECK.room)
    pieces, joints = merged(((neck, held), ([head], [])))
    last = len(neck) - 1
    meets = [(last, course.at(base) + np.array([0.0, 10.0, 0.0]))]
    front = (points[:, 2] <= base) & (points[:, 1] > course.at(base)[1] + NECK.room.before)
    front &= np.abs(points[:, 0] - course.at(base)[0]) < 70.0
    front &= points[:, 2] > base - 80.0
    jaw = front.reshape(one.mask.shape) & one.mask
    if jaw.sum() > 2000:
        where = apply(one.affine, np.argwhere(jaw).astype(float))
        radius = float(np.percentile(np.linalg.norm(where - where.mean(axis=0), axis=1), 98.0))
        pieces.append(Piece(name="jaw and throat", mask=jaw, centre=where.mean(axis=0), radius_mm=radius))
        meets.append((len(pieces) - 1, where[where[:, 2] > base - 6.0].mean(axis=0)))
    joints += [Joint(first=n, second=last + 1, point=(float(q[0]), float(q[1]), float(q[2]))) for n, q in meets]
    return Division(picture=one, inside=inside, pieces=pieces, joints=joints, play=LIMB_PLAY)


def _below(one: Picture, height: float) -> Picture:
    index = np.argwhere(np.ones(one.mask.shape, bool)).astype(float)
    low = (apply(one.affine, index)[:, 2] <= height).reshape(one.mask.shape)
    return Picture(data=one.data, affine=one.affine, mask=one.mask & low)
