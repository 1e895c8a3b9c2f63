"""Numbers of a diffusion series: neighbouring directions, noise, the table of b-values and directions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from mriloop.imaging.foreground import Floats, Mask
from mriloop.imaging.motion import Rigid

Matrix = npt.NDArray[np.float64]

B0_AT_MOST = 50.0
SHELL_STEP = 100.0
_EDDY_VOLUMES = 10
_EDDY_SHARE = 0.6


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


def noise_of_repeats(data: Floats, mask: Mask | None = None) -> float | None:
    """Return the noise standard deviation from repeated volumes: the median over voxels of their sd over time.

    data : (i, j, k, t) with a mask (i, j, k), or (n, t). Of the sd of t values of one voxel the median is
    √(2 P⁻¹((t-1)/2, 1/2) / (t-1)) of the noise, as χ has it. Lower is better. None with fewer than two volumes or 200
    voxels. Motion adds to it at edges only, since the median is taken.
    """
    chosen = np.asarray(data.reshape(-1, data.shape[-1]) if mask is None else data[mask], dtype=np.float64)
    count = chosen.shape[1]
    if count < 2 or len(chosen) < 200:
        return None
    sd = float(np.median(chosen.std(axis=1, ddof=1)))
    return sd / math.sqrt(2 * float(gammaincinv((count - 1) / 2, 0.5)) / (count - 1))


@dataclass(frozen=True, slots=True)
class GradientTable:
    """What a table of b-values and directions holds.

    b0 : how many volumes without diffusion weighting
    shells : (b-value, distinct directions, volumes) of each shell, rising
    duplicates : pairs of volumes of one shell with the same direction, up to sign and 1°
    not_unit : weighted volumes whose direction is known and not of length 1 (within 2 %)
    unknown : weighted volumes without a direction
    condition : condition number of the design matrix of the tensor over the shell of most directions, √2.5 = 1.58 for
        evenly spread ones; inf where fewer than six directions do not allow a tensor
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


def without_eddy_currents(
    motions: Sequence[Rigid], directions: Sequence[tuple[float, float, float] | None]
) -> tuple[Rigid, ...]:
    """Take off the part of each parameter that follows the gradient direction linearly, where that is most of it.

    Single-shot EPI moves along the phase-encode axis by eddy currents, not because the patient does. Most is more than
    60 % of the variance beyond what four terms explain by chance, and more than one jump or one steady drift explains:
    in a table that is sorted by direction a patient who moved once looks like an eddy current. Of fewer than ten
    volumes, of unknown directions, or of directions in a plane nothing is taken off.
    Source: Andersson and Sotiropoulos, NeuroImage 2016;125:1063, doi:10.1016/j.neuroimage.2015.10.019.
    """
    if len(motions) < _EDDY_VOLUMES or any(d is None for d in directions):
        return tuple(motions)
    design = np.column_stack([np.ones(len(motions)), np.array(directions, dtype=float)])
    if np.linalg.matrix_rank(design, tol=0.1) < 4:
        return tuple(motions)
    values = np.array([[*m.translation_mm, *m.rotation_deg] for m in motions])
    terms = np.linalg.lstsq(design, values, rcond=None)[0]
    fitted = design[:, 1:] @ terms[1:]
    spare = (len(motions) - 1) / (len(motions) - 4)
    total = values.var(axis=0)
    share = 1 - spare * (values - design @ terms).var(axis=0) / np.where(total > 0, total, 1)
    taken = (share > _EDDY_SHARE) & (share > _jump_or_drift(values))
    cleaned = values - np.where(taken, fitted, 0.0)
    return tuple(
        replace(
            m,
            translation_mm=(float(v[0]), float(v[1]), float(v[2])),
            rotation_deg=(float(v[3]), float(v[4]), float(v[5])),
        )
        for v, m in zip(cleaned, motions, strict=True)
    )


def _jump_or_drift(values: Matrix) -> Matrix:
    """Return for each column of (t, n) the greatest share of its variance that one jump or a straight line explains."""
    count = len(values)
    rest = values - values.mean(axis=0)
    total = np.square(rest).sum(axis=0)
    before = np.arange(1, count)[:, None]
    jumps = np.square(np.cumsum(rest, axis=0)[:-1]) * count / (before * (count - before))
    line = np.arange(count) - (count - 1) / 2
    explained = np.maximum(jumps.max(axis=0), np.square(line @ rest) / (line @ line))
    return np.asarray(explained / np.where(total > 0, total, 1), dtype=np.float64)


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
    # √2, not 2: so weighted, the number does not change when the table is turned
    design = np.column_stack([x * x, y * y, z * z, *(math.sqrt(2) * pair for pair in (x * y, x * z, y * z))])
    values = np.linalg.svd(design, compute_uv=False)
    return float(values[0] / values[-1]) if values[-1] > 1e-9 * values[0] else math.inf


def _unit(values: Floats) -> Matrix:
    rest = np.asarray(values, dtype=np.float64).ravel()
    rest = rest - rest.mean()
    size = float(np.linalg.norm(rest))
    return np.asarray(rest / size if size > 0 else np.full_like(rest, np.nan), dtype=np.float64)
