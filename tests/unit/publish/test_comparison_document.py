"""The document of a comparison, written and read back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mriloop.edges.publish.documents import comparison_document, read_comparison
from mriloop.model.comparison import (
    Amendment,
    ChangeList,
    Comparison,
    Course,
    CoursePoint,
    LocalAlignment,
    PriorRole,
    Standing,
)
from mriloop.model.errors import OperatorError
from mriloop.model.guideline import Citation, Mark
from mriloop.model.judgement import Judged, Judgement
from mriloop.model.quantity import NotAssessable, Quantity


@pytest.fixture
def full(samples) -> Comparison:
    comparison: Comparison = samples.comparison()
    at = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    judgement = Judgement(
        measure="lesion volume",
        today=Quantity(value=4.5, unit="mL"),
        before=NotAssessable(reason="the prior has no FLAIR"),
        judged=Judged.CANNOT_TELL,
        because="there is nothing to hold it against",
        beyond=0.4,
        citation=Citation(text="A paper", year=1999, locator="table 2", mark=Mark.V2, doi="10.1/x"),
    )
    pair = comparison.pairs[0]
    part = LocalAlignment(part="piece 1", centre_ras_mm=(1.0, 2.0, 3.0), radius_mm=20.0, alignment=pair.alignment)
    return replace(
        comparison,
        pairs=(replace(pair, parts=(part,)), *comparison.pairs[1:]),
        against_baseline=ChangeList(
            role=PriorRole.BASELINE,
            prior_study="1.2.3",
            today="1.5",
            prior="1.2.4",
            changes=comparison.changes,
            detection_limit=comparison.detection_limit,
            statement="Since the baseline.",
            judgements=(judgement,),
        ),
        courses=(
            Course(
                name="lesion volume",
                unit="mL",
                change=1,
                points=(
                    CoursePoint(study="1.2.3", at=None, value=0.25),
                    CoursePoint(study="1.5", at=at, value=0.5, noise=0.125),
                ),
            ),
        ),
        judgements=(judgement,),
        amendments=(Amendment(change=1, standing=Standing.ACCEPTED, by="Dr. A", at=at, reason="seen"),),
    )


def test_what_is_written_is_read_back(full: Comparison):
    document = json.loads(json.dumps(comparison_document(full)))
    again = read_comparison(document)
    assert comparison_document(again) == document
    assert again.courses == full.courses
    assert again.amendments == full.amendments
    assert again.judgements == full.judgements


@pytest.mark.parametrize("spoil", [{"schema": "mriloop/check/1"}, {"changes": [{}]}, {"pairs": 3}])
def test_what_is_no_comparison_is_refused(full: Comparison, spoil):
    with pytest.raises(OperatorError) as refused:
        read_comparison({**comparison_document(full), **spoil})
    assert refused.value.code == "comparison_unreadable"
