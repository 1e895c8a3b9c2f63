"""Time and diffusion series of real scanners: who moved when, what is torn, and that a still run has no defect."""

from __future__ import annotations

from functools import lru_cache

import pytest

from mriloop.edges.dicom import Limits, load_volumes, read_intake
from mriloop.model.quantity import NotAssessable
from mriloop.stages.check import check_series, identify_study

pytestmark = pytest.mark.real

OURS = {"motion", "within_volume_motion", "signal_dropout", "slice_spikes", "drift", "dissimilar_directions",
        "poor_directions"}  # fmt: skip


@lru_cache(maxsize=4)
def checked(path):
    with read_intake(path, Limits()) as intake:
        study = intake.studies[0]
        kinds = identify_study(study)
        series = study.series[0]
        return check_series(series, load_volumes(intake, series, Limits()), kind=kinds[series.series_instance_uid])


def check(real_data, start):
    return checked(next(p for p in sorted(real_data.iterdir()) if p.name.startswith(start)))


def codes(one):
    return {d.code for d in one.defects} & OURS


def test_volumes_torn_by_gross_motion_are_marked_and_not_measured(real_data):
    """In 03 the head turned by decimetres while volumes were taken: even and odd slices lie up to centimetres apart."""
    one = check(real_data, "03")
    assert {"motion", "within_volume_motion"} <= codes(one)
    assert one.measures["within_volume_max"].value > 10
    assert one.measures["volumes_untrusted"].value >= 2
    assert set(one.motion.untrusted) < set(one.motion.volumes)
    assert "guess" in next(d.message for d in one.defects if d.code == "motion")


def test_a_head_that_turned_between_volumes_is_not_torn(real_data):
    one = check(real_data, "04_siemens_mosaic_fmri_head_turn")
    assert codes(one) == {"motion"}
    assert one.measures["within_volume_max"].value < 0.5
    assert one.motion.untrusted == ()


@pytest.mark.parametrize("start", ["04_siemens_mosaic_fmri_still", "05_philips_dti", "06", "07"])
def test_still_runs_of_four_vendors_have_no_defect_of_time(real_data, start):
    one = check(real_data, start)
    assert codes(one) - {"signal_dropout"} == set()
    assert all(d.severity == "info" for d in one.defects if d.code == "signal_dropout")
    assert one.measures["displacement_mean"].value < 0.4
    assert one.measures["slices_lost_share"].value < 0.5
    assert one.measures["volumes_untrusted"].value == 0


def test_a_table_of_directions_is_read_and_traces_are_left_out(real_data):
    one = check(real_data, "05_philips_dti")
    assert (one.measures["directions"].value, one.measures["b0_volumes"].value) == (15, 1)
    assert one.measures["directions_condition"].value < 2
    assert one.measures["neighbouring_dwi_correlation"].value > 0.8
    assert isinstance(one.measures["tsnr_median"], NotAssessable)


def test_a_still_run_has_the_temporal_signal_to_noise_of_functional_imaging(real_data):
    one = check(real_data, "04_siemens_mosaic_fmri_still")
    assert 40 < one.measures["tsnr_median"].value < 200
    assert one.measures["framewise_power_mean"].value < 0.2


def test_a_phantom_is_measured_and_not_judged(real_data):
    one = check(real_data, "05_philips_fmri_phantom")
    assert codes(one) == set()
    assert one.measures["displacement_max"].value < 0.05
