"""Fat fractions from Dixon pictures: of water and fat, of two echoes, of three and more, and what each cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from mriloop.imaging.foreground import Floats, object_mask, real_values
from mriloop.imaging.magnitude import NoiseFloor, noise_floor
from mriloop.imaging.swaps import exchanged
from mriloop.imaging.voxels import ndimage
from mriloop.model.quantity import NotAssessable

Array = npt.NDArray[np.float64]
Map = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Spectrum = tuple[tuple[float, float], ...]

GAMMA_MHZ_PER_T = 42.577478518
# ppm from water and share of the signal; Hamilton et al., NMR Biomed 2011;24:784, doi:10.1002/nbm.1622
LIVER_FAT: Spectrum = ((-3.80, 0.087), (-3.40, 0.693), (-2.60, 0.128), (-1.94, 0.004), (-0.39, 0.039), (0.60, 0.048))
ONE_PEAK: Spectrum = ((-3.40, 1.0),)
LEAST_SIGNAL = 5.0  # times sigma, of water and fat together: below it noise alone makes more than ten points of fat
MOST_R2_STAR = 500.0
_SURE = 16.0  # difference of the squared residuals, in noise units, by which one of two answers wins
_BESIDE = 8.0  # how many neighbours speak beside the voxel itself: tissue goes on from voxel to voxel
_NEIGHBOURS = (5, 5, 1)
_CHUNK = 20_000
_STEPS = 12


class NoFat(IntEnum):
    """Why a voxel has no fat fraction."""

    FIT = 0
    NO_SIGNAL = 1
    SWAPPED = 2


WORDS = {
    NoFat.FIT: "assessed",
    NoFat.NO_SIGNAL: "no signal",
    NoFat.SWAPPED: "water and fat are exchanged here, or seem so",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FatMap:
    """A map of fat fractions and what it rests on; all maps are (i, j, k).

    fraction : percent of the signal that is fat; noise may take it below 0 and above 100, so that means stay right;
        nan where `unfit` says why there is none
    alternative : the other fraction that the same magnitudes allow, percent; nan where there is none
    ambiguous : True where nothing tells `fraction` and `alternative` apart: what prevails, water or fat, is not known
    r2_star : 1/s, None where the echoes do not tell
    unfit : `NoFat` of each voxel
    noise : the noise floor that was respected
    cautions : what a reader of the map must know

    The fraction is one of signals: it is that of proton density (PDFF) only where the flip angle is small enough for
    T1 not to matter.
    """

    fraction: Map
    alternative: Map
    ambiguous: Mask
    r2_star: Map | None
    unfit: npt.NDArray[np.uint8]
    noise: NoiseFloor
    method: str
    cautions: tuple[str, ...] = ()

    @property
    def assessable(self) -> Mask:
        """True where there is a fraction."""
        return np.asarray(self.unfit == NoFat.FIT)


def from_water_fat(
    water: Floats,
    fat: Floats,
    *,
    noise: NoiseFloor | float | None = None,
    mask: Mask | None = None,
    spacing_mm: tuple[float, float, float] = (2.0, 2.0, 4.0),
) -> FatMap | NotAssessable:
    """Return F / (W + F) of a scanner's water and fat pictures; regions where the two are exchanged are refused."""
    pictures = [real_values(water), real_values(fat)]
    started = _start(pictures, noise, mask, spacing_mm)
    if isinstance(started, NotAssessable):
        return started
    inside, floor, values = started
    total = values[0] + values[1]
    fraction = np.full(inside.shape, np.nan)
    fraction[inside] = 100.0 * values[1] / np.where(total > 0, total, np.nan)
    dark = np.zeros(inside.shape, bool)
    dark[inside] = ~(_near(total, inside) > LEAST_SIGNAL * floor.sigma)
    whole = np.zeros(inside.shape)
    whole[inside] = total
    swapped, said = exchanged(fraction / 100.0, whole, inside & ~dark, floor.sigma)
    unfit = np.where(dark | ~inside, NoFat.NO_SIGNAL, np.where(swapped, NoFat.SWAPPED, NoFat.FIT)).astype(np.uint8)
    nothing = np.full(inside.shape, np.nan, np.float32)
    return FatMap(
        fraction=np.where(unfit == NoFat.FIT, fraction, np.nan).astype(np.float32),
        alternative=nothing,
        ambiguous=np.zeros(inside.shape, bool),
        r2_star=None,
        unfit=unfit,
        noise=floor,
        method="water and fat pictures",
        cautions=said,
    )


def two_point(
    echoes: Sequence[Floats],
    te_ms: Sequence[float],
    tesla: float,
    *,
    r2_star: float = 0.0,
    spectrum: Spectrum = LIVER_FAT,
    noise: NoiseFloor | float | None = None,
    mask: Mask | None = None,
    spacing_mm: tuple[float, float, float] = (2.0, 2.0, 4.0),
) -> FatMap | NotAssessable:
    """Return the fat fraction of two magnitude echoes, one opposed and one in phase (or near it).

    Two magnitudes fit two fractions, one below and one above about 50 %: `fraction` is the lower, `alternative` the
    higher, and a voxel is `ambiguous` unless its ratio excludes fat. The decay between the echoes cannot be measured:
    `r2_star` (1/s) is what is assumed of it, and `cautions` say what that does to the result. NotAssessable where the
    echo times do not set water and fat apart.
    """
    fat = fat_signal(te_ms, tesla, spectrum)
    opposed, together = (0, 1) if fat[0].real < fat[1].real else (1, 0)
    if fat[together].real - fat[opposed].real < 0.5:
        return NotAssessable(reason="the two echo times do not set water and fat apart")
    started = _start([real_values(one) for one in echoes], noise, mask, spacing_mm)
    if isinstance(started, NotAssessable):
        return started
    inside, floor, values = started
    seen = values[opposed] / np.maximum(values[together], floor.sigma)
    low, high, pure = _branches(seen, fat[opposed], fat[together], te_ms[opposed] - te_ms[together], r2_star)
    spread = floor.sigma / np.maximum(values[together], floor.sigma) * np.sqrt(1.0 + seen**2)
    sure = seen > pure + 3.0 * spread
    near = _near(values[together], inside)
    said = () if r2_star else (decay_bias_words(te_ms[opposed], te_ms[together]),)
    caution = "two magnitudes fit a fraction below and one above 50 %: where fat may prevail, see the alternative"
    return _pack(
        inside, floor, near, low, np.where(sure, np.nan, high), ~sure, None, "two-point, magnitudes", (caution, *said)
    )


def multi_echo(
    echoes: Sequence[Floats],
    te_ms: Sequence[float],
    tesla: float,
    *,
    spectrum: Spectrum = LIVER_FAT,
    noise: NoiseFloor | float | None = None,
    mask: Mask | None = None,
    spacing_mm: tuple[float, float, float] = (2.0, 2.0, 4.0),
) -> FatMap | NotAssessable:
    """Return fat fraction and R2* of three or more magnitude echoes.

    Amplitude, fraction and one common R2* are fitted to the magnitudes, once from below 50 % and once from above; the
    better fit wins where it is better by more than the noise allows, as four and more echoes at the spectrum of fat
    let it be. Otherwise the voxel is `ambiguous` and the lower fraction is given.
    """
    if len(echoes) < 3 or len(echoes) != len(te_ms):
        return NotAssessable(reason="three echoes with their times are needed")
    fat = fat_signal(te_ms, tesla, spectrum)
    if float(fat.real.max() - fat.real.min()) < 0.5:
        return NotAssessable(reason="the echo times do not set water and fat apart")
    started = _start([real_values(one) for one in echoes], noise, mask, spacing_mm)
    if isinstance(started, NotAssessable):
        return started
    inside, floor, values = started
    times = np.asarray(te_ms, dtype=np.float64) / 1000.0
    signals = np.stack(values, axis=1)
    parts = [_fit(signals[at : at + _CHUNK], fat, times) for at in range(0, len(signals), _CHUNK)]
    low, r2_low, cost_low, high, r2_high, cost_high = (np.concatenate(column) for column in zip(*parts, strict=True))
    gain = (cost_low - cost_high) / floor.sigma**2
    gain = gain + _BESIDE * _near(gain, inside)
    fatty, open_ = gain > _SURE, np.abs(gain) <= _SURE
    near = _near(signals.max(axis=1), inside)
    return _pack(
        inside,
        floor,
        near,
        np.where(fatty, high, low),
        np.where(open_, high, np.nan),
        open_,
        np.where(fatty, r2_high, r2_low),
        f"{len(echoes)} echoes, magnitudes, one R2*",
        (),
    )


def fat_signal(te_ms: Sequence[float], tesla: float, spectrum: Spectrum = LIVER_FAT) -> npt.NDArray[np.complex128]:
    """Return the signal of pure fat, relative to that of pure water, at each echo time."""
    times = np.asarray(te_ms, dtype=np.float64)[:, None] / 1000.0
    ppm, share = (np.array(column) for column in zip(*spectrum, strict=True))
    turns = np.exp(2j * np.pi * ppm * GAMMA_MHZ_PER_T * tesla * times)
    return np.asarray(turns @ (share / share.sum()), dtype=np.complex128)


def decay_bias(fraction: float, te_opposed_ms: float, te_together_ms: float, t2_star_ms: float) -> float:
    """Return by how many points a two-point fraction (percent, up to 50) is wrong when this T2* is not accounted for.

    The ratio of the echoes is (1 - 2f) · exp((TEin - TEopposed) / T2*): an in-phase echo that comes later looks as if
    there were less fat.
    """
    ratio = (1.0 - 2.0 * fraction / 100.0) * np.exp((te_together_ms - te_opposed_ms) / t2_star_ms)
    return float(100.0 * (1.0 - ratio) / 2.0 - fraction)


def decay_bias_words(te_opposed_ms: float, te_together_ms: float) -> str:
    """Return what the decay between these two echoes does to the fraction, in a sentence."""
    liver, marrow = (decay_bias(10.0, te_opposed_ms, te_together_ms, t2) for t2 in (25.0, 8.0))
    return (
        "the decay between the two echoes is not known and not corrected: a true 10 % reads "
        f"{liver:+.1f} points at a T2* of 25 ms (liver) and {marrow:+.1f} at 8 ms (marrow, iron)"
    )


def _start(
    pictures: list[Floats], noise: NoiseFloor | float | None, mask: Mask | None, spacing_mm: tuple[float, float, float]
) -> tuple[Mask, NoiseFloor, list[Array]] | NotAssessable:
    """Return object, noise floor, and the values of each picture inside with what the floor adds on average taken off.

    What it adds is told by the neighbours, not by the voxel itself, so that means over regions stay right.
    """
    if len({one.shape for one in pictures}) != 1:
        return NotAssessable(reason="the pictures do not share one grid")
    bright = np.maximum.reduce(pictures)
    inside = object_mask(bright, spacing_mm) if mask is None else mask.astype(bool)
    if not inside.any():
        return NotAssessable(reason="there is no object in the picture")
    if isinstance(noise, NoiseFloor):
        floor = noise
    elif noise is not None:
        floor = NoiseFloor(sigma=float(noise))
    else:
        found = noise_floor(pictures[-1], spacing_mm, inside=inside)
        floor = found or NoiseFloor(sigma=0.01 * float(np.median(bright[inside])), source="assumed")
    values = []
    for picture in pictures:
        here = picture[inside].astype(np.float64)
        # less a third of the noise of that mean: on the flat foot of the floor noise would pass for signal
        beneath = floor.beneath(_near(here, inside) - 0.04 * floor.sigma)
        values.append(here - (floor.mean(beneath) - beneath))
    return inside, floor, values


def _near(values: Array, inside: Mask) -> Array:
    """Return the mean of the 24 neighbours in the slice that lie in the object; of a lonely voxel, itself."""
    picture = np.zeros(inside.shape)
    picture[inside] = values
    size = float(np.prod(_NEIGHBOURS))

    def around(of: Array) -> Array:
        return np.asarray((ndimage.uniform_filter(of, _NEIGHBOURS, mode="constant") * size - of)[inside])

    weight = around(inside.astype(np.float64))
    return np.where(weight > 0.5, around(picture) / np.maximum(weight, 0.5), values)


def _branches(
    seen: Array, opposed: complex, together: complex, gap_ms: float, r2_star: float
) -> tuple[Array, Array, float]:
    """Return both fractions (percent) that give a ratio of the echoes, and the ratio of pure fat."""
    share = np.linspace(0.0, 1.0, 1001)
    decay = float(np.exp(-r2_star * gap_ms / 1000.0))
    ratio = np.abs(1 - share + share * opposed) / np.abs(1 - share + share * together) * decay
    least = int(np.argmin(ratio))
    return (
        100.0 * _beyond(seen, ratio[: least + 1][::-1], share[: least + 1][::-1]),
        100.0 * _beyond(seen, ratio[least:], share[least:]),
        float(ratio[-1]),
    )


def _beyond(at: Array, x: Array, y: Array) -> Array:
    """Interpolate, and go on beyond both ends in a straight line, so that noise does not pile up at a border."""
    if len(x) < 20:
        return np.full(at.shape, np.nan)
    tenth = len(x) // 10
    first = y[0] + (at - x[0]) * (y[tenth] - y[0]) / max(x[tenth] - x[0], 1e-6)
    last = y[-1] + (at - x[-1]) * (y[-1] - y[-1 - tenth]) / max(x[-1] - x[-1 - tenth], 1e-6)
    return np.where(at < x[0], first, np.where(at > x[-1], last, np.interp(at, x, y)))


def _fit(signals: Array, fat: npt.NDArray[np.complex128], times: Array) -> tuple[Array, ...]:
    """Return fraction (percent), R2* and squared residual of the best fit below and of that above the dividing line."""
    share = np.linspace(0.0, 1.0, 41)
    rates = np.concatenate([np.linspace(0.0, 200.0, 17), np.linspace(250.0, MOST_R2_STAR, 6)])
    grid = np.array([(f, r) for f in share for r in rates])
    shapes = _shape(grid[:, 0], grid[:, 1], fat, times)
    score = signals @ (shapes / np.linalg.norm(shapes, axis=1, keepdims=True)).T
    answers: list[Array] = []
    for chosen in (np.flatnonzero(grid[:, 0] < 0.5), np.flatnonzero(grid[:, 0] >= 0.5)):
        start = grid[chosen[np.argmax(score[:, chosen], axis=1)]]
        f, r, cost = _polish(signals, start[:, 0], start[:, 1], fat, times)
        answers += [100.0 * f, r, cost]
    return tuple(answers)


def _shape(f: Array, r: Array, fat: npt.NDArray[np.complex128], times: Array) -> Array:
    return np.asarray(np.abs(1 - f[:, None] + f[:, None] * fat) * np.exp(-r[:, None] * times))


def _polish(
    signals: Array, f: Array, r: Array, fat: npt.NDArray[np.complex128], times: Array
) -> tuple[Array, Array, Array]:
    """Fit amplitude, fraction and R2* to magnitudes (n, echoes) by damped Gauss-Newton steps; best ones are kept."""
    shape = _shape(f, r, fat, times)
    a = (signals * shape).sum(axis=1) / np.maximum((shape**2).sum(axis=1), 1e-12)
    best = f, r, ((signals - a[:, None] * shape) ** 2).sum(axis=1)
    for _ in range(_STEPS):
        mixed = 1 - f[:, None] + f[:, None] * fat
        size = np.maximum(np.abs(mixed), 1e-6)
        decay = np.exp(-r[:, None] * times)
        shape = size * decay
        slopes = np.stack(
            [shape, a[:, None] * (np.conj(mixed) * (fat - 1)).real / size * decay, -a[:, None] * shape * times * 100.0],
            axis=2,
        )
        normal = np.einsum("nea,neb->nab", slopes, slopes)
        damping = 1e-6 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(3)
        right = np.einsum("nea,ne->na", slopes, signals - a[:, None] * shape)
        step = np.linalg.solve(normal + damping + 1e-30 * np.eye(3), right[..., None])[..., 0]
        f = np.clip(f + np.clip(step[:, 1], -0.1, 0.1), -0.2, 1.2)
        r = np.clip(r + np.clip(100.0 * step[:, 2], -50.0, 50.0), -20.0, MOST_R2_STAR)
        shape = _shape(f, r, fat, times)
        a = (signals * shape).sum(axis=1) / np.maximum((shape**2).sum(axis=1), 1e-12)
        cost = ((signals - a[:, None] * shape) ** 2).sum(axis=1)
        better = cost < best[2]
        best = np.where(better, f, best[0]), np.where(better, r, best[1]), np.where(better, cost, best[2])
    return best


def _pack(
    inside: Mask,
    floor: NoiseFloor,
    near: Array,
    fraction: Array,
    alternative: Array,
    ambiguous: Mask,
    r2_star: Array | None,
    method: str,
    cautions: tuple[str, ...],
) -> FatMap:
    fit = near > LEAST_SIGNAL * floor.sigma

    def whole(values: Array) -> Map:
        found = np.full(inside.shape, np.nan, np.float32)
        found[inside] = np.where(fit, values, np.nan)
        return found

    unfit = np.full(inside.shape, NoFat.NO_SIGNAL, np.uint8)
    unfit[inside] = np.where(fit, NoFat.FIT, NoFat.NO_SIGNAL)
    unclear = np.zeros(inside.shape, bool)
    unclear[inside] = ambiguous & fit
    return FatMap(
        fraction=whole(fraction),
        alternative=whole(alternative),
        ambiguous=unclear,
        r2_star=None if r2_star is None else whole(r2_star),
        unfit=unfit,
        noise=floor,
        method=method,
        cautions=cautions,
    )
