"""Signal equations against brute-force Bloch recursions, closed forms and the contrast order every textbook shows."""

from __future__ import annotations

import numpy as np
import pytest

from mriloop.imaging.phantom import (
    Prescription,
    dixon_axial,
    flair_axial,
    pd_axial,
    stir_foot,
    t1_3d,
    t1_axial,
    t1_foot,
    t2_axial,
)
from mriloop.imaging.phantom.signal import (
    inversion_spin_echo,
    magnetization_prepared,
    nulling_ti,
    spoiled_gradient_echo,
    tissue_signal,
)
from mriloop.imaging.phantom.tissues import RELAXIVITY, SOURCES, TISSUES, Relaxation, Tissue, relaxation


def level(tissue: Tissue, p: Prescription, *, gadolinium: bool = False, b_value: float = 0.0) -> float:
    return abs(tissue_signal(tissue, p, te=p.te[-1], b_value=b_value, gadolinium=gadolinium))


def test_every_value_names_sources_that_exist():
    for material in TISSUES.values():
        assert material.source.split()
        assert set(material.source.split()) <= set(SOURCES)


def test_relaxation_obeys_t2_star_below_t2_below_t1():
    for tissue in Tissue:
        for tesla in (1.5, 3.0):
            rates = relaxation(tissue, tesla)
            assert rates.t2_star <= rates.t2 <= rates.t1


@pytest.mark.parametrize("tesla", [1.5, 3.0])
def test_gadolinium_adds_relaxivity_times_concentration_to_each_rate(tesla):
    before, after = relaxation(Tissue.PITUITARY, tesla), relaxation(Tissue.PITUITARY, tesla, gadolinium=True)
    dose = TISSUES[Tissue.PITUITARY].gadolinium_mmol
    assert 1000 / after.t1 - 1000 / before.t1 == pytest.approx(RELAXIVITY[tesla][0] * dose)
    assert 1000 / after.t2 - 1000 / before.t2 == pytest.approx(RELAXIVITY[tesla][1] * dose)


def test_spoiled_gradient_echo_is_the_steady_state_of_repeated_pulses():
    tissue, tr, flip = Relaxation(t1=900, t2=80, t2_star=40), 12.0, np.radians(18)
    mz = 1.0
    for _ in range(3000):
        mz = 1 - (1 - mz * np.cos(flip)) * np.exp(-tr / tissue.t1)
    assert spoiled_gradient_echo(tissue, tr, 4.0, 18) == pytest.approx(mz * np.sin(flip) * np.exp(-4 / 40), rel=1e-9)


def test_magnetization_prepared_is_the_steady_state_of_the_whole_train():
    tissue = Relaxation(t1=1100, t2=90, t2_star=45)
    tr, te, ti, flip, train, spacing = 2300.0, 3.0, 900.0, 9.0, 140, 7.0
    before = ti - spacing * train / 2
    mz, middle = 1.0, 0.0
    for _ in range(40):
        mz = 1 + (-mz - 1) * np.exp(-before / tissue.t1)
        for pulse in range(train):
            if pulse == train // 2:
                middle = mz
            mz = 1 + (mz * np.cos(np.radians(flip)) - 1) * np.exp(-spacing / tissue.t1)
        mz = 1 + (mz - 1) * np.exp(-(tr - before - spacing * train) / tissue.t1)
    expected = middle * np.sin(np.radians(flip)) * np.exp(-te / tissue.t2_star)
    assert magnetization_prepared(tissue, tr, te, ti, flip, train, spacing) == pytest.approx(expected, rel=1e-9)


def test_inversion_recovery_is_zero_at_the_nulling_time():
    tissue = Relaxation(t1=4300, t2=2000, t2_star=900)
    assert inversion_spin_echo(tissue, 9000, 100, nulling_ti(4300, 9000)) == pytest.approx(0, abs=1e-12)


def test_flair_nulls_fluid_and_stir_nulls_fat():
    flair, stir = flair_axial(), stir_foot()
    assert level(Tissue.CSF, flair) < 0.02 * level(Tissue.WHITE_MATTER, flair)
    assert level(Tissue.FAT, stir) < 0.08 * level(Tissue.MUSCLE, stir)


@pytest.mark.parametrize("tesla", [1.5, 3.0])
@pytest.mark.parametrize(
    ("preset", "brightest_first"),
    [
        (t1_3d, (Tissue.WHITE_MATTER, Tissue.GREY_MATTER, Tissue.CSF)),
        (t1_axial, (Tissue.WHITE_MATTER, Tissue.GREY_MATTER, Tissue.CSF)),
        (t2_axial, (Tissue.CSF, Tissue.MS_LESION, Tissue.GREY_MATTER, Tissue.WHITE_MATTER)),
        (pd_axial, (Tissue.GREY_MATTER, Tissue.WHITE_MATTER)),
        (flair_axial, (Tissue.MS_LESION, Tissue.GREY_MATTER, Tissue.WHITE_MATTER, Tissue.CSF)),
    ],
)
def test_tissues_rank_as_in_every_textbook(preset, brightest_first, tesla):
    levels = [level(tissue, preset(tesla=tesla)) for tissue in brightest_first]
    assert levels == sorted(levels, reverse=True)


def test_marrow_oedema_is_dark_on_t1_and_bright_on_stir():
    t1, stir = t1_foot(), stir_foot()
    assert level(Tissue.MARROW_OEDEMA, t1) < 0.6 * level(Tissue.MARROW, t1)
    assert level(Tissue.MARROW_OEDEMA, stir) > 3 * level(Tissue.MARROW, stir)


def test_only_tissues_that_take_up_contrast_brighten():
    p = t1_axial()
    assert level(Tissue.MS_LESION_ACTIVE, p, gadolinium=True) > 1.3 * level(Tissue.MS_LESION_ACTIVE, p)
    assert level(Tissue.WHITE_MATTER, p, gadolinium=True) == level(Tissue.WHITE_MATTER, p)
    assert level(Tissue.MS_LESION, p, gadolinium=True) == level(Tissue.MS_LESION, p)


def test_diffusion_decays_with_b_times_adc():
    p = t2_axial()
    ratio = level(Tissue.WHITE_MATTER, p, b_value=1000) / level(Tissue.WHITE_MATTER, p)
    assert -np.log(ratio) / 1000 == pytest.approx(TISSUES[Tissue.WHITE_MATTER].adc * 1e-3)


def test_fat_opposes_water_at_the_first_dixon_echo_and_joins_it_at_the_second():
    p = dixon_axial()
    first, second = (tissue_signal(Tissue.FAT, p, te=te, b_value=0, gadolinium=False) for te in p.te)
    assert first.real < 0 < second.real
    assert abs(first.imag) < 0.02 * abs(first)
