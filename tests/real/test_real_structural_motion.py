"""Motion within one volume on untouched real series: an interval comes out, and none of them is called spoilt by it."""

from __future__ import annotations

import pytest

from mriloop.edges.dicom import Limits, load_volumes, read_intake
from mriloop.edges.knowledge.models import load_motion_model
from mriloop.model.coding import Weighting
from mriloop.model.quantity import Quantity
from mriloop.stages.check import identify_study
from mriloop.stages.check.measures import sample_of, take_all
from mriloop.stages.check.measures.structural_motion import STRUCTURAL_MOTION, TRAINED, motion_sample
from mriloop.stages.check.rules import structural_motion_defects

pytestmark = pytest.mark.real


@pytest.mark.parametrize(("start", "judged"), [("02", 2), ("10", 2), ("15", 0)])
def test_untouched_series_get_an_interval_and_no_defect(real_data, start, judged):
    folder = next(p for p in sorted(real_data.iterdir()) if p.name.startswith(start))
    found = []
    with read_intake(folder, Limits()) as intake:
        for study in intake.studies:
            for series in study.series:
                kind = identify_study(study)[series.series_instance_uid]
                if kind.derived or kind.weighting not in TRAINED | {Weighting.T1_MAP}:
                    continue
                sample = sample_of(load_volumes(intake, series, Limits()), series)
                measures = take_all(motion_sample(sample, series, kind, load_motion_model()), STRUCTURAL_MOTION)
                numbers = [one.value for one in measures.values() if isinstance(one, Quantity)]
                assert numbers == sorted(numbers)
                found += [structural_motion_defects(measures, 1.0)] if numbers else []
    assert len(found) == judged
    assert not any(found)
