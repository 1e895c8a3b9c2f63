"""The document mriloop/advice/1."""

from __future__ import annotations

from collections.abc import Mapping

from mriloop.edges.publish.documents.plain import Document, fact, window, word
from mriloop.model.advice import Advice, Recommendation
from mriloop.model.repeats import reason_of, screens_of


def advice_document(advice: Advice, told: Mapping[str, Mapping[str, str]] | None = None) -> Document:
    """Return what `mriloop advise --json` prints. `window` is null where a person has to set the date.

    `told` is what patients may be told: id of the recommendation to language to text. Drafts are not in it.
    """
    told = told or {}
    return {
        "schema": "mriloop/advice/1",
        "recommendations": [_recommendation(one, told.get(one.id, {})) for one in advice.recommendations],
        "undetermined": [
            {
                "guideline": one.guideline,
                "missing": list(one.missing),
                "questions": list(one.questions),
                "profiles": list(one.profiles),
            }
            for one in advice.undetermined
        ],
        "conflicts": [
            {"topic": one.topic, "recommendations": list(one.recommendations), "text": one.text, "default": one.default}
            for one in advice.conflicts
        ],
        "warnings": [{"code": one.code, "text": one.text} for one in advice.warnings],
        "out_of_scope": [{"guideline": one.guideline, "reason": one.reason} for one in advice.out_of_scope],
        "facts": {name: fact(advice.facts[name]) for name in sorted(advice.facts)},
    }


def _recommendation(one: Recommendation, told: Mapping[str, str]) -> Document:
    return {
        "id": one.id,
        "guideline": one.guideline,
        "row": one.row,
        "step": one.step,
        "text": one.text,
        "modality": one.modality,
        "region": word(one.region),
        "contrast": word(one.contrast),
        "pulse_sequences": list(one.pulse_sequences),
        "window": window(one.window),
        "schedule": [window(each) for each in one.schedule],
        "then": one.then,
        "open_ended": one.open_ended,
        "suggested": one.suggested.isoformat() if one.suggested else None,
        "suggested_by": one.suggested_by,
        "never_auto_close": one.never_auto_close,
        "urgency": one.urgency.value,
        "specialty": list(one.specialty),
        "actions": list(one.actions),
        "because": list(one.because),
        "citation": {
            "text": one.citation.text,
            "year": one.citation.year,
            "locator": one.citation.locator,
            "mark": one.citation.mark.value,
            "doi": one.citation.doi,
        },
        "note": one.note,
        "profile": one.profile,
        "edition": one.edition,
        "default": one.default,
        "question": one.question,
        "provenance": one.provenance,
        "signatures": [
            {"by": each.by, "role": each.role, "on": each.on.isoformat(), "expires": each.expires.isoformat()}
            for each in one.signatures
        ],
        "status": one.status.value,
        "patient_text": {language: told[language] for language in sorted(told)},
        "repeat_reason": one.repeat_reason,
        "repeat": _repeat(one.repeat_reason),
        "screens": list(screens_of(one)),
    }


def _repeat(code: str) -> Document | None:
    reason = reason_of(code)
    if reason is None:
        return None
    return {
        "code": reason.code,
        "family": reason.family.value,
        "words": reason.words,
        "avoidable": reason.avoidable.value,
        "mitigation": list(reason.mitigation),
    }
