"""Invents pairs of visits, fits the score of candidate changes, writes it: `python -m training.lesions --help`."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from training.lesions import learn, sources
from training.lesions.fates import fates_in, table
from training.lesions.learn import Examples
from training.lesions.scenes import Scene, invent, positions, truth_on

from mriloop.imaging.change_candidates import EVERYWHERE, FEATURES, Proposing, propose, setting
from mriloop.imaging.change_evidence import evidence
from mriloop.imaging.normalise import Visits
from mriloop.imaging.resample import Grid, apply, inverse
from mriloop.imaging.voxels import ndimage
from mriloop.stages.compare.change import meet_halfway

PAIRS = 64
PHANTOMS = 4
STILL = 5  # of so many pairs one holds no change at all
LEAST_MM3 = 14.1  # a sphere of 3 mm
NULL_BAR = 0.15  # false candidates a pair where nothing changed: half of what is allowed


def main(arguments: list[str] | None = None) -> int:
    """Run the steps that the arguments ask for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.lesions", description=__doc__)
    parser.add_argument("--volumes", type=Path, nargs="*", default=[], help="folders of FLAIR and T1 volumes (NIfTI)")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--cache", type=Path, required=True, help="a folder: one .npz per pair, read if it is there")
    parser.add_argument("--without", help="leave this subject out of the fit: for a test on its own visits")
    parser.add_argument("--fates", action="store_true", help="tell what the list calls the planted lesions, and stop")
    parser.add_argument("--out", type=Path, help="the .npz of curves to write")
    given = parser.parse_args(arguments)
    given.cache.mkdir(parents=True, exist_ok=True)
    paths = [given.cache / f"{number:04d}.npz" for number in range(given.pairs)]
    _draw(given.volumes, paths, given.seed)
    examples, pairs = gather(paths)
    if given.fates:
        print(json.dumps(fates(paths, examples, train(examples, pairs)[0].keep), indent=1))
        return 0
    score, report = train(examples, pairs, without=given.without)
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


def _draw(volumes: list[Path], paths: list[Path], seed: int) -> None:
    """Invent the pairs that are not there yet: phantoms and, where there are volumes, real heads in turn."""
    if all(path.is_file() for path in paths):
        return
    real = [base for root in volumes for base in sources.folders(root, np.random.default_rng(seed))]
    for number, path in enumerate(paths):
        if path.is_file():
            continue
        rng = np.random.default_rng([seed, number])
        if real and number % 2 == 0:
            base = real[number // 2 % len(real)]
        else:
            base = sources.phantom_base(200 + number // 2 % PHANTOMS, rng)
        still = number % STILL == STILL - 1
        harsh = float(rng.choice([0.5, 1.0, 1.6]))
        write(invent(base, rng, changes=(0, 1) if still else (2, 14), harsh=harsh), path)


def write(scene: Scene, path: Path) -> None:
    """Keep what a pair looks like half-way, and its truth."""
    visits, half = meet_halfway(scene.today, scene.prior, scene.alignment)
    more, less = truth_on(scene, visits.grid, half)
    placed = positions(scene)
    there = inverse(half @ visits.grid.affine)
    rows = [[one.prior.sum(), one.today.sum()] for one, _ in placed]
    places = apply(there, np.array([place for _, place in placed]).reshape(-1, 3))
    temporary = path.with_suffix(".part.npz")
    np.savez(
        temporary,
        subject=scene.subject,
        setting=scene.setting,
        today=visits.today.astype(np.float16),
        prior=visits.prior.astype(np.float16),
        mask=visits.mask,
        affine=visits.grid.affine,
        gain=visits.gain,
        more=more,
        less=less,
        fate=np.array([one.fate for one, _ in placed], "U10"),
        planted_ml=np.array(rows).reshape(-1, 2) * scene.base.grid.voxel_ml,
        place=places,
    )
    temporary.rename(path)


def visits_of(held: np.lib.npyio.NpzFile) -> Visits:
    """Return the two visits that a pair's file holds."""
    today, prior = (held[name].astype(np.float32) for name in ("today", "prior"))
    shape = today.shape
    grid = Grid(shape=(shape[0], shape[1], shape[2]), affine=held["affine"])
    return Visits(today=today, prior=prior, mask=held["mask"], grid=grid, gain=float(held["gain"]))


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """What a pair held: the sizes (mm3) of its changes, and its setting ("one scanner" or "two scanners", voxels)."""

    sizes: np.ndarray
    setting: str


def gather(paths: list[Path]) -> tuple[Examples, list[Pair]]:
    """Return the candidates of all pairs with their truth, and the pairs."""
    parts: dict[str, list[np.ndarray]] = {k: [] for k in ("features", "truth", "pair", "subject", "met")}
    pairs = []
    for number, path in enumerate(paths):
        with np.load(path, allow_pickle=False) as held:
            table = label(visits_of(held), held["more"], held["less"])
            count = len(table["truth"])
            pairs.append(Pair(sizes=table["sizes"], setting=str(held["setting"])))
            for name in ("features", "truth", "met"):
                parts[name].append(table[name])
            parts["pair"].append(np.full(count, number))
            parts["subject"].append(np.full(count, str(held["subject"])))
    whole = {k: np.concatenate(v) for k, v in parts.items()}
    return Examples(weight=np.ones(len(whole["truth"])), **whole), pairs


def train(
    examples: Examples, pairs: list[Pair], *, without: object = None
) -> tuple[learn.ChangeScore, dict[str, object]]:
    """Return the score fitted to all, its threshold set on heads that it had not seen, and what those showed."""
    held = held_out(examples)
    everything = range(len(pairs))
    rows = [
        (float(keep), counts(examples, held, pairs, everything, float(keep))) for keep in np.linspace(0.2, 0.97, 78)
    ]
    allowed = [row for row in rows if row[1]["false_per_still_pair"] <= NULL_BAR] or rows[-1:]
    keep, best = max(allowed, key=lambda row: row[1]["f1"])
    score = replace(learn.fit(chosen(known(examples), known(examples).subject != without)), keep=round(keep, 2))
    met = {(p, m) for p, m in zip(examples.pair, examples.met, strict=True) if m >= 0}
    large = _large(pairs, everything)
    report: dict[str, object] = {
        "pairs": len(pairs),
        "candidates": len(examples.truth),
        "changed": int((examples.truth == 1).sum()),
        "proposed": round(len(met & large) / max(len(large), 1), 3),
        "keep": score.keep,
        **best,
    }
    for words in sorted({word for pair in pairs for word in pair.setting.split(", ")}):
        inside = [n for n, pair in enumerate(pairs) if words in pair.setting.split(", ")]
        report[words] = {"pairs": len(inside), **counts(examples, held, pairs, inside, keep)}
    return score, report


def chosen(examples: Examples, rows: np.ndarray) -> Examples:
    """Return some of the examples."""
    return Examples(**{k: getattr(examples, k)[rows] for k in Examples.__dataclass_fields__})


def known(examples: Examples) -> Examples:
    """Return the examples whose truth is clear."""
    return chosen(examples, examples.truth >= 0)


def held_out(examples: Examples) -> np.ndarray:
    """Return the probability of every example by a model that has not seen its subject."""
    found = np.zeros(len(examples.truth))
    for subject in np.unique(examples.subject):
        mine = examples.subject == subject
        found[mine] = learn.fit(known(chosen(examples, ~mine))).probability(examples.features[mine])
    return found


def fates(paths: list[Path], examples: Examples, keep: float) -> Mapping[str, dict[str, int]]:
    """Return what planted lesions are called, in every pair by a model that had not seen its head."""
    rows = []
    for subject in np.unique(examples.subject):
        mine = examples.subject == subject
        score = replace(learn.fit(known(chosen(examples, ~mine))), keep=keep)
        for number in np.unique(examples.pair[mine]):
            with np.load(paths[number], allow_pickle=False) as held:
                rows += fates_in(visits_of(held), score, [str(f) for f in held["fate"]], held["place"])
    return table(rows)


def _large(pairs: list[Pair], inside: Iterable[int]) -> set[tuple[int, int]]:
    return {(pair, n) for pair in inside for n, size in enumerate(pairs[pair].sizes) if size >= LEAST_MM3}


def counts(
    examples: Examples, held: np.ndarray, pairs: list[Pair], inside: Iterable[int], keep: float
) -> dict[str, float]:
    """Return what a threshold finds in some pairs, and what it lists that is none."""
    inside = list(inside)
    still = [n for n in inside if not len(pairs[n].sizes)]
    kept = (held >= keep) & np.isin(examples.pair, inside)
    wrong = kept & (examples.truth == 0)
    hit = {(p, m) for p, m in zip(examples.pair[kept], examples.met[kept], strict=True) if m >= 0}
    large = _large(pairs, inside)
    sensitivity = len(hit & large) / max(len(large), 1)
    precision = 1.0 - float(wrong.sum()) / max(int(kept.sum()), 1)
    return {
        "changes": len(large),
        "sensitivity": round(sensitivity, 3),
        "false_per_pair": round(float(wrong.sum()) / max(len(inside), 1), 2),
        "f1": round(2 * sensitivity * precision / max(sensitivity + precision, 1e-9), 3),
        "false_per_still_pair": round(float(np.isin(examples.pair[wrong], still).sum()) / max(len(still), 1), 3),
    }


if __name__ == "__main__":
    raise SystemExit(main())
