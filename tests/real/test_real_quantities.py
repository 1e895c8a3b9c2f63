"""Diffusion of real scanners: the ADC where anatomy and the scanner itself say it must be, and what must not enter."""

from __future__ import annotations

import numpy as np
import pytest

from mriloop.app.quantify import quantify_path
from mriloop.settings import load

pytestmark = pytest.mark.real


def made(real_data, name, **more):
    return quantify_path(real_data / name, load({}, executor="serial"), **more)


def test_the_scanners_adc_is_compared_and_the_calculated_b_value_left_out(real_data, tmp_path):
    outcome = made(real_data, "10_prostate_mpMRI_siemens", out=tmp_path / "maps")
    (one,) = outcome.found.maps
    assert one.basis["b_values"] == (400.0, 800.0)
    fitted, every = one.beside
    # the scanner used b = 50 as well: perfusion raises its ADC above ours, and ours from every b-value comes nearer
    assert 1.0 < fitted.median < 1.25
    assert 0.85 < every.median < 1.05
    assert [reason for _, reason in outcome.found.cannot] == ["a calculated b-value is no measurement"]
    assert {path.name for path in outcome.written} == {
        "adc_s6.nii.gz", "adc_s6_error.nii.gz", "adc_s6_unfit.nii.gz", "quantities.json",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["05_philips_dti_classic", "07_canon_enhanced_dti"])
def test_real_tensors_give_the_diffusivity_of_brain_and_residuals_of_the_noise(real_data, name):
    outcome = made(real_data, name)
    (one,) = [each for each in outcome.found.maps if each.basis["volumes"] > 6]
    assert str(one.basis["model"]).startswith("tensor")
    # brain at b = 1500 and 2000 lies between 0.6 and 1.0 · 10⁻³ mm²/s (Helenius, AJNR 2002;23:194, less by kurtosis)
    assert 0.6e-3 < float(np.nanmedian(one.data)) < 1.0e-3


def test_the_isotropic_volume_of_the_philips_series_is_a_trace_and_stays_out(real_data):
    (one,) = made(real_data, "05_philips_dti_classic").found.maps
    assert one.basis["volumes"] == 16
    (beside,) = one.beside
    assert "trace" in beside.what
    assert beside.median == pytest.approx(1.0, abs=0.02)


def test_a_lone_map_of_the_scanner_is_no_input(real_data):
    outcome = made(real_data, "02_siemens_xa30_enhanced")
    assert outcome.found.maps == ()
    assert any("not in the study" in reason for _, reason in outcome.found.cannot)
