"""Draws examples, fits the model and its folds, writes the weights: `python -m training.motion --help`."""

from __future__ import annotations

import argparse
import hashlib
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from training.motion import learn, sources
from training.motion.scenes import example
from training.motion.sources import Source

SHARE_REAL = 0.55


def main(arguments: list[str] | None = None) -> int:
    """Run the steps that the arguments ask for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.motion", description=__doc__)
    parser.add_argument("--volumes", type=Path, help="a folder with one folder per subject: DICOM or NIfTI")
    parser.add_argument("--bodies", type=int, default=4, help="phantom heads and feet to draw")
    parser.add_argument("--examples", type=int, default=2000, help="how many examples to draw")
    parser.add_argument("--cache", type=Path, help="a .npz of examples: read if it is there, else written")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folds", type=Path, help="write one model per real subject, which has not seen it, here")
    parser.add_argument("--small", action="store_true", help="two drawn bodies: a trial of the machinery")
    parser.add_argument("--out", type=Path, required=True, help="the .npz of weights to write")
    given = parser.parse_args(arguments)

    if given.cache and given.cache.is_file():
        table = load(given.cache)
    else:
        table = draw(gather(given.volumes, given.bodies, small=given.small), given.examples, given.seed, given.workers)
        if given.cache:
            save(given.cache, table)
    model, report = train(table, given.folds)
    np.savez_compressed(given.out, **model)
    report["sha256"] = hashlib.sha256(given.out.read_bytes()).hexdigest()
    print(json.dumps(report, indent=1))
    return 0


def gather(volumes: Path | None, bodies: int, *, small: bool = False) -> list[Source]:
    """Return the pictures to move."""
    found = list(sources.trial() if small else sources.phantoms(bodies))
    return found + (list(sources.folders(volumes)) if volumes else [])


_pictures: list[list[list[Source]]] = []


def _take(pictures: list[list[list[Source]]]) -> None:
    _pictures[:] = pictures


def _one(job: tuple[int, int]) -> tuple[str, bool, float, dict[str, float]] | None:
    rng = np.random.default_rng(job)
    kinds = [kind for kind in _pictures if kind]
    pool = kinds[0] if len(kinds) == 1 or rng.random() < SHARE_REAL else kinds[1]
    own = pool[int(rng.integers(len(pool)))]
    source = own[int(rng.integers(len(own)))]
    made = example(source, rng)
    return None if made is None else (source.group, source.real, made.moved_mm, made.along)


def draw(pictures: list[Source], count: int, seed: int, workers: int) -> learn.Table:
    """Return a table of `count` examples: real and drawn pictures alike, every subject alike; same seed, same table."""
    by_kind = [
        [[s for s in pictures if s.real == real and s.subject == subject] for subject in subjects]
        for real in (True, False)
        for subjects in [sorted({s.subject for s in pictures if s.real == real})]
    ]
    jobs = [(seed, number) for number in range(count)]
    if workers > 1:
        with ProcessPoolExecutor(workers, initializer=_take, initargs=(by_kind,)) as pool:
            made = list(pool.map(_one, jobs, chunksize=8))
    else:
        _take(by_kind)
        made = [_one(job) for job in jobs]
    rows = [one for one in made if one is not None]
    names = tuple(sorted({name for row in rows for name in row[3]}))
    return learn.Table(
        names=names,
        features=np.array([[row[3].get(name, np.nan) for name in names] for row in rows], dtype=np.float32).astype(
            float
        ),
        truth=np.array([row[2] for row in rows]),
        subject=np.array([row[0] for row in rows]),
        real=np.array([row[1] for row in rows]),
    )


def save(path: Path, table: learn.Table) -> None:
    """Write a table as plain arrays."""
    np.savez_compressed(
        path,
        names=np.array(table.names),
        features=table.features.astype(np.float32),
        truth=table.truth,
        subject=table.subject,
        real=table.real,
    )


def load(path: Path) -> learn.Table:
    """Read a table back."""
    with np.load(path, allow_pickle=False) as held:
        return learn.Table(
            names=tuple(str(n) for n in held["names"]),
            features=held["features"].astype(np.float64),
            truth=held["truth"],
            subject=held["subject"],
            real=held["real"],
        )


def train(table: learn.Table, folds: Path | None) -> tuple[learn.Arrays, dict[str, object]]:
    """Return the weights and what held-out subjects show; with `folds`, write the model without each real subject."""
    real = sorted(set(table.subject[table.real]))
    for name in real if folds else ():
        assert folds is not None
        folds.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folds / f"{name}.npz", **learn.fit(table.take(table.subject != name))[0])
    weights, held = learn.fit(table)
    drawn = len(set(table.subject[~table.real]))
    counts = {"examples": len(table.truth), "real": int(table.real.sum()), "subjects": len(real), "phantoms": drawn}
    return weights, counts | verdict(table, held.answers)


def verdict(table: learn.Table, answers: np.ndarray) -> dict[str, object]:
    """Return how the models do on the real examples that they have not seen."""
    chosen = table.real if table.real.any() else np.ones(len(table.truth), bool)
    truth, middle = table.truth[chosen], answers[chosen, 1]
    inside = (truth >= 0.5) & (truth <= 4)
    if not inside.any() or not (truth < 0.01).any() or not (truth >= 1.5).any():
        return {}
    higher = np.mean(middle[truth >= 1.5][:, None] > middle[truth < 0.01][None, :])
    spread = answers[chosen]
    return {
        "held_out_inside": round(float(((spread[:, 0] <= truth) & (truth <= spread[:, 2])).mean()), 3),
        "held_out_mean_width_mm": round(float((spread[:, 2] - spread[:, 0]).mean()), 2),
        "held_out_auc": round(float(higher), 3),
        "held_out_median_error_mm": round(float(np.median(np.abs(middle - truth)[inside])), 3),
    }


if __name__ == "__main__":
    raise SystemExit(main())
