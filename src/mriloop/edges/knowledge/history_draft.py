"""Begins a response history from what was measured: sizes are filled in, what only a person can say is left open."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import count
from typing import Any

import yaml

from mriloop.model.comparison import MeasuredOutline

_HEAD = """\
# Begun by `mriloop compare --mask`. Sizes come from the outlines. What only a person can say is left open: name the
# criteria, which lesions are targets and of which organ, non-targets, new lesions, clinical state, steroids.
# Then: mriloop response THIS_FILE
"""


def draft_history(measured: Sequence[MeasuredOutline]) -> str | None:
    """Return a history as YAML for `mriloop response`; None where no outline belongs to a visit with a date.

    One visit for each study, oldest first, and one target for each lesion (`MeasuredOutline.lesion`). Several outlines
    of one lesion at one visit are targets of their own, "T1 (1)" and "T1 (2)": nobody said that they may be added up,
    and which of them is which at another visit is for a person to say. A visit without an outline of a target says that
    it was not assessed, never that it is gone.
    """
    dated = [one for one in measured if one.at is not None]
    if not dated:
        return None
    studies = sorted({(one.at, one.study) for one in dated if one.at is not None})
    targets = _targets(dated)
    content: dict[str, Any] = {
        "criteria": "recist-1.1",
        "lesions": [{"id": name, "role": "target"} for name in targets],
        "visits": [
            {
                "id": f"visit {number}",
                "date": at.date(),
                "non_target": "not assessed",
                "new_lesions": "unknown",
                "lesions": {name: _size(by_study.get(study)) for name, by_study in targets.items()},
            }
            for number, (at, study) in enumerate(studies, start=1)
        ],
    }
    return _HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def _targets(dated: Sequence[MeasuredOutline]) -> dict[str, dict[str, MeasuredOutline]]:
    """Return the outline of each target at each visit, by a name that no other target has."""
    by_lesion: dict[str, dict[str, list[MeasuredOutline]]] = {}
    for one in dated:
        by_lesion.setdefault(one.lesion, {}).setdefault(one.study, []).append(one)
    found: dict[str, dict[str, MeasuredOutline]] = {}
    for by_study in by_lesion.values():
        label = next(iter(by_study.values()))[0].label
        most = max(map(len, by_study.values()))
        for place in range(most):
            name = _free(label if most == 1 else f"{label} ({place + 1})", found)
            found[name] = {study: ones[place] for study, ones in by_study.items() if place < len(ones)}
    return found


def _free(name: str, taken: Collection[str]) -> str:
    """Return the name, or with the first number behind it that nobody has: two lesions may carry one label."""
    return name if name not in taken else next(other for n in count(2) if (other := f"{name} ({n})") not in taken)


def _size(one: MeasuredOutline | None) -> Any:
    if one is None or one.longest_mm is None:
        return "not assessed"
    size: dict[str, Any] = {"longest": round(one.longest_mm, 1)}
    if one.perpendicular_mm is not None:
        size["perpendicular"] = round(one.perpendicular_mm, 1)
    size["volume"] = f"{one.volume_ml:.3f} mL"
    if one.slices is not None:
        size["slices"] = one.slices
    return size
