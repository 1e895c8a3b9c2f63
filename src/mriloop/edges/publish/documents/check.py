"""The document mriloop/check/1."""

from __future__ import annotations

from collections.abc import Sequence

from mriloop.edges.publish.documents.plain import Document, measure, number, point
from mriloop.model.quality import (
    Completeness,
    Defect,
    Evidence,
    MotionTrace,
    SeriesCheck,
    SeriesKind,
    Standing,
    StudyCheck,
)
from mriloop.model.quantity import NotAssessable
from mriloop.model.study import Refused


def check_document(checks: Sequence[StudyCheck], refused: Sequence[Refused] = ()) -> Document:
    """Return what `mriloop check --json` prints: every study with its series, and every file that was refused."""
    return {
        "schema": "mriloop/check/1",
        "studies": [_study_check(check) for check in checks],
        "refused": [{"path": one.path, "code": one.code, "message": one.message} for one in refused],
    }


def _study_check(check: StudyCheck) -> Document:
    return {
        "study_instance_uid": check.study_instance_uid,
        "verdict": check.verdict.value,
        "protocol": check.protocol,
        "defects": [_defect(one) for one in check.defects],
        "series": [_series_check(one) for one in check.series],
        "superseded": list(check.superseded),
    }


def _series_check(check: SeriesCheck) -> Document:
    return {
        "series_instance_uid": check.series_instance_uid,
        "series_number": check.series_number,
        "description": check.description,
        "kind": _kind(check.kind),
        "volumes": check.volumes,
        "verdict": check.verdict.value,
        "defects": [_defect(one) for one in check.defects],
        "measures": {name: measure(check.measures[name]) for name in sorted(check.measures)},
        "completeness": _completeness(check.completeness),
        "motion": _motion(check.motion) if check.motion else None,
        "look_at": [{"slice": one.slice, "text": one.text} for one in check.look_at],
        "scanner": {
            "manufacturer": check.scanner.manufacturer,
            "model": check.scanner.model,
            "device": check.scanner.device,
            "software": check.scanner.software,
        },
        "coil": check.coil,
        "acquired_at": check.acquired_at.isoformat() if check.acquired_at else None,
        "standings": {name: _standing(check.standings[name]) for name in sorted(check.standings)},
        "confirmed_by": check.confirmed_by,
        "notes": list(check.notes),
    }


def _standing(standing: Standing | NotAssessable) -> Document:
    if isinstance(standing, NotAssessable):
        return {"not_assessable": standing.reason}
    return {
        "z": number(standing.z, 2),
        "median": number(standing.median),
        "spread": number(standing.spread),
        "count": len(standing.values),
    }


def _kind(kind: SeriesKind) -> Document:
    return {
        "weighting": kind.weighting.value,
        "plane": kind.plane.value,
        "region": kind.region.value,
        "contrast": kind.contrast.answer,
        "derived": kind.derived,
        "object": kind.object.value,
        "fat_suppressed": kind.fat_suppressed.answer,
        "three_d": kind.three_d.answer,
        "basis": {name: kind.basis[name] for name in sorted(kind.basis)},
    }


def _defect(defect: Defect) -> Document:
    return {
        "code": defect.code,
        "severity": defect.severity.value,
        "message": defect.message,
        "action": defect.action,
        "evidence": [_evidence(one) for one in defect.evidence],
    }


def _evidence(evidence: Evidence) -> Document:
    def plain(value: float | str | None) -> float | str | None:
        return value if isinstance(value, str) else number(value)

    return {
        "name": evidence.name,
        "value": plain(evidence.value),
        "unit": evidence.unit,
        "limit": plain(evidence.limit),
    }


def _completeness(completeness: Completeness | None) -> Document:
    """Return the same shape whether or not slices could be counted: what is unknown is null, never zero."""
    if completeness is None:
        return {"expected": None, "found": None, "missing": [], "basis": "slices were not counted"}
    return {
        "expected": completeness.expected,
        "found": completeness.found,
        "missing": [
            {"index": one.index, "position_ras_mm": point(one.position_ras_mm), "volume": one.volume}
            for one in completeness.missing
        ],
        "basis": completeness.basis,
    }


def _motion(trace: MotionTrace) -> Document:
    return {
        "reference": trace.reference,
        "framewise_mm": [number(one, 4) for one in trace.framewise_mm],
        "translations_mm": [point(one) for one in trace.translations_mm],
        "rotations_deg": [point(one) for one in trace.rotations_deg],
    }
