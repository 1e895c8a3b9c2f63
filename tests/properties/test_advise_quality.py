"""No study that cannot be read, or that nobody vouches for, stops imaging: every worked case that stops, put to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mriloop.app.advise import guidelines_in_force
from mriloop.edges.knowledge.cases import load_guideline_cases
from mriloop.model.guideline import CLOSING_STEPS, Step
from mriloop.stages.advise.lint import advise_on

KNOWN = guidelines_in_force()
STOPS = {*CLOSING_STEPS, Step.MAY_STOP_IMAGING, Step.NO_ROUTINE_IMAGING}
# Rows that say what is not imaged by schedule at all: they conclude nothing from the study at hand.
POLICY = {
    "joint_inflammation/axial_spondyloarthritis/not_scheduled",
    "joint_inflammation/rheumatoid_arthritis/no_interval",
    "ms_monitoring/spinal_cord/not_routine",
    "ms_pml/other_drugs/others",
    "paediatric_back_pain/next_imaging/no_red_flag",
}


@pytest.mark.parametrize("quality", ["limited", "not_diagnostic"])
@pytest.mark.parametrize("guideline", KNOWN.guidelines, ids=lambda each: each.id)
def test_a_poor_study_stops_nothing(guideline, quality):
    for case in load_guideline_cases(guideline.id, KNOWN):
        facts = {name: value for name, value in case.facts.items() if name != "limited_study_answers"}
        advice = advise_on(guideline, replace(case, facts={**facts, "study_quality": quality}), KNOWN)
        stopping = {each.id for each in advice.recommendations if Step(each.step) in STOPS}
        assert stopping <= POLICY, case.name
