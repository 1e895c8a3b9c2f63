"""The operating point of CHECK: how many untouched clinical series it would have repeated, with an exact 95 % bound.

Every series under the real inputs that gets a verdict, save those whose fault is known and real (deliberate motion, a
slice that is missing). Each of them was acquired and kept by somebody, so that `repeat` is counted as false. `limited`
is no false repeat: somebody reads on, knowing. The bound is the upper end of a one-sided exact binomial interval. Bar:
at most 2 % false repeats; with as few series as these the bound is wide even at none.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from scipy.stats import beta

from mriloop.app.check import Judging
from mriloop.app.results import check_paths
from mriloop.model.quality import Verdict
from mriloop.settings import load
from mriloop.stages.check.verdict import ORDER

REAL = Path(os.environ.get("MRILOOP_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
FAULTY = ("01_", "03_", "04_siemens_mosaic_fmri_head_turn", "11_")
FIRST, LAST = "02_", "17_"


def run() -> list[dict[str, object]]:
    """Return one row for each weighting and one for all; nothing where the real inputs are not on this machine."""
    if not REAL.is_dir():
        return []
    found: Counter[tuple[str, Verdict]] = Counter()
    for folder in sorted(REAL.iterdir()):
        if not folder.is_dir() or not FIRST <= folder.name < LAST + "~" or folder.name.startswith((*FAULTY, "09_")):
            continue
        settings = load(os.environ, executor="serial")
        for study in check_paths([folder], settings, Judging.of(settings)).checks:
            found.update((str(one.kind.weighting), one.verdict) for one in study.series if one.verdict in ORDER)
    rows = [_row(name, [found[name, verdict] for verdict in ORDER]) for name in sorted({name for name, _ in found})]
    return [*rows, _row("all", [sum(found[name, v] for name in {n for n, _ in found}) for v in ORDER])]


def _row(name: str, counts: list[int]) -> dict[str, object]:
    series, repeats = sum(counts), counts[-1]
    bound = 1.0 if repeats == series else float(beta.ppf(0.95, repeats + 1, series - repeats))
    return {
        "weighting": name,
        "series": series,
        "acceptable": counts[0],
        "limited": counts[1],
        "false repeats": repeats,
        "rate": f"{100 * repeats / series:.1f} %",
        "95 % bound": f"{100 * bound:.0f} %",
    }
