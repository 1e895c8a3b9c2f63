"""The inheritance principle of BIDS, held to the examples of its specification."""

from pathlib import Path

import pytest

from mriloop.edges.dicom.sidecars import Sidecars, entities_of, is_companion, suffix_of

HERE = Path("x")


def names(files: list[str], image: str, ending: str = ".json") -> list[str]:
    return [shown for shown, _ in Sidecars((name, HERE) for name in files).of(image)[ending]]


def test_the_nearest_comes_last_and_what_names_another_does_not_count():
    files = [
        "task-rest_bold.json",
        "task-nback_bold.json",
        "bold.json",
        "T1w.json",
        "sub-01/sub-01_task-rest_bold.json",
        "sub-01/ses-1/func/sub-01_ses-1_task-rest_run-2_bold.json",
        "sub-01/ses-1/func/sub-01_ses-1_task-rest_run-1_bold.json",
        "sub-02/sub-02_task-rest_bold.json",
    ]
    image = "sub-01/ses-1/func/sub-01_ses-1_task-rest_run-1_bold.nii.gz"
    assert names(files, image) == [
        "bold.json",
        "task-rest_bold.json",
        "sub-01/sub-01_task-rest_bold.json",
        "sub-01/ses-1/func/sub-01_ses-1_task-rest_run-1_bold.json",
    ]


def test_gradients_are_inherited_too():
    files = ["dwi.bval", "sub-01/dwi/sub-01_dwi.bvec"]
    assert names(files, "sub-01/dwi/sub-01_dwi.nii.gz", ".bval") == ["dwi.bval"]
    assert names(files, "sub-01/dwi/sub-01_dwi.nii.gz", ".bvec") == ["sub-01/dwi/sub-01_dwi.bvec"]


def test_outside_of_bids_only_the_file_of_the_same_name_speaks():
    files = ["scan.json", "other.json", "T1.json", "deep/scan.json"]
    assert names(files, "scan.nii") == ["scan.json"]
    assert names(files, "deep/scan.nii.gz") == ["deep/scan.json"]


@pytest.mark.parametrize(
    ("name", "suffix", "entities"),
    [
        ("sub-01_ses-a_T1w.nii.gz", "T1w", {"sub": "01", "ses": "a"}),
        ("task-rest_bold.json", "bold", {"task": "rest"}),
        ("T1w.json", "T1w", {}),
        ("brain.nii", "brain", {}),
        ("sub-01.nii", "", {"sub": "01"}),
    ],
)
def test_names_fall_apart_into_entities_and_suffix(name: str, suffix: str, entities: dict[str, str]):
    assert (suffix_of(name), entities_of(name)) == (suffix, entities)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dataset_description.json", True),
        ("README", True),
        ("sub-01/func/sub-01_task-rest_events.tsv", True),
        ("sub-01/anat/sub-01_T1w.nii.gz", False),
        ("report.pdf", False),
    ],
)
def test_what_a_dataset_keeps_beside_its_images_is_known(name: str, said: bool):
    assert is_companion(name) is said
