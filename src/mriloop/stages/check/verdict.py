"""From defects to a verdict: one monotone rule: another defect, or a worse one, never improves it."""

from __future__ import annotations

from collections.abc import Sequence

from mriloop.model.coding import Subject, Weighting
from mriloop.model.quality import Defect, Evidence, SeriesKind, Severity, Verdict
from mriloop.stages.check.defects import BY_CODE, defect, number
from mriloop.stages.check.limits import SHIPPED, Limits

ORDER = (Verdict.ACCEPTABLE, Verdict.LIMITED, Verdict.REPEAT)
_COMPLETENESS = frozenset(
    {"missing_slices", "maybe_missing_slices", "short_volume", "stopped_early", "missing_parts", "blank_slice",
     "blank_volume", "identical_slices"}
)  # fmt: skip
_RANK = {Severity.INFO: 0, Severity.MINOR: 1, Severity.MAJOR: 2}


def verdict_of(kind: SeriesKind, defects: Sequence[Defect], *, computed: bool, seen: bool) -> Verdict:
    """Return the verdict of a series from its defects.

    NOT_AN_IMAGE for objects without a picture. NOT_ASSESSABLE for phantoms, empty scans and localizers, whatever else
    is wrong, and for series whose pictures could not be seen, unless what is missing already asks for more. Computed
    series: LIMITED when not complete, else NOT_ASSESSABLE (they are computed again, not scanned again). All others:
    REPEAT with any major defect, LIMITED with any minor one, else ACCEPTABLE. Adding a defect, or raising its severity,
    never improves the answer.
    """
    if kind.object is Subject.NOT_AN_IMAGE:
        return Verdict.NOT_AN_IMAGE
    if kind.object in (Subject.PHANTOM, Subject.NONE) or kind.weighting is Weighting.LOCALIZER:
        return Verdict.NOT_ASSESSABLE
    if kind.weighting is Weighting.SCREENSHOT or any(d.code == "not_mr" for d in defects):
        return Verdict.NOT_ASSESSABLE
    worst = max((_RANK[d.severity] for d in defects), default=0)
    if computed:
        lacking = max((_RANK[d.severity] for d in defects if d.code in _COMPLETENESS), default=0)
        return Verdict.LIMITED if lacking else Verdict.NOT_ASSESSABLE
    if not seen and worst == 0:
        return Verdict.NOT_ASSESSABLE
    return ORDER[worst]


def several_faults(defects: Sequence[Defect], limits: Limits = SHIPPED) -> list[Defect]:
    """Return the defect of a picture that has minor faults of several causes, or nothing.

    Counted are the causes (`DefectEntry.fault`) of all faults that are minor or worse, each once: ghosts and blur of
    one movement are one cause, too little signal is another. From `limits.minor_faults_spoil` causes on the series is
    to be repeated. Another fault, or a worse one, never takes a cause away.
    """
    causes: dict[str, str] = {}
    for one in defects:
        entry = BY_CODE.get(one.code)
        if entry is not None and entry.fault and one.severity is not Severity.INFO:
            causes.setdefault(entry.fault, one.code)
    if len(causes) < limits.minor_faults_spoil:
        return []
    named = ", ".join(BY_CODE[code].meaning for code in causes.values())
    return [
        defect(
            "several_faults",
            Severity.MAJOR,
            f"{len(causes)} faults of different causes in one series: {named}.",
            number("faults", len(causes), "{count}", limits.minor_faults_spoil),
            *(Evidence(name=cause, value=code, unit="") for cause, code in causes.items()),
        )
    ]


def worst_of(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict of a study: the worst of its assessed series; NOT_ASSESSABLE when none was assessed."""
    assessed = [v for v in verdicts if v in ORDER]
    return max(assessed, key=ORDER.index) if assessed else Verdict.NOT_ASSESSABLE
