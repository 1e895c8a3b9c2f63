"""Known rigid maps on real and phantom volumes: mriloop beside greedy, SimpleITK, ANTsPy and elastix.

Bars: mean error at most 0.07 mm, worst 0.12 mm, no failure in 100, at most 9 processor seconds and 0.5 GB a pair, all
of it. Each volume is moved by up to 20 degrees about and 25 mm along each axis onto a grid turned against its own, with
smooth shading, gamma 1.2 and 2 % Rician noise; the error is the mean distance over 2000 foreground points between true
and found position, a failure more than 1 mm. Peers get the first pairs of the same list, whole volumes, with their
usual rigid settings (processor seconds include their import). Below: one session with its header kept or shifted by a
known amount (phantom: true error; real FLAIR and T1: distance from the database's affine and from the header), and how
often the true error stays below twice the stated uncertainty and 0.02 mm.

MRILOOP_BENCH_PAIRS and MRILOOP_BENCH_PEER_PAIRS set how many pairs (100 and 8). MRILOOP_PEER_ANTS and
MRILOOP_PEER_ELASTIX name the interpreters that have antspyx and itk-elastix.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from mriloop.imaging.phantom import Prescription, Visit, acquire, bold_epi, flair_axial, head, t1_axial
from mriloop.imaging.register import align, foreground, picture
from mriloop.imaging.resample import Grid, apply, inverse, mean_displacement_mm, rigid, sample
from mriloop.model.coding import Plane, Region, Weighting
from mriloop.model.quality import SeriesKind
from mriloop.model.volume import Volume
from mriloop.stages.compare.align import load_one, within

REAL = Path(os.environ.get("MRILOOP_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
PATIENT = "12_ms_longitudinal_p12/raw/patient12"
SOURCES = tuple(f"{PATIENT}/study{n}_{kind}.nii.gz" for kind in ("FLAIR", "T1W") for n in (1, 2))
SOURCES = (*SOURCES, "17_brain_T1_gadolinium_nifti/MR_Gd.nii.gz")
MOVES = ((6.0, 6.0), (14.0, 20.0), (20.0, 25.0))  # largest turn in degrees about an axis, largest shift in mm
FAILED_MM = 1.0
COVERED = 2.0, 0.02
PAIRS = int(os.environ.get("MRILOOP_BENCH_PAIRS", "100"))
PEER_PAIRS = min(PAIRS, int(os.environ.get("MRILOOP_BENCH_PEER_PAIRS", "8")))
PEERS = {
    "greedy": sys.executable,
    "simpleitk": sys.executable,
    "ants": os.environ.get("MRILOOP_PEER_ANTS", ""),
    "elastix": os.environ.get("MRILOOP_PEER_ELASTIX", ""),
}
Row = dict[str, object]


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownPair:
    """Two pictures and the true map from the moving to the fixed one; `points` lie in the moving one's foreground."""

    fixed: np.ndarray
    fixed_affine: np.ndarray
    moving: np.ndarray
    moving_affine: np.ndarray
    truth: np.ndarray
    points: np.ndarray


def run() -> list[Row]:
    """Return the rows: known maps per engine, one session, and how honest the uncertainty is."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        for number in range(PEER_PAIRS):
            pair = known_pair(number)
            arrays = {k: getattr(pair, k) for k in ("fixed", "fixed_affine", "moving", "moving_affine")}
            np.savez(Path(folder) / f"pair{number:03d}.npz", **arrays)
        numbers = [str(n) for n in range(PAIRS)]
        shares = [numbers[0::2], numbers[1::2]]
        asked = [("mriloop", sys.executable, share) for share in shares if share]
        asked += [(name, python, [folder]) for name, python in PEERS.items() if python]
        told = list(pool.map(lambda one: (one[0], _engine(*one)), asked))
    answers: dict[str, list[dict]] = {}
    for name, lines in told:
        answers.setdefault(name, []).extend(lines)
    known = {number: known_pair(number) for number in range(PEER_PAIRS)}
    rows = [_row(name, lines, known) for name, lines in answers.items()]
    first = [one for one in answers["mriloop"] if one["pair"] < PEER_PAIRS]
    rows.insert(1, _row("mriloop, the pairs of the peers", first, known))
    rows += [{"what": f"{name}: its interpreter was not named"} for name, python in PEERS.items() if not python]
    rows += [*_one_session(), *_honesty(answers["mriloop"])]
    heads = dict.fromkeys(head for row in rows for head in row)
    return [{head: row.get(head, "") for head in heads} for row in rows]


def _engine(name: str, python: str, jobs: list[str]) -> list[dict]:
    """Run one engine in a child process and return what it printed (libraries print there too)."""
    command = [python, "-m", "benchmarks.registration_engine"] if name == "mriloop" else [python, _script()]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "2"}
    done = subprocess.run(
        [*command, name, *jobs],
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[1],
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"pair"')]
    if not lines:
        sys.stderr.write(f"{name}: {done.stderr[-400:]}\n")
    return lines


def _script() -> str:
    return str(Path(__file__).with_name("registration_engine.py"))


def _row(name: str, lines: list[dict], known: dict[int, KnownPair]) -> Row:
    if not lines:
        return {"what": name, "pairs": 0, "note": "did not run"}
    errors = np.array([_error(one, known) for one in lines])
    return {
        "what": name,
        "pairs": len(lines),
        "mean_mm": round(float(errors.mean()), 4),
        "worst_mm": round(float(errors.max()), 4),
        "failures": int((errors > FAILED_MM).sum()),
        "cpu_median_s": round(float(np.median([one["cpu_s"] for one in lines])), 1),
        "peak_gb": round(max(one["peak_gb"] for one in lines), 2),
    }


def _error(one: dict, known: dict[int, KnownPair]) -> float:
    if "error_mm" in one:
        return float(one["error_mm"])
    pair = known[one["pair"]]
    return mean_displacement_mm(np.array(one["matrix"]), pair.truth, pair.points)


def known_pair(number: int) -> KnownPair:
    """Return the pair of this number: the sources in turn, the moves in turn, everything else by its own seed."""
    sources = _sources()
    data, grid = sources[number % len(sources)]
    turn, shift = MOVES[(number // len(sources)) % len(MOVES)]
    rng = np.random.default_rng([number, 4])
    moved, at, truth = _disturbed(data, grid, turn, shift, rng)
    index = np.argwhere(foreground(data))
    points = apply(grid.affine, index[rng.choice(len(index), 2000)].astype(float))
    return KnownPair(fixed=moved, fixed_affine=at, moving=data, moving_affine=grid.affine, truth=truth, points=points)


@cache
def _sources() -> tuple[tuple[np.ndarray, Grid], ...]:
    scan = acquire(head(Visit(), seed=3), flair_axial(), seed=1)
    found = [(scan.data.astype(np.float32), Grid(shape=scan.data.shape[:3], affine=scan.affine))]
    return (*found, *(_nifti(REAL / name) for name in SOURCES if (REAL / name).is_file()))


def _nifti(path: Path) -> tuple[np.ndarray, Grid]:
    import nibabel

    image = nibabel.load(path)
    return image.get_fdata(dtype=np.float32), Grid(shape=image.shape[:3], affine=image.affine)


def _disturbed(
    data: np.ndarray, grid: Grid, turn: float, shift: float, rng: np.random.Generator, noise: float = 0.02
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the moved, shaded, noisy picture, its affine, and the true map from the picture to it."""
    turns, shifts = rng.uniform(-turn, turn, 3), rng.uniform(-shift, shift, 3)
    truth = rigid((turns[0], turns[1], turns[2]), (shifts[0], shifts[1], shifts[2]), grid.centre_ras_mm)
    affine = rigid((2.0, -1.5, 1.0), (0.3, -0.7, 1.1), grid.centre_ras_mm) @ grid.affine
    seen = sample(data, grid.affine, Grid(shape=grid.shape, affine=affine), truth)
    top = float(np.percentile(seen, 99.5))
    ramp = sum(
        rng.uniform(-0.3, 0.3) * np.linspace(-0.5, 0.5, n).reshape([-1 if a == axis else 1 for a in range(3)])
        for axis, n in enumerate(grid.shape)
    )
    shaded = (seen.clip(0) / top) ** 1.2 * np.exp(ramp)
    noisy = np.hypot(shaded + rng.normal(scale=noise, size=grid.shape), rng.normal(scale=noise, size=grid.shape))
    return (noisy * top).astype(np.float32), affine, truth


def _one_session() -> list[Row]:
    """Tie a T1 (and an EPI) to the FLAIR of its session, the header right or shifted by 0.7, 2 and 5.5 mm."""
    rows: list[Row] = []
    shifts = [np.zeros(3), np.array([0.5, -0.3, 0.4]), np.array([1.2, 1.0, -1.2]), np.array([3.0, -3.5, 3.0])]
    for name, flair, other, weighting in _sessions():
        reference = load_one(flair, _kind(Weighting.FLAIR), seek_brain=True)
        found = []
        for shift in shifts:
            wrong = rigid((0.0, 0.0, 0.0), tuple(shift), np.zeros(3))
            moved = Volume(data=other.data, affine=wrong @ other.affine, series_instance_uid="other")
            alignment = within(reference, load_one(moved, _kind(weighting), seek_brain=False))
            found.append(np.array(alignment.matrix) @ wrong)
        brain = reference.brain
        inside = np.argwhere(brain.mask if brain is not None else foreground(flair.data))[::500]
        points = apply(flair.affine, inside.astype(float))
        row: Row = {"what": f"one session, {name}"}
        truth = _theirs(name)
        if truth is None:
            errors = [mean_displacement_mm(m, np.eye(4), points) for m in found]
            row |= {
                "error_header_right_mm": round(errors[0], 3),
                "errors_shifted_mm": [round(e, 3) for e in errors[1:]],
            }
        else:
            row |= {
                "from_header_mm": round(mean_displacement_mm(found[0], np.eye(4), points), 3),
                "from_database_mm": round(mean_displacement_mm(inverse(found[0]), truth, points), 3),
                "header_from_database_mm": round(mean_displacement_mm(np.eye(4), truth, points), 3),
                "shifted_from_unshifted_mm": [round(mean_displacement_mm(m, found[0], points), 3) for m in found[1:]],
            }
        rows.append(row)
    return rows


def _sessions() -> list[tuple[str, Volume, Volume, Weighting]]:
    sessions = []
    for name, prescription, weighting in (
        ("phantom T1", t1_axial(), Weighting.T1),
        ("phantom EPI", bold_epi(volumes=1), Weighting.T2),
    ):
        sessions.append((name, _phantom(flair_axial(), 5), _phantom(prescription, 5), weighting))
    for visit in (1, 2):
        if (REAL / PATIENT / f"study{visit}_T1W.nii.gz").is_file():
            pair = [_nifti(REAL / PATIENT / f"study{visit}_{kind}.nii.gz") for kind in ("FLAIR", "T1W")]
            volumes = [Volume(data=d, affine=g.affine, series_instance_uid=str(n)) for n, (d, g) in enumerate(pair)]
            sessions.append((f"12* visit {visit} T1", volumes[0], volumes[1], Weighting.T1))
    return sessions


def _phantom(prescription: Prescription, seed: int, visit: Visit | None = None) -> Volume:
    scan = acquire(head(visit or Visit(), seed=seed), prescription, seed=seed)
    data = np.asarray(scan.data if scan.data.ndim == 3 else scan.data[..., 0], dtype=np.float32)
    return Volume(data=data, affine=scan.affine, series_instance_uid="phantom")


def _kind(weighting: Weighting) -> SeriesKind:
    return SeriesKind(weighting=weighting, plane=Plane.AXIAL, region=Region.BRAIN)


def _theirs(name: str) -> np.ndarray | None:
    """Return the database's own map, FLAIR to T1 in RAS+ mm; it carries scales of up to half a percent."""
    if not name.startswith("12*"):
        return None
    text = (REAL / PATIENT / f"study{name[10]}_T1W_intrastudy_to_FLAIR.txt").read_text(encoding="ascii")
    lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    values, centre = (np.array(lines[key].split(), float) for key in ("Parameters", "FixedParameters"))
    lps = np.eye(4)
    lps[:3, :3] = values[:9].reshape(3, 3)
    lps[:3, 3] = values[9:] + centre - lps[:3, :3] @ centre
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    return flip @ lps @ flip


def _honesty(lines: list[dict]) -> list[Row]:
    """Compare true errors with the stated uncertainty, where it is easy and where it is not."""
    cases = {"known maps": [(one["error_mm"], one["uncertainty_mm"]) for one in lines]}
    for name in (
        "noise 8 %",
        "slab of 20 slices",
        "lesions of 6 to 12 mm",
        "phantom T1 on FLAIR",
        "phantom EPI on FLAIR",
    ):
        cases[name] = [_trial(name, number) for number in range(max(2, min(6, PAIRS // 10)))]
    rows = []
    for name, found in cases.items():
        errors, stated = np.array(found).T
        rows.append(
            {
                "what": f"uncertainty, {name}",
                "pairs": len(found),
                "mean_mm": round(float(errors.mean()), 4),
                "worst_mm": round(float(errors.max()), 4),
                "stated_mean_mm": round(float(stated.mean()), 4),
                "covered": round(float(np.mean(errors <= COVERED[0] * stated + COVERED[1])), 2),
            }
        )
    return rows


def _trial(name: str, number: int) -> tuple[float, float]:
    """Return the true error and the stated uncertainty of one hard case."""
    rng = np.random.default_rng([number, 9])
    if name.startswith("phantom"):
        turn = tuple(rng.uniform(-8, 8, 3))
        shift = tuple(rng.uniform(-8, 8, 3))
        visit = Visit(rotation_deg=turn, translation_mm=shift)
        fixed = _phantom(flair_axial(), 11 + number)
        moving = _phantom(t1_axial() if "T1" in name else bold_epi(volumes=1), 11 + number, visit)
        truth = inverse(visit.pose)
        pictures = picture(fixed.data, fixed.affine, 1.2), picture(moving.data, moving.affine, 1.2)
    else:
        sources = _sources()
        data, grid = sources[number % len(sources)]
        changed = _with_lesions(data, grid, rng) if name.startswith("lesions") else data
        noise = 0.08 if name.startswith("noise") else 0.02
        moved, at, truth = _disturbed(changed, grid, 14.0, 10.0, rng, noise)
        affine, part = grid.affine, data
        if name.startswith("slab"):
            first = data.shape[2] // 2 - 10
            part, start = data[:, :, first : first + 20], np.eye(4)
            start[2, 3] = first
            affine = grid.affine @ start
        pictures = picture(moved, at, 1.2), picture(part, affine, 1.2)
    fit = align(*pictures, thorough=False)
    return mean_displacement_mm(fit.matrix, truth, pictures[1].points), fit.uncertainty_mm


def _with_lesions(data: np.ndarray, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Return the picture with 25 bright and 5 dark balls that the other visit does not have."""
    index = np.argwhere(foreground(data))
    changed = data.copy()
    for number, centre in enumerate(index[rng.choice(len(index), 30)]):
        reach = np.ceil(8.0 / np.array(grid.spacing_mm)).astype(int)
        box = tuple(slice(max(0, c - r), c + r + 1) for c, r in zip(centre, reach, strict=True))
        offsets = np.stack(
            np.meshgrid(
                *[np.arange(b.start, min(b.stop, n)) for b, n in zip(box, data.shape, strict=True)], indexing="ij"
            ),
            -1,
        )
        away = np.linalg.norm((offsets - centre) * np.array(grid.spacing_mm), axis=-1)
        changed[box][away < rng.uniform(3.0, 6.0)] *= 1.6 if number < 25 else 0.5
    return changed
