"""A tree of any shape becomes its studies, whether its headers are kept or read twice; a digest tells content apart."""

import gzip
import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from tests.journeys.tiny import uid, write_study

from mriloop.edges.dicom import Limits, Survey
from mriloop.model.errors import SenderError

LIMITS = Limits()


def write_nifti(path: Path, value: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.full((8, 8, 4), value, np.int16)
    data[2:6, 2:6] = 500
    nib.save(nib.Nifti1Image(data, np.diag([3.0, 3.0, 3.0, 1.0])), path)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """One study over two folders, two in one folder, one alone, and a CT."""
    root = tmp_path / "tree"
    files = write_study(root / "a" / "first", patient="P1", slices=6)
    (root / "a" / "second").mkdir()
    for path in files[3:]:
        path.rename(root / "a" / "second" / path.name)
    write_study(root / "flat", patient="P2", slices=3)
    write_study(root / "flat", patient="P3", slices=4)
    write_study(root / "alone", patient="P4", slices=5)
    write_study(root / "ct", patient="P5", modality="CT", slices=2)
    (root / "alone" / "read me.txt").write_text("a viewer's text")
    return root


def opened(survey: Survey) -> dict[str, tuple[str, int]]:
    """Return for each StudyInstanceUID its digest and its number of frames."""
    found = {}
    for place in survey.places:
        with survey.open(place) as (intake, study):
            assert all(path.exists() for paths in intake.files.values() for path in paths)
            found[study.study_instance_uid] = (place.digest, sum(len(one.frames) for one in study.series))
    return found


@pytest.mark.parametrize("kept", [0, 5, 5_000])
def test_every_study_is_whole_wherever_its_files_lie(tree: Path, kept: int) -> None:
    with Survey(tree, LIMITS, kept_files=kept) as survey:
        frames = {study: count for study, (_, count) in opened(survey).items()}
        assert frames == {uid(f"P{n}", "2026-11-01"): count for n, count in ((1, 6), (2, 3), (3, 4), (4, 5))}
        assert {place.folder for place in survey.places} == {"a", "flat", "alone"}
        assert "file_not_mr" in {one.code for one in survey.refused}


def test_the_digest_does_not_depend_on_what_is_kept_nor_on_names_and_folders(tree: Path, tmp_path: Path) -> None:
    with Survey(tree, LIMITS) as many, Survey(tree, LIMITS, kept_files=0) as few:
        assert opened(many) == opened(few)
        before = opened(many)
    moved = tmp_path / "moved"
    moved.mkdir()
    for number, path in enumerate(sorted(tree.rglob("*.dcm"), key=lambda path: path.name[::-1])):
        shutil.copy(path, moved / f"{number:04d}")
    with Survey(moved, LIMITS) as survey:
        assert opened(survey) == before


def test_a_slice_that_comes_or_goes_changes_the_digest_of_its_study_alone(tree: Path) -> None:
    with Survey(tree, LIMITS) as survey:
        before = opened(survey)
    next(iter((tree / "alone").glob("*.dcm"))).unlink()
    with Survey(tree, LIMITS) as survey:
        after = opened(survey)
    assert {study for study in before if before[study] != after[study]} == {uid("P4", "2026-11-01")}


@pytest.mark.parametrize("kept", [0, 5_000])
def test_a_bids_dataset_is_read_visit_by_visit_with_what_it_inherits(tmp_path: Path, kept: int) -> None:
    root = tmp_path / "ds"
    for subject in ("01", "02"):
        write_nifti(root / f"sub-{subject}" / "anat" / f"sub-{subject}_T1w.nii.gz", int(subject))
        write_nifti(root / f"sub-{subject}" / "func" / f"sub-{subject}_task-rest_bold.nii.gz", 10 + int(subject))
    write_nifti(root / "derivatives" / "smooth" / "sub-01" / "anat" / "sub-01_T1w.nii.gz", 30)
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    (root / "participants.tsv").write_text("participant_id\nsub-01\nsub-02\n")
    (root / "T1w.json").write_text(json.dumps({"Manufacturer": "Siemens", "MagneticFieldStrength": 3}))
    (root / "task-rest_bold.json").write_text(json.dumps({"RepetitionTime": 2.0, "EchoTime": 0.03}))
    (root / "sub-02" / "func" / "sub-02_task-rest_bold.json").write_text('{"RepetitionTime": 3.0}')
    with Survey(root, LIMITS, kept_files=kept) as survey:
        assert [place.key for place in survey.places] == [("nifti", "01", ""), ("nifti", "02", "")]
        values = {}
        for place in survey.places:
            with survey.open(place) as (_, study):
                for series in study.series:
                    values[place.key[1], series.parameters["VendorBIDSSuffix"]] = series.parameters
        assert {one.code for one in survey.refused} == {"file_bids_not_raw"}
    assert values["01", "T1w"]["MagneticFieldStrength"] == 3
    assert "RepetitionTime" not in values["01", "T1w"]
    assert (values["01", "bold"]["RepetitionTime"], values["01", "bold"]["EchoTime"]) == (2000.0, 30.0)
    assert (values["02", "bold"]["RepetitionTime"], values["02", "bold"]["EchoTime"]) == (3000.0, 30.0)


def test_a_changed_sidecar_above_the_image_changes_the_digest(tmp_path: Path) -> None:
    root = tmp_path / "ds"
    write_nifti(root / "sub-01" / "anat" / "sub-01_T1w.nii.gz")
    (root / "T1w.json").write_text('{"EchoTime": 0.003}')
    with Survey(root, LIMITS) as survey:
        before = survey.places[0].digest
    (root / "T1w.json").write_text('{"EchoTime": 0.004}')
    with Survey(root, LIMITS) as survey:
        assert survey.places[0].digest != before
        assert survey.places[0].files == 1


def test_packed_files_leave_nothing_behind(tree: Path, tmp_path: Path, monkeypatch) -> None:
    for path in (tree / "alone").glob("*.dcm"):
        path.with_suffix(".dcm.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    for kept in (0, 5_000):
        with Survey(tree, LIMITS, kept_files=kept) as survey:
            assert opened(survey)[uid("P4", "2026-11-01")][1] == 5
        assert not list(scratch.iterdir())


def test_a_study_beyond_the_limit_of_files_is_refused_alone(tree: Path) -> None:
    with Survey(tree, Limits(max_files=5), kept_files=0) as survey:
        codes = {}
        for place in survey.places:
            try:
                with survey.open(place):
                    codes[place.folder] = ""
            except SenderError as error:
                codes[place.folder] = error.code
        assert codes == {"a": "input_too_large", "flat": "", "alone": ""}


def test_nothing_to_check_is_refused_as_a_whole(tmp_path: Path) -> None:
    write_study(tmp_path / "ct", modality="CT")
    for kept in (0, 5_000):
        with pytest.raises(SenderError) as refusal:
            Survey(tmp_path / "ct", LIMITS, kept_files=kept)
        assert refusal.value.code == "input_no_mr"
