"""What the voxels of a time series do from volume to volume: DVARS, tSNR, outliers, global correlation, drift, steps.

Every function takes `data` with time as its last axis, (i, j, k, t) with a `mask` (i, j, k), or (n, t) courses of n
voxels and no mask, and needs at least two volumes. Head motion is to be taken off before (`motion.aligned_courses`),
else its effect is measured as well.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import rankdata

from mriloop.imaging.foreground import Mask

Floats = npt.NDArray[np.floating]
Matrix = npt.NDArray[np.float64]

INTENSITY = 1000.0
HEAD_RADIUS_MM = 50.0
_QUARTILES_TO_SD = 1.349
_STEADY_LOOKS_AT = 50
_OUTLYING = 3.5
_LEAST_TSNR_SD = 1e-3


def courses(data: Floats, mask: Mask | None = None) -> Matrix:
    """Return the (n, t) time courses of the voxels in the mask, in double precision; not a number becomes 0."""
    chosen = data.reshape(-1, data.shape[-1]) if mask is None else data[np.asarray(mask, dtype=bool)]
    return np.nan_to_num(np.asarray(chosen, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def dvars(data: Floats, mask: Mask | None = None, *, least_sd: float = 1e-7) -> tuple[Matrix, Matrix, Matrix] | None:
    """Return DVARS of each volume against the one before, (t - 1,) three times: standardised, plain, voxel-wise.

    With x scaled so that the median over the mask and all times is 1000, d = x_t - x_{t-1}, and for each voxel
    s = (p75 - p25) / 1.349 of its course and r its lag-1 autocorrelation (Yule-Walker, biased):

    - plain: √mean(d²), in thousandths of the typical brightness
    - standardised: plain / mean(s √(2 (1 - r))), 1 where nothing but the usual noise changes
    - voxel-wise: √mean(d² / (s² 2 (1 - r)))

    Lower is better; unit 1. Voxels whose s is at most `least_sd` are left out. None where none is left.
    Source: Power et al. 2012, doi:10.1016/j.neuroimage.2011.10.018; standardised: Nichols 2013,
    arXiv:1704.01469 (Afyouni and Nichols, NeuroImage 2018;172:291, doi:10.1016/j.neuroimage.2017.12.098).
    Agrees with nipype's ComputeDVARS, which sums in single precision.
    """
    x = courses(data, mask)
    middle = float(np.median(x)) if x.size else 0.0
    if x.shape[-1] < 2 or middle == 0:
        return None
    x *= INTENSITY / middle
    low, high = np.percentile(x, (25, 75), axis=1, method="lower")
    sd = (high - low) / _QUARTILES_TO_SD
    kept = sd > least_sd
    if not kept.any():
        return None
    x, sd = x[kept], sd[kept]
    expected = np.sqrt(2 * (1 - autocorrelation(x))) * sd
    change = np.diff(x, axis=1)
    plain = np.sqrt(np.square(change).mean(axis=0))
    voxelwise = np.sqrt(np.square(change / expected[:, None]).mean(axis=0))
    return plain / expected.mean(), plain, voxelwise


def autocorrelation(x: Matrix) -> Matrix:
    """Return the lag-1 autocorrelation of each course of (n, t), biased as Yule and Walker have it; 0 if constant."""
    rest = x - x.mean(axis=1, keepdims=True)
    power = np.einsum("nt,nt->n", rest, rest)
    shifted = np.einsum("nt,nt->n", rest[:, 1:], rest[:, :-1])
    return np.asarray(np.divide(shifted, power, out=np.zeros_like(power), where=power > 0), dtype=np.float64)


def detrended(data: Floats, degree: int, *, keep_mean: bool = True) -> Matrix:
    """Return the data without the least-squares Legendre polynomial of this degree of each course.

    `keep_mean` leaves the constant term in, as tSNR needs it.
    """
    x = np.asarray(data, dtype=np.float64)
    steps = np.linspace(-1, 1, x.shape[-1])
    basis = np.polynomial.legendre.legvander(steps, degree)
    weights = np.linalg.pinv(basis) @ x.reshape(-1, x.shape[-1]).T
    first = 1 if keep_mean else 0
    fitted = (basis[:, first:] @ weights[first:]).T
    return np.asarray(x - fitted.reshape(x.shape), dtype=np.float64)


def tsnr(data: Floats, degree: int | None = None) -> Matrix:
    """Return the temporal signal-to-noise ratio of each voxel: mean over time / standard deviation over time.

    Higher is better; unit 1. `degree` takes a polynomial trend off first (None: none). 0 where the standard deviation
    is at most 0.001. Source: Krüger and Glover, Magn Reson Med 2001;46:631, doi:10.1002/mrm.1240; agrees with nipype's
    TSNR (there `regress_poly` is `degree`).
    """
    x = np.nan_to_num(np.asarray(data, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    if degree is not None:
        x = detrended(x, degree)
    sd = x.std(axis=-1)
    ratio = np.divide(x.mean(axis=-1), sd, out=np.zeros_like(sd), where=sd > _LEAST_TSNR_SD)
    return np.asarray(ratio, dtype=np.float64)


def outlier_fraction(data: Floats, mask: Mask | None = None, *, tail: float = 0.001) -> Matrix:
    """Return for each volume the share (0 to 1) of voxels that lie far from the median of their own course.

    Far is beyond √(π/2) · MAD · Q⁻¹(tail / t), with Q the upper tail of the normal distribution: in Gaussian noise one
    course in 1/tail has such a value at all. Lower is better; unit 1. Source: AFNI's 3dToutcount (-polort 0 -fraction);
    Cox, Comput Biomed Res 1996;29:162, doi:10.1006/cbmr.1996.0014.
    """
    x = courses(data, mask)
    away = np.abs(x - np.median(x, axis=1, keepdims=True))
    limit = math.sqrt(math.pi / 2) * float(-ndtri(tail / x.shape[-1])) * np.median(away, axis=1, keepdims=True)
    return np.asarray(((away > limit) & (limit > 0)).mean(axis=0), dtype=np.float64)


def quality_index(data: Floats, mask: Mask | None = None) -> Matrix:
    """Return for each volume 1 - Spearman's rank correlation with the median volume. Lower is better; unit 1.

    Source: AFNI's 3dTqual; Cox 1996, doi:10.1006/cbmr.1996.0014. nan for a volume without any contrast.
    """
    x = courses(data, mask)
    middle = _unit(rankdata(np.median(x, axis=1)))
    return np.array([1 - float(middle @ _unit(rankdata(x[:, t]))) for t in range(x.shape[1])])


def global_correlation(data: Floats, mask: Mask | None = None) -> float:
    """Return gcor: the mean correlation between all pairs of courses, which is |mean of the unit courses|².

    Global signal, from breathing or motion, raises it; unit 1, 0 to 1. Constant courses count as 0.
    Source: Saad et al., Brain Connect 2013;3:339, doi:10.1089/brain.2013.0156 (AFNI's @compute_gcor).
    """
    x = courses(data, mask)
    x -= x.mean(axis=1, keepdims=True)
    size = np.linalg.norm(x, axis=1, keepdims=True)
    mean = np.divide(x, size, out=np.zeros_like(x), where=size > 0).mean(axis=0)
    return float(mean @ mean)


def non_steady_volumes(data: Floats, mask: Mask | None = None) -> int:
    """Return how many volumes at the start stand out in their mean, as before the magnetisation is steady.

    They stand out where 0.6745 |m - median| / MAD exceeds 3.5 (Iglewicz and Hoaglin 1993), over the means m of the
    first 50 volumes; counted up to the first that does not. Agrees with nipype's NonSteadyStateDetector without a mask.
    """
    means = courses(data[..., :_STEADY_LOOKS_AT], mask).mean(axis=0)
    away = np.abs(means - np.median(means))
    typical = float(np.median(away))
    if typical == 0:
        return 0
    calm = np.flatnonzero(0.6745 * away / typical <= _OUTLYING)
    return int(calm[0]) if len(calm) else len(means)


def drift(means: Matrix) -> tuple[float, float]:
    """Return the linear drift of a series of means over its whole length, as a share of their median, and its error.

    The slope is Theil and Sen's (median of the slopes of all pairs), so that a spike or the first, not yet steady,
    volumes do not tilt it; the second number is the robust standard error of the drift from what the line leaves over.
    (0, inf) for fewer than three volumes. Source: Sen, J Am Stat Assoc 1968;63:1379,
    doi:10.1080/01621459.1968.10480934.
    """
    count = len(means)
    middle = float(np.median(means))
    if count < 3 or middle == 0:
        return 0.0, math.inf
    first, second = np.triu_indices(count, 1)
    slope = float(np.median((means[second] - means[first]) / (second - first)))
    rest = means - slope * np.arange(count)
    spread = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
    error = spread / math.sqrt(count * (count**2 - 1) / 12)
    return slope * (count - 1) / middle, error * (count - 1) / abs(middle)


def framewise_displacement_power(parameters: Matrix, radius_mm: float = HEAD_RADIUS_MM) -> Matrix:
    """Return Power's framewise displacement, (t - 1,) in mm: Σ|Δtranslation| + r Σ|Δrotation|. Lower is better.

    parameters : (t, 6), translations in mm and rotations in radians about three axes; r = 50 mm is the radius of a
    head, so that it says nothing about other body parts. Source: Power et al., NeuroImage 2012;59:2142,
    doi:10.1016/j.neuroimage.2011.10.018; agrees with nipype's FramewiseDisplacement on the same parameters.
    """
    change = np.abs(np.diff(np.asarray(parameters, dtype=np.float64), axis=0))
    return np.asarray(change[:, :3].sum(axis=1) + radius_mm * change[:, 3:6].sum(axis=1), dtype=np.float64)


def framewise_displacement_jenkinson(matrices: Matrix, centre_mm: Matrix, radius_mm: float = 80.0) -> Matrix:
    """Return Jenkinson's framewise displacement, (t - 1,) in mm: the root mean square over a sphere. Lower is better.

    matrices : (t, 4, 4) motions in mm; centre_mm (3,) and radius_mm of the sphere, which FSL takes as 80 mm. With
    M = matrices[t] matrices[t-1]⁻¹ - 1 = (A | b): √(r²/5 trace(AᵀA) + |b + A centre|²).
    Source: Jenkinson, FMRIB technical report TR99MJ1 (FSL's rmsdiff and mcflirt).
    """
    motions = np.asarray(matrices, dtype=np.float64)
    change = motions[1:] @ np.linalg.inv(motions[:-1]) - np.eye(4)
    turned = change[:, :3, :3]
    shift = change[:, :3, 3] + turned @ np.asarray(centre_mm, dtype=np.float64)
    return np.asarray(
        np.sqrt(radius_mm**2 / 5 * np.square(turned).sum(axis=(1, 2)) + np.square(shift).sum(axis=1)), dtype=np.float64
    )


def _unit(values: Matrix) -> Matrix:
    rest = values - values.mean()
    size = float(np.linalg.norm(rest))
    return np.asarray(rest / size if size > 0 else np.full_like(rest, np.nan), dtype=np.float64)
