"""What the shipped guidelines say to patients goes into letters: every row's own text has to pass the letters' gate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mriloop.edges.knowledge.guidelines import load_guidelines
from mriloop.model.coding import Region
from mriloop.model.report import Outcome
from mriloop.stages.communicate import kind_of, patient_letter


def rows():
    return [
        pytest.param(row, id=f"{guideline.id}/{row.id}")
        for guideline in load_guidelines().guidelines
        for row in (*guideline.guards, *(row for table in guideline.tables for row in table.rows))
    ]


@pytest.mark.parametrize("row", rows())
def test_the_letter_of_every_row_is_written_and_easy(make, templates, clinic, row):
    step = make.recommendation(
        step=row.step,
        text=row.text,
        urgency=row.urgency,
        modality=row.modality,
        region=row.region or Region.BRAIN,
        contrast=row.contrast,
        window=make.window("2026-05-04", "2026-05-11", "2026-05-18") if row.schedule else None,
        specialty=row.specialty,
        repeat_reason=row.repeat_reason,
        patient_text=row.patient_text,
        row=row.id,
    )
    for outcome in (Outcome.ABNORMAL, Outcome.NORMAL):
        report = make.report(step, outcome=outcome)
        for kind in {kind_of(report), "r2_follow_up", "abnormal_next_step"}:
            letter = patient_letter(report, templates, language="en", clinic=clinic, kind=kind)
            assert letter.paragraphs
    assert kind_of(make.report(replace(step, default=False), outcome=Outcome.NORMAL)) == "normal"
