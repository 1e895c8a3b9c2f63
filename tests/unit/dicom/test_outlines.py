"""Outlines from other programs: segmentations of highdicom and dcmqi, NIfTI masks, and files that lie."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from nibabel.nifti1 import Nifti1Image
from pydicom.dataset import Dataset

from mriloop.edges.dicom import Limits, load_volumes, read_intake
from mriloop.edges.dicom.outlines import read_outlines
from mriloop.model.errors import MriloopError
from mriloop.model.volume import Volume

SHAPE = (20, 16, 9)  # columns, rows, slices
BIN = Path(sys.executable).parent
LESION = ("49755003", "SCT", "Morphologically Abnormal Structure"), ("52988006", "SCT", "Lesion")


@pytest.fixture
def series(tmp_path: Path, make: Callable[..., Dataset], write: Callable[..., Path]) -> Path:
    """Nine oblique slices of one series."""
    row, column = np.array([0.96, 0.28, 0.0]), np.array([-0.28, 0.96, 0.0])
    for number in range(1, SHAPE[2] + 1):
        start = np.array([-10.0, -20.0, 5.0]) + 3.0 * number * np.cross(row, column)
        one = make(
            number,
            ImageOrientationPatient=[*row, *column],
            ImagePositionPatient=[round(float(x), 6) for x in start],
            Rows=SHAPE[1],
            Columns=SHAPE[0],
            PixelData=np.arange(SHAPE[0] * SHAPE[1], dtype="<u2").tobytes(),
            FrameOfReferenceUID="1.2.3.4.5",
            PositionReferenceIndicator="",
            StudyID="1",
            ReferringPhysicianName="",
        )
        write(one, tmp_path / "images" / f"{number:02d}.dcm")
    return tmp_path / "images"


@pytest.fixture
def volume(series: Path) -> Volume:
    """The voxels of that series."""
    with read_intake(series, Limits()) as intake:
        return load_volumes(intake, intake.studies[0].series[0], Limits())[0]


def masks() -> np.ndarray:
    """Return two regions (columns, rows, slices, region) that overlap; slice 4 is empty in both."""
    found = np.zeros((*SHAPE, 2), bool)
    found[3:9, 2:7, 2:4, 0] = True
    found[4, 4, 6, 0] = True
    found[6:12, 5:12, 3, 1] = True
    found[12:15, 8:9, 6:8, 1] = True
    return found


def highdicom_seg(series: Path, out: Path, regions: np.ndarray, kind: str = "BINARY", **more: Any) -> Path:
    """Write regions with highdicom."""
    import highdicom as hd
    from pydicom.sr.coding import Code

    images = [pydicom.dcmread(path) for path in sorted(series.glob("*.dcm"))]
    described = [
        hd.seg.SegmentDescription(
            segment_number=n + 1, segment_label=f"region {n + 1}", segmented_property_category=Code(*LESION[0]),
            segmented_property_type=Code(*LESION[1]), algorithm_type="MANUAL", tracking_id=f"L{n}",
            tracking_uid=f"1.2.826.0.1.99.{n + 1}",
        )
        for n in range(regions.shape[-1])
    ]  # fmt: skip
    array = np.moveaxis(regions, 2, 0).transpose(0, 2, 1, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = hd.seg.Segmentation(
            source_images=images,
            pixel_array=array if kind == "FRACTIONAL" else array.astype(np.uint8),
            segmentation_type=kind,
            segment_descriptions=described,
            series_instance_uid="1.2.826.0.1.77",
            series_number=5,
            sop_instance_uid="1.2.826.0.1.77.1",
            instance_number=1,
            manufacturer="x",
            manufacturer_model_name="x",
            software_versions="1",
            device_serial_number="1",
            **more,
        )
        made.save_as(out)
    return out


def test_overlapping_segments_of_highdicom_on_the_voxels_of_their_series(series, volume, tmp_path):
    path = highdicom_seg(series, tmp_path / "s.dcm", masks())
    first, second = read_outlines(path, Limits(), volumes=[volume])
    np.testing.assert_array_equal(first.data, masks()[..., 0])
    np.testing.assert_array_equal(second.data, masks()[..., 1])
    np.testing.assert_array_equal(first.affine, volume.affine)
    assert (first.label, first.number, first.tracking_id, first.tracking_uid) == (
        "region 1", 1, "L0", "1.2.826.0.1.99.1"
    )  # fmt: skip
    assert first.kind is not None
    assert (first.kind.value, first.series_instance_uid) == ("52988006", volume.series_instance_uid)
    assert first.study_instance_uid == pydicom.dcmread(path).StudyInstanceUID


def test_without_the_series_frames_make_their_own_grid_over_the_empty_slice(series, volume, tmp_path):
    path = highdicom_seg(series, tmp_path / "s.dcm", masks())
    for one, region in zip(read_outlines(path, Limits()), np.moveaxis(masks(), 3, 0), strict=True):
        assert one.data.shape == (20, 16, 6)  # slices 2 to 7
        assert points(one.data, one.affine) == points(region, volume.affine)


def points(mask: np.ndarray, affine: np.ndarray) -> set[tuple[float, ...]]:
    index = np.argwhere(mask)
    return {tuple(np.round(place, 2) + 0.0) for place in index @ affine[:3, :3].T + affine[:3, 3]}


@pytest.mark.parametrize("kind", ["FRACTIONAL", "LABELMAP"])
def test_fractional_and_label_map(series, volume, tmp_path, kind):
    regions = masks()
    regions[..., 1] &= ~regions[..., 0]
    sent = np.where(regions, 0.9, 0.3).astype(np.float32) if kind == "FRACTIONAL" else regions
    path = highdicom_seg(series, tmp_path / "s.dcm", sent, kind)
    found = read_outlines(path, Limits(), volumes=[volume])
    assert len(found) == 2
    for number, one in enumerate(found):
        np.testing.assert_array_equal(one.data, regions[..., number])


def test_a_compressed_fractional_segmentation(series, volume, tmp_path):
    sent = np.where(masks()[..., :1], 1.0, 0.0).astype(np.float32)
    path = highdicom_seg(series, tmp_path / "s.dcm", sent, "FRACTIONAL", transfer_syntax_uid=pydicom.uid.RLELossless)
    (one,) = read_outlines(path, Limits(), volumes=[volume])
    np.testing.assert_array_equal(one.data, masks()[..., 0])


def test_one_segment_frames_in_reverse_and_no_source_images(series, volume, tmp_path):
    path = highdicom_seg(series, tmp_path / "s.dcm", masks()[..., :1])
    ds = pydicom.dcmread(path)
    frames = ds.pixel_array[::-1]
    ds.PerFrameFunctionalGroupsSequence = ds.PerFrameFunctionalGroupsSequence[::-1]
    for group in ds.PerFrameFunctionalGroupsSequence:
        group.pop("DerivationImageSequence", None)
    del ds.ReferencedSeriesSequence
    packed = np.packbits(frames.ravel(), bitorder="little").tobytes()
    ds.PixelData = packed + b"\0" * (len(packed) % 2)
    ds.save_as(path)
    (one,) = read_outlines(path, Limits(), volumes=[volume])
    np.testing.assert_array_equal(one.data, masks()[..., 0])


def test_frames_without_a_place_are_put_where_they_were_drawn(series, volume, tmp_path):
    path = highdicom_seg(series, tmp_path / "s.dcm", masks())
    ds = pydicom.dcmread(path)
    for group in ds.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence
    ds.save_as(path)
    first, _ = read_outlines(path, Limits(), volumes=[volume])
    np.testing.assert_array_equal(first.data, masks()[..., 0])
    assert refusal(path) == "outline_geometry"


def test_dcmqi_writes_what_we_read(series, volume, tmp_path):
    labels = masks()[..., 0].astype(np.int16)
    Nifti1Image(labels, volume.affine).to_filename(str(tmp_path / "labels.nii"))
    code = {"CodeValue": "52988006", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Lesion"}
    category = {"CodeValue": "49755003", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Morphologically"}
    said = {
        "ContentCreatorName": "x", "SeriesDescription": "x", "SeriesNumber": "9", "InstanceNumber": "1",
        "segmentAttributes": [[{
            "labelID": 1, "SegmentLabel": "drawn", "SegmentDescription": "drawn", "SegmentAlgorithmType": "MANUAL",
            "SegmentedPropertyCategoryCodeSequence": category, "SegmentedPropertyTypeCodeSequence": code,
            "TrackingIdentifier": "L7", "TrackingUniqueIdentifier": "1.2.3.7",
        }]],
    }  # fmt: skip
    (tmp_path / "m.json").write_text(json.dumps(said))
    done = subprocess.run(
        [BIN / "itkimage2segimage", "--inputDICOMDirectory", series, "--inputImageList", tmp_path / "labels.nii",
         "--inputMetadata", tmp_path / "m.json", "--outputDICOM", tmp_path / "s.dcm"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (one,) = read_outlines(tmp_path / "s.dcm", Limits(), volumes=[volume])
    np.testing.assert_array_equal(one.data, masks()[..., 0])
    assert (one.label, one.tracking_id, one.tracking_uid) == ("drawn", "L7", "1.2.3.7")


def refusal(path: Path, limits: Limits | None = None, **more: Any) -> str:
    with pytest.raises(MriloopError) as refused:
        read_outlines(path, limits or Limits(), **more)
    assert "{" not in refused.value.message + refused.value.remedy
    assert "Doe" not in refused.value.message
    return refused.value.code


def test_a_nifti_mask_is_one_outline_per_label_with_the_names_beside_it(volume, tmp_path):
    labels = masks()[..., 0] * 2.0
    labels[masks()[..., 1]] = 7
    path = tmp_path / "sub-1_dseg.nii.gz"
    Nifti1Image(labels.astype(np.float32), volume.affine).to_filename(str(path))
    (tmp_path / "sub-1_dseg.tsv").write_text("index\tname\n2\told lesion\n7\tnew lesion\n")
    found = read_outlines(path, Limits(), volumes=[volume])
    assert [(one.number, one.label) for one in found] == [(2, "old lesion"), (7, "new lesion")]
    assert found[0].series_instance_uid == volume.series_instance_uid
    np.testing.assert_array_equal(found[1].data, masks()[..., 1])
    np.testing.assert_allclose(found[1].affine, volume.affine, atol=1e-4)


def test_probabilities_are_cut_at_a_half(volume, tmp_path):
    path = tmp_path / "p.nii"
    Nifti1Image(np.where(masks()[..., 0], 0.7, 0.2).astype(np.float32), volume.affine).to_filename(str(path))
    (one,) = read_outlines(path, Limits())
    np.testing.assert_array_equal(one.data, masks()[..., 0])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (np.zeros(SHAPE), "outline_empty"),
        (np.full(SHAPE, -1.0), "outline_damaged"),
        (np.full(SHAPE, np.nan), "outline_damaged"),
        (np.full(SHAPE, 1.5), "outline_damaged"),
        (np.ones((*SHAPE, 2)), "several_series"),
        (np.arange(np.prod(SHAPE), dtype=float).reshape(SHAPE), "outline_too_large"),
    ],
)
def test_masks_that_are_none(volume, tmp_path, data, code):
    path = tmp_path / "m.nii"
    Nifti1Image(data.astype(np.float32), volume.affine).to_filename(str(path))
    assert refusal(path) == code


def test_a_mask_without_geometry_or_beside_the_images_is_refused(volume, tmp_path):
    path = tmp_path / "m.nii"
    image = Nifti1Image(np.ones(SHAPE, np.uint8), None)
    image.header.set_sform(None, code=0)
    image.header.set_qform(None, code=0)
    image.to_filename(str(path))
    assert refusal(path) == "file_nifti_geometry"
    away = volume.affine.copy()
    away[:3, 3] += 500.0
    Nifti1Image(np.ones(SHAPE, np.uint8), away).to_filename(str(path))
    assert refusal(path, volumes=[volume]) == "outline_geometry"


def test_what_is_no_outline_is_refused_by_name(series, tmp_path):
    assert refusal(next(series.glob("*.dcm"))) == "outline_not_supported"
    text = tmp_path / "mask.txt"
    text.write_text("mask")
    assert refusal(text) == "outline_not_supported"
    assert refusal(tmp_path / "absent.dcm") == "file_unreadable"
    packed = tmp_path / "m.nii.gz"
    packed.write_bytes(gzip.compress(b"nothing of the kind"))
    assert refusal(packed) == "outline_not_supported"


def test_segmentations_that_lie_are_refused(series, tmp_path):
    path = highdicom_seg(series, tmp_path / "s.dcm", masks())

    def changed(change: Callable[[Dataset], object]) -> Path:
        ds = pydicom.dcmread(path)
        change(ds)
        ds.save_as(tmp_path / "changed.dcm")
        return tmp_path / "changed.dcm"

    group = "PerFrameFunctionalGroupsSequence"
    assert refusal(changed(lambda ds: setattr(ds, "NumberOfFrames", 60_000))) == "file_pixels_impossible"
    assert refusal(changed(lambda ds: setattr(ds, group, ds[group].value[:-1]))) == "file_header_damaged"
    assert refusal(changed(lambda ds: delattr(ds, "PixelData"))) == "file_no_pixels"
    assert refusal(changed(lambda ds: setattr(ds, "SegmentSequence", ds.SegmentSequence[:1]))) in ("outline_damaged",)
    assert refusal(changed(lambda ds: setattr(ds, "PixelData", b"\0" * len(ds.PixelData)))) == "outline_empty"

    def uneven(ds: Dataset) -> None:
        ds[group].value[1].PlanePositionSequence[0].ImagePositionPatient[2] += 1.3

    assert refusal(changed(uneven)) == "outline_geometry"
    assert refusal(path, Limits(max_file_mb=0.0001)) == "outline_too_large"


def test_bytes_that_were_damaged_give_outlines_or_a_refusal_and_nothing_else(series, volume, tmp_path):
    whole = highdicom_seg(series, tmp_path / "s.dcm", masks()).read_bytes()
    rng = np.random.default_rng(8)
    path = tmp_path / "damaged.dcm"
    for _ in range(150):
        data = bytearray(whole)
        for place in rng.integers(132, len(data), rng.integers(1, 6)):
            data[place] = rng.integers(256)
        path.write_bytes(bytes(data[: rng.integers(200, len(data))] if rng.random() < 0.2 else data))
        try:
            found = read_outlines(path, Limits(max_file_mb=4, max_unpacked_mb=4), volumes=[volume])
        except MriloopError:
            continue
        assert all(one.data.any() for one in found)


@pytest.mark.real
def test_the_tumour_of_the_real_segmentation_is_what_dcmqi_sees(real_data, tmp_path):
    path = real_data / "24_dicom_sr_tid1500" / "sr-example" / "seg.dcm"
    (one,) = read_outlines(path, Limits())
    subprocess.run(
        [BIN / "segimage2itkimage", "--inputDICOM", path, "--outputDirectory", tmp_path, "--outputType", "nii"],
        capture_output=True, check=True,
    )  # fmt: skip
    theirs = Nifti1Image.from_filename(str(tmp_path / "1.nii.gz"))
    there = np.argwhere(np.asarray(theirs.dataobj) > 0)
    index = there @ (np.linalg.inv(one.affine) @ theirs.affine)[:3, :3].T
    index += (np.linalg.inv(one.affine) @ theirs.affine)[:3, 3]
    assert one.data[tuple(np.rint(index).astype(int).T)].all()
    assert one.data.sum() == len(there)
    assert one.kind is not None
    assert one.kind.meaning == "Neoplasm, Primary"
