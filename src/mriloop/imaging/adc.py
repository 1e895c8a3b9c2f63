"""Apparent diffusion coefficients from diffusion-weighted magnitudes, with the noise floor taken off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from mriloop.imaging.diffusion import B0_AT_MOST, gradient_table
from mriloop.imaging.foreground import Floats, object_mask, real_values
from mriloop.imaging.magnitude import NoiseFloor, noise_floor
from mriloop.imaging.voxels import ndimage
from mriloop.model.quantity import NotAssessable
from mriloop.model.study import Point

Array = npt.NDArray[np.float64]
Map = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

LEAST_B = 100.0  # below it perfusion adds to diffusion (Le Bihan, Radiology 1988;168:497); QIBA leaves it out likewise
MOST_B = 1500.0  # beyond it the decay of tissue is no longer mono-exponential (Jensen, Magn Reson Med 2005;53:1432)
LEAST_STEP = 200.0  # s/mm2 between lowest and highest: less leaves the noise of the coefficient above the coefficient
FASTEST = 3.5e-3  # free water at 40 degrees Celsius is 3.2e-3 mm2/s (Holz, Phys Chem Chem Phys 2000;2:4740)
LEAST_SIGNAL = (
    1.5  # of sigma, around the voxel: above it the mean coefficient is right within 2 %, below it soon no more
)
TENSOR_CONDITION = 10.0
_NEIGHBOURS = (5, 5, 1)
_CHUNK = 20_000


class Unfit(IntEnum):
    """Why a voxel has no coefficient."""

    FIT = 0
    NO_SIGNAL = 1
    SUNK = 2
    RISES = 3
    TOO_FAST = 4
    MISFIT = 5


WORDS = {
    Unfit.FIT: "assessed",
    Unfit.NO_SIGNAL: "no signal (air, bone, suppressed fat)",
    Unfit.SUNK: "the signal of the highest b-value sinks into the noise",
    Unfit.RISES: "the signal rises with the b-value",
    Unfit.TOO_FAST: "falls faster than free water can: flow, pulsation or movement",
    Unfit.MISFIT: "the b-values or directions contradict each other: movement or an artefact",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdcMap:
    """A map of apparent diffusion coefficients and what it rests on; all maps are (i, j, k).

    adc : mm2/s; nan where `unfit` says why there is none
    error : standard error of `adc` that the noise alone makes, mm2/s; nan outside the object
    misfit : root mean square of the residuals over the noise: about 1 where the model holds; nan without spare data
    unfit : `Unfit` of each voxel
    b_used : s/mm2 of the shells that were fitted; two maps may be compared only where these agree
    volumes : how many volumes were fitted
    tensor : True where a tensor was fitted and its trace taken, False for one exponential of (averaged) volumes
    noise : the noise floor that was respected
    left_out : (volume, why) of each volume that was not fitted
    cautions : what a reader of the map must know
    """

    adc: Map
    error: Map
    misfit: Map
    unfit: npt.NDArray[np.uint8]
    b_used: tuple[float, ...]
    volumes: int
    tensor: bool
    noise: NoiseFloor
    left_out: tuple[tuple[int, str], ...] = ()
    cautions: tuple[str, ...] = ()

    @property
    def assessable(self) -> Mask:
        """True where there is a coefficient."""
        return np.asarray(self.unfit == Unfit.FIT)


def adc_map(
    data: Floats,
    b_values: Sequence[float],
    *,
    noise: NoiseFloor | float | None = None,
    directions: Sequence[Point | None] = (),
    trace: bool = False,
    mask: Mask | None = None,
    spacing_mm: tuple[float, float, float] = (2.0, 2.0, 4.0),
    least_b: float = LEAST_B,
    most_b: float = MOST_B,
) -> AdcMap | NotAssessable:
    """Fit S = S0 · exp(-b · ADC) to every voxel of the object.

    Parameters
    ----------
    data : (i, j, k, t) magnitudes
    b_values : s/mm2 for each t
    noise : the noise floor, or its sigma for one channel; None: estimated from the highest b-value
    trace : each weighted volume is the scanner's geometric mean of three directions
    directions : unit vector for each t in any one frame, None for b = 0 and traces; empty when unknown
    mask : where to fit; None: the object, as the lowest b-value shows it
    least_b : shells below it are left out where two higher ones, well apart, remain: perfusion adds to diffusion
    most_b : shells above it are left out where two lower ones remain, since the decay is not one exponential there

    Six or more well-spread directions are fitted as a tensor whose mean diffusivity is the coefficient; fewer, and
    traces, are combined by their geometric mean. The fit is log-linear, each logarithm weighted by its variance and
    rid of what the noise floor adds to it on average (noncentral chi, from the signal of the neighbourhood). The
    logarithm is kept because its mean is right down to three sigma, where a fit to the magnitudes themselves is wrong
    by a fifth: the two biases of noise cancel in it. NotAssessable without two b-values that are at least 200 s/mm2
    apart. Movement between volumes is not corrected.
    """
    b = np.asarray(b_values, dtype=np.float64)
    if data.ndim != 4 or data.shape[3] != len(b):
        raise ValueError(f"{len(b)} b-values for data of shape {data.shape}")
    if not np.isfinite(b).all():
        return NotAssessable(reason="the b-value of some volumes is unknown")
    values = real_values(data)
    vectors = tuple(directions) if len(directions) == len(b) else (None,) * len(b)
    out = _strangers(values, b, vectors)
    shells = _shells(b, [t for t in range(len(b)) if t not in out])
    chosen = choose_b(tuple(shells), least_b, most_b)
    if not _apart(chosen):
        known = ", ".join(f"{level:.0f}" for level in shells) or "none"
        return NotAssessable(
            reason=f"two b-values at least {LEAST_STEP:.0f} s/mm2 apart are needed; there are: {known}"
        )
    for level in shells:
        if level not in chosen:
            why = "perfusion adds to diffusion below this b-value" if level < least_b else "beyond one exponential"
            out |= dict.fromkeys(shells[level], f"b = {level:.0f} s/mm2: {why}")
    lowest = values[..., shells[chosen[0]]].mean(axis=3)
    inside = object_mask(lowest, spacing_mm) if mask is None else mask.astype(bool)
    if not inside.any():
        return NotAssessable(reason="there is no object in the picture")
    use = [t for level in chosen for t in shells[level]]
    design, cautions = _tensor_design(b, vectors, use), []
    tensor = design is not None
    if design is None:
        signals = np.stack([_geometric(values[..., shells[level]]) for level in chosen], axis=3)
        design = np.column_stack([np.ones(len(chosen)), -np.array(chosen)])
        cautions += _direction_cautions(b, vectors, use, trace=trace)
        combined = len(shells[chosen[-1]])
    else:
        signals, combined = values[..., use], 1
    one = values[..., shells[chosen[-1]][0]]
    floor, said = _floor(noise, one, lowest, inside, spacing_mm, 3 if trace else 1)
    floor = replace(floor, directions=floor.directions * combined)
    around = _around(signals, inside, floor)
    logs = np.log(np.maximum(signals[inside].astype(np.float64), 0.05 * floor.sigma))
    highest = around[:, -len(shells[chosen[-1]]) if tensor else -1 :].mean(axis=1)
    return _assemble(
        inside, _fit_all(logs, around, design, floor), (around[:, 0], highest), design, floor,
        b_used=chosen, volumes=len(use), tensor=tensor, left_out=tuple(sorted(out.items())),
        cautions=(*cautions, *said),
    )  # fmt: skip


def choose_b(levels: Sequence[float], least_b: float = LEAST_B, most_b: float = MOST_B) -> tuple[float, ...]:
    """Return the b-values (rising) that a mono-exponential fit should use; see `adc_map` for the two limits."""
    kept = sorted(levels)
    below = [b for b in kept if b <= most_b]
    if _apart(below):
        kept = below
    above = [b for b in kept if b >= least_b]
    return tuple(above if _apart(above) else kept)


def _apart(levels: Sequence[float]) -> bool:
    return len(levels) >= 2 and levels[-1] - levels[0] >= LEAST_STEP


def scale_of_adc(values: Floats) -> float | None:
    """Return what a scanner's ADC map is multiplied by to be in mm2/s, None where its numbers are no such map.

    Scanners write 10⁻⁶ mm2/s (most), 10⁻³ mm2/s or, rarely, mm2/s and 10⁻⁵; few say which. The median of what is not
    zero lies between 0.2 and 4 · 10⁻³ mm2/s in any body, which only one of the four allows.
    """
    positive = values[np.isfinite(values) & (values > 0)]
    if positive.size < 100:
        return None
    middle = float(np.median(positive))
    return next((scale for scale in (1e-6, 1e-3, 1.0, 1e-5) if 0.2e-3 <= middle * scale <= 4e-3), None)


def _shells(b: Array, volumes: Sequence[int]) -> dict[float, list[int]]:
    """Return the volumes of each shell by its b-value, rising: b-values less than 5 % or 20 s/mm2 apart are one."""
    shells: list[list[int]] = []
    for t in sorted(volumes, key=lambda n: b[n]):
        if shells and b[t] - b[shells[-1][-1]] <= max(20.0, 0.05 * b[t]):
            shells[-1].append(t)
        else:
            shells.append([t])
    return {float(b[shell].mean()): shell for shell in shells}


def _strangers(values: Floats, b: Array, vectors: Sequence[Point | None]) -> dict[int, str]:
    """Find volumes that ride along without being measurements: a vendor's ADC or trace among the directions.

    Such a one has a b-value but no direction where others of its shell have one, outshines the lowest b-value in much
    of the object, or differs from its shell by a factor.
    """
    out: dict[int, str] = {}
    low = values[..., b <= b.min() + 20.0].mean(axis=3)
    bright = low > np.percentile(low, 60.0)
    if not bright.any():
        return {}
    for level, shell in _shells(b, range(len(b))).items():
        if level <= b.min() + 20.0:
            continue
        directed = [t for t in shell if vectors[t] is not None and np.linalg.norm(np.asarray(vectors[t], float)) > 0.5]
        if len(directed) >= 3:
            out |= {
                t: "no direction among directions: a map or a trace of the scanner" for t in shell if t not in directed
            }
        medians = {t: float(np.median(values[..., t][bright])) for t in shell}
        usual = float(np.median(list(medians.values())))
        for t in shell:
            if t in out:
                continue
            if float((values[..., t][bright] > 1.3 * low[bright]).mean()) > 0.3:
                out[t] = "brighter than the lowest b-value: a map of the scanner, no measurement"
            elif len(shell) >= 4 and not usual / 3.0 <= medians[t] <= 3.0 * usual:
                out[t] = "unlike the other volumes of its b-value: a map of the scanner, or a spoilt volume"
    return out


def _tensor_design(b: Array, vectors: Sequence[Point | None], use: Sequence[int]) -> Array | None:
    """Return the (t, 7) design of log S0 and the tensor, None where the directions do not carry one."""
    rows = []
    for t in use:
        vector = vectors[t] if b[t] > B0_AT_MOST else (0.0, 0.0, 0.0)
        if vector is None or (b[t] > B0_AT_MOST and float(np.linalg.norm(np.array(vector))) < 0.5):
            return None
        x, y, z = vector
        rows.append([1.0, *(-b[t] * np.array([x * x, y * y, z * z, 2 * x * y, 2 * x * z, 2 * y * z]))])
    known = np.array([vectors[t] if b[t] > B0_AT_MOST else (np.nan,) * 3 for t in use], dtype=np.float64)
    table = gradient_table(b[list(use)], known)
    return np.array(rows) if table.b0 >= 1 and table.condition <= TENSOR_CONDITION else None


def _direction_cautions(b: Array, vectors: Sequence[Point | None], use: Sequence[int], *, trace: bool) -> list[str]:
    weighted = [t for t in use if b[t] > B0_AT_MOST]
    known = [np.asarray(v, float) for v in (vectors[t] for t in weighted) if v is not None and np.linalg.norm(v) > 0.5]
    if not known:
        unknown = len(weighted) > 1 and not trace
        return ["the directions are not known and were taken for evenly spread"] if unknown else []
    spread = sum(np.outer(v, v) for v in known) / len(known)
    if float(np.abs(spread - np.eye(3) / 3.0).max()) > 0.05:
        return [f"{len(known)} directions that are not evenly spread: the coefficient depends on how fibres run"]
    return []


def _geometric(values: Floats) -> Floats:
    if values.shape[3] == 1:
        return values[..., 0]
    return np.asarray(np.exp(np.log(np.maximum(values, 1e-6)).mean(axis=3)), dtype=np.float32)


def _floor(
    noise: NoiseFloor | float | None,
    one: Floats,
    lowest: Floats,
    inside: Mask,
    spacing_mm: tuple[float, float, float],
    directions: int,
) -> tuple[NoiseFloor, list[str]]:
    """Return the noise floor of one volume of the highest b-value, and what to say of it."""
    if isinstance(noise, NoiseFloor):
        return noise, []
    if noise is not None:
        return NoiseFloor(sigma=float(noise), directions=directions), []
    found = noise_floor(one, spacing_mm, inside=inside, directions=directions)
    if found is not None:
        return found, []
    assumed = 0.01 * float(np.median(lowest[inside]))
    words = "the noise could not be measured: 1 % of the signal without diffusion weighting was taken for it"
    return NoiseFloor(sigma=max(assumed, 1e-9), directions=directions, source="assumed"), [words]


def _around(values: Floats, inside: Mask, floor: NoiseFloor) -> Array:
    """Return the signal (n, t) beneath the floor, averaged over the 24 neighbours in the slice inside the object.

    The voxel itself is left out: what the floor adds, and whether a voxel is assessed, must not hang on its own noise,
    or the mean over a region would be wrong by what noise made faint.
    """

    def total(picture: Floats) -> Array:
        filled = np.where(inside, picture, 0.0).astype(np.float64)
        box = ndimage.uniform_filter(filled, _NEIGHBOURS, mode="constant") * np.prod(_NEIGHBOURS)
        return np.asarray((box - filled)[inside])

    weight = np.maximum(total(np.ones(inside.shape, np.float32)), 1e-6)
    alone = weight < 1.0
    columns = []
    for t in range(values.shape[3]):
        mean = total(values[..., t]) / weight
        columns.append(floor.beneath(np.where(alone, values[..., t][inside], mean)))
    return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fitted:
    """Of each voxel: parameters (n, p), their covariance (n, p, p), residual in noise units and as a share."""

    theta: Array
    covariance: Array
    misfit: Array
    share: Array


def _fit_all(logs: Array, around: Array, design: Array, floor: NoiseFloor) -> _Fitted:
    parts = [
        _fit(logs[at : at + _CHUNK], around[at : at + _CHUNK], design, floor) for at in range(0, len(logs), _CHUNK)
    ]
    return _Fitted(
        theta=np.concatenate([p.theta for p in parts]),
        covariance=np.concatenate([p.covariance for p in parts]),
        misfit=np.concatenate([p.misfit for p in parts]),
        share=np.concatenate([p.share for p in parts]),
    )


def _fit(logs: Array, around: Array, design: Array, floor: NoiseFloor) -> _Fitted:
    """Fit design @ theta to the logarithms of magnitudes (n, t), whose signal the neighbourhood gives as `around`.

    Weights come from a first fit, not from the noisy magnitudes themselves: those favour what noise made bright.
    """
    terms = design.shape[1]
    scale = np.abs(design).max(axis=0)
    table = design / scale  # diffusion terms are a thousand times the constant one
    pairs = (table[:, :, None] * table[:, None, :]).reshape(len(table), -1)
    excess, variance = floor.of_logarithm(around)
    target = logs - excess
    theta = target @ np.linalg.pinv(table).T
    weight, covariance = 1.0 / variance, np.empty(0)
    for last in (False, True):
        normal = (weight @ pairs).reshape(-1, terms, terms)
        normal = normal + 1e-12 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(terms)
        covariance = np.linalg.inv(normal)
        theta = np.einsum("nab,nb->na", covariance, (weight * target) @ table)
        if not last and len(table) > terms:
            signal = np.exp(np.clip(theta @ table.T, -30.0, 30.0))
            weight = 1.0 / floor.of_logarithm(np.sqrt(signal * np.maximum(around, floor.sigma)))[1]
    residual = target - theta @ table.T
    spare = len(design) - terms
    return _Fitted(
        theta=theta / scale,
        covariance=covariance / (scale[:, None] * scale[None, :]),
        misfit=np.sqrt((weight * residual**2).sum(axis=1) / spare) if spare else np.full(len(logs), np.nan),
        share=np.abs(residual).mean(axis=1),
    )


def _assemble(
    inside: Mask,
    fitted: _Fitted,
    around: tuple[Array, Array],
    design: Array,
    floor: NoiseFloor,
    *,
    b_used: tuple[float, ...],
    volumes: int,
    tensor: bool,
    left_out: tuple[tuple[int, str], ...],
    cautions: tuple[str, ...],
) -> AdcMap:
    """Take the coefficient out of the parameters, and say of each voxel whether it holds."""
    functional = np.zeros(design.shape[1])
    functional[1 : 4 if tensor else 2] = 1.0 / 3.0 if tensor else 1.0
    value = fitted.theta @ functional
    error = np.sqrt(np.maximum(np.einsum("a,nab,b->n", functional, fitted.covariance, functional), 0.0))
    usual = max(float(np.nanmedian(fitted.misfit)), 1.0) if np.isfinite(fitted.misfit).any() else np.inf
    unfit = np.select(
        [
            around[0] < LEAST_SIGNAL * floor.sigma,
            around[1] < LEAST_SIGNAL * floor.sigma,
            value < -3.0 * error,
            value - 3.0 * error > FASTEST,
            (fitted.misfit > 4.0 * usual) & (fitted.share > 0.15),
        ],
        [Unfit.NO_SIGNAL, Unfit.SUNK, Unfit.RISES, Unfit.TOO_FAST, Unfit.MISFIT],
        Unfit.FIT,
    )

    def whole(values: Array) -> Map:
        found = np.full(inside.shape, np.nan, np.float32)
        found[inside] = values
        return found

    labels = np.full(inside.shape, Unfit.NO_SIGNAL, np.uint8)
    labels[inside] = unfit
    return AdcMap(
        adc=whole(np.where(unfit == Unfit.FIT, value, np.nan)),
        error=whole(error),
        misfit=whole(fitted.misfit),
        unfit=labels,
        b_used=b_used,
        volumes=volumes,
        tensor=tensor,
        noise=floor,
        left_out=left_out,
        cautions=cautions,
    )
