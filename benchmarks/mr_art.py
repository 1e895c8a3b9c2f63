"""A verdict learned on MRIQC's measures of MR-ART (expert scores), beside MRIQC's random forest, folds by person.

217 T1-weighted scans of 75 people on one scanner, with and without motion on command; an expert scored them 1 good,
2 medium, 3 bad. "bad": 3 against 1 and 2, the question of a repeat. "not good": 2 and 3 against 1. Scores are out of
fold (ten folds, all scans of a person in one, five shuffles, the same folds for every row); the area under the curve
and the recall at 5 % false repeats are means over the shuffles, with a 95 % interval of a bootstrap over people.
`false repeats, set before` is what became of 5 % when the threshold was taken from the training folds.

Bars: AUC and recall not below the forest's (interval of the difference above -0.02 and -0.05). The ceiling is the
rater: on ABIDE two raters agree in 79 % (kappa 0.53), and there the forest finds 20 to 30 % of the bad scans of a new
site at 5 % false repeats. MR-ART is easier (motion on command, one scanner, one contrast): its numbers say that the
measures carry the information, not that a threshold travels. So no weights are shipped: a site learns its own baseline.
Peer: set MRILOOP_PEER_MRIQC to a Python with scikit-learn; forest with the settings that mriqc-learn publishes.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

REAL = Path(os.environ.get("MRILOOP_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
FOLDER = REAL / "28_mrart_iqm_labels"
PEER = os.environ.get("MRILOOP_PEER_MRIQC")
FOLDS, SHUFFLES, BOOTSTRAPS, ALLOWED = 10, 5, 1000, 0.05
Array = npt.NDArray[np.float64]

# What physics says of each measure before any data: +1 rises with motion and noise, -1 falls. Others are not used.
DIRECTIONS = {
    "cjv": 1, "cnr": -1, "efc": 1, "fber": -1, "qi_1": 1, "qi_2": 1,
    "snr_csf": -1, "snr_gm": -1, "snr_wm": -1, "snr_total": -1,
    "snrd_csf": -1, "snrd_gm": -1, "snrd_wm": -1, "snrd_total": -1,
    "summary_bg_mad": 1, "summary_bg_mean": 1, "summary_bg_p95": 1, "summary_bg_stdv": 1,
    "summary_wm_mad": 1, "summary_wm_stdv": 1, "summary_gm_mad": 1, "summary_gm_stdv": 1,
    "tpm_overlap_csf": -1, "tpm_overlap_gm": -1, "tpm_overlap_wm": -1,
}  # fmt: skip
SHORT = ("snr_total", "cjv", "efc", "fber", "summary_bg_stdv", "qi_2")
RIDGE = 2.0

_FOREST = """
import sys, numpy as np
from sklearn.ensemble import RandomForestClassifier
folder = sys.argv[1]
x, labels, folds = (np.load(f"{folder}/{name}.npy") for name in ("x", "labels", "folds"))
scores = np.zeros((len(labels), *folds.shape))
for q, y in enumerate(labels):
    for s, fold in enumerate(folds):
        for k in np.unique(fold):
            forest = RandomForestClassifier(n_estimators=400, max_depth=10, max_features="sqrt", min_samples_leaf=10,
                                            min_samples_split=10, random_state=s)
            forest.fit(x[fold != k], y[fold != k])
            scores[q, s, fold == k] = forest.predict_proba(x[fold == k])[:, 1]
np.save(f"{folder}/scores.npy", scores)
"""


def run() -> list[dict[str, object]]:
    """Return one row for each model and question; nothing where the table is not on this machine."""
    if not FOLDER.is_dir():
        return []
    names, x, grades, people = _table()
    rng = np.random.default_rng(28)
    order = [rng.permutation(len(set(people))) % FOLDS for _ in range(SHUFFLES)]
    _, person = np.unique(people, return_inverse=True)
    folds = np.array([each[person] for each in order])
    questions = {"bad": grades == 3, "not good": grades >= 2}
    forest = _forest(x, list(questions.values()), folds)
    rows: list[dict[str, object]] = []
    for number, (question, bad) in enumerate(questions.items()):
        signs = np.array([DIRECTIONS.get(name, 0) for name in names])
        few = np.array([DIRECTIONS[name] if name in SHORT else 0 for name in names])
        models: dict[str, tuple[int, Array, str]] = {}
        for name, chosen in (("monotone logistic", signs), ("monotone logistic, short list", few)):
            scores, told = _out_of_fold(x, bad, folds, chosen)
            models[name] = (int(np.count_nonzero(chosen)), scores, told)
        single = names.index("snr_total")
        models["snr_total alone"] = (1, np.tile(-x[:, single], (SHUFFLES, 1)), "")
        if forest is not None:
            models["MRIQC's random forest"] = (len(names), forest[number], "")
        reference = models.get("MRIQC's random forest")
        for name, (count, scores, told) in models.items():
            rows.append(_row(question, name, count, scores, told, bad, person, reference[1] if reference else None))
    if forest is None:
        rows.append({"question": "peer not run: set MRILOOP_PEER_MRIQC to a Python with scikit-learn"})
    rows.append({"question": "rater ceiling", "model": "two raters, ABIDE: agree in 79 %, kappa 0.53"})
    return rows


def _row(
    question: str, name: str, count: int, scores: Array, told: str, bad: npt.NDArray[np.bool_], person: Array,
    reference: Array | None,
) -> dict[str, object]:  # fmt: skip
    measures: tuple[Callable[[Array, npt.NDArray[np.bool_]], float], ...] = (_auc, _recall)
    values = [float(np.mean([take(one, bad) for one in scores])) for take in measures]
    mine, lead = _bootstrap(scores, reference, bad, person, measures)
    row: dict[str, object] = {"question": question, "model": name, "measures": count}
    for title, value, spread in zip(("AUC", "recall at 5 % false repeats"), values, mine, strict=True):
        row[title] = f"{value:.3f} ({spread[0]:.3f} to {spread[1]:.3f})"
    row["false repeats, set before"] = told
    same = reference is None or scores is reference
    row["AUC over the forest's"] = "" if same else f"{lead[0][0]:+.3f} to {lead[0][1]:+.3f}"
    row["recall over the forest's"] = "" if same else f"{lead[1][0]:+.3f} to {lead[1][1]:+.3f}"
    return row


def _table() -> tuple[list[str], Array, Array, list[str]]:
    """Return names and values of the measures, the experts' grades, and who was scanned."""
    with (FOLDER / "scores_dev.tsv").open(encoding="utf-8") as file:
        grades = {row["bids_name"]: int(row["score"]) for row in csv.DictReader(file, delimiter="\t")}
    found = []
    for path in sorted(FOLDER.glob("mriqc*/*/anat/*_T1w.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        values = {k: v for k, v in content.items() if isinstance(v, int | float) and not k.startswith(("size", "spac"))}
        if path.stem in grades:
            found.append((path.stem.split("_")[0], values, grades[path.stem]))
    names = sorted(found[0][1])
    x = np.array([[values[name] for name in names] for _, values, _ in found])
    return names, x, np.array([grade for *_, grade in found]), [who for who, *_ in found]


def _out_of_fold(x: Array, bad: npt.NDArray[np.bool_], folds: Array, signs: Array) -> tuple[Array, str]:
    """Return scores of each shuffle, and the false repeats at a threshold that 5 % of the training scans passed."""
    scores = np.zeros(folds.shape)
    flagged = 0
    for number, fold in enumerate(folds):
        for k in range(FOLDS):
            test = fold == k
            model = learn(x[~test], bad[~test], signs)
            scores[number, test] = model(x[test])
            threshold = np.quantile(model(x[~test])[~bad[~test]], 1 - ALLOWED)
            flagged += int((model(x[test])[~bad[test]] > threshold).sum())
    return scores, f"{100 * flagged / (SHUFFLES * int((~bad).sum())):.1f} %"


def learn(x: Array, bad: npt.NDArray[np.bool_], signs: Array) -> Callable[[Array], Array]:
    """Fit a ridge logistic regression whose weights may not contradict `signs`; return the function that scores scans.

    Measures are signed logarithms in robust units of the good training scans; a measure with sign 0 is left out. No
    measure that gets worse can make a scan better, which is why this form may carry a verdict at all.
    """
    used = signs != 0

    def shape(values: Array) -> Array:
        return np.arcsinh(values[:, used]) * signs[used]

    centre = np.median(shape(x[~bad]), axis=0)
    spread = 1.4826 * np.median(np.abs(shape(x[~bad]) - centre), axis=0) + 1e-9

    def features(values: Array) -> Array:
        return np.clip((shape(values) - centre) / spread, -5, 10)

    known, sides = features(x), np.where(bad, 1.0, -1.0)

    def loss(weights: Array) -> tuple[float, Array]:
        margin = sides * (known @ weights[1:] + weights[0])
        slope = -sides / (1 + np.exp(np.clip(margin, -50, 50)))
        value = np.logaddexp(0, -margin).sum() + 0.5 * RIDGE * (weights[1:] ** 2).sum()
        return float(value), np.concatenate([[slope.sum()], known.T @ slope + RIDGE * weights[1:]])

    bounds = [(None, None), *[(0.0, None)] * int(used.sum())]
    found = minimize(loss, np.zeros(1 + int(used.sum())), jac=True, method="L-BFGS-B", bounds=bounds).x
    return lambda values: np.asarray(features(values) @ found[1:] + found[0])


def _forest(x: Array, labels: list[npt.NDArray[np.bool_]], folds: Array) -> Array | None:
    if PEER is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (("x", x), ("labels", np.array(labels)), ("folds", folds)):
            np.save(Path(folder) / f"{name}.npy", content)
        subprocess.run([PEER, "-c", _FOREST, folder], check=True)
        return np.asarray(np.load(Path(folder) / "scores.npy"))


def _auc(scores: Array, bad: npt.NDArray[np.bool_]) -> float:
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    positive = int(bad.sum())
    return float((ranks[bad].sum() - positive * (positive + 1) / 2) / (positive * (len(bad) - positive)))


def _recall(scores: Array, bad: npt.NDArray[np.bool_]) -> float:
    """Share of the bad that lie above all but 5 % of the others."""
    others = np.sort(scores[~bad])[::-1]
    return float((scores[bad] > others[int(ALLOWED * len(others))]).mean())


def _bootstrap(
    scores: Array, reference: Array | None, bad: npt.NDArray[np.bool_], person: Array,
    measures: tuple[Callable[[Array, npt.NDArray[np.bool_]], float], ...],
) -> tuple[list[Array], list[Array]]:  # fmt: skip
    """Return 95 % intervals over people: of each measure, and of its lead over the reference's, on the same people."""
    rng = np.random.default_rng(5)
    scans = [np.flatnonzero(person == one) for one in range(int(person.max()) + 1)]
    mine, lead = [], []
    for number in range(BOOTSTRAPS):
        drawn = np.concatenate([scans[one] for one in rng.integers(0, len(scans), len(scans))])
        shuffle = number % len(scores)
        own = [take(scores[shuffle, drawn], bad[drawn]) for take in measures]
        other = own if reference is None else [take(reference[shuffle, drawn], bad[drawn]) for take in measures]
        mine.append(own)
        lead.append(np.subtract(own, other))
    return list(np.percentile(mine, [2.5, 97.5], axis=0).T), list(np.percentile(lead, [2.5, 97.5], axis=0).T)
