"""Slices in any order become volumes in one order; holes are filled and told, incomplete time points left out."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from mriloop.edges.dicom import Limits, load_volumes, read_intake
from mriloop.model.errors import ComponentError
from mriloop.model.volume import Volume

LIMITS = Limits()
Make = Callable[..., Dataset]
Write = Callable[..., Path]


@pytest.fixture
def load(make: Make, write: Write, tmp_path: Path) -> Callable[[list[dict[str, Any]]], tuple[Volume, ...]]:
    """Write one file per dictionary of changes and return the volumes of the series."""

    def run(images: list[dict[str, Any]]) -> tuple[Volume, ...]:
        for number, changes in enumerate(images, 1):
            write(make(number, **changes), tmp_path / f"{number}")
        with read_intake(tmp_path, LIMITS) as intake:
            return load_volumes(intake, intake.studies[0].series[0], LIMITS)

    return run


Load = Callable[[list[dict[str, Any]]], tuple[Volume, ...]]


def at(z: float, value: int = 0, **more: Any) -> dict[str, Any]:
    pixels = (np.arange(24, dtype="<u2") + value).tobytes()
    return {"ImagePositionPatient": [0.0, 0.0, z], "PixelData": pixels, **more}


def test_instance_numbers_do_not_order_slices(load: Load) -> None:
    (volume,) = load([at(z, int(z)) for z in (9.0, 0.0, 6.0, 3.0)])
    assert [float(volume.data[0, 0, k]) for k in range(4)] == [0.0, 3.0, 6.0, 9.0]
    assert volume.spacing_mm == (1.0, 2.0, 3.0)
    assert volume.filled_slices == ()
    assert volume.confirmed_by == "dcm2niix"


def test_a_missing_slice_is_interpolated_and_told(load: Load) -> None:
    (volume,) = load([at(3.0 * k, 10 * k) for k in (0, 1, 2, 4, 5)])
    assert volume.data.shape == (6, 4, 6)
    assert volume.filled_slices == (3,)
    assert volume.sources[0][3].sop_instance_uid == ""
    assert float(volume.data[0, 0, 3]) == 30.0
    assert volume.spacing_mm[2] == pytest.approx(3.0)
    assert any("interpolated" in note for note in volume.notes)


def test_more_holes_than_slices_are_several_volumes(load: Load) -> None:
    volumes = load([at(z) for z in (0.0, 3.0, 6.0, 60.0, 63.0)])
    assert sorted(volume.data.shape[2] for volume in volumes) == [2, 3]
    assert all(not volume.filled_slices for volume in volumes)


def test_time_points_by_their_position_in_time(load: Load) -> None:
    order = [(t, k) for t in range(3) for k in range(4)]
    images = [at(3.0 * k, 100 * t + k, TemporalPositionIdentifier=t + 1, AcquisitionTime=f"1000{10 * t:02d}.0")
              for t, k in reversed(order)]  # fmt: skip
    (volume,) = load(images)
    assert volume.data.shape == (6, 4, 4, 3)
    for t, k in order:
        assert float(volume.data[0, 0, k, t]) == 100 * t + k
    assert volume.repetition_time_ms == 10_000.0


@pytest.mark.parametrize("slice_major", [True, False])
def test_time_points_by_order_alone(slice_major: bool, load: Load) -> None:
    pairs = list(itertools.product(range(4), range(3)))
    order = [(t, k) for k, t in pairs] if slice_major else sorted((t, k) for k, t in pairs)
    (volume,) = load([at(3.0 * k, 100 * t + k) for t, k in order])
    for t, k in order:
        assert float(volume.data[0, 0, k, t]) == 100 * t + k


def test_a_stopped_time_point_is_left_out_and_told(load: Load) -> None:
    order = [(t, k) for t in range(3) for k in range(4)][:-2]
    (volume,) = load([at(3.0 * k, 100 * t + k) for t, k in order])
    assert volume.data.shape == (6, 4, 4, 2)
    assert any("1 incomplete" in note for note in volume.notes)


def test_diffusion_volumes_carry_their_b_values(load: Load) -> None:
    images = [at(3.0 * k, int(b) + k, DiffusionBValue=b) for k in range(3) for b in (0.0, 800.0, 400.0)]
    (volume,) = load(images)
    assert volume.b_values == (0.0, 800.0, 400.0)
    for t, b in enumerate(volume.b_values):
        assert [float(volume.data[0, 0, k, t]) for k in range(3)] == [b, b + 1, b + 2]


def test_a_trace_among_directions_is_a_volume_of_its_own(load: Load) -> None:
    images = []
    for k in range(3):
        images += [at(3.0 * k, 1, DiffusionBValue=0.0)]
        images += [at(3.0 * k, 2, DiffusionBValue=1000.0, DiffusionGradientOrientation=[1.0, 0.0, 0.0])]
        images += [at(3.0 * k, 3, DiffusionBValue=1000.0, DiffusionGradientOrientation=[0.0, 1.0, 0.0])]
        images += [at(3.0 * k, 4, DiffusionBValue=1000.0)]
    directed, trace = load(images)
    assert directed.data.shape[3] == 3
    assert directed.b_vectors_ras[0] is None
    assert "isotropic" in trace.label
    assert float(trace.data[0, 0, 0]) == 4.0


def test_echoes_and_kinds_are_volumes_apart(load: Load) -> None:
    phase = ["ORIGINAL", "PRIMARY", "P", "ND"]
    images = [at(3.0 * k, EchoTime=te) for k in range(3) for te in (5.0, 10.0)]
    images += [at(3.0 * k, EchoTime=5.0, ImageType=phase) for k in range(3)]
    volumes = load(images)
    assert sorted(volume.label for volume in volumes) == [
        "TE 10 ms magnitude M",
        "TE 5 ms magnitude M",
        "TE 5 ms phase P",
    ]
    assert {volume.te_ms for volume in volumes} == {5.0, 10.0}


def test_a_localizer_is_one_volume_per_plane(load: Load) -> None:
    planes = ([1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1])
    normals = ([0, 0, 1], [0, 1, 0], [-1, 0, 0])
    images = [
        {"ImageOrientationPatient": list(map(float, plane)), "ImagePositionPatient": [10.0 * n * x for x in normal]}
        for plane, normal in zip(planes, normals, strict=True)
        for n in range(3)
    ]
    volumes = load(images)
    assert [volume.data.shape for volume in volumes] == [(6, 4, 3)] * 3


def test_intensities_are_those_after_the_modality_lut(load: Load) -> None:
    (volume,) = load([at(3.0 * k, RescaleSlope=2.5, RescaleIntercept=-100.0) for k in range(3)])
    assert float(volume.data[1, 0, 0]) == pytest.approx(2.5 * 1 - 100)


def test_a_leaning_stack_stays_one_volume(load: Load) -> None:
    images = [{"ImagePositionPatient": [0.0, 0.3 * k, 3.0 * k]} for k in range(5)]
    (volume,) = load(images)
    assert volume.data.shape[2] == 5
    assert tuple(volume.affine[:3, 2]) == pytest.approx((0.0, -0.3, 3.0))


def test_parallel_stacks_beside_each_other_are_apart(load: Load) -> None:
    images = [{"ImagePositionPatient": [200.0 * side, 0.0, 3.0 * k]} for side in (0, 1) for k in range(4)]
    volumes = load(images)
    assert [volume.data.shape for volume in volumes] == [(6, 4, 4)] * 2


def test_one_slice_is_a_volume(load: Load) -> None:
    (volume,) = load([at(0.0)])
    assert volume.data.shape == (6, 4, 1)
    assert volume.spacing_mm == (1.0, 2.0, 3.0)


def test_frames_without_place_are_left_out_and_told(load: Load) -> None:
    (volume,) = load([at(0.0), at(3.0), {"ImagePositionPatient": None}])
    assert volume.data.shape[2] == 2
    assert any("1 frames have no usable position" in note for note in volume.notes)


def test_without_any_place_there_is_no_volume(load: Load) -> None:
    with pytest.raises(ComponentError) as refusal:
        load([{"ImagePositionPatient": None}])
    assert refusal.value.code == "converter_failed"
