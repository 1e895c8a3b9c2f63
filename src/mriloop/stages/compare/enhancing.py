"""Lists lesions that take up contrast agent: where the series after is brighter than the one before, near lesions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.enhancement import Map, Mask, Uptake, UptakeRules, places, uptake
from mriloop.imaging.foreground import object_mask
from mriloop.imaging.resample import Grid, apply, common_step, crop, halfway, inverse, sample
from mriloop.imaging.voxels import ndimage
from mriloop.model.coding import Region
from mriloop.model.comparison import Alignment, EnhancingLesion
from mriloop.model.outline import Outline
from mriloop.model.volume import Affine
from mriloop.stages.compare.align import Loaded

NEAR_MM = 3.0  # an enhancing part may reach this far beyond the FLAIR lesion: partial volume and misplacement
THICKEST_MM = 7.0
FINEST_MM = 0.8
_BRAIN = frozenset({Region.BRAIN, Region.PITUITARY, Region.UNKNOWN})
STRICT = UptakeRules()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Enhancement:
    """What a pair of series before and after a contrast agent shows.

    statement : in words; begins with "cannot" where nothing could be listed
    lesions : the strict list; empty without lesion outlines, which never means that nothing enhances
    relative : brightening in percent on the voxels of the series after, nan where not assessable; None without a map
    z : the same in noise units
    labels : (i, j, k) EnhancingLesion.id on the voxels of the series after
    elsewhere : places that brightened and are not listed, by why not: vessels, dura, plexus, away from any lesion
    cautions : what a reader of the map must know
    """

    statement: str
    lesions: tuple[EnhancingLesion, ...] = ()
    relative: Map | None = None
    z: Map | None = None
    labels: npt.NDArray[np.int32] | None = None
    elsewhere: tuple[tuple[str, int], ...] = ()
    cautions: tuple[str, ...] = ()


def enhancing(
    pre: Loaded,
    post: Loaded,
    alignment: Alignment,
    *,
    lesions: Outline | None = None,
    lesions_alignment: Alignment | None = None,
    rules: UptakeRules = STRICT,
) -> Enhancement:
    """Subtract the series before from the one after a contrast agent, and list what enhances near known lesions.

    Parameters
    ----------
    alignment : maps RAS+ mm of `pre` to RAS+ mm of `post`
    lesions : outline of the FLAIR or T2 lesions; None: a map is made, and the statement says that nothing can be
        listed, since vessels, dura and plexus cannot be told from lesions by brightness alone
    lesions_alignment : maps RAS+ mm of the outline's series to `post`; None: they share a frame

    Each series is interpolated once, onto a grid half-way between. Nothing is measured through a refused alignment.
    """
    obstacle = _obstacle(pre, post, alignment)
    if obstacle:
        return Enhancement(statement=f"cannot tell what enhances: {obstacle}")
    made = _meet(pre, post, alignment, rules)
    if isinstance(made, str):
        return Enhancement(statement=f"cannot tell what enhances: {made}")
    seen, half, cautions = made
    relative, z = (_at_post(one, seen.grid, post.grid, half) for one in (seen.relative, seen.z))
    if lesions is None:
        said = "cannot list enhancing lesions without outlines of FLAIR or T2 lesions: see the map"
        return Enhancement(statement=said, relative=relative, z=z, cautions=cautions)
    if lesions_alignment is not None and not lesions_alignment.accepted:
        said = f"cannot list enhancing lesions: their outlines could not be carried here ({lesions_alignment.reason})"
        return Enhancement(statement=said, relative=relative, z=z, cautions=cautions)
    move = np.eye(4) if lesions_alignment is None else np.array(lesions_alignment.matrix)
    near = _near(lesions, seen.grid, inverse(half) @ move)
    if not near.any():
        said = "cannot list enhancing lesions: none of the outlined lesions lies in both pictures"
        return Enhancement(statement=said, relative=relative, z=z, cautions=cautions)
    listed, common, elsewhere = _list(seen, near, half, rules)
    labels = np.rint(sample(common.astype(np.float32), seen.grid.affine, post.grid, half, order=0)).astype(np.int32)
    return Enhancement(
        statement=_statement(listed, rules, seen),
        lesions=tuple(listed),
        relative=relative,
        z=z,
        labels=labels,
        elsewhere=elsewhere,
        cautions=cautions,
    )


def _obstacle(pre: Loaded, post: Loaded, alignment: Alignment) -> str:
    if not alignment.accepted:
        return f"the two series could not be aligned ({alignment.reason})"
    for one, name in ((pre, "before"), (post, "after")):
        if max(one.grid.spacing_mm) > THICKEST_MM:
            return f"the slices of the series {name} are {max(one.grid.spacing_mm):.0f} mm apart"
    return ""


def _meet(
    pre: Loaded, post: Loaded, alignment: Alignment, rules: UptakeRules
) -> tuple[Uptake, Affine, tuple[str, ...]] | str:
    """Return the brightening on a half-way grid, the (4, 4) map from it to the series after, and cautions."""
    half = halfway(np.array(alignment.matrix))  # from before to the middle, and from the middle to after
    back = inverse(half)
    step = common_step(post.grid, pre.volume.affine, np.array(alignment.matrix), FINEST_MM)
    shape = tuple(round(n / s) for n, s in zip(post.grid.shape, step, strict=True))
    middle = np.eye(4)
    middle[:3, :3] = np.diag(step)
    middle[:3, 3] = (step - 1.0) / 2.0
    grid = Grid(shape=(shape[0], shape[1], shape[2]), affine=back @ post.volume.affine @ middle)
    inside = np.ones(grid.shape, bool)
    trusted = all(one.brain is not None and one.brain.trusted for one in (pre, post))
    for one, move in ((pre, half), (post, back)):
        held = (
            one.brain.mask if trusted and one.brain is not None else object_mask(one.volume.data, one.grid.spacing_mm)
        )
        inside &= sample(held.astype(np.float32), one.volume.affine, grid, move, order=1) > 0.5
    if float(inside.sum()) * grid.voxel_ml < 5.0:
        return "the two pictures hardly meet"
    cautions: tuple[str, ...] = ()
    if not trusted and post.kind.region in _BRAIN:
        cautions = ("the brain was not outlined: the map holds dura, vessels and skin, and more places are doubtful",)
    small, cut = crop(grid, inside, margin_mm=5.0)
    before, after = (
        np.maximum(sample(one.volume.data, one.volume.affine, small, move), 0.0)
        for one, move in ((pre, half), (post, back))
    )
    return uptake(before, after, inside[cut], small, rules), half, cautions


def _near(lesions: Outline, grid: Grid, to_grid: Affine) -> Mask:
    """Return the outlined lesions and NEAR_MM around them on a grid."""
    there = sample(lesions.data.astype(np.float32), lesions.affine, grid, to_grid, order=1) > 0.25
    if not there.any():
        return there
    return np.asarray(ndimage.distance_transform_edt(~there, sampling=grid.spacing_mm) <= NEAR_MM)


def _list(
    seen: Uptake, near: Mask, half: Affine, rules: UptakeRules
) -> tuple[list[EnhancingLesion], npt.NDArray[np.int32], tuple[tuple[str, int], ...]]:
    """Return the strict list, its label map on the common grid, and how many places were left out, by why."""
    common = np.zeros(near.shape, np.int32)
    listed: list[EnhancingLesion] = []
    left: dict[str, int] = {}
    for place in sorted(places(seen, rules), key=lambda one: -one.score):
        close = near[place.box] & place.mask
        part = place.mask
        objection = place.objection
        if not objection and close.sum() < 0.5 * place.mask.sum():
            objection = "away from any outlined lesion"
        if objection:
            left[objection] = left.get(objection, 0) + 1
            continue
        volume = float(part.sum()) * seen.grid.voxel_ml
        number = len(listed) + 1
        common[place.box][part] = number
        corner = np.array([s.start for s in place.box], dtype=float)
        centre = apply(half, apply(seen.grid.affine, (np.argwhere(part).mean(axis=0) + corner)[None]))[0]
        excess = max(place.score - rules.seed, 0.0) / rules.seed
        listed.append(
            EnhancingLesion(
                id=number,
                volume_ml=volume,
                diameter_mm=2.0 * float(np.cbrt(3.0 * volume * 1000.0 / (4.0 * np.pi))),
                percent=place.percent,
                score=place.score,
                position_ras_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
                confidence=round(1.0 - 0.5 * float(np.exp(-excess)), 2),
            )
        )
    return listed, common, tuple(sorted(left.items()))


def _at_post(values: Map, grid: Grid, target: Grid, half: Affine) -> Map:
    """Carry a map to the voxels of the series after, nearest neighbour, so that nan stays where it was."""
    filled = np.where(np.isfinite(values), values, -1e9)
    found = sample(filled.astype(np.float32), grid.affine, target, half, order=0, fill=-1e9)
    return np.where(found > -1e8, found, np.nan).astype(np.float32)


def _statement(listed: list[EnhancingLesion], rules: UptakeRules, seen: Uptake) -> str:
    least = 100.0 * rules.seed * seen.noise
    limit = (
        f"brightening by less than {max(rules.percent, least):.0f} % or smaller than 3 mm would not have been listed"
    )
    if not listed:
        return f"no enhancing lesion found near the outlined lesions; {limit}"
    many = "1 enhancing lesion" if len(listed) == 1 else f"{len(listed)} enhancing lesions"
    return f"{many} near the outlined lesions, to be confirmed; {limit}"
