"""`mriloop changes` on a pair of DICOM studies: page, pictures, SEG and SR follow a person's word, and who may sign."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from click.testing import CliRunner
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian, RTStructureSetStorage

from mriloop.app.changes import first_time
from mriloop.app.compare_files import write_outcome
from mriloop.cli import app
from mriloop.edges.dicom import Limits, read_back, read_intake, write_nifti
from mriloop.model.errors import MriloopError
from mriloop.model.volume import Source, Volume

pytestmark = pytest.mark.xdist_group("results")
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture
def classic(make_pair: Callable[..., object], tmp_path: Path):
    """A pair of classic studies."""
    made = make_pair(tmp_path / "studies", enhanced=False)
    yield made
    for intake in made.intakes:
        intake.close()


@pytest.fixture
def out(classic, tmp_path: Path) -> Path:
    """The folder that `mriloop compare --out` leaves of the pair."""
    images = classic.compared.images[0]
    colour = replace(images.today_volume, sources=())
    whole = replace(images, changed_today=images.changes_today.copy(), colour=colour)
    compared = replace(classic.compared, images=(whole,))
    write_outcome(compared, tmp_path / "out", names={}, studies=classic.studies)
    classic.write(tmp_path / "out", nifti=False)
    return tmp_path / "out"


def run(*arguments: object):
    result = CliRunner().invoke(app, ["changes", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def flags(out: Path) -> tuple[str, str]:
    said = pydicom.dcmread(out / "dicom/sr/changes.dcm")
    return said.VerificationFlag, said.PreliminaryFlag


def contours(path: Path, pair, *, series: str, where: tuple[int, int, int] = (20, 20, 7)) -> Path:
    """Draw a square of 4 x 4 voxels on today's series, as a structure set that names `series`."""
    affine = pair.compared.images[0].today_volume.affine
    i, j, k = where
    corners = np.array([[i + a, j + b, k, 1.0] for a, b in ((-0.5, -0.5), (3.5, -0.5), (3.5, 3.5), (-0.5, 3.5))])
    ds, one, two, three, said, drawn, contour = (Dataset() for _ in range(7))
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = RTStructureSetStorage, "1.2.9", "RTSTRUCT"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = pair.studies[0].study_instance_uid, "1.2.9.1"
    three.SeriesInstanceUID = series
    two.RTReferencedSeriesSequence, one.RTReferencedStudySequence = [three], [two]
    ds.ReferencedFrameOfReferenceSequence = [one]
    said.ROINumber, said.ROIName = 1, "x"
    contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 4
    contour.ContourData = [f"{x:.4f}" for x in (corners @ (LPS @ affine).T)[:, :3].ravel()]
    drawn.ReferencedROINumber, drawn.ContourSequence = 1, [contour]
    ds.StructureSetROISequence, ds.ROIContourSequence = [said], [drawn]
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = RTStructureSetStorage, "1.2.9"
    ds.save_as(path, enforce_file_format=True)
    return path


def test_page_pictures_seg_and_sr_follow_and_only_a_person_who_asks_and_may_signs(classic, out, tmp_path):
    studies = ("--today", classic.folder / "today", "--prior", classic.folder / "prior")
    shrunk = np.zeros(classic.compared.images[0].changes_today.shape, np.int16)
    shrunk[classic.compared.images[0].changes_today == 2] = 1
    shrunk[: int(np.argwhere(shrunk)[:, 0].mean())] = 0
    mask = write_nifti(tmp_path / "smaller.nii.gz", shrunk, classic.compared.images[0].today_volume.affine)
    before = (out / "index.html").read_text()

    run(out, "--reject", "1", "--redraw", f"2={mask}", "--by", "Dr. A")
    page = (out / "index.html").read_text()
    assert page != before
    assert "No. 1: rejected, by Dr. A" in page
    assert "No. 2: not pictured" in page
    assert 'id="change-3"' in page
    assert 'id="change-1"' not in page
    assert not (out / "change_02.png").exists()
    assert not (out / "map_1.png").exists()
    assert (out / "earlier/000/index.html").read_text() == before
    assert (out / "earlier/000/change_02.png").is_file()
    changed, _ = read_back(out / "changed_today.nii.gz")
    then = np.rint(read_back(out / "changes_today.nii.gz")[0])
    assert not ((changed == 2) & (then == 2)).any()  # it shrank: what changed is what is gone

    run(out, "--by", "Dr. A", "--sign", *studies)
    assert flags(out) == ("UNVERIFIED", "PRELIMINARY")  # nobody has read no. 3
    assert 'id="change-2"' in (out / "index.html").read_text()
    assert (out / "change_02.png").is_file()
    segments = pydicom.dcmread(out / "dicom/seg/changes_today.dcm").SegmentSequence
    assert [one.SegmentLabel for one in segments] == ["shrinking 2"]

    run(out, "--accept", "3", "--by", "Dr. A", *studies)
    assert flags(out) == ("UNVERIFIED", "PRELIMINARY")  # nobody asked for a signature
    assert "nothing of these changes" in run(out, "--by", "Dr. B", "--sign", *studies).output
    assert flags(out) == ("UNVERIFIED", "PRELIMINARY")
    run(out, "--by", "Dr. A", "--sign", *studies)
    assert flags(out) == ("VERIFIED", "FINAL")


def test_no_segmentation_outlives_the_last_of_its_changes(classic, out):
    assert len(list(out.glob("dicom/seg/*.dcm"))) == 2
    said = ("--reject", "1,2,3,4", "--by", "Dr. A", "--sign")
    run(out, *said, "--today", classic.folder / "today", "--prior", classic.folder / "prior")
    assert list(out.glob("dicom/seg/*.dcm")) == []
    assert flags(out) == ("VERIFIED", "FINAL")


def test_an_empty_list_is_signed_by_nobody_who_said_nothing(classic, out):
    document = json.loads((out / "comparison.json").read_text())
    document["changes"] = []
    (out / "comparison.json").write_text(json.dumps(document))
    said = run(out, "--by", "x", "--sign", "--today", classic.folder / "today", "--prior", classic.folder / "prior")
    assert "not signed" in said.output
    assert flags(out) == ("UNVERIFIED", "PRELIMINARY")


def test_contours_are_read_with_and_without_the_study(classic, out, tmp_path):
    today = classic.compared.images[0].today
    path = contours(tmp_path / "rs.dcm", classic, series=today)
    run(out, "--add", path, "--by", "Dr. A")
    labels, _ = read_back(out / "changes_today.nii.gz")
    assert np.argwhere(labels == 5).min(axis=0).tolist() == [20, 20, 7]
    assert (labels == 5).sum() == 16
    other = contours(tmp_path / "other.dcm", classic, series="1.2.3", where=(20, 30, 7))
    with pytest.raises(MriloopError) as refused:
        run(out, "--add", other, "--by", "Dr. A")
    assert refused.value.code == "edit_needs_study"
    assert "--today" in refused.value.remedy
    with pytest.raises(MriloopError) as refused:
        run(
            out,
            "--add",
            other,
            "--by",
            "Dr. A",
            "--today",
            classic.folder / "today",
            "--prior",
            classic.folder / "prior",
        )
    assert refused.value.code == "outline_without_images"


def test_an_outline_off_the_series_is_refused_and_nothing_is_resolved(classic, out, tmp_path):
    affine = classic.compared.images[0].today_volume.affine.copy()
    affine[:3, 3] += 500.0
    before = (out / "comparison.json").read_bytes()
    away = write_nifti(tmp_path / "away.nii.gz", np.ones((4, 4, 4), np.int16), affine)
    with pytest.raises(MriloopError) as refused:
        run(out, "--redraw", f"2={away}", "--by", "Dr. A")
    assert refused.value.code == "edit_outside"
    assert (out / "comparison.json").read_bytes() == before


def test_a_study_that_no_longer_fits_its_maps_is_refused(classic, out):
    write_nifti(out / "changes_today.nii.gz", np.zeros((5, 5, 5), np.int16), np.eye(4))
    with pytest.raises(MriloopError) as refused:
        run(out, "--by", "x", "--today", classic.folder / "today", "--prior", classic.folder / "prior")
    assert refused.value.code == "changes_unloadable"


def test_of_several_time_points_the_first_counts():
    sources = tuple((Source(sop_instance_uid=f"1.2.{t}"),) for t in range(2))
    data = np.stack([np.zeros((3, 3, 1)), np.ones((3, 3, 1))], axis=-1)
    volume = Volume(data=data, affine=np.eye(4), series_instance_uid="1.2", sources=sources)
    first = first_time(volume)
    assert first.data.shape == (3, 3, 1)
    assert (first.data == 0).all()
    assert first.sources == sources[:1]


def test_a_series_number_below_zero_names_files_all_the_same(classic, tmp_path):
    for path in (classic.folder / "prior").rglob("*"):
        if path.is_file():
            said = pydicom.dcmread(path)
            said.SeriesNumber = -3
            said.save_as(path)
    with read_intake(classic.folder / "prior", Limits()) as intake:
        changed = replace(
            classic, intakes=(classic.intakes[0], intake), studies=(classic.studies[0], intake.studies[0])
        )
        assert changed.studies[1].series[0].series_number == -3
        changed.write(tmp_path / "out", nifti=False)
    assert (tmp_path / "out/transforms/prior1Sminus3_to_todayS3.tfm").is_file()
