"""Results out, read by programs that we did not write: dciodvfy, dcmtk, dcmqi, highdicom, dcm2niix, SimpleITK."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK

from mriloop.edges.dicom import Limits, load_volumes, read_intake
from mriloop.edges.dicom.outlines import read_outlines

pytestmark = pytest.mark.xdist_group("results")
BIN = Path(sys.executable).parent
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def run(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


def objects(results: Path) -> list[Path]:
    dicom = results / "dicom"
    laid = sorted((dicom / "prior_registered").rglob("*.dcm"))
    named = ["seg/changes_today.dcm", "seg/changes_prior.dcm", "sr/changes.dcm", "registration/registration.dcm"]
    return [*(dicom / name for name in named), laid[0], laid[-1]]


@pytest.mark.component("dciodvfy")
def test_dciodvfy_finds_neither_error_nor_warning(results):
    for path in objects(results):
        said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        lines = (said.stdout + said.stderr).splitlines()
        assert [line for line in lines if line.startswith(("Error", "Warning"))] == [], path.name


@pytest.mark.component("dciodvfy")
def test_dcentvfy_finds_one_patient_and_one_study_in_sources_and_results(pair, results):
    """Results leave out what patients said of themselves (comments, reasons); nothing that they repeat may differ."""
    files = [*(pair.folder / "today").rglob("*.dcm"), *(results / "dicom").rglob("*.dcm")]
    said = subprocess.run(["dcentvfy", *map(str, files)], capture_output=True, text=True, check=False)
    lines = [line for line in (said.stdout + said.stderr).splitlines() if line.startswith(("Error", "Warning"))]
    harmless = ("present in one instance but not the other", "Different information entities")
    assert [line for line in lines if not any(words in line for words in harmless)] == []


def test_segments_are_the_label_map_and_follow_each_lesion_by_uid(pair, results):
    images = pair.compared.images[0]
    now = {one.label: one for one in read_outlines(results / "dicom/seg/changes_today.dcm", Limits(),
                                                   volumes=[images.today_volume])}  # fmt: skip
    then = {one.label: one for one in read_outlines(results / "dicom/seg/changes_prior.dcm", Limits())}
    assert set(now) == {"new 1", "shrinking 2"}
    assert set(then) == {"shrinking 2", "resolved 3"}
    for label, one in now.items():
        np.testing.assert_array_equal(one.data, images.changes_today == int(label[-1]))
        assert one.series_instance_uid == images.today
    assert now["shrinking 2"].tracking_uid == then["shrinking 2"].tracking_uid != now["new 1"].tracking_uid
    volume = then["resolved 3"].data.sum() * abs(np.linalg.det(then["resolved 3"].affine[:3, :3])) / 1000
    change = pair.compared.comparison.changes[2]
    assert volume == pytest.approx(-change.volume_change_ml, rel=0.2)  # the same ball on other voxels


def test_highdicom_reads_the_segmentation_on_its_source_images(pair, results):
    import highdicom

    found = highdicom.seg.segread(str(results / "dicom/seg/changes_today.dcm"))
    labels = pair.compared.images[0].changes_today
    sources = found.get_source_image_uids()
    assert {study for study, _, _ in sources} == {pair.studies[0].study_instance_uid}
    assert {series for _, series, _ in sources} == {pair.compared.images[0].today}
    volume = found.get_volume(combine_segments=True, relabel=False)
    back = np.linalg.inv(LPS @ pair.compared.images[0].today_volume.affine)
    inside = np.argwhere(volume.array > 0)
    at = inside @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    index = np.rint(at @ back[:3, :3].T + back[:3, 3]).astype(int)
    assert len(index) == np.isin(labels, (1, 2)).sum()
    np.testing.assert_array_equal(labels[tuple(index.T)], volume.array[tuple(inside.T)])
    assert [int(n) for n in found.segment_numbers] == [1, 2]


def test_dcmqi_reads_the_segmentation_voxel_by_voxel(pair, results, tmp_path):
    source = results / "dicom/seg/changes_today.dcm"
    run(BIN / "segimage2itkimage", "--inputDICOM", source, "--outputDirectory", tmp_path, "--outputType", "nii")
    images = pair.compared.images[0]
    seen = 0
    for path in tmp_path.glob("*.nii.gz"):
        image = nibabel.load(path)
        data = np.asarray(image.dataobj)
        where = np.argwhere(data > 0)
        back = np.linalg.inv(images.today_volume.affine) @ image.affine
        index = where @ back[:3, :3].T + back[:3, 3]
        assert np.abs(index - np.rint(index)).max() < 0.01
        ours = images.changes_today[tuple(np.rint(index).astype(int).T)]
        np.testing.assert_array_equal(ours, data[tuple(where.T)])
        seen += len(where)
    assert seen == np.isin(images.changes_today, (1, 2)).sum()
    said = json.loads((tmp_path / "meta.json").read_text())
    labels = [one["SegmentLabel"] for group in said["segmentAttributes"] for one in group]
    assert sorted(labels) == ["new 1", "shrinking 2"]


def test_dcmqi_gives_the_numbers_of_the_report_back(pair, results, tmp_path):
    run(BIN / "tid1500reader", "--inputDICOM", results / "dicom/sr/changes.dcm", "--outputMetadata", tmp_path / "m")
    said = json.loads((tmp_path / "m").read_text())
    assert (said["CompletionFlag"], said["VerificationFlag"]) == ("COMPLETE", "UNVERIFIED")
    groups = {}
    for group in said["Measurements"]:
        numbers = {
            (item["quantity"]["CodeMeaning"], item["units"]["CodeValue"]): float(item["value"])
            for item in group["measurementItems"] if "derivationModifier" not in item
        }  # fmt: skip
        groups[group["TrackingUniqueIdentifier"], group["timePoint"]] = (group, numbers)
    outlines = read_outlines(results / "dicom/seg/changes_today.dcm", Limits())
    by_kind = {one.label.split()[0]: one for one in outlines}
    new, shrinking = pair.compared.comparison.changes[:2]
    group, numbers = groups[by_kind["new"].tracking_uid, "2026-11-20"]
    assert group["ReferencedSegment"] == by_kind["new"].number
    assert group["FindingSite"]["CodeValue"] == "68523003"
    assert numbers["Volume", "mL"] == pytest.approx(new.volume_ml, abs=1e-6)
    assert numbers["Long axis", "mm"] == pytest.approx(new.diameter_mm)
    assert numbers["Perpendicular Axis", "mm"] == pytest.approx(new.perpendicular_mm)
    evaluated = {one["conceptCode"]["CodeValue"]: one["conceptValue"] for one in group["qualitativeEvaluations"]}
    assert evaluated["111049"]["CodeValue"] == "129721008"
    _, today = groups[by_kind["shrinking"].tracking_uid, "2026-11-20"]
    _, before = groups[by_kind["shrinking"].tracking_uid, "2021-03-04"]
    assert today["Volume", "mL"] - before["Volume", "mL"] == pytest.approx(shrinking.volume_change_ml, abs=2e-6)
    assert today["Long axis", "mm"] == pytest.approx(shrinking.diameter_mm)  # measured on what is left today
    assert ("Long axis", "mm") not in before
    resolved = [n for g, n in groups.values() if ("Long axis", "mm") in n and g["timePoint"] == "2021-03-04"]
    assert [one["Long axis", "mm"] for one in resolved] == [
        pytest.approx(pair.compared.comparison.changes[2].diameter_mm)
    ]
    assert today["Difference in size", "%"] == pytest.approx(
        100 * shrinking.volume_change_ml / before["Volume", "mL"], abs=1e-3
    )


@pytest.mark.component("dcmtk")
def test_dcmtk_accepts_the_report_and_prints_what_it_proposes(results):
    said = run("dsrdump", "+Pl", results / "dicom/sr/changes.dcm")
    assert "Proposed by software; no person has verified it." in said
    assert "PRELIMINARY" in said
    assert said.count('"Measurement Group"') == 5  # new 1, shrinking 2, resolved 2
    assert "invalid" not in said.lower()


def test_highdicom_reads_the_report_as_tid_1500(pair, results):
    import highdicom

    report = highdicom.sr.srread(str(results / "dicom/sr/changes.dcm"))
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 4
    assert {group.reference_type.meaning for group in groups} == {"Referenced Segment"}
    volumes = [
        m.value for group in groups for m in group.get_measurements(highdicom.sr.CodedConcept("118565006", "SCT", "V"))
    ]
    change = pair.compared.comparison.changes[2]
    assert any(volume == pytest.approx(-change.volume_change_ml, abs=1e-6) for volume in volumes)
    evidence = {series for _, series, _, _ in report.get_evidence()}
    assert {pair.compared.images[0].today, pair.compared.images[0].prior} <= evidence


def test_the_registration_maps_points_as_the_alignment_does(pair, results):
    said = pydicom.dcmread(results / "dicom/registration/registration.dcm")
    today, prior = (one.series[0] for one in pair.studies)
    assert said.FrameOfReferenceUID == today.frame_of_reference_uid
    first, second = said.RegistrationSequence
    assert (first.FrameOfReferenceUID, second.FrameOfReferenceUID) == (
        today.frame_of_reference_uid, prior.frame_of_reference_uid
    )  # fmt: skip
    step = second.MatrixRegistrationSequence[0].MatrixSequence[0]
    assert step.FrameOfReferenceTransformationMatrixType == "RIGID"
    matrix = np.array(step.FrameOfReferenceTransformationMatrix, float).reshape(4, 4)
    point = np.array([12.0, -34.0, 56.0, 1.0])  # LPS of the prior
    ours = LPS @ np.array(pair.compared.comparison.pairs[0].alignment.matrix) @ LPS @ point
    np.testing.assert_allclose(matrix @ point, ours, atol=1e-6)
    shown = {one.ReferencedSOPInstanceUID for one in second.ReferencedImageSequence}
    assert shown == {frame.sop_instance_uid for frame in prior.frames}


def test_the_registered_prior_lies_on_todays_slices_and_keeps_its_numbers(pair, results):
    images = pair.compared.images[0]
    folder = next((results / "dicom/prior_registered").iterdir())
    with read_intake(folder, Limits()) as intake:
        (study,) = intake.studies
        (series,) = study.series
        volume = load_volumes(intake, series, Limits())[0]
    assert study.study_instance_uid == pair.studies[0].study_instance_uid
    assert study.patient == pair.studies[0].patient
    assert series.frame_of_reference_uid == pair.studies[0].series[0].frame_of_reference_uid
    assert series.description == "PRIOR 2021-03-04 T2 FLAIR AX, registered"
    assert volume.confirmed_by == "dcm2niix"
    np.testing.assert_allclose(volume.affine, images.today_volume.affine, atol=1e-4)
    assert np.abs(volume.data - images.prior_on_today.data).max() <= 0.51
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(folder.glob("*.dcm"))]
    assert all(list(one.ImageType)[:2] == ["DERIVED", "SECONDARY"] for one in headers)
    cited = {item.ReferencedSOPInstanceUID for one in headers for item in one.SourceImageSequence}
    assert cited <= {frame.sop_instance_uid for frame in pair.studies[1].series[0].frames}


def test_the_itk_transform_resamples_the_prior_as_we_do(pair, results):
    images = pair.compared.images[0]
    (path,) = (results / "transforms").glob("*.tfm")
    (named,) = (results / "transforms").glob("from-prior1S3_to-todayS3_mode-image_xfm.txt")
    assert path.read_text() == named.read_text()
    assert json.loads(named.with_suffix(".json").read_text())["Type"] == "rigid"
    moving, fixed = (as_itk(v.data, v.affine) for v in (images.prior_volume, images.today_volume))
    laid = SimpleITK.Resample(moving, fixed, SimpleITK.ReadTransform(str(path)), SimpleITK.sitkLinear, 0.0)
    theirs = SimpleITK.GetArrayFromImage(laid).T
    (nifti,) = (results / "nifti").glob("prior1S3_on_reference.nii.gz")
    ours = np.asarray(nibabel.load(nifti).dataobj)
    inside = slice(8, -8), slice(8, -8), slice(4, -4)
    unmoved = SimpleITK.GetArrayFromImage(SimpleITK.Resample(moving, fixed)).T
    right, wrong = (np.corrcoef(one[inside].ravel(), ours[inside].ravel())[0, 1] for one in (theirs, unmoved))
    assert right > 0.98
    assert wrong < 0.9


def as_itk(data, affine):
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(data.T.astype(np.float32)))
    lps = LPS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing([float(s) for s in spacing])
    image.SetDirection([float(d) for d in (lps[:3, :3] / spacing).ravel()])
    image.SetOrigin([float(o) for o in lps[:3, 3]])
    return image


def test_the_same_comparison_gives_the_same_bytes(pair, results, tmp_path):
    again = pair.write(tmp_path)
    assert len(again) > 15
    for path in again:
        if path.suffix != ".gz":  # gzip holds the hour
            assert path.read_bytes() == (results / path.relative_to(tmp_path)).read_bytes(), path.name


def test_times_are_in_the_zone_of_the_source(results):
    said = pydicom.dcmread(results / "dicom/seg/changes_today.dcm", stop_before_pixels=True)
    assert (said.TimezoneOffsetFromUTC, said.ContentDate, said.ContentTime[:6]) == ("+0100", "20261120", "200000")
    assert (said.StudyDate, said.StudyTime[:4]) == ("20261120", "0800")


def test_uids_are_valid_and_unique(results):
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in (results / "dicom").rglob("*.dcm")]
    uids = [one.SOPInstanceUID for one in headers]
    assert len(set(uids)) == len(uids)
    assert all(pydicom.uid.UID(one).is_valid for one in uids)
    assert len({one.SeriesInstanceUID for one in headers}) == 5
    numbers = sorted({int(one.SeriesNumber) for one in headers})
    assert all(b > a for a, b in pairwise(numbers))
