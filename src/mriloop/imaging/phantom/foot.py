"""The foot phantom: bones with fatty marrow, muscle, fat pad, tendons and skin, with room for an ulcer and oedema."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mriloop.imaging.phantom.anatomy import Anatomy, Visit, furnish
from mriloop.imaging.phantom.fields import smooth_noise
from mriloop.imaging.phantom.head import Map, easel
from mriloop.imaging.phantom.shapes import Canvas, Triple, ellipsoid, tube, union
from mriloop.imaging.phantom.tissues import Tissue
from mriloop.model.coding import Region

LOW: Triple = (-52.0, -135.0, -48.0)
HIGH: Triple = (52.0, 135.0, 112.0)
CORTEX_MM = 1.6
# Lateral position of the five rays (first to fifth, mm; a left foot: the big toe points right), length, thickness.
RAYS = ((22.0, 6.2, 1.00), (9.0, 4.3, 1.06), (-2.5, 4.1, 1.02), (-13.5, 4.1, 0.96), (-24.0, 4.4, 0.88))


def foot(visit: Visit | None = None, *, seed: int = 0) -> Anatomy:
    """Return a left foot on one visit, sole down: R+ towards the big toe, A+ towards the toes, S+ up the leg."""
    return furnish(foot_map(seed), visit or Visit(), region=Region.FOOT, reference=Tissue.MUSCLE)


@lru_cache(maxsize=2)
def foot_map(seed: int, pitch: float = 1.0) -> Map:
    """Return the painted foot of the person `seed` in its own frame, RAS+ mm, origin in the midfoot."""
    rng = np.random.default_rng([seed, 0xF007])
    scale = float(np.clip(0.97 + 0.03 * rng.standard_normal(), 0.9, 1.05))
    canvas = easel(LOW, HIGH, pitch, rng, scale=scale, warp_mm=1.2)
    points = (canvas.x, canvas.y, canvas.z)
    x, _, z = points
    heel = ellipsoid((0, -78, -10), (29, 36, 33))(points)
    leg = tube([(0, -52, 20, 31), (0, -56, 70, 33), (0, -58, 160, 38)])(points)
    back = ellipsoid((2, -20, 2), (33, 62, 32))(points)
    ball = ellipsoid((0, 50, -18), (42, 44, 19))(points)
    skin = union(union(union(heel, leg, 22), back, 20), ball, 30)
    for lateral, radius, length in RAYS:
        tip = 62 + 62 * length * (0.82 if radius < 5 else 0.9)
        skin = union(skin, tube([(lateral, 70, -20, radius + 5.5), (lateral * 1.02, tip, -22, radius + 4)])(points), 5)
    skin = np.maximum(skin, -38 - z)
    canvas.paint(Tissue.SKIN, skin)
    canvas.paint(Tissue.FAT, skin + np.float32(2.2))
    muscle = skin + 5 + np.clip((-14 - z) / 3, 0, 7) + smooth_noise(x.shape, pitch, 25.0, rng)
    canvas.paint(Tissue.MUSCLE, muscle)
    planes = np.abs(smooth_noise(x.shape, pitch, 16.0, rng)) * 7 - np.float32(0.9)
    canvas.paint(Tissue.FAT, np.maximum(planes, muscle))
    canvas.paint(Tissue.FAT, np.maximum(ellipsoid((0, -84, 42), (16, 14, 30))(points), skin + 3))
    _paint_tendons(canvas)
    _paint_bones(canvas)
    texture = 1 + np.float32(0.02) * smooth_noise(x.shape, pitch, 7.0, rng)
    for array in (canvas.under, canvas.over, canvas.share, texture):
        array.setflags(write=False)
    return Map(under=canvas.under, over=canvas.over, share=canvas.share, texture=texture, origin=LOW, pitch=pitch)


def _paint_tendons(canvas: Canvas) -> None:
    canvas.pipe(Tissue.TENDON, [(0, -108, -8, 4), (0, -98, 40, 3.4), (0, -88, 120, 5)])
    for lateral, _, _ in RAYS:
        canvas.pipe(Tissue.TENDON, [(lateral * 0.4, -30, -22, 1.2), (lateral, 40, -28, 1.3), (lateral, 110, -28, 1.0)])
        canvas.pipe(Tissue.TENDON, [(lateral * 0.4, -22, 34, 1.2), (lateral, 40, -4, 1.1), (lateral, 108, -15, 0.9)])
    canvas.pipe(Tissue.TENDON, [(0, -90, -32, 2.2), (8, 0, -26, 1.6), (6, 50, -32, 1.2)])
    for side in (-1.0, 1.0):
        canvas.pipe(Tissue.BLOOD, [(side * 14, -66, 112, 1.6), (side * 19, -60, 20, 1.5), (side * 12, 20, -18, 1.0)])


def _paint_bones(canvas: Canvas) -> None:
    """Paint shafts and blocks: cortical shell outside, fatty marrow inside, a film of cartilage where they meet."""
    blocks: list[tuple[Triple, Triple]] = [
        ((2, -78, -8), (15, 29, 16)),  # calcaneus
        ((3, -46, 18), (15, 25, 13)),  # talus
        ((9, -14, 10), (12, 9, 12)),  # navicular
        ((-14, -14, -6), (11, 14, 11)),  # cuboid
        ((17, 2, 2), (8, 9, 11)),  # medial cuneiform
        ((5, 3, 4), (6, 7.5, 9)),  # intermediate cuneiform
        ((-5, 2, 2), (6, 8, 9)),  # lateral cuneiform
    ]
    shafts: list[list[tuple[float, float, float, float]]] = [
        [(4, -50, 36, 17), (4, -52, 56, 13), (4, -56, 150, 11)],  # tibia
        [(-17, -52, 24, 7), (-16, -54, 50, 6), (-15, -58, 150, 5.5)],  # fibula
    ]
    for lateral, radius, length in RAYS:
        base, top = 12.0, 12 + 52 * length
        shafts.append(
            [
                (lateral * 0.72, base, -2 - abs(lateral - 10) * 0.18, radius * 1.25),
                (lateral * 0.88, (base + top) / 2, -10, radius * 0.85),
                (lateral, top, -18, radius * 1.25),
            ]
        )
        end = top + 10 + 20 * length
        shafts.append([(lateral, top + 11, -19, radius * 1.05), (lateral, end, -20, radius * 0.8)])
        shafts.append([(lateral, end + 8, -20, radius * 0.9), (lateral * 1.02, end + 15, -21, radius * 0.7)])
    for center, radii in blocks:
        canvas.ball(Tissue.CORTICAL_BONE, center, radii)
    for path in shafts:
        canvas.pipe(Tissue.CORTICAL_BONE, path)
    for center, radii in blocks:
        a, b, c = (r - CORTEX_MM for r in radii)
        canvas.ball(Tissue.MARROW, center, (a, b, c))
    for path in shafts:
        canvas.pipe(Tissue.MARROW, [(x, y, z, max(r - CORTEX_MM, 1.0)) for x, y, z, r in path])
    for side in (18.0, 27.0):
        canvas.ball(Tissue.CORTICAL_BONE, (side, 66, -29), (3.6, 5, 3))
        canvas.ball(Tissue.MARROW, (side, 66, -29), (2.4, 3.8, 1.8))
