"""Which maps a study gives: what is measured enters, what a scanner computed does not, what lacks is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mriloop.model.coding import Region, Weighting
from mriloop.model.quality import SeriesKind
from mriloop.model.study import Component, Frame, Series, SeriesObject, Study
from mriloop.model.volume import Volume
from mriloop.stages.compare.maps import quantify

SHAPE = (40, 40, 6)
AFFINE = np.diag([3.0, 3.0, 4.0, 1.0])
OBJECT = np.zeros(SHAPE)
OBJECT[8:32, 8:32] = 1.0
TRUTH = 0.9e-3


def weighted(b_values, seed, trace=False):
    rng = np.random.default_rng(seed)
    signal = 60.0 * OBJECT[..., None] * np.exp(-np.asarray(b_values) * TRUTH)
    noisy = [np.abs(signal + rng.normal(size=signal.shape) + 1j * rng.normal(size=signal.shape)) for _ in range(3)]
    data = np.exp(np.log(noisy).mean(axis=0)) if trace else noisy[0]
    return data.astype(np.float32)


class Desk:
    """A study in the making."""

    def __init__(self):
        self.series, self.kinds, self.volumes = [], {}, {}

    def add(self, uid, weighting, *volumes, region=Region.BRAIN, description="", frames=(), **parameters):
        self.series.append(
            Series(series_instance_uid=uid, study_instance_uid="1", modality="MR", object=SeriesObject.IMAGE,
                   description=description, parameters=parameters, frames=frames)
        )  # fmt: skip
        self.kinds[uid] = SeriesKind(weighting=weighting, region=region)
        self.volumes[uid] = tuple(replace(v, series_instance_uid=uid) for v in volumes)

    def made(self):
        study = Study(study_instance_uid="1", patient="p", series=tuple(self.series))
        return quantify(study, kinds=self.kinds, load=lambda uid: self.volumes[uid])


def volume(data, **more):
    return Volume(data=data, affine=AFFINE, series_instance_uid="", component=Component.MAGNITUDE, **more)


def test_the_measurements_give_a_map_and_the_scanners_own_stands_beside_it():
    desk = Desk()
    desk.add("dwi", Weighting.TRACE, volume(weighted((0, 1000), 1, trace=True), b_values=(0.0, 1000.0),
             image_type=("DERIVED", "PRIMARY", "DIFFUSION", "TRACEW")))  # fmt: skip
    desk.add("adc", Weighting.ADC, volume((OBJECT * TRUTH * 1e6 * 0.98).astype(np.float32), b_values=(1000.0,)))
    desk.add("high", Weighting.TRACE, volume(weighted((1500,), 2), b_values=(1500.0,)), description="DWI_CALC_BVAL")
    found = desk.made()
    (one,) = found.maps
    assert one.series == ("dwi",)
    assert one.measure == "ADC"
    assert float(np.nanmedian(one.data)) == pytest.approx(TRUTH, rel=0.02)
    (beside,) = one.beside
    assert beside.series == "adc"
    assert beside.median == pytest.approx(0.98, abs=0.02)
    assert found.cannot == (("high", "a calculated b-value is no measurement"),)


def test_b_values_in_series_of_their_own_are_joined():
    desk = Desk()
    for b in (0.0, 1000.0):
        desk.add(f"b{b:.0f}", Weighting.DWI, volume(weighted((b,), int(b))[..., 0], b_values=(b,)))
    (one,) = desk.made().maps
    assert one.series == ("b0", "b1000")
    assert float(np.nanmedian(one.data)) == pytest.approx(TRUTH, rel=0.02)


def test_perfusion_is_kept_out_of_the_body_and_b0_is_kept_in_the_brain():
    for region, used in ((Region.PROSTATE, (400.0, 800.0)), (Region.BRAIN, (50.0, 400.0, 800.0))):
        desk = Desk()
        desk.add(
            "dwi", Weighting.DWI, volume(weighted((50, 400, 800), 3), b_values=(50.0, 400.0, 800.0)), region=region
        )
        (one,) = desk.made().maps
        assert one.basis["b_values"] == used


def test_an_isotropic_volume_inside_the_series_is_recognised_for_what_it_is():
    directions = tuple(np.eye(3)[n % 3] for n in range(6))
    data = weighted((0, *([1000] * 6)), 4)
    isotropic = np.exp(np.log(np.maximum(data[..., 1:], 1e-3)).mean(axis=3))
    for inside, what in ((isotropic, "trace"), ((OBJECT * TRUTH * 1e6), "ADC")):
        desk = Desk()
        desk.add(
            "dti", Weighting.DWI,
            volume(data, b_values=(0.0, *([1000.0] * 6)), b_vectors_ras=(None, *(tuple(d) for d in directions))),
            volume(inside.astype(np.float32), label="isotropic (trace or ADC)", b_values=(1000.0,)),
        )  # fmt: skip
        (one,) = desk.made().maps
        (beside,) = one.beside
        assert what in beside.what
        assert beside.median == pytest.approx(1.0, abs=0.03)
        assert float(np.nanmedian(one.data)) == pytest.approx(TRUTH, rel=0.02)


def test_what_gives_no_map_says_why():
    desk = Desk()
    desk.add("one", Weighting.DWI, volume(weighted((1000,), 5), b_values=(1000.0,)))
    desk.add("none", Weighting.DWI, volume(weighted((0, 1000), 5)))
    desk.add("water", Weighting.DIXON_WATER, volume(OBJECT.astype(np.float32)))
    desk.add("t1", Weighting.T1, volume(OBJECT.astype(np.float32)))
    said = dict(desk.made().cannot)
    assert set(said) == {"one", "none", "water"}
    assert "1000 s/mm2" in said["one"]
    assert "no b-value" in said["none"]
    assert "partner" in said["water"]
    only = Desk()
    only.add("adc", Weighting.ADC, volume((OBJECT * 900).astype(np.float32)))
    assert "not in the study" in dict(only.made().cannot)["adc"]


def fatty(share, te_ms, tesla, seed):
    rng = np.random.default_rng(seed)
    turn = np.exp(2j * np.pi * -3.4 * 42.577478518 * tesla * te_ms / 1000.0)
    signal = 50.0 * OBJECT * (1 - share + share * turn)
    return np.abs(signal + rng.normal(size=SHAPE) + 1j * rng.normal(size=SHAPE)).astype(np.float32)


def test_dixon_pictures_give_a_fat_fraction():
    rng = np.random.default_rng(6)
    water, fat = (
        np.abs(50.0 * OBJECT * share + rng.normal(size=SHAPE) + 1j * rng.normal(size=SHAPE)).astype(np.float32)
        for share in (0.7, 0.3)
    )
    desk = Desk()
    desk.add("w", Weighting.DIXON_WATER, volume(water), FlipAngle=70.0)
    desk.add("f", Weighting.DIXON_FAT, volume(fat))
    (one,) = desk.made().maps
    assert float(np.nanmedian(one.data)) == pytest.approx(30.0, abs=1.0)
    assert any("flip angle" in said for said in one.cautions)


def test_echoes_of_one_series_give_a_fat_fraction_with_its_alternative():
    opposed = 1000.0 / (2 * 3.4 * 42.577478518 * 1.5)
    times = (opposed, 2 * opposed)
    frames = tuple(
        Frame(sop_instance_uid=f"1.{n}", frame_number=1, rows=40, columns=40, te_ms=te) for n, te in enumerate(times)
    )
    desk = Desk()
    desk.add("echoes", Weighting.T1, *(volume(fatty(0.2, te, 1.5, 7), te_ms=te) for te in times), frames=frames,
             ScanningSequence="GR", MagneticFieldStrength=1.5)  # fmt: skip
    (one,) = desk.made().maps
    # made here with one peak of fat, mapped with the six of the liver, of which a sixth of the fat does not turn
    assert float(np.nanmedian(one.data)) == pytest.approx(20.0 / 0.84, abs=1.0)
    assert one.alternative is not None
    assert one.basis["ambiguous_share"] > 0.9
