"""Invents pairs of visits, fits the score of candidate changes, writes it: `python -m training.lesions --help`."""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from training.lesions import learn, sources
from training.lesions.learn import Examples
from training.lesions.scenes import Scene, invent, truth_on

from mriloop.imaging.change_candidates import EVERYWHERE, FEATURES, Proposing, propose, setting
from mriloop.imaging.change_evidence import evidence
from mriloop.imaging.normalise import Visits
from mriloop.imaging.voxels import ndimage
from mriloop.stages.compare.change import meet_halfway

PHANTOMS = 4
STILL = 5  # of so many pairs one holds no change at all
LEAST_MM3 = 14.1  # a sphere of 3 mm
NULL_BAR = 0.15  # false candidates a pair where nothing changed: half of what is allowed


def main(arguments: list[str] | None = None) -> int:
    """Run the steps that the arguments ask for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.lesions", description=__doc__)
    parser.add_argument("--volumes", type=Path, help="a folder of FLAIR and T1 volumes (NIfTI), one folder per subject")
    parser.add_argument("--pairs", type=int, default=90)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--cache", type=Path, required=True, help="a folder: one .npz per pair, read if it is there")
    parser.add_argument(
        "--only", type=int, nargs=2, help="draw the pairs from .. to .. into the cache, and fit nothing"
    )
    parser.add_argument("--out", type=Path, help="the .npz of curves to write")
    given = parser.parse_args(arguments)
    given.cache.mkdir(parents=True, exist_ok=True)
    first, last = given.only or (0, given.pairs)
    _draw(given.volumes, range(first, last), given.seed, given.cache)
    if given.only:
        return 0
    examples, missed = gather(given.cache)
    score, report = train(examples, missed)
    if given.out:
        np.savez_compressed(
            given.out,
            names=np.array(score.names),
            knots=score.knots,
            heights=score.heights,
            offset=score.offset,
            keep=score.keep,
        )
        report["sha256"] = hashlib.sha256(given.out.read_bytes()).hexdigest()
    print(json.dumps(report, indent=1))
    return 0


def _draw(volumes: Path | None, numbers: range, seed: int, cache: Path) -> None:
    """Write the examples of each pair: phantoms and, where there are volumes, real heads in turn."""
    wanted = [n for n in numbers if not (cache / f"{n:04d}.npz").is_file()]
    if not wanted:
        return
    real = list(sources.folders(volumes, np.random.default_rng(seed))) if volumes else []
    for number in wanted:
        rng = np.random.default_rng([seed, number])
        if real and number % 2 == 0:
            base = real[number // 2 % len(real)]
        else:
            base = sources.phantom_base(200 + number // 2 % PHANTOMS, rng)
        still = number % STILL == STILL - 1
        harsh = float(rng.choice([0.5, 1.0, 1.6]))
        scene = invent(base, rng, changes=(0, 1) if still else (2, 14), harsh=harsh)
        np.savez_compressed(cache / f"{number:04d}.npz", subject=scene.subject, **examples_of(scene))


def examples_of(scene: Scene) -> dict[str, np.ndarray]:
    """Return the candidates of an invented pair with their truth, and the sizes of the changes that there were."""
    visits, half = meet_halfway(scene.today, scene.prior, scene.alignment)
    more, less = truth_on(scene, visits.grid, half)
    return label(visits, more, less)


def label(visits: Visits, more: np.ndarray, less: np.ndarray) -> dict[str, np.ndarray]:
    """Return features, truth (1 changed, 0 not, -1 touches a change too little to say) and which change each met."""
    seen = evidence(visits)
    around = setting(seen, visits)
    features, truth, met, sizes = [], [], [], []
    for brighter_today, changed in ((True, more), (False, less)):
        labels, count = ndimage.label(changed, EVERYWHERE)
        near = ndimage.binary_dilation(changed, EVERYWHERE)
        first = len(sizes)
        sizes += list(np.bincount(labels.ravel(), minlength=count + 1)[1:] * visits.grid.voxel_ml * 1000.0)
        for one in propose(seen, visits, Proposing(), around, brighter_today=brighter_today):
            inside = labels[one.box][one.part]
            share, beside = float((inside > 0).mean()), float(near[one.box][one.part].mean())
            features.append(one.features)
            truth.append(1 if share >= 0.2 else -1 if share > 0 or beside > 0.2 else 0)
            met.append(first + int(np.bincount(inside[inside > 0]).argmax()) - 1 if (inside > 0).any() else -1)
    return {
        "features": np.array(features).reshape(-1, len(FEATURES)),
        "truth": np.array(truth, int),
        "met": np.array(met, int),
        "sizes": np.array(sizes, float),
    }


def gather(cache: Path) -> tuple[Examples, dict[int, np.ndarray]]:
    """Return all examples of a cache, and per pair the sizes (mm3) of its changes."""
    parts: dict[str, list[np.ndarray]] = {k: [] for k in ("features", "truth", "pair", "subject", "met")}
    sizes = {}
    for number, path in enumerate(sorted(cache.glob("*.npz"))):
        with np.load(path, allow_pickle=False) as held:
            count = len(held["truth"])
            sizes[number] = held["sizes"]
            parts["features"].append(held["features"])
            parts["truth"].append(held["truth"])
            parts["met"].append(held["met"])
            parts["pair"].append(np.full(count, number))
            parts["subject"].append(np.full(count, str(held["subject"])))
    whole = {k: np.concatenate(v) for k, v in parts.items()}
    return Examples(weight=np.ones(len(whole["truth"])), **whole), sizes


def train(examples: Examples, sizes: dict[int, np.ndarray]) -> tuple[learn.ChangeScore, dict[str, object]]:
    """Return the score fitted to all, its threshold set on heads that it had not seen, and what those showed."""
    held = held_out(examples)
    still = {pair for pair, found in sizes.items() if not len(found)}
    rows = []
    for keep in np.linspace(0.2, 0.97, 78):
        rows.append((keep, *counts(examples, held, sizes, still, float(keep))))
    allowed = [row for row in rows if row[4] <= NULL_BAR] or rows[-1:]
    best = max(allowed, key=lambda row: row[3])
    score = replace(learn.fit(known(examples)), keep=float(best[0]))
    report: dict[str, object] = {
        "pairs": len(sizes),
        "candidates": len(examples.truth),
        "changed": int((examples.truth == 1).sum()),
        "keep": round(float(best[0]), 3),
        "sensitivity": round(best[1], 3),
        "false_per_pair": round(best[2], 2),
        "f1": round(best[3], 3),
        "false_per_still_pair": round(best[4], 3),
    }
    return score, report


def known(examples: Examples) -> Examples:
    """Return the examples whose truth is clear."""
    chosen = examples.truth >= 0
    return Examples(**{k: getattr(examples, k)[chosen] for k in Examples.__dataclass_fields__})


def held_out(examples: Examples) -> np.ndarray:
    """Return the probability of every example by a model that has not seen its subject."""
    found = np.zeros(len(examples.truth))
    for subject in np.unique(examples.subject):
        others = examples.subject != subject
        rest = Examples(**{k: getattr(examples, k)[others] for k in Examples.__dataclass_fields__})
        found[~others] = learn.fit(known(rest)).probability(examples.features[~others])
    return found


def counts(
    examples: Examples, held: np.ndarray, sizes: dict[int, np.ndarray], still: set[int], keep: float
) -> tuple[float, float, float, float]:
    """Return sensitivity, false candidates a pair, F1, and false candidates a pair where nothing changed."""
    kept = held >= keep
    wrong = kept & (examples.truth == 0)
    hit = {(p, m) for p, m in zip(examples.pair[kept], examples.met[kept], strict=True) if m >= 0}
    large = {(pair, n) for pair, found in sizes.items() for n, size in enumerate(found) if size >= LEAST_MM3}
    sensitivity = len(hit & large) / max(len(large), 1)
    precision = 1.0 - wrong.sum() / max(kept.sum(), 1)
    f1 = 2 * sensitivity * precision / max(sensitivity + precision, 1e-9)
    quiet = float(np.isin(examples.pair[wrong], list(still)).sum()) / max(len(still), 1)
    return sensitivity, float(wrong.sum()) / max(len(sizes), 1), f1, quiet


if __name__ == "__main__":
    raise SystemExit(main())
