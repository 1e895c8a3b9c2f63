"""The head phantom: face, scalp, skull and meninges around the brain, built once per person from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mriloop.imaging.phantom.brain import BRAIN, BrainTraits, cavity, paint_brain
from mriloop.imaging.phantom.fields import Field, smooth_noise
from mriloop.imaging.phantom.shapes import Canvas, Triple, ellipsoid, tube, union
from mriloop.imaging.phantom.tissues import Tissue

LOW: Triple = (-82.0, -112.0, -112.0)
HIGH: Triple = (82.0, 104.0, 90.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """A painted body: two labels and a share per voxel, a texture, and where the grid lies.

    under, over : (i, j, k) tissue labels; share : share of `over`; texture : factor on proton density about 1
    origin : mm of the centre of voxel (0, 0, 0) in the body's own RAS+ frame; pitch : mm between voxels
    """

    under: npt.NDArray[np.uint8]
    over: npt.NDArray[np.uint8]
    share: Field
    texture: Field
    origin: Triple
    pitch: float


def easel(low: Triple, high: Triple, pitch: float, rng: np.random.Generator, *, scale: float, warp_mm: float) -> Canvas:
    """Return an empty canvas from `low` to `high` mm, whose coordinates a person's own smooth warp has bent."""
    shape = tuple(round((h - lo) / pitch) + 1 for lo, h in zip(low, high, strict=True))
    axes = [
        (np.float32(lo) + np.float32(pitch) * np.arange(n, dtype=np.float32)) / np.float32(scale)
        for lo, n in zip(low, shape, strict=True)
    ]
    size = (shape[0], shape[1], shape[2])
    grid = np.meshgrid(*axes, indexing="ij")
    bent = [g + np.float32(warp_mm) * smooth_noise(size, pitch, 60.0, rng) for g in grid]
    origin = (low[0] / scale, low[1] / scale, low[2] / scale)
    return Canvas(x=bent[0], y=bent[1], z=bent[2], pitch=pitch / scale, origin=origin)


@lru_cache(maxsize=4)
def head_map(seed: int, pitch: float = 1.0) -> Map:
    """Return the painted head of the person `seed` in their own frame: RAS+ mm, origin near the anterior commissure."""
    rng = np.random.default_rng([seed, 0x4EAD])
    scale = float(np.clip(0.925 + 0.018 * rng.standard_normal(), 0.88, 0.965))
    traits = BrainTraits(
        ventricles=float(np.clip(1.0 + 0.13 * rng.standard_normal(), 0.8, 1.4)),
        sulcus_mm=float(np.clip(0.65 + 0.12 * rng.standard_normal(), 0.45, 1.0)),
    )
    canvas = easel(LOW, HIGH, pitch, rng, scale=scale, warp_mm=1.3)
    inner = _paint_outside(canvas, rng)
    paint_brain(canvas, inner, rng, traits)
    _paint_sella(canvas)
    _paint_vessels(canvas)
    texture = 1 + np.float32(0.02) * smooth_noise(canvas.x.shape, pitch, 9.0, rng)
    for array in (canvas.under, canvas.over, canvas.share, texture):
        array.setflags(write=False)
    return Map(under=canvas.under, over=canvas.over, share=canvas.share, texture=texture, origin=LOW, pitch=pitch)


def _outline(canvas: Canvas, inner: Field) -> Field:
    """Return the signed distance to the skin."""
    head = inner - np.float32(12.0)
    face = np.full_like(head, np.float32(200))
    canvas.join(face, ellipsoid((0, 28, -52), (57, 57, 62)), (-57, -29, -114), (57, 85, 10), 60)
    canvas.join(face, ellipsoid((0, 38, -92), (44, 40, 32)), (-44, -2, -124), (44, 78, -60), 16)
    head = union(head, face, 18)
    canvas.join(head, ellipsoid((0, 52, -8), (52, 34, 26)), (-52, 18, -34), (52, 86, 18), 14)
    canvas.join(head, tube([(0, -28, -70, 56), (0, -36, -150, 55)]), (-56, -92, -150), (56, 28, -14), 12)
    canvas.join(head, tube([(0, 82, -24, 7), (0, 98, -48, 10), (0, 92, -54, 13)]), (-14, 74, -68), (14, 110, -16), 12)
    for side in (-1.0, 1.0):
        canvas.join(
            head, ellipsoid((side * 76, -26, -28), (5, 16, 28)), (side * 76 - 5, -42, -56), (side * 76 + 5, -10, 0), 4
        )
        eye = canvas.box((side * 32 - 20, 70, -44), (side * 32 + 20, 106, -16))
        socket = ellipsoid((side * 32, 88, -30), (15, 14, 10))(canvas.points(eye))
        head[eye] = np.maximum(head[eye], -socket * np.float32(0.7) - 2)
    return head


def _paint_outside(canvas: Canvas, rng: np.random.Generator) -> Field:
    """Paint everything around the brain; return the signed distance to the inner surface of the skull."""
    points = (canvas.x, canvas.y, canvas.z)
    x, _, z = points
    inner = cavity(canvas)
    skin = _outline(canvas, inner)
    uneven = smooth_noise(x.shape, canvas.pitch, 35.0, rng)
    canvas.paint(Tissue.SKIN, skin)
    canvas.paint(Tissue.FAT, skin + np.float32(2.0))
    low = np.clip((-22 - z) / 25, 0, 1)
    canvas.paint(Tissue.MUSCLE, np.maximum(skin + np.float32(4.5) + 3 * low + uneven, z + 22))
    for side in (-1.0, 1.0):
        for center, radii, depth in (((69, 16, -12), (9, 33, 42), 3.5), ((22, -104, -50), (30, 16, 24), 4.5)):
            middle = (side * center[0], float(center[1]), float(center[2]))
            low_mm = (middle[0] - radii[0], middle[1] - radii[1], middle[2] - radii[2])
            high_mm = (middle[0] + radii[0], middle[1] + radii[1], middle[2] + radii[2])
            box = canvas.box(low_mm, high_mm)
            belly = ellipsoid(middle, (float(radii[0]), float(radii[1]), float(radii[2])))(canvas.points(box))
            canvas.paint(Tissue.MUSCLE, np.maximum(belly, skin[box] + np.float32(depth)), box)
    # Fat runs between the muscles of face and neck.
    planes = np.abs(smooth_noise(x.shape, canvas.pitch, 26.0, rng)) * 9 - np.float32(1.1)
    canvas.paint(Tissue.FAT, np.maximum(np.maximum(planes, skin + 4), z + 24))
    # The vault: outer table, diploe, inner table, dura. The base is thinner and less marrowy.
    thick = np.clip(7.2 + 1.1 * uneven - 2.5 * low, 3.5, 10)
    canvas.paint(Tissue.CORTICAL_BONE, inner - thick)
    canvas.paint(Tissue.MARROW, np.maximum(inner - (thick - 1.9), 1.9 - inner) + 1.2 * low)
    _paint_face(canvas)
    canvas.paint(Tissue.DURA, inner - np.float32(0.9))
    canvas.paint(Tissue.CSF, inner)
    return inner


def _paint_face(canvas: Canvas) -> None:
    for side in (-1.0, 1.0):
        s = side
        canvas.pipe(Tissue.CORTICAL_BONE, [(s * 30, 62, -34, 24), (s * 18, 34, -30, 13)])
        canvas.pipe(Tissue.FAT, [(s * 32, 66, -32, 19.5), (s * 30, 50, -31, 17), (s * 17, 30, -30, 6)])
        canvas.ball(Tissue.SKIN, (s * 32, 81, -30), (15, 4, 9))
        canvas.ball(Tissue.CORTICAL_BONE, (s * 25, 52, -62), (17, 20, 18))
        canvas.ball(Tissue.MUCOSA, (s * 25, 52, -62), (15.6, 18.6, 16.6))
        canvas.ball(Tissue.AIR, (s * 25, 52, -62), (14.6, 17.6, 15.6))
        canvas.ball(Tissue.CORTICAL_BONE, (s * 52, -34, -42), (11, 17, 17))
        for n in range(9):
            at = (s * (46 + 4 * (n % 3)), -42.0 + 7 * (n // 3), -50.0 + 5 * ((n * 2) % 5))
            canvas.ball(Tissue.AIR, at, (3.2, 2.8, 3.4))
        canvas.pipe(Tissue.AIR, [(s * 52, -22, -33, 3.4), (s * 74, -24, -32, 4)])
        canvas.pipe(Tissue.CORTICAL_BONE, [(s * 46, 8, -62, 6), (s * 44, 20, -96, 7), (s * 12, 66, -106, 8)])
        canvas.pipe(Tissue.MARROW, [(s * 45, 14, -76, 3), (s * 42, 24, -97, 4), (s * 12, 65, -106, 5)])
        canvas.pipe(
            Tissue.OPTIC_NERVE, [(s * 31, 58, -31, 2), (s * 20, 36, -29, 2), (s * 8, 14, -21, 2.1), (0, 6, -18, 2.2)]
        )
        for dx, dz in ((10, 0), (-10, 0), (0, 9), (0, -9)):
            ring = [
                (s * 32 + dx, 66, -31 + dz, 1.6),
                (s * 28 + dx * 0.8, 50, -31 + dz * 0.8, 2.4),
                (s * 19, 34, -30, 1.5),
            ]
            canvas.pipe(Tissue.MUSCLE, ring)
        canvas.ball(Tissue.TENDON, (s * 32, 70, -31), (12.2, 12.2, 12.2))
        canvas.ball(Tissue.VITREOUS, (s * 32, 70, -31), (11.3, 11.3, 11.3))
        canvas.ball(Tissue.LENS, (s * 32, 78, -31), (4.6, 1.9, 4.6))
    canvas.ball(Tissue.CORTICAL_BONE, (0, 46, -52), (16, 40, 24))
    canvas.ball(Tissue.MUCOSA, (0, 48, -52), (13, 38, 22))
    for side in (-1.0, 1.0):
        for height in (-62.0, -52.0, -42.0):
            canvas.pipe(Tissue.AIR, [(side * 5.5, 76, height, 2.4), (side * 6, 22, height, 2.8)])
    canvas.pipe(Tissue.AIR, [(0, 12, -52, 7), (0, 2, -76, 8), (0, 2, -112, 8)])
    canvas.ball(Tissue.MUCOSA, (0, 18, -40), (15, 12, 9))
    canvas.ball(Tissue.AIR, (7, 18, -40), (6, 10.5, 7.5))
    canvas.ball(Tissue.AIR, (-7, 18, -40), (6, 10.5, 7.5))
    canvas.ball(Tissue.AIR, (9, 75, -6), (10, 3.2, 7))
    canvas.ball(Tissue.AIR, (-8, 75, -7), (8, 3, 6))
    canvas.ball(Tissue.MUSCLE, (0, 40, -88), (24, 32, 13))
    canvas.ball(Tissue.CORTICAL_BONE, (0, -8, -40), (14, 10, 16))
    canvas.ball(Tissue.MARROW, (0, -8, -40), (11, 7, 13))
    for level, z in enumerate((-88.0, -106.0, -124.0)):
        canvas.ball(Tissue.CORTICAL_BONE, (0, -24 - 2 * level, z), (14, 10, 8.2))
        canvas.ball(Tissue.MARROW, (0, -24 - 2 * level, z), (12.4, 8.4, 6.8))
    canvas.pipe(Tissue.CORTICAL_BONE, [(0, -45, -84, 14), (0, -50, -150, 14)], only=(Tissue.MUSCLE, Tissue.FAT))
    canvas.pipe(Tissue.CSF, [(0, -40, -70, 10), (0, -45, -84, 10), (0, -50, -150, 9)])
    canvas.pipe(Tissue.CORD, [(0, -40, -68, 6.5), (0, -45, -84, 5.5), (0, -50, -150, 5.2)])


def _paint_sella(canvas: Canvas) -> None:
    """Paint the gland in its fossa, stalk and chiasm above it, the cavernous sinuses and carotids beside it."""
    canvas.ball(Tissue.CORTICAL_BONE, (0, 3, -34), (11, 9, 7), only=(Tissue.CSF, *BRAIN, Tissue.BRAINSTEM, Tissue.DURA))
    canvas.ball(Tissue.CSF, (0, 3, -27), (10, 9, 5.5), only=(Tissue.CORTICAL_BONE, Tissue.DURA, *BRAIN))
    for side in (-1.0, 1.0):
        canvas.ball(Tissue.DURA, (side * 12, 0, -31), (5.5, 9.5, 6.5))
        canvas.ball(Tissue.BLOOD, (side * 12, 0, -31), (4.6, 8.6, 5.6))
        canvas.pipe(Tissue.BLOOD, [(side * 13, -8, -46, 2.4), (side * 12.5, 2, -31, 2.4), (side * 12, 7, -24, 2.2)])
    canvas.ball(Tissue.PITUITARY, (0, 2.5, -32), (6.8, 5.2, 3.6))
    canvas.pipe(Tissue.PITUITARY, [(0, 1.5, -29, 1.1), (0, -1, -20, 1.5)])
    canvas.pipe(Tissue.OPTIC_NERVE, [(-6, 9, -20, 2.1), (0, 4, -18, 2.4), (6, 9, -20, 2.1)])


def _paint_vessels(canvas: Canvas) -> None:
    """Paint the great sinuses and arteries, which brighten after gadolinium."""
    sagittal = [
        (0, y, z, 2.7) for y, z in ((58, 34), (48, 55), (28, 71), (0, 79), (-30, 79), (-62, 66), (-88, 42), (-102, 10))
    ]
    canvas.pipe(Tissue.BLOOD, sagittal, only=(Tissue.CSF, Tissue.DURA, Tissue.GREY_MATTER))
    for side in (-1.0, 1.0):
        transverse = [
            (0, -100, -4, 3),
            (side * 30, -94, -12, 3.2),
            (side * 52, -62, -18, 3.2),
            (side * 48, -40, -40, 3.4),
        ]
        canvas.pipe(
            Tissue.BLOOD, transverse, only=(Tissue.CSF, Tissue.DURA, Tissue.CORTICAL_BONE, Tissue.CEREBELLAR_GREY)
        )
        middle = [(side * 10, 6, -22, 1.6), (side * 28, 8, -16, 1.4), (side * 40, 2, -6, 1.2), (side * 46, -18, 4, 0.9)]
        canvas.pipe(Tissue.BLOOD, middle)
        canvas.pipe(Tissue.BLOOD, [(side * 26, -8, -112, 3.4), (side * 24, -6, -60, 2.8), (side * 13, -8, -46, 2.4)])
    canvas.pipe(Tissue.BLOOD, [(0, -9, -22, 1.7), (0, -11, -46, 1.7)], only=(Tissue.CSF,))
    straight = [(0, -40, 6, 1.8), (0, -70, 6, 2.2), (0, -98, -2, 2.6)]
    canvas.pipe(Tissue.BLOOD, straight, only=(Tissue.CSF, Tissue.DURA, Tissue.GREY_MATTER, Tissue.CEREBELLAR_GREY))
