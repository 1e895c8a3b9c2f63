"""The brain of the head phantom: folded cortex, ventricles, nuclei, brainstem and cerebellum as signed distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mriloop.imaging.phantom.fields import Field, band_noise, sample, smooth_noise
from mriloop.imaging.phantom.shapes import Canvas, Points, dome, ellipsoid, tube, union
from mriloop.imaging.phantom.tissues import Tissue

CENTER = (0.0, -18.0, 16.0)
CEREBRUM = ((-72.0, -108.0, -50.0), (72.0, 72.0, 82.0))
BRAIN = (Tissue.CSF, Tissue.GREY_MATTER, Tissue.WHITE_MATTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrainTraits:
    """What sets one brain apart. `ventricles` scales their radii (1 is a young adult), `sulcus_mm` is the half width of
    a sulcus, `cortex_mm` its thickness."""

    ventricles: float = 1.0
    sulcus_mm: float = 0.65
    cortex_mm: float = 2.6


def cavity(canvas: Canvas) -> Field:
    """Return the signed distance (mm, negative inside) to the inner surface of the skull, on the whole canvas."""
    inner = dome((0, -18, 12), (71, 91, 71), 38)((canvas.x, canvas.y, canvas.z))
    for side in (-1.0, 1.0):
        low, high = (side * 36 - 31, -55.0, -51.0), (side * 36 + 31, 39.0, 7.0)
        canvas.join(inner, ellipsoid((side * 36, -8, -22), (31, 47, 29)), low, high, 10)
    canvas.join(inner, ellipsoid((0, -60, -34), (54, 43, 33)), (-54, -103, -67), (54, -17, -1), 12)
    stem = tube([(0, -15, -20, 18), (0, -24, -40, 15), (0, -34, -62, 13), (0, -42, -75, 10)])
    canvas.join(inner, stem, (-18, -54, -86), (18, 3, -2), 10)
    return inner


def _hull(points: Points, inner: Field) -> Field:
    """Return the signed distance to the hull of the cerebrum: three millimetres inside the skull, with its base."""
    x, y, z = np.abs(points[0]), points[1], points[2]
    body = dome((0, -18, 14), (70, 90, 70), 37)((x, y, z))
    temporal = ellipsoid((40, -11, -22), (28, 47, 29))((x, y, z))
    occipital = ellipsoid((25, -74, -4), (31, 30, 22))((x, y, z))
    hull = union(union(body, occipital, 10), temporal, 4)
    behind = np.clip((-24 - y) / 14, 0, 1)
    floor = (_tentorium(x, y) + 1 - z) * np.float32(0.9) - (1 - behind) * 40
    return np.maximum(np.maximum(hull, inner + np.float32(2.8)), floor)


def _tentorium(x: Field, y: Field) -> Field:
    """Return the height (mm) of the tent between cerebrum and cerebellum."""
    return np.float32(-24) + 24 * np.clip(1 - np.abs(x) / 52, 0, 1) * np.clip((y + 100) / 55, 0, 1)


def paint_brain(canvas: Canvas, inner: Field, rng: np.random.Generator, traits: BrainTraits) -> None:
    """Paint cerebrum, ventricles, nuclei, brainstem and cerebellum into a cavity (`inner`) that is filled with CSF."""
    _paint_cerebellum(canvas, inner, rng)
    _paint_brainstem(canvas)
    _paint_cerebrum(canvas, inner, rng, traits)
    _paint_nuclei(canvas)
    _paint_ventricles(canvas, traits.ventricles)


def _paint_cerebrum(canvas: Canvas, inner: Field, rng: np.random.Generator, traits: BrainTraits) -> None:
    box = canvas.box(*CEREBRUM)
    points = canvas.points(box)
    x, y, z = points
    ax = np.abs(x)
    hull = _hull(points, inner[box])
    depth = -hull

    # Sulci: the zero level of a band-limited field that is constant along rays from the centre, so they run inwards.
    ux, uy, uz = ((p - c) / r for p, c, r in zip(points, CENTER, (67.5, 87.0, 60.0), strict=True))
    radius = np.maximum(np.sqrt(ux * ux + uy * uy + uz * uz), np.float32(0.15))
    noise = band_noise((80, 80, 80), 2.25, 23.0, rng, octave=0.25)
    wander = smooth_noise(x.shape, canvas.pitch, 30.0, rng)
    bend = np.clip(depth, 0, 25) * np.float32(0.28)
    twist = [bend * smooth_noise(x.shape, canvas.pitch, 34.0, rng) for _ in range(3)]
    direction = (ux / radius * 62 + twist[0], uy / radius * 76 + twist[1], uz / radius * 58 + twist[2])
    ridge = sample(noise, direction, 2.25)
    slope = np.sqrt(sum(np.square(g) for g in np.gradient(ridge, np.float32(canvas.pitch))))
    beside = np.abs(ridge) / np.maximum(slope, np.float32(0.05))
    deepest = np.clip(14 + 4.5 * wander, 5, 22)
    # On the medial wall, above the callosum, the same folds start from the midline.
    outside = ellipsoid((0, -12, 2), (100, 44, 29))((x * 0, y, z))
    inwards = np.minimum(depth, np.where(outside > 6, 1.4 * ax, np.float32(99)))
    sulcus = np.hypot(beside, np.maximum(inwards - deepest, 0))
    # The great fissures are sheets.
    fissure = np.hypot(ax, np.maximum(-outside, 0) + np.where((z < -8) & (y < 15), 30, 0))
    sylvian_z = np.float32(-4) + np.float32(0.22) * (12 - y)
    sylvian = np.hypot(z - sylvian_z, np.maximum(39 - ax, 0))
    sylvian = np.hypot(sylvian, np.maximum(np.abs(y + 8) - 34, 0)) - np.float32(0.4)
    insula = np.hypot(ax - 40, np.maximum(np.abs(z - sylvian_z) - 11, 0))
    insula = np.hypot(insula, np.maximum(np.abs(y + 2) - 20, 0)) - np.float32(0.3)

    width = np.float32(traits.sulcus_mm) * (1 + np.float32(0.25) * wander)
    pia = np.minimum(sulcus, np.minimum(sylvian, insula)) - width
    pia = np.minimum(pia, fissure - np.float32(1.2))
    pia = np.minimum(pia, depth)
    cortex = np.float32(traits.cortex_mm) + np.float32(0.3) * wander

    canvas.paint(Tissue.GREY_MATTER, -pia, box)
    # Where the hemispheres join the midbrain there is no cortex: white matter runs through.
    stalk = ellipsoid((0, -12, 0), (26, 30, 14))(points)
    canvas.paint(Tissue.WHITE_MATTER, np.maximum(np.minimum(cortex - pia, stalk), -pia), box)
    # What noise left as islands of CSF deep inside would not be anatomy.
    core = ellipsoid((0, -14, 14), (35, 52, 27))(points)
    callosum = np.maximum(ellipsoid((0, -12, 2), (60, 44, 29))((x * 0, y, z)), ax - 34)
    deep = np.maximum(union(np.maximum(core, ax * 0 + outside), callosum), -1 * (z + 6))
    canvas.paint(Tissue.WHITE_MATTER, deep, box)
    canvas.shape(Tissue.DURA, _falx, (-2, -112, 20), (2, 66, 84), only=(Tissue.CSF,))


def _falx(points: Points) -> Field:
    """Return the distance to the falx, a sheet in the midline above the callosum."""
    x, y, z = points
    above = ellipsoid((0, -12, 2), (100, 58, 38))((x * 0, y, z))
    return np.maximum(np.abs(x) - np.float32(0.55), -above)


def _paint_nuclei(canvas: Canvas) -> None:
    for side in (-1.0, 1.0):
        tilt = np.radians(14.0) * side
        turn = np.array([[np.cos(tilt), np.sin(tilt), 0], [-np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]])
        low, high = (side * 26 - 16, -26.0, -16.0), (side * 26 + 16, 32.0, 20.0)
        canvas.shape(Tissue.CAUDATE_PUTAMEN, ellipsoid((side * 26.5, 3, 2), (4.8, 17, 11), turn), low, high)
        canvas.shape(Tissue.PALLIDUM, ellipsoid((side * 20.5, -2, 0), (3.6, 9.5, 6.5), turn), low, high)
        canvas.ball(Tissue.THALAMUS, (side * 10.5, -18, 7), (8.5, 14.5, 9))
        head = [(side * 12, 22, 2, 5.5), (side * 14, 14, 10, 5.2), (side * 17, 0, 18, 3.4), (side * 21, -18, 21, 2.2)]
        canvas.pipe(Tissue.CAUDATE_PUTAMEN, head)
        canvas.pipe(
            Tissue.GREY_MATTER, [(side * 26, -10, -19, 4), (side * 30, -24, -12, 3.6), (side * 26, -36, -3, 2.6)]
        )
        canvas.ball(Tissue.GREY_MATTER, (side * 22, -3, -19), (7, 7, 7))


def _paint_ventricles(canvas: Canvas, size: float) -> None:
    for side in (-1.0, 1.0):
        horn = [
            (side * 6.5, 33, 4, 2.2 * size),
            (side * 7.5, 24, 9, 4.0 * size),
            (side * 8.0, 8, 18, 4.2 * size),
            (side * 9.5, -14, 22, 4.2 * size),
            (side * 17, -34, 17, 5.0 * size),
            (side * 25, -44, 8, 5.6 * size),
        ]
        canvas.pipe(Tissue.VENTRICULAR_CSF, horn)
        canvas.pipe(Tissue.VENTRICULAR_CSF, [(side * 25, -44, 8, 5 * size), (side * 24, -66, 6, 1.8 * size)])
        temporal = [
            (side * 25, -44, 8, 4.6 * size),
            (side * 35, -30, -10, 2.0 * size),
            (side * 31, -12, -17, 1.7 * size),
        ]
        canvas.pipe(Tissue.VENTRICULAR_CSF, temporal)
        plexus = [(side * 12, -24, 20, 1.0), (side * 24, -43, 9, 2.6), (side * 32, -33, -5, 0.9)]
        canvas.pipe(Tissue.CHOROID_PLEXUS, plexus, only=(Tissue.VENTRICULAR_CSF,))
    canvas.ball(Tissue.VENTRICULAR_CSF, (0, -9, 1), (1.9 * size, 13, 10))
    canvas.pipe(Tissue.VENTRICULAR_CSF, [(0, -22, 0, 1.3), (0, -36, -14, 1.0), (0, -40, -22, 1.6)])
    canvas.ball(Tissue.VENTRICULAR_CSF, (0, -43, -32), (8.5 * size, 5.5 * size, 11))


def _paint_brainstem(canvas: Canvas) -> None:
    canvas.ball(Tissue.BRAINSTEM, (0, -23, -10), (15, 12, 12))
    canvas.ball(Tissue.BRAINSTEM, (0, -25, -32), (16, 13, 14))
    canvas.pipe(Tissue.BRAINSTEM, [(0, -30, -40, 10), (0, -36, -56, 8), (0, -41, -68, 7)])
    for side in (-1.0, 1.0):
        canvas.pipe(Tissue.BRAINSTEM, [(side * 10, -30, -32, 7), (side * 20, -44, -36, 6)])
        canvas.pipe(Tissue.WHITE_MATTER, [(side * 9, -16, -10, 5), (side * 16, -10, 0, 6)])


def _paint_cerebellum(canvas: Canvas, inner: Field, rng: np.random.Generator) -> None:
    low, high = (-58.0, -104.0, -72.0), (58.0, -24.0, 6.0)
    box = canvas.box(low, high)
    points = canvas.points(box)
    x, y, z = points
    ax = np.abs(x)
    lobe = ellipsoid((23, -64, -36), (35, 42, 33))((ax, y, z))
    vermis = ellipsoid((0, -63, -26), (12, 29, 28))(points)
    hull = union(lobe, vermis, 8)
    roof = z - (_tentorium(x, y) - 3)
    hull = np.maximum(np.maximum(hull, inner[box] + np.float32(3.2)), roof * np.float32(0.9))
    notch = np.hypot(np.maximum(ax - 1.2, 0), np.maximum(y + 84, 0)) - np.float32(1.0)
    depth = np.minimum(-hull, notch)
    # Folia: sheets that fan out from the peduncle, one every five millimetres at the surface.
    wander = smooth_noise(x.shape, canvas.pitch, 40.0, rng)
    out = np.hypot(y + 42, np.hypot(z + 36, 0.5 * (ax - 12)))
    fan = np.arctan2(z + 36, -(y + 42)) * 38 / np.float32(5.0) + 0.5 * wander
    leaf = np.abs(fan - np.round(fan)) * np.float32(5.0) * np.clip(out / 38, 0.4, 1.4)
    split = np.hypot(leaf, np.maximum(depth - (5 + 2.5 * np.cos(np.round(fan) * 2.4)), 0)) - np.float32(0.25)
    surface = np.minimum(depth, split)
    canvas.paint(Tissue.CEREBELLAR_GREY, -depth, box)
    canvas.paint(Tissue.CSF, np.maximum(split, -depth), box)
    branch = np.hypot(leaf - 2.2, np.maximum(depth - 14, 0))
    white = np.maximum(np.minimum(11.0 - depth, branch - np.float32(0.55)), 3.0 - surface * 1.2)
    canvas.paint(Tissue.WHITE_MATTER, white, box)
