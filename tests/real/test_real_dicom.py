"""Real studies of all vendors: what is read must agree with FACTS.tsv, with pydicom and with dcm2niix."""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.misc import is_dicom

from mriloop.edges.dicom import Intake, Limits, load_volumes, read_intake
from mriloop.edges.dicom.instance import Record
from mriloop.edges.dicom.sidecars import is_companion
from mriloop.model.errors import BY_CODE
from mriloop.model.study import Component, Series, SeriesObject

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("real_dicom")]
LIMITS = Limits()


@pytest.fixture(scope="module")
def everything(real_data: Path) -> Iterator[Intake]:
    """The whole collection, read in one call."""
    with read_intake(real_data, LIMITS, several_patients=True) as intake:
        yield intake


def below(intake: Intake, folder: str) -> list[tuple[Series, tuple[Record, ...]]]:
    """Return the image series whose files lie below a folder of the collection."""
    found = []
    for study in intake.studies:
        for series in study.series:
            records = intake.records.get((study.study_instance_uid, series.series_instance_uid), ())
            if any(record.shown.startswith(folder) for record in records) and series.object is SeriesObject.IMAGE:
                found.append((series, records))
    return found


def one(intake: Intake, folder: str, number: int | None = None) -> Series:
    """Return the only image series below a folder, or the one with this number."""
    (series,) = [series for series, _ in below(intake, folder) if number in (None, series.series_number)]
    return series


def numbers(text: str) -> list[float]:
    found = []
    for part in text.replace(",", " ").split():
        try:
            found.append(float(part))
        except ValueError:
            continue
    return found


def test_every_series_of_the_facts_is_there_as_they_say(everything: Intake, real_data: Path) -> None:
    rows = list(csv.DictReader((real_data / "FACTS.tsv").read_text("utf-8").splitlines(), delimiter="\t"))
    rows = [row for row in rows if row["kind"] in ("MR", "MR/enh")]
    assert len(rows) > 50
    for row in rows:
        if row["dir"].startswith("11_"):
            continue  # copies of the instances in folder 10: read alone, below
        where = f"{row['dir']} series {row['series']}"
        matches = [
            series for series, _ in below(everything, row["dir"] + "/") if series.series_number == int(row["series"])
        ]
        if row["dir"].startswith("09_"):  # nine series numbers share a row
            matches = [series for series, _ in below(everything, row["dir"] + "/")]
        assert matches, where
        frames = [frame for series in matches for frame in series.frames]
        copies = sum(len(series.duplicates) for series in matches)
        expected = int(row["frames"]) - (1 if row["dir"].startswith("15_") else 0)  # its raw-data object has no frame
        assert len(frames) + (copies if "10_prostate" not in row["dir"] else 0) == expected, where
        if row["positions"] not in ("", "0") and not any(frame.tiles for frame in frames):
            assert len({frame.position_ras_mm for frame in frames}) == int(row["positions"]), where
        said = [b for b in numbers(row["bvalues"]) if b >= 0]
        if said:
            got = {frame.b_value for frame in frames} - {None}
            assert {round(b) for b in said} <= {round(b) for b in got if b is not None}, where
        for keyword, column in (("RepetitionTime", "TR"), ("EchoTime", "TE")):
            for value in numbers(row[column]):
                parameter = matches[0].parameters[keyword]
                got_values = parameter if isinstance(parameter, tuple) else (parameter,)
                assert any(math.isclose(float(g), value, rel_tol=1e-6) for g in got_values), (where, keyword)
        matrix = sorted(int(n) for n in row["matrix"].split("x") if n)
        if row["kind"] == "MR" and matrix:
            assert sorted((frames[0].rows, frames[0].columns)) == matrix, where


def test_everything_else_is_told_with_a_code(everything: Intake, real_data: Path) -> None:
    files = [path for path in real_data.rglob("*") if path.is_file()]
    used = sum(len(paths) for paths in everything.files.values())
    copies = sum(len(series.duplicates) for study in everything.studies for series in study.series)
    sidecars = sum(path.suffix == ".json" and path.with_suffix(".nii.gz").exists() for path in files)
    papers = sum(is_companion(path.name) for path in files)  # README, LICENSE: nothing to check, nothing to refuse
    assert used + copies + sidecars + papers + len(everything.refused) == len(files)
    assert {entry.code for entry in everything.refused} <= set(BY_CODE)
    told = {entry.path: entry.code for entry in everything.refused}
    for path in files:
        shown = path.relative_to(real_data).as_posix()
        if shown.startswith("23_"):
            assert shown in told or is_companion(shown)
        if shown in told and told[shown] == "file_not_dicom":
            assert not is_dicom(path), shown


def test_other_modalities_are_counted(everything: Intake) -> None:
    counts = Counter({other.modality: other.count for other in everything.others})
    assert {"CT", "SR", "SEG"} <= set(counts)
    assert "MR" not in counts


def test_elements_are_those_that_pydicom_reads(real_data: Path) -> None:
    """One file of each folder: identity, place and timing against an independent reader."""
    from mriloop.edges.dicom.instance import read_instance

    seen: Counter[str] = Counter()
    for path in sorted(real_data.rglob("*")):
        folder = path.relative_to(real_data).parts[0]
        if not path.is_file() or not is_dicom(path) or folder.startswith(("22_", "23_", "24_")) or seen[folder] > 8:
            continue
        seen[folder] += 1
        record = read_instance("x", path, 1 << 30, set())
        truth = dcmread(path, stop_before_pixels=True)
        assert isinstance(record, Record), path
        assert record.sop_instance_uid == truth.SOPInstanceUID
        assert record.series_instance_uid == truth.SeriesInstanceUID
        if not record.frames:
            continue
        place = truth
        if "PerFrameFunctionalGroupsSequence" in truth:
            groups = truth.PerFrameFunctionalGroupsSequence
            assert len(groups) == len(record.frames)
            place = groups[-1].PlanePositionSequence[0]
        frame = record.frames[-1]
        if frame.tiles is None and "ImagePositionPatient" in place:
            x, y, z = map(float, place.ImagePositionPatient)
            assert frame.position_ras_mm == (-x, -y, z)
        if "EchoTime" in truth and truth.EchoTime is not None:
            assert frame.te_ms == float(truth.EchoTime)
        assert (frame.rows, frame.columns) == (truth.Rows, truth.Columns)
    assert len(seen) > 15


def test_voxels_are_confirmed_by_an_independent_reader(everything: Intake) -> None:
    """dcm2niix agrees, number by number and place by place, with every series that is a regular grid of grey values."""
    doubtful = []
    confirmed = 0
    for study in everything.studies:
        for series in study.series:
            records = everything.records.get((study.study_instance_uid, series.series_instance_uid))
            if records is None or series.object is not SeriesObject.IMAGE:
                continue
            if any(record.shown.startswith("05_philips_dti") for record in records):
                continue  # tested below
            volumes = load_volumes(everything, series, LIMITS)
            received = sum(source.sop_instance_uid != "" for v in volumes for t in v.sources for source in t)
            expected = sum(frame.tiles or 1 for frame in series.frames)
            assert received == expected, series.description
            if all(volume.confirmed_by for volume in volumes):
                confirmed += 1
            else:
                doubtful.append(volumes[0].notes[0])
    assert confirmed > 40
    assert sorted(doubtful) == [
        "dcm2niix: colour images are not compared",
        "dcm2niix: colour images are not compared",
        "dcm2niix: its slice 114 of time point 0 equals no frame at its place",
    ]


def test_a_voxel_leads_back_to_its_frame(everything: Intake) -> None:
    series = one(everything, "05_philips_dti_classic")
    volumes = load_volumes(everything, series, LIMITS)
    directed = next(volume for volume in volumes if volume.count == 16)
    trace = next(volume for volume in volumes if volume.count == 1)
    assert (directed.b_values[0], set(directed.b_values[1:])) == (0.0, {2000.0})
    assert "isotropic" in trace.label
    assert all(volume.confirmed_by == "dcm2niix" for volume in volumes)
    paths = {}
    for record in everything.records[series.study_instance_uid, series.series_instance_uid]:
        paths[record.sop_instance_uid] = record.path
    for t, k in ((0, 0), (3, 7), (15, 39)):
        truth = dcmread(paths[directed.sources[t][k].sop_instance_uid])
        stored = truth.pixel_array * float(truth.RescaleSlope) + float(truth.RescaleIntercept)
        assert np.allclose(directed.data[:, :, k, t].T, stored, rtol=1e-5)
        x, y, z = map(float, truth.ImagePositionPatient)
        assert tuple((directed.affine @ [0, 0, k, 1])[:3]) == pytest.approx((-x, -y, z), abs=1e-3)


def test_the_slice_that_never_came_is_known_by_its_place(real_data: Path) -> None:
    for folder, missing in (("01_siemens_trio_T1_3D_one_slice_missing", 1), ("11_prostate_missing_slice", 1)):
        with read_intake(real_data / folder, LIMITS) as intake:
            (series,) = intake.studies[0].series
            (volume,) = load_volumes(intake, series, LIMITS)
        assert len(volume.filled_slices) == missing
        assert volume.data.shape[2] == len(series.frames) + missing
        (hole,) = volume.filled_slices
        assert 0 < hole < volume.data.shape[2] - 1
        place = (volume.affine @ [0, 0, hole, 1])[:3]
        nearest = min(math.dist(place, frame.position_ras_mm or (1e9,) * 3) for frame in series.frames)
        assert nearest == pytest.approx(volume.spacing_mm[2], rel=0.05)


def test_what_the_scanners_declare(everything: Intake) -> None:
    assert one(everything, "01_").declared["slices"] == 176
    timed = {"slices": 15, "volumes": 10, "acquired_images": 15, "duration_s": 50}
    assert one(everything, "03_").declared == timed
    assert one(everything, "05_philips_fmri").declared == {"slices": 9, "volumes": 3, "duration_s": 14}
    assert one(everything, "05_philips_dti").declared["diffusion_volumes"] == 16
    assert one(everything, "05_philips_dti").declared["slices"] == 40
    assert one(everything, "06_").declared["slices"] == 20
    assert one(everything, "04_siemens_mosaic_fmri_head_turn").declared["slices"] == 36
    assert one(everything, "02_siemens_xa30_enhanced/5_").declared["slices"] == 96


def test_mosaics_grids_and_components(everything: Intake) -> None:
    still = one(everything, "04_siemens_mosaic_fmri_still")
    assert {frame.tiles for frame in still.frames} == {27}
    assert len(still.duplicates) == 1
    grid = one(everything, "06_")
    assert {frame.tile_grid for frame in grid.frames} == {(4, 5)}
    field_map = one(everything, "08_enhanced_misc/Philips")
    assert {frame.component for frame in field_map.frames} == {Component.MAGNITUDE, Component.REAL}


def test_a_folder_with_two_patients_is_refused(real_data: Path) -> None:
    from mriloop.model.errors import SenderError

    with pytest.raises(SenderError) as refusal:
        read_intake(real_data / "16_rider_two_visits_two_patients", LIMITS)
    assert refusal.value.code == "two_patients"
    with read_intake(real_data / "16_rider_two_visits_two_patients", LIMITS, several_patients=True) as intake:
        assert Counter(study.patient for study in intake.studies).most_common()[0][1] >= 2
        assert len({study.patient for study in intake.studies}) == 2


def test_a_gzipped_object_is_the_same_unpacked(real_data: Path, tmp_path: Path) -> None:
    (packed,) = (real_data / "07_canon_enhanced_dti").rglob("*.gz")
    (tmp_path / "x").write_bytes(gzip.decompress(packed.read_bytes()))
    with read_intake(packed, LIMITS) as zipped, read_intake(tmp_path / "x", LIMITS) as plain:
        assert zipped.studies == plain.studies
        assert dict(zipped.digest) == dict(plain.digest)
    assert len(dcmread(io.BytesIO((tmp_path / "x").read_bytes())).PerFrameFunctionalGroupsSequence) == 520
