"""Begins a response history from what was measured: sizes are filled in, what only a person can say is left open."""

from __future__ import annotations

from collections.abc import Sequence
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

    One target for each lesion, one visit for each study, oldest first. A visit without an outline of a lesion says
    that it was not assessed, never that it is gone.
    """
    dated = [one for one in measured if one.at is not None]
    if not dated:
        return None
    lesions = list(dict.fromkeys(one.label for one in dated))
    studies = sorted({(one.at, one.study) for one in dated if one.at is not None}, key=lambda pair: pair[0])
    content: dict[str, Any] = {
        "criteria": "recist-1.1",
        "lesions": [{"id": label, "role": "target"} for label in lesions],
        "visits": [
            {
                "id": f"visit {number}",
                "date": at.date(),
                "non_target": "not assessed",
                "new_lesions": "unknown",
                "lesions": {
                    label: _size(next((one for one in dated if one.study == study and one.label == label), None))
                    for label in lesions
                },
            }
            for number, (at, study) in enumerate(studies, start=1)
        ],
    }
    return _HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


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
