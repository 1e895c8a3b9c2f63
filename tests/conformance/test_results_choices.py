"""What is written when people decided, when lesions are followed, and when input has no identity."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest

from mriloop.app.results_dicom import earlier_files, follow, write_dicom_results
from mriloop.edges.dicom import Limits, read_intake, write_nifti
from mriloop.edges.dicom.outlines import read_outlines
from mriloop.edges.dicom.results import Reader
from mriloop.model.comparison import ChangeKind, LocalAlignment, Standing
from mriloop.model.errors import MriloopError
from mriloop.model.judgement import Judged, Judgement
from mriloop.model.quantity import Quantity

pytestmark = pytest.mark.xdist_group("results")
NOW = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)


@pytest.fixture
def classic(make_pair: Callable[..., object], tmp_path: Path):
    """A pair of classic studies."""
    made = make_pair(tmp_path / "studies", enhanced=False)
    yield made
    for intake in made.intakes:
        intake.close()


def complaints(path: Path) -> list[str]:
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    return [line for line in (said.stdout + said.stderr).splitlines() if line.startswith(("Error", "Warning"))]


def words(out: Path) -> str:
    return str(pydicom.dcmread(out / "sr/changes.dcm").to_json())


def with_changes(pair, changes):
    comparison = replace(pair.compared.comparison, changes=tuple(changes))
    return replace(pair, compared=replace(pair.compared, comparison=comparison))


@pytest.mark.component("dciodvfy")
def test_a_verified_report_names_who_verified_it(classic, tmp_path):
    reader = Reader(name="Invented^Reader", organisation="Invented hospital", at=NOW)
    classic.write(tmp_path / "out", reader=reader, nifti=False)
    path = tmp_path / "out/dicom/sr/changes.dcm"
    assert complaints(path) == []
    said = pydicom.dcmread(path)
    assert (said.VerificationFlag, said.PreliminaryFlag) == ("VERIFIED", "FINAL")
    assert said.VerifyingObserverSequence[0].VerifyingObserverName == "Invented^Reader"
    text = str(said.to_json())
    assert "Proposed by software" not in text
    assert text.count("Person Observer Name") == 1


def test_a_rejected_change_is_left_out_and_an_edited_one_is_marked(classic, tmp_path):
    new, shrinking, resolved, stable = classic.compared.comparison.changes
    decided = [replace(new, standing=Standing.REJECTED), replace(shrinking, standing=Standing.EDITED), resolved, stable]
    with_changes(classic, decided).write(tmp_path / "out", nifti=False)
    said = pydicom.dcmread(tmp_path / "out/dicom/seg/changes_today.dcm")
    assert [one.SegmentLabel for one in said.SegmentSequence] == ["shrinking 2"]
    assert said.SegmentSequence[0].SegmentAlgorithmType == "SEMIAUTOMATIC"


def test_a_lesion_keeps_its_name_from_visit_to_visit(classic, tmp_path):
    """The prior's own report is the earlier one: what is stable today is followed, under the name it had."""
    images = classic.compared.images[0]
    first = classic.compared.comparison.changes[3]
    assert first.kind is ChangeKind.STABLE
    named = replace(first, tracking_uid="2.25.4711")
    before = replace(images, changes_today=images.changes_prior, today_volume=images.prior_volume, today=images.prior)
    folder = classic.folder / "prior" / "seg"
    from mriloop.app.results_dicom import segment_of
    from mriloop.edges.dicom.results import read_source, write_segmentation

    source = read_source(classic.intakes[1].files[images.prior][0], images.prior_volume, Limits())
    (followed,) = follow([named], before)
    write_segmentation(folder / "old.dcm", images.changes_prior, [segment_of(followed)], source, now=NOW,
                       description="x")  # fmt: skip
    with read_intake(classic.folder / "prior", Limits()) as intake:
        (path,) = earlier_files(intake, intake.studies[0])
        earlier = read_outlines(path, Limits(), volumes=[images.prior_volume])
    found = {one.change.id: one for one in follow(classic.compared.comparison.changes, images, earlier)}
    assert set(found) == {1, 2, 3, 4}
    assert found[4].tracking_uid == "2.25.4711"
    assert found[4].tracking_id == followed.tracking_id
    assert len({one.tracking_uid for one in found.values()}) == 4
    assert {one.change.id for one in follow(classic.compared.comparison.changes, images)} == {1, 2, 3}


@pytest.mark.component("dciodvfy")
@pytest.mark.parametrize("kept", [0, 1])
def test_nothing_at_the_prior_or_nothing_at_all_is_still_a_valid_report(classic, tmp_path, kept):
    with_changes(classic, classic.compared.comparison.changes[:kept]).write(tmp_path / "out", nifti=False)
    out = tmp_path / "out/dicom"
    assert [path.name for path in sorted(out.glob("seg/*"))] == ["changes_today.dcm"][:kept]
    assert complaints(out / "sr/changes.dcm") == []
    assert "Candidate changes for a reader to confirm" in words(out)


def test_judgements_stand_in_the_report(classic, tmp_path):
    millilitres = Quantity(value=0.5, unit="mL")
    one = Judgement(
        measure="lesion volume",
        today=millilitres,
        before=millilitres,
        judged=Judged.WITHIN,
        because="12 % between scans",
        beyond=0.1,
    )
    classic.write(tmp_path / "out", judgements={2: (one,)}, nifti=False)
    assert "lesion volume: no change beyond 0.1 (12 % between scans)" in words(tmp_path / "out/dicom")


def test_a_refused_alignment_is_written_nowhere_and_parts_are(classic, tmp_path):
    comparison = classic.compared.comparison
    bad = replace(comparison.linked[1].alignment, accepted=False, reason="x")
    part = LocalAlignment(
        part="C5/C6", centre_ras_mm=(1.0, 2.0, 3.0), radius_mm=9.0, alignment=comparison.linked[1].alignment
    )
    compared = replace(
        classic.compared,
        comparison=replace(
            comparison,
            linked=(comparison.linked[0], replace(comparison.linked[1], alignment=bad)),
            pairs=(replace(comparison.pairs[0], alignment=bad, parts=(part,)),),
        ),
        images=(),
    )
    written = replace(classic, compared=compared).write(tmp_path / "out", nifti=False)
    assert sorted(path.name for path in written) == [
        "from-prior1S3_to-todayS3_mode-image_desc-C5C6_xfm.json",
        "from-prior1S3_to-todayS3_mode-image_desc-C5C6_xfm.txt",
        "prior1S3_to_todayS3_C5C6.tfm",
    ]


def test_nifti_input_has_no_identity_so_no_dicom_comes_of_it(classic, tmp_path):
    images = classic.compared.images[0]
    intakes, names = [], {}
    for visit, volume in (("today", images.today_volume), ("prior", images.prior_volume)):
        (tmp_path / visit).mkdir()
        write_nifti(tmp_path / visit / "flair.nii.gz", volume.data, volume.affine)
        intakes.append(read_intake(tmp_path / visit, Limits()))
        names[volume.series_instance_uid] = intakes[-1].studies[0].series[0].series_instance_uid
    comparison = classic.compared.comparison
    new = replace(
        comparison,
        reference=names[images.today],
        linked=tuple(replace(one, series=names[one.series]) for one in comparison.linked),
        pairs=tuple(replace(one, today=names[one.today], prior=names[one.prior]) for one in comparison.pairs),
    )
    pictures = replace(
        images,
        today=names[images.today],
        prior=names[images.prior],
        today_volume=replace(images.today_volume, series_instance_uid=names[images.today], sources=()),
        prior_volume=replace(images.prior_volume, series_instance_uid=names[images.prior], sources=()),
    )
    written = write_dicom_results(
        replace(classic.compared, comparison=new, images=(pictures,)),
        intakes,
        [intake.studies[0] for intake in intakes],
        tmp_path / "out",
        now=NOW,
        spend=Limits(),
    )
    for intake in intakes:
        intake.close()
    assert sorted({path.parent.name for path in written}) == ["nifti", "transforms"]
    assert len(written) == 5


def test_a_source_that_changed_meanwhile_is_refused_without_a_name(classic, tmp_path):
    for path in classic.intakes[0].files[classic.compared.images[0].today]:
        path.write_bytes(b"gone")
    with pytest.raises(MriloopError) as refused:
        classic.write(tmp_path / "out", nifti=False)
    assert refused.value.code == "result_source_unreadable"
    assert "Invented" not in refused.value.message
    assert list((tmp_path / "out/transforms").iterdir())


def test_small_and_large_numbers_keep_their_meaning(classic, tmp_path):
    images = classic.compared.images[0]
    for scale in (1e-4, 1e3):
        data = images.prior_on_today.data * np.float32(scale)
        laid = replace(images, prior_on_today=replace(images.prior_on_today, data=data))
        pair = replace(classic, compared=replace(classic.compared, images=(laid,)))
        pair.write(tmp_path / str(scale), nifti=False)
        folder = next((tmp_path / str(scale) / "dicom/prior_registered").iterdir())
        one = pydicom.dcmread(sorted(folder.glob("*.dcm"))[6])
        values = one.pixel_array.T * float(one.RescaleSlope) + float(one.RescaleIntercept)
        assert np.abs(values - data[:, :, 6]).max() <= 0.51 * float(one.RescaleSlope)
        assert float(one.RescaleSlope) < data.max() / 3000
