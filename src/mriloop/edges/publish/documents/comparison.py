"""The document mriloop/comparison/1: written for whoever asks, and read back when a person amends it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mriloop.edges.publish.documents.plain import Document, measure, number, point, word
from mriloop.model.comparison import (
    Alignment,
    AlignmentModel,
    Amendment,
    Change,
    ChangeKind,
    ChangeList,
    Comparison,
    Course,
    CoursePoint,
    DetectionLimit,
    EnhancementList,
    EnhancingLesion,
    LinkedSeries,
    LocalAlignment,
    MeasuredOutline,
    NotComparable,
    PriorRole,
    Role,
    SeriesPair,
    Standing,
)
from mriloop.model.errors import refuse
from mriloop.model.guideline import Citation, Mark
from mriloop.model.judgement import Judged, Judgement
from mriloop.model.quantity import Measure, NotAssessable, Quantity


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
                "role": word(pair.role),
                "reason": pair.reason,
                "alignment": _alignment(pair.alignment),
                "parts": [
                    {
                        "part": one.part,
                        "centre_ras_mm": point(one.centre_ras_mm),
                        "radius_mm": number(one.radius_mm),
                        "alignment": _alignment(one.alignment),
                    }
                    for one in pair.parts
                ],
            }
            for pair in comparison.pairs
        ],
        "changes": [_change(one) for one in comparison.changes],
        "detection_limit": [_limit(one) for one in comparison.detection_limit],
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
            "weighting": comparison.changes_weighting,
            "since": comparison.changes_since,
        },
        "against_baseline": None if comparison.against_baseline is None else _list(comparison.against_baseline),
        "courses": [_course(one) for one in comparison.courses],
        "judgements": [_judgement(one) for one in comparison.judgements],
        "enhancement": [_enhancement(one) for one in comparison.enhancement],
        "measured": [_measured(one) for one in comparison.measured],
        "amendments": [
            {
                "change": one.change,
                "standing": word(one.standing),
                "by": one.by,
                "at": one.at.isoformat(),
                "reason": one.reason,
            }
            for one in comparison.amendments
        ],
    }


def read_comparison(document: Document) -> Comparison:
    """Return the comparison that a document holds. Raises OperatorError `comparison_unreadable`."""
    try:
        if document["schema"] != "mriloop/comparison/1":
            raise ValueError("another schema")
        return _comparison(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise refuse("comparison_unreadable", detail=str(error)[:80]) from None


def _comparison(document: Document) -> Comparison:
    between = document["changes_between"] or {}
    baseline = document.get("against_baseline")
    return Comparison(
        today_study=document["today_study"],
        prior_studies=tuple(document["prior_studies"]),
        pairs=tuple(
            SeriesPair(
                today=one["today"],
                prior=one["prior"],
                comparability=tuple(one["comparability"]),
                role=Role(one.get("role", "change")),
                reason=one.get("reason", ""),
                alignment=_read_alignment(one["alignment"]),
                parts=tuple(
                    LocalAlignment(
                        part=part["part"],
                        centre_ras_mm=_place(part["centre_ras_mm"]),
                        radius_mm=float(part["radius_mm"]),
                        alignment=_read_alignment(part["alignment"]),
                    )
                    for part in one.get("parts", ())
                ),
            )
            for one in document["pairs"]
        ),
        changes=tuple(map(_read_change, document["changes"])),
        detection_limit=tuple(DetectionLimit(**one) for one in document["detection_limit"]),
        not_comparable=tuple(NotComparable(**one) for one in document["not_comparable"]),
        statement=document["statement"],
        reference=document["reference"],
        linked=tuple(
            LinkedSeries(series=one["series"], study=one["study"], alignment=_read_alignment(one["alignment"]))
            for one in document["linked"]
        ),
        changes_prior_study=between.get("prior_study"),
        changes_today=between.get("today"),
        changes_prior=between.get("prior"),
        changes_weighting=between.get("weighting", ""),
        changes_since=between.get("since", ""),
        cautions=tuple(document["cautions"]),
        against_baseline=None if baseline is None else _read_list(baseline),
        courses=tuple(map(_read_course, document.get("courses", ()))),
        judgements=tuple(map(_read_judgement, document.get("judgements", ()))),
        enhancement=tuple(map(_read_enhancement, document.get("enhancement", ()))),
        measured=tuple(MeasuredOutline(**{**one, "at": _when(one["at"])}) for one in document.get("measured", ())),
        amendments=tuple(
            Amendment(
                change=int(one["change"]),
                standing=Standing(one["standing"]),
                by=one["by"],
                at=datetime.fromisoformat(one["at"]),
                reason=one["reason"],
            )
            for one in document.get("amendments", ())
        ),
    )


def _alignment(alignment: Alignment) -> Document:
    return {
        "method": alignment.method,
        "model": word(alignment.model),
        "uncertainty_mm": number(alignment.uncertainty_mm, 4),
        "inverse_consistency_mm": number(alignment.inverse_consistency_mm, 4),
        "overlap": number(alignment.overlap, 4),
        "similarity": number(alignment.similarity, 5),
        "residual": number(alignment.residual, 4),
        "scales": [number(one, 6) for one in alignment.scales],
        "accepted": alignment.accepted,
        "reason": alignment.reason,
        "matrix": [[number(cell, 9) for cell in row] for row in alignment.matrix],
    }


def _read_alignment(given: Document) -> Alignment:
    rows = tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in given["matrix"])
    x, y, z = given.get("scales", (1.0, 1.0, 1.0))
    return Alignment(
        method=given["method"],
        matrix=rows,
        uncertainty_mm=float(given["uncertainty_mm"]),
        accepted=bool(given["accepted"]),
        reason=given["reason"],
        model=AlignmentModel(given.get("model", "rigid")),
        inverse_consistency_mm=given.get("inverse_consistency_mm"),
        overlap=given.get("overlap"),
        similarity=given.get("similarity"),
        residual=given.get("residual"),
        scales=(float(x), float(y), float(z)),
    )


def _change(change: Change) -> Document:
    return {
        "id": change.id,
        "kind": change.kind.value,
        "volume_ml": number(change.volume_ml, 4),
        "volume_change_ml": number(change.volume_change_ml, 4),
        "volume_noise_ml": number(change.volume_noise_ml, 3),
        "diameter_mm": number(change.diameter_mm, 4),
        "perpendicular_mm": number(change.perpendicular_mm, 4),
        "position_ras_mm": point(change.position_ras_mm),
        "confidence": number(change.confidence, 3),
        "location": change.location,
        "tracking_uid": change.tracking_uid,
        "standing": change.standing.value,
    }


def _read_change(given: Document) -> Change:
    return Change(
        id=int(given["id"]),
        kind=ChangeKind(given["kind"]),
        volume_ml=float(given["volume_ml"]),
        volume_change_ml=float(given["volume_change_ml"]),
        volume_noise_ml=given.get("volume_noise_ml"),
        diameter_mm=float(given["diameter_mm"]),
        perpendicular_mm=given.get("perpendicular_mm"),
        position_ras_mm=_place(given["position_ras_mm"]),
        confidence=float(given["confidence"]),
        location=given["location"],
        tracking_uid=given.get("tracking_uid", ""),
        standing=Standing(given.get("standing", "proposed")),
    )


def _limit(one: DetectionLimit) -> Document:
    return {
        "diameter_mm": number(one.diameter_mm),
        "contrast_percent": number(one.contrast_percent),
        "found": number(one.found),
        "tried": one.tried,
    }


def _list(one: ChangeList) -> Document:
    return {
        "role": one.role.value,
        "prior_study": one.prior_study,
        "today": one.today,
        "prior": one.prior,
        "changes": [_change(change) for change in one.changes],
        "detection_limit": [_limit(limit) for limit in one.detection_limit],
        "statement": one.statement,
        "judgements": [_judgement(judgement) for judgement in one.judgements],
    }


def _read_list(given: Document) -> ChangeList:
    return ChangeList(
        role=PriorRole(given["role"]),
        prior_study=given["prior_study"],
        today=given["today"],
        prior=given["prior"],
        changes=tuple(map(_read_change, given["changes"])),
        detection_limit=tuple(DetectionLimit(**one) for one in given["detection_limit"]),
        statement=given["statement"],
        judgements=tuple(map(_read_judgement, given.get("judgements", ()))),
    )


def _course(course: Course) -> Document:
    return {
        "name": course.name,
        "unit": course.unit,
        "change": course.change,
        "points": [
            {
                "study": one.study,
                "at": None if one.at is None else one.at.isoformat(),
                "value": number(one.value, 4),
                "noise": number(one.noise, 3),
            }
            for one in course.points
        ],
    }


def _read_course(given: Document) -> Course:
    return Course(
        name=given["name"],
        unit=given["unit"],
        change=given["change"],
        points=tuple(
            CoursePoint(
                study=one["study"],
                at=_when(one["at"]),
                value=float(one["value"]),
                noise=one["noise"],
            )
            for one in given["points"]
        ),
    )


def _judgement(judgement: Judgement) -> Document:
    cited = judgement.citation
    return {
        "measure": judgement.measure,
        "today": measure(judgement.today),
        "before": measure(judgement.before),
        "judged": judgement.judged.value,
        "because": judgement.because,
        "change": number(judgement.change, 4),
        "change_percent": number(judgement.change_percent, 4),
        "beyond": number(judgement.beyond, 4),
        "change_id": judgement.change_id,
        "citation": None
        if cited is None
        else {
            "text": cited.text,
            "year": cited.year,
            "locator": cited.locator,
            "mark": cited.mark.value,
            "doi": cited.doi,
        },
    }


def _read_judgement(given: Document) -> Judgement:
    cited: dict[str, Any] | None = given["citation"]
    return Judgement(
        measure=given["measure"],
        today=_read_measure(given["today"]),
        before=_read_measure(given["before"]),
        judged=Judged(given["judged"]),
        because=given["because"],
        change=given["change"],
        change_percent=given["change_percent"],
        beyond=given["beyond"],
        change_id=given.get("change_id"),
        citation=None if cited is None else Citation(**{**cited, "mark": Mark(cited["mark"])}),
    )


def _enhancement(one: EnhancementList) -> Document:
    return {
        "before": one.before,
        "after": one.after,
        "statement": one.statement,
        "cautions": list(one.cautions),
        "lesions": [
            {
                "id": lesion.id,
                "volume_ml": number(lesion.volume_ml, 4),
                "diameter_mm": number(lesion.diameter_mm, 4),
                "percent": number(lesion.percent, 4),
                "score": number(lesion.score, 4),
                "position_ras_mm": point(lesion.position_ras_mm),
                "confidence": number(lesion.confidence, 3),
            }
            for lesion in one.lesions
        ],
    }


def _read_enhancement(given: Document) -> EnhancementList:
    lesions = (
        EnhancingLesion(**{**one, "position_ras_mm": _place(one["position_ras_mm"])}) for one in given["lesions"]
    )
    return EnhancementList(**{**given, "cautions": tuple(given["cautions"]), "lesions": tuple(lesions)})


def _measured(one: MeasuredOutline) -> Document:
    return {
        "lesion": one.lesion,
        "label": one.label,
        "study": one.study,
        "series": one.series,
        "at": None if one.at is None else one.at.isoformat(),
        "volume_ml": number(one.volume_ml, 4),
        "longest_mm": number(one.longest_mm, 4),
        "perpendicular_mm": number(one.perpendicular_mm, 4),
        "slices": one.slices,
        "tracking_uid": one.tracking_uid,
        "note": one.note,
    }


def _when(given: str | None) -> datetime | None:
    return None if given is None else datetime.fromisoformat(given)


def _read_measure(given: Document) -> Measure:
    if "not_assessable" in given:
        return NotAssessable(reason=given["not_assessable"])
    return Quantity(value=float(given["value"]), unit=given["unit"])


def _place(given: Any) -> tuple[float, float, float]:
    x, y, z = given
    return float(x), float(y), float(z)
