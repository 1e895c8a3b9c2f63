"""The document mriloop/response/1."""

from __future__ import annotations

from mriloop.edges.publish.documents.plain import Document, measure, number, word
from mriloop.model.guideline import Citation
from mriloop.model.judgement import Judgement
from mriloop.model.response import EntryCourse, GrowthSeries, ResponseCourse, SumChange, Verdict


def response_document(course: ResponseCourse) -> Document:
    """Return what `mriloop response --json` prints for the criteria of tumour response."""
    return {
        "schema": "mriloop/response/1",
        "criteria": course.criteria.value,
        "title": course.title,
        "measure": course.measure,
        "unit": course.unit,
        "visits": [_verdict(each) for each in course.verdicts],
        "entries": [],
        "growth": [_growth(each) for each in course.growth],
        "best_response": {
            "category": course.best.value,
            "visit": course.best_visit or None,
            "because": course.best_because,
        },
        "progression": None
        if course.progression_on is None
        else {
            "date": course.progression_on.isoformat(),
            "visit": course.progression_visit,
            "standing": course.progression_standing.value,
        },
        "objections": list(course.objections),
        "cautions": list(course.cautions),
    }


def _verdict(one: Verdict) -> Document:
    return {
        "visit": one.visit,
        "date": one.on.isoformat(),
        "category": one.category.value,
        "counts_as": one.counts_as.value,
        "row": one.row,
        "because": one.because,
        "sums": [_sum(each) for each in one.sums],
        "non_target": one.non_target.value,
        "new_lesions": one.new_lesions.value,
        "confirmation": {
            "standing": one.confirmation.standing.value,
            "needs": one.confirmation.needs,
            "earliest": None if one.confirmation.earliest is None else one.confirmation.earliest.isoformat(),
            "by_visit": one.confirmation.by_visit or None,
        },
        "missing": list(one.missing),
        "flags": list(one.flags),
        "judgements": [_judgement(each) for each in one.judgements],
        "after_progression": one.after_progression,
        "citation": _citation(one.citation),
    }


def _sum(one: SumChange) -> Document:
    return {
        "tissue": word(one.tissue),
        "value": measure(one.value),
        "baseline_visit": one.baseline_visit,
        "nadir_visit": one.nadir_visit,
        "baseline": number(one.baseline),
        "nadir": number(one.nadir),
        "from_baseline_percent": number(one.from_baseline_percent),
        "from_nadir_percent": number(one.from_nadir_percent),
        "from_nadir": number(one.from_nadir),
    }


def _growth(one: GrowthSeries) -> Document:
    return {
        "name": one.name,
        "unit": one.unit,
        "lesion": one.lesion or None,
        "points": [
            {"visit": each.visit, "date": each.on.isoformat(), "value": number(each.value), "noise": number(each.noise)}
            for each in one.points
        ],
        "baselines": list(one.baselines),
    }


def _judgement(one: Judgement) -> Document:
    return {
        "measure": one.measure,
        "today": measure(one.today),
        "before": measure(one.before),
        "judged": one.judged.value,
        "because": one.because,
        "change": number(one.change),
        "change_percent": number(one.change_percent),
        "beyond": number(one.beyond),
        "citation": None if one.citation is None else _citation(one.citation),
    }


def _citation(one: Citation) -> Document:
    return {"text": one.text, "year": one.year, "locator": one.locator, "mark": one.mark.value, "doi": one.doi}


def entries_document(course: EntryCourse) -> Document:
    """Return what `mriloop response --json` prints for discs and joints."""
    return {
        "schema": "mriloop/response/1",
        "criteria": course.criteria,
        "title": course.title,
        "measure": "",
        "unit": "",
        "visits": [{"visit": name, "date": on.isoformat()} for name, on in course.visits],
        "entries": [
            {
                "name": each.name,
                "unit": each.unit,
                "values": [measure(value) for value in each.values],
                "judgements": [_judgement(one) for one in each.judgements],
                "pattern": each.pattern.value,
                "notes": list(each.notes),
            }
            for each in course.entries
        ],
        "growth": [],
        "best_response": None,
        "progression": None,
        "objections": [],
        "cautions": list(course.cautions),
    }
