"""The document mriloop/comparison/1."""

from __future__ import annotations

from mriloop.edges.publish.documents.plain import Document, number, point
from mriloop.model.comparison import Alignment, Change, Comparison


def comparison_document(comparison: Comparison) -> Document:
    """Return what `mriloop compare --json` prints. Positions are RAS+ millimetres in today's patient frame."""
    return {
        "schema": "mriloop/comparison/1",
        "today_study": comparison.today_study,
        "prior_studies": list(comparison.prior_studies),
        "pairs": [
            {
                "today": pair.today,
                "prior": pair.prior,
                "comparability": list(pair.comparability),
                "alignment": _alignment(pair.alignment),
            }
            for pair in comparison.pairs
        ],
        "changes": [_change(one) for one in comparison.changes],
        "detection_limit": [
            {
                "diameter_mm": number(one.diameter_mm),
                "contrast_percent": number(one.contrast_percent),
                "found": number(one.found),
                "tried": one.tried,
            }
            for one in comparison.detection_limit
        ],
        "not_comparable": [{"series": one.series, "reason": one.reason} for one in comparison.not_comparable],
        "statement": comparison.statement,
        "cautions": list(comparison.cautions),
        "reference": comparison.reference,
        "linked": [
            {"series": one.series, "study": one.study, "alignment": _alignment(one.alignment)}
            for one in comparison.linked
        ],
        "changes_between": None
        if comparison.changes_today is None
        else {
            "today": comparison.changes_today,
            "prior": comparison.changes_prior,
            "prior_study": comparison.changes_prior_study,
        },
    }


def _alignment(alignment: Alignment) -> Document:
    return {
        "method": alignment.method,
        "uncertainty_mm": number(alignment.uncertainty_mm, 4),
        "accepted": alignment.accepted,
        "reason": alignment.reason,
        "matrix": [[number(cell, 9) for cell in row] for row in alignment.matrix],
    }


def _change(change: Change) -> Document:
    return {
        "id": change.id,
        "kind": change.kind.value,
        "volume_ml": number(change.volume_ml, 4),
        "volume_change_ml": number(change.volume_change_ml, 4),
        "diameter_mm": number(change.diameter_mm, 4),
        "position_ras_mm": point(change.position_ras_mm),
        "confidence": number(change.confidence, 3),
        "location": change.location,
    }
