"""Numbers of a diffusion series: neighbouring directions, noise, the table of b-values and directions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from mriloop.imaging.foreground import Floats, Mask

Matrix = npt.NDArray[np.float64]

B0_AT_MOST = 50.0
SHELL_STEP = 100.0


def q_neighbours(b_values: Matrix, directions: Matrix, b0_at_most: float = B0_AT_MOST) -> list[tuple[int, int]]:
    """Return for each diffusion-weighted volume its nearest other one in q-space: (volume, neighbour).

    b_values : (t,) in s/mm²; directions : (t, 3). The place in q-space is √b times the direction; one direction and its
    opposite are the same. Of equally near ones the first counts. Agrees with dipy.stats.qc.find_qspace_neighbors.
    """
    weighted = np.flatnonzero(b_values > b0_at_most)
    places = np.sqrt(b_values[weighted])[:, None] * directions[weighted]
    if len(weighted) < 2:
        return []
    there = np.linalg.norm(places[:, None] - places[None], axis=2)
    opposite = np.linalg.norm(places[:, None] + places[None], axis=2)
    distance = np.minimum(there, opposite)
    np.fill_diagonal(distance, np.inf)
    return [(int(weighted[n]), int(weighted[distance[n].argmin()])) for n in range(len(weighted))]


def neighbouring_dwi_correlation(
    data: Floats, b_values: Matrix, directions: Matrix, mask: Mask | None = None, b0_at_most: float = B0_AT_MOST
) -> float | None:
    """Return NDC: the mean correlation of each diffusion-weighted volume with its nearest neighbour in q-space.

    data : (i, j, k, t). Higher is better; unit 1; below 0.4 is poor. None with fewer than two weighted volumes or
    without contrast. Source: Yeh et al., NeuroImage 2019;202:116131, doi:10.1016/j.neuroimage.2019.116131. Agrees with
    dipy.stats.qc; MRIQC's function of that name correlates voxels instead of volumes (nipreps/mriqc#1445).
    """
    pairs = q_neighbours(np.asarray(b_values, float), np.asarray(directions, float), b0_at_most)
    if not pairs:
        return None
    needed = sorted({t for pair in pairs for t in pair})
    chosen = {t: _unit(data[..., t] if mask is None else data[..., t][mask > 0]) for t in needed}
    found = float(np.mean([float(chosen[a] @ chosen[b]) for a, b in pairs]))
    return found if math.isfinite(found) else None


def noise_of_repeats(data: Floats, mask: Mask) -> float | None:
    """Return the noise standard deviation from repeated volumes, (i, j, k, t): the median over voxels of their sd.

    For two volumes the sd of a voxel is |difference| / √2, of which the median is 0.6745 of the noise; the factor for
    any count is that of the χ distribution. None with fewer than two volumes or fewer than 200 voxels.
    """
    count = data.shape[-1]
    if count < 2 or int(mask.sum()) < 200:
        return None
    sd = np.asarray(data[mask], dtype=np.float64).std(axis=1, ddof=1)
    return float(np.median(sd)) / math.sqrt(2 * float(gammaincinv((count - 1) / 2, 0.5)) / (count - 1))


def noise_by_background(data: Floats, channels: int = 1, *, share: float = 0.01, rounds: int = 100) -> float | None:
    """Return the noise standard deviation from voxels that hold nothing but noise in all volumes of (i, j, t).

    PIESNO: for pure noise the sum over t of m² / (2 σ²) follows a gamma distribution of shape t · channels. From the
    best of a range of starting σ, voxels outside the central 1 - `share` of that distribution are dropped and σ is
    found again from the median of the rest, until it stays. None where no voxel is left. Lower is better.
    Source: Koay, Özarslan, Pierpaoli, J Magn Reson 2009;199:94, doi:10.1016/j.jmr.2009.03.005.
    """
    flat = np.asarray(data, dtype=np.float64).reshape(-1, data.shape[-1])
    flat = flat[flat.any(axis=1)]
    if flat.size == 0:
        return None
    median_factor = math.sqrt(2 * float(gammaincinv(channels, 0.5)))
    low, high = (float(gammaincinv(flat.shape[1] * channels, p)) for p in (share / 2, 1 - share / 2))
    power = np.square(flat).sum(axis=1) / 2
    most = float(np.median(flat)) / median_factor
    best, best_count = None, 0
    for start in np.linspace(most / 50, most, 50):
        inside = int(((power > low * start**2) & (power < high * start**2)).sum())
        if inside > best_count:
            best, best_count = float(start), inside
    if best is None:
        return None
    sigma = best
    for _ in range(rounds):
        pure = (power > low * sigma**2) & (power < high * sigma**2)
        if not pure.any():
            return None
        update = float(np.median(flat[pure])) / median_factor
        if abs(update - sigma) < 1e-6 * sigma:
            break
        sigma = update
    return sigma


@dataclass(frozen=True, slots=True)
class GradientTable:
    """What a table of b-values and directions holds.

    b0 : how many volumes without diffusion weighting
    shells : (b-value, distinct directions, volumes) of each shell, rising
    duplicates : pairs of volumes of one shell with the same direction, up to sign and 1°
    not_unit : weighted volumes whose direction is known and not of length 1 (within 2 %)
    unknown : weighted volumes without a direction
    condition : condition number of the design matrix of the tensor over the shell of most directions; inf where fewer
        than six directions do not allow a tensor; 1.3 to 2 for well spread ones
    one_sided : length (0 to 1) of the mean direction of that shell: 1 where all point one way, as no tensor minds but
        eddy-current correction does
    """

    b0: int
    shells: tuple[tuple[float, int, int], ...]
    duplicates: int
    not_unit: int
    unknown: int
    condition: float
    one_sided: float


def gradient_table(b_values: Matrix, directions: Matrix, b0_at_most: float = B0_AT_MOST) -> GradientTable:
    """Describe a table: b_values (t,) in s/mm², directions (t, 3) with nan where unknown, in any fixed frame.

    A b-value up to `b0_at_most` counts as none: scanners mark further b0 volumes by 0.001 and more, UIH writes 1.25.
    Whether a sign or an axis is flipped cannot be told from the table; that takes a tractogram or known anatomy.
    Source of the condition number: Skare et al., J Magn Reson 2000;147:340, doi:10.1006/jmre.2000.2209.
    """
    b = np.asarray(b_values, dtype=np.float64)
    g = np.asarray(directions, dtype=np.float64)
    weighted = b > b0_at_most
    length = np.linalg.norm(g, axis=1)
    known = weighted & np.isfinite(length) & (length > 0)
    shells: list[tuple[float, int, int]] = []
    duplicates = 0
    best: Matrix = np.zeros((0, 3))
    for level in _levels(b[weighted]):
        here = weighted & (np.abs(b - level) <= SHELL_STEP)
        unit = g[here & known] / length[here & known][:, None]
        same = np.abs(unit @ unit.T) > math.cos(math.radians(1.0))
        earlier = np.tril(same, -1).any(axis=1)
        duplicates += int(earlier.sum())
        distinct = unit[~earlier]
        shells.append((float(level), len(distinct), int(here.sum())))
        if len(distinct) > len(best):
            best = distinct
    return GradientTable(
        b0=int((~weighted).sum()),
        shells=tuple(shells),
        duplicates=duplicates,
        not_unit=int((known & (np.abs(length - 1) > 0.02)).sum()),
        unknown=int((weighted & ~known).sum()),
        condition=_condition(best),
        one_sided=float(np.linalg.norm(best.mean(axis=0))) if len(best) else 0.0,
    )


def _levels(b: Matrix) -> list[float]:
    """Return the b-values of the shells: runs of sorted b-values without a gap of more than 100 s/mm²."""
    if b.size == 0:
        return []
    ordered = np.sort(b)
    parts = np.split(ordered, np.flatnonzero(np.diff(ordered) > SHELL_STEP) + 1)
    return [float(np.median(part)) for part in parts]


def _condition(unit: Matrix) -> float:
    if len(unit) < 6:
        return math.inf
    x, y, z = unit.T
    design = np.column_stack([x * x, y * y, z * z, 2 * x * y, 2 * x * z, 2 * y * z])
    values = np.linalg.svd(design, compute_uv=False)
    return float(values[0] / values[-1]) if values[-1] > 1e-9 * values[0] else math.inf


def _unit(values: Floats) -> Matrix:
    rest = np.asarray(values, dtype=np.float64).ravel()
    rest = rest - rest.mean()
    size = float(np.linalg.norm(rest))
    return np.asarray(rest / size if size > 0 else np.full_like(rest, np.nan), dtype=np.float64)
