"""Invents two visits of one head: lesions that come, grow, stay, shrink and go, and everything that is no change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from training.lesions.sources import Base

from mriloop.imaging.brainmask import BrainMask
from mriloop.imaging.resample import Grid, apply, inverse, rigid
from mriloop.imaging.voxels import ndimage
from mriloop.model.coding import Plane, Region, Weighting
from mriloop.model.comparison import Alignment
from mriloop.model.quality import SeriesKind
from mriloop.model.volume import Volume
from mriloop.stages.compare.align import Loaded

FATES = ("new", "enlarging", "resolved", "shrinking", "stable")
KIND = SeriesKind(weighting=Weighting.FLAIR, plane=Plane.AXIAL, region=Region.BRAIN)
FINE_MM = 0.6


@dataclass(frozen=True, kw_only=True, eq=False)
class Planted:
    """One invented lesion: its fate, its contrast, and the share of each base voxel it fills at either visit."""

    fate: str
    contrast: float
    box: tuple[slice, slice, slice]
    prior: np.ndarray
    today: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """Two visits that are ready to be compared, and the truth, in the frame of the base (which is that of today).

    setting : "one scanner" or "two scanners", and the voxels of both visits if they differ in thickness
    more, less : True where tissue of the base became brighter or darker by a lesion
    """

    subject: str
    setting: str
    today: Loaded
    prior: Loaded
    alignment: Alignment
    base: Base
    planted: tuple[Planted, ...]
    more: np.ndarray
    less: np.ndarray


def invent(base: Base, rng: np.random.Generator, *, changes: tuple[int, int] = (2, 14), harsh: float = 1.0) -> Scene:
    """Return two visits of a head. `harsh` scales everything that is no change: 1 is a clinical pair."""
    planted = _plan(base, rng, int(rng.integers(*changes)), int(rng.integers(3, 14)))
    prior, today = base.data.copy(), base.data.copy()
    tissue = ndimage.gaussian_filter(base.data, [0.8 / s for s in base.grid.spacing_mm])
    foreign = rng.random() < 0.4
    fade = rng.uniform(0.85, 1.15) if foreign else rng.uniform(0.96, 1.04)
    for one in planted:
        box = one.box
        solid = np.clip((tissue[box] - 0.55) / 0.25, 0, 1)
        for data, share, scale in ((prior, one.prior, fade), (today, one.today, 1.0)):
            target = 1.0 + one.contrast * scale
            data[box] += (share * solid * np.maximum(target - data[box], 0)).astype(np.float32)
    difference = today - prior
    more, less = (np.zeros(base.data.shape, bool) for _ in range(2))
    for one in planted:
        change = one.today - one.prior
        if one.fate == "stable":
            continue
        visible = np.abs(difference[one.box]) > 0.05
        for mark, sign in ((more, 1.0), (less, -1.0)):
            mark[one.box] |= (sign * change > min(0.5, 0.5 * float(np.abs(change).max()))) & visible
    grids = _grids(base, rng, foreign=foreign)
    style = _style(rng, harsh)
    other = _style(rng, harsh) if foreign else _nearby(style, rng, harsh)
    turn, shift = rng.uniform(-6, 6, 3), rng.uniform(-6, 6, 3)
    middle = base.grid.centre_ras_mm
    move = rigid((turn[0], turn[1], turn[2]), (shift[0], shift[1], shift[2]), middle)
    seen = _acquire(today, base, grids[0], np.eye(4), style, rng, "today")
    before = _acquire(prior, base, grids[1], move, other, rng, "prior")
    miss = rng.normal(scale=0.25 * harsh / 1.7, size=6)
    slip = rigid((miss[0] * 0.5, miss[1] * 0.5, miss[2] * 0.5), (miss[3], miss[4], miss[5]), middle)
    matrix = slip @ inverse(move)
    rows = tuple((float(r[0]), float(r[1]), float(r[2]), float(r[3])) for r in matrix)
    return Scene(
        subject=base.subject,
        setting=f"{'two scanners' if foreign else 'one scanner'}, {_thickness(grids)}",
        today=seen,
        prior=before,
        alignment=Alignment(method="known", matrix=rows, uncertainty_mm=0.3, accepted=True),  # type: ignore[arg-type]
        base=base,
        planted=planted,
        more=more,
        less=less,
    )


def _plan(base: Base, rng: np.random.Generator, changing: int, staying: int) -> tuple[Planted, ...]:
    spacing = np.array(base.grid.spacing_mm)
    depth = ndimage.distance_transform_edt(base.brain, sampling=spacing)
    smooth = ndimage.gaussian_filter(base.data, [1.0 / s for s in spacing])
    dark = base.brain & (smooth < 0.6)
    deep_dark = ndimage.binary_opening(dark & (depth > 18))
    beside = ndimage.distance_transform_edt(~deep_dark, sampling=spacing)
    usual = base.brain & (smooth > 0.85) & (smooth < 1.18)
    bright = base.brain & (smooth > 1.3) & (depth > 8)
    rim = usual & ndimage.binary_dilation(bright, iterations=2)
    rooms = (
        usual & (depth > 7),
        usual & (beside < 6),
        usual & (depth > 3.5) & (depth < 10),
        rim & (depth > 6),
    )
    index = [np.argwhere(room) for room in rooms]
    weight = np.array([0.45, 0.25, 0.2, 0.1]) * [len(i) > 50 for i in index]
    fates = [str(f) for f in rng.choice(FATES[:4], changing, p=(0.38, 0.27, 0.2, 0.15))] + ["stable"] * staying
    chosen: list[Planted] = []
    places: list[np.ndarray] = []
    for fate in fates:
        for _ in range(30):
            room = index[int(rng.choice(4, p=weight / weight.sum()))]
            place = room[rng.integers(len(room))] + rng.uniform(-0.5, 0.5, 3)
            diameter = float(np.clip(rng.lognormal(np.log(6.0), 0.4), 3.0, 20.0))
            if all(np.linalg.norm((place - p) * spacing) > 10 + diameter for p in places):
                places.append(place)
                chosen.append(_lesion(base, place, diameter, fate, rng))
                break
    return tuple(chosen)


def _lesion(base: Base, place: np.ndarray, diameter: float, fate: str, rng: np.random.Generator) -> Planted:
    """Return a lumpy lesion; one that grows or shrinks reaches further to one side at its larger visit."""
    spacing = np.array(base.grid.spacing_mm)
    finer = np.maximum(1, np.round(spacing / FINE_MM)).astype(int)
    reach = np.ceil((diameter * 0.95 + 3.0) / spacing).astype(int)
    low = np.maximum(np.rint(place).astype(int) - reach, 0)
    high = np.minimum(np.rint(place).astype(int) + reach + 1, base.data.shape)
    axes = [
        ((np.arange((b - a) * f) + 0.5) / f - 0.5 + a - p) * s
        for a, b, f, p, s in zip(low, high, finer, place, spacing, strict=True)
    ]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    turned = points @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    ratios = np.array([1.0, rng.uniform(0.6, 1.0), rng.uniform(0.5, 1.0)])
    ratios /= np.cbrt(ratios.prod())
    lumps = ndimage.gaussian_filter(
        rng.normal(size=points.shape[:3]), np.maximum(diameter / 5, 1.0) / (spacing / finer)
    )
    lumps = 1.0 + rng.uniform(0.0, 0.3) * lumps / lumps.std()
    away = np.linalg.norm(turned / ratios, axis=-1) / (diameter / 2) / np.clip(lumps, 0.4, 2.0)
    large = away < 1.0
    small = large
    if fate in ("enlarging", "shrinking"):
        scale, aside = rng.uniform(0.35, 0.8), rng.normal(size=3)
        centre = aside / np.linalg.norm(aside) * rng.uniform(0, 0.9) * (1 - scale) * diameter / 2
        small = large & (np.linalg.norm((points - centre) @ np.eye(3), axis=-1) / (diameter / 2) < scale * lumps)
    soft = rng.uniform(0.3, 1.1)
    shares = []
    for inside in (small, large):
        blurred = ndimage.gaussian_filter(inside.astype(np.float32), soft / (spacing / finer))
        a, b, c = high - low
        shares.append(blurred.reshape(a, finer[0], b, finer[1], c, finer[2]).mean(axis=(1, 3, 5)))
    none = np.zeros_like(shares[0])
    prior, today = {
        "new": (none, shares[1]),
        "resolved": (shares[1], none),
        "enlarging": (shares[0], shares[1]),
        "shrinking": (shares[1], shares[0]),
        "stable": (shares[1], shares[1]),
    }[fate]
    box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
    contrast = float(rng.uniform(0.15, 0.55))
    return Planted(fate=fate, contrast=contrast, box=box, prior=prior, today=today)


def _grids(base: Base, rng: np.random.Generator, *, foreign: bool) -> list[Grid]:
    """Return the voxels of today and of the prior (the latter in the frame of the base too)."""
    thick = max(base.grid.spacing_mm) > 2.0
    shapes = [(0.72, 0.72, 3.0), (0.9, 0.9, 3.0), (0.57, 0.57, 3.3), (0.9, 0.9, 4.0), (0.5, 0.5, 5.0), (1.0, 1.0, 1.2)]
    odds = np.array([0.35, 0.3, 0.15, 0.1, 0.05, 0.05])
    if thick:
        odds[5] = 0.0
    first = int(rng.choice(6, p=odds / odds.sum()))
    second = int(rng.choice(6, p=odds / odds.sum())) if foreign or rng.random() < 0.2 else first
    made = []
    for number in (first, second):
        step = np.array(shapes[number])
        tilt = rigid(tuple(rng.uniform(-2, 2, 3)), (0, 0, 0), base.grid.centre_ras_mm)
        axes = base.grid.affine[:3, :3] / np.array(base.grid.spacing_mm)
        # thick source slices are kept apart; an isotropic source is cut along its most superior axis
        upward = int(np.argmax(np.abs(axes[2])))
        steps = np.full(3, step[0])
        steps[upward] = step[2]
        extent = np.array(base.grid.shape) * base.grid.spacing_mm
        shape = np.ceil(extent / steps).astype(int)
        affine = np.eye(4)
        affine[:3, :3] = axes * steps
        affine[:3, 3] = base.grid.centre_ras_mm - affine[:3, :3] @ ((shape - 1) / 2 + rng.uniform(-0.5, 0.5, 3))
        made.append(Grid(shape=tuple(int(n) for n in shape), affine=tilt @ affine))
    return made


def _thickness(grids: list[Grid]) -> str:
    first, second = (max(grid.spacing_mm) for grid in grids)
    return f"{first:.1f} mm slices" if abs(first - second) < 0.1 else "mixed slices"


@dataclass(frozen=True, kw_only=True, eq=False)
class _Style:
    """How one scanner shows a head on one day."""

    gamma: float
    grey: float
    fluid: float
    blur_mm: float
    sharpen: float
    shade: float
    noise: float
    stripes: float
    ghost: float
    flow: int
    patches: float
    warp_mm: float


def _style(rng: np.random.Generator, harsh: float) -> _Style:
    return _Style(
        gamma=float(np.exp(rng.normal(scale=0.15 * harsh))),
        grey=float(rng.normal(scale=0.04 * harsh)),
        fluid=float(rng.uniform(-0.1, 0.15) * harsh),
        blur_mm=float(rng.uniform(0, 0.6)),
        sharpen=float(rng.uniform(0, 0.4) * (rng.random() < 0.4)),
        shade=float(rng.uniform(0.02, 0.15)),
        noise=float(rng.uniform(0.006, 0.025)),
        stripes=float(rng.uniform(0, 0.004) * harsh),
        ghost=float(rng.uniform(0, 0.012) * harsh * (rng.random() < 0.5)),
        flow=int(rng.integers(0, round(30 * harsh) + 1)),
        patches=float(rng.uniform(0.002, 0.007) * harsh),
        warp_mm=float(rng.uniform(0.05, 0.4) * harsh),
    )


def _nearby(style: _Style, rng: np.random.Generator, harsh: float) -> _Style:
    """Return the same scanner on another day."""
    return _Style(
        gamma=style.gamma * float(np.exp(rng.normal(scale=0.03))),
        grey=style.grey + float(rng.normal(scale=0.015)),
        fluid=style.fluid + float(rng.normal(scale=0.03)),
        blur_mm=style.blur_mm + float(rng.uniform(0, 0.25)),
        sharpen=style.sharpen,
        shade=style.shade,
        noise=style.noise * float(rng.uniform(0.8, 1.25)),
        stripes=style.stripes,
        ghost=float(rng.uniform(0, 0.012) * harsh * (rng.random() < 0.4)),
        flow=int(rng.integers(0, round(25 * harsh) + 1)),
        patches=float(rng.uniform(0.002, 0.006) * harsh),
        warp_mm=float(rng.uniform(0.05, 0.4) * harsh),
    )


def _acquire(
    data: np.ndarray, base: Base, grid: Grid, move: np.ndarray, style: _Style, rng: np.random.Generator, uid: str
) -> Loaded:
    """Return the head as one scanner saw it; `grid` is given where the head lay in the base, `move` carries both."""
    spacing, step = np.array(base.grid.spacing_mm), np.array(grid.spacing_mm)
    source = _flow(data, base, style.flow, rng)
    along = np.abs((base.grid.affine[:3, :3] / spacing).T @ (grid.affine[:3, :3] / step))
    wanted = along @ step
    excess = np.sqrt(np.maximum(wanted**2 - spacing**2, 0)) / 2.6 / spacing
    source = ndimage.gaussian_filter(source, excess)
    index = inverse(base.grid.affine) @ grid.affine
    near = ndimage.affine_transform(
        ndimage.gaussian_filter(base.brain.astype(np.float32), 1.0 / spacing),
        index[:3, :3],
        index[:3, 3],
        output_shape=grid.shape,
        order=1,
    )
    brain = near + 0.15 * _field(grid, 10.0, rng) > 0.5
    where = np.nonzero(ndimage.binary_dilation(near > 0.02, iterations=2))
    at = index[:3, :3] @ np.array(where, dtype=np.float64) + index[:3, 3:]
    for axis in range(3):
        at[axis] += _field(grid, 22.0, rng)[where] * (style.warp_mm / spacing[axis])
    seen = np.zeros(grid.shape, np.float32)
    seen[where] = ndimage.map_coordinates(source, at, order=3, mode="nearest")
    seen = np.maximum(seen, 0) ** style.gamma
    seen = seen + style.grey * np.exp(-(((seen - 1.2) / 0.1) ** 2)) + style.fluid * np.exp(-((seen / 0.5) ** 2)) * brain
    seen = ndimage.gaussian_filter(seen, [style.blur_mm / s if s < 2 else 0 for s in step])
    if style.sharpen:
        soft = ndimage.gaussian_filter(seen, [0.9 / s if s < 2 else 0 for s in step])
        seen = seen + style.sharpen * (seen - soft)
    seen *= np.exp(style.shade * _field(grid, 100.0, rng)) * (1 + style.patches * _field(grid, 7.0, rng))
    slices = int(np.argmax(step))
    shape = [1, 1, 1]
    shape[slices] = -1
    count = grid.shape[slices]
    stripes = rng.normal(size=count) + 1.5 * rng.normal() * (-1.0) ** np.arange(count)
    seen *= 1 + style.stripes * stripes.reshape(shape)
    if style.ghost:
        phase = int(rng.choice([a for a in range(3) if a != slices]))
        seen = seen + style.ghost * np.roll(seen, int(rng.integers(15, 90)), axis=phase)
    grain = np.float32(style.noise) * rng.standard_normal((2, *seen.shape), dtype=np.float32)
    seen = np.hypot(seen + grain[0], grain[1])
    affine = move @ grid.affine
    volume = Volume(data=(seen * 400).astype(np.float32), affine=affine, series_instance_uid=uid)
    mask = BrainMask(mask=brain, volume_ml=float(brain.sum()) * grid.voxel_ml, trusted=True)
    return Loaded(kind=KIND, volume=volume, brain=mask)


def _flow(data: np.ndarray, base: Base, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the head with `count` bright patches in fluid: inflow, pulsation, sulci that were not nulled."""
    if not count:
        return data
    spacing = np.array(base.grid.spacing_mm)
    fluid = base.brain & (base.data < 0.75)
    index = np.argwhere(fluid)
    if not len(index):
        return data
    result = data.copy()
    for place in index[rng.integers(len(index), size=count)]:
        size = np.array([rng.uniform(1.5, 5), rng.uniform(1.5, 5), rng.uniform(1.5, 4)])
        reach = np.ceil(2.5 * size / spacing).astype(int)
        low, high = np.maximum(place - reach, 0), np.minimum(place + reach + 1, data.shape)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        axes = [(np.arange(a, b) - p) * s / w for a, b, p, s, w in zip(low, high, place, spacing, size, strict=True)]
        bump = np.exp(-0.5 * (axes[0][:, None, None] ** 2 + axes[1][None, :, None] ** 2 + axes[2][None, None, :] ** 2))
        wet = np.clip((0.95 - data[box]) / 0.5, 0, 1)
        result[box] += (rng.uniform(0.2, 0.9) * bump * wet).astype(np.float32)
    return result


def _field(grid: Grid, width_mm: float, rng: np.random.Generator) -> np.ndarray:
    """Return a smooth random field of standard deviation 1 on a grid."""
    step = np.array(grid.spacing_mm)
    coarse = np.maximum(2, np.ceil(np.array(grid.shape) * step / (width_mm / 2)).astype(int) + 3)
    values = ndimage.gaussian_filter(rng.standard_normal(coarse, dtype=np.float32), 1.3)
    values /= values.std()
    for axis, (few, many) in enumerate(zip(coarse, grid.shape, strict=True)):
        place = np.linspace(0, few - 1, many)
        left = np.minimum(place.astype(int), few - 2)
        share = (place - left).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        values = np.take(values, left, axis) * (1 - share) + np.take(values, left + 1, axis) * share
    return np.asarray(values)


def truth_on(scene: Scene, grid: Grid, half_to_today: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where tissue truly became brighter and darker, on the half-way grid."""
    found = []
    index = inverse(scene.base.grid.affine) @ half_to_today @ grid.affine
    for truth in (scene.more, scene.less):
        smooth = truth.astype(np.float32)
        wide = np.array(grid.spacing_mm) / np.array(scene.base.grid.spacing_mm)
        smooth = ndimage.gaussian_filter(smooth, np.where(wide > 1.5, wide / 2.6, 0))
        share = ndimage.affine_transform(smooth, index[:3, :3], index[:3, 3], output_shape=grid.shape, order=1)
        found.append(share > 0.4)
    return found[0], found[1]


def positions(scene: Scene) -> list[tuple[Planted, np.ndarray]]:
    """Return every planted lesion with its middle in RAS+ mm of today."""
    placed = []
    for one in scene.planted:
        weight = np.maximum(one.prior, one.today)
        index = np.argwhere(weight > 0.3 * weight.max()).mean(axis=0) + [s.start for s in one.box]
        placed.append((one, apply(scene.base.grid.affine, index[None])[0]))
    return placed
