"""COMPARE from end to end on the phantom, whose lesions, pose and maps are known."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from mriloop.edges.knowledge.models import load_change_score
from mriloop.imaging.phantom import Acquired, Lesion, Visit, acquire, flair_axial, head
from mriloop.imaging.resample import apply, mean_displacement_mm
from mriloop.model.coding import Plane, Region, Weighting
from mriloop.model.comparison import ChangeKind
from mriloop.model.errors import SenderError
from mriloop.model.fact import Truth
from mriloop.model.quality import SeriesCheck, SeriesKind, Verdict
from mriloop.model.study import Series, SeriesObject, Study
from mriloop.model.volume import Volume
from mriloop.stages.compare import Compared, compare

pytestmark = pytest.mark.xdist_group("phantom pair")

FLAIR = SeriesKind(weighting=Weighting.FLAIR, plane=Plane.AXIAL, region=Region.BRAIN, contrast=Truth.FALSE)
STILL = Lesion(id=1, center_mm=(25.0, 10.0, 25.0), radii_mm=(4.0, 4.0, 4.0))
SMALL = Lesion(id=2, center_mm=(-25.0, -20.0, 28.0), radii_mm=(4.0, 4.0, 4.0))
LARGE = Lesion(id=2, center_mm=(-25.0, -20.0, 28.0), radii_mm=(6.5, 6.0, 6.0))
GONE = Lesion(id=4, center_mm=(-28.0, 15.0, 30.0), radii_mm=(3.5, 3.5, 3.5))
NEW = (
    Lesion(id=5, center_mm=(22.0, -45.0, 25.0), radii_mm=(3.0, 3.0, 3.0)),
    Lesion(id=7, center_mm=(-24.0, -40.0, 20.0), radii_mm=(4.0, 4.0, 4.0)),
)
POSE = {"translation_mm": (4.0, -3.0, 6.0), "rotation_deg": (5.0, -4.0, 7.0)}


def _study(uid: str, when: datetime | None = None, patient: str = "p", series: tuple[str, ...] = ("flair",)) -> Study:
    return Study(
        study_instance_uid=uid,
        patient=patient,
        started_at=when,
        series=tuple(
            Series(series_instance_uid=f"{uid}.{n}", study_instance_uid=uid, modality="MR", object=SeriesObject.IMAGE)
            for n in series
        ),
    )


TODAY, PRIOR = _study("today", datetime(2025, 5, 1)), _study("prior", datetime(2024, 5, 1))
KINDS = {"today.flair": FLAIR, "prior.flair": FLAIR}


@pytest.fixture(scope="module")
def scans() -> dict[str, tuple[Acquired, Visit]]:
    visits = {
        "prior.flair": Visit(lesions=(STILL, SMALL, GONE)),
        "today.flair": Visit(lesions=(STILL, LARGE, *NEW), **POSE),
    }
    return {
        uid: (acquire(head(visit, seed=3), flair_axial(), seed=n), visit)
        for n, (uid, visit) in enumerate(visits.items())
    }


@pytest.fixture(scope="module")
def compared(scans: dict[str, tuple[Acquired, Visit]]) -> Compared:
    def load(uid: str) -> Volume:
        scan, _ = scans[uid]
        return Volume(data=scan.data, affine=scan.affine, series_instance_uid=uid)

    score = load_change_score()
    return compare(TODAY, [PRIOR], kinds=KINDS, checks={}, load=load, planted=4, change_score=score)


def _truth(scans: dict[str, tuple[Acquired, Visit]]) -> np.ndarray:
    return scans["today.flair"][1].pose @ np.linalg.inv(scans["prior.flair"][1].pose)


def test_the_visits_are_aligned_to_a_tenth_of_a_millimetre(compared: Compared, scans):
    (pair,) = compared.comparison.pairs
    points = np.random.default_rng(0).uniform(-60, 60, (400, 3))
    assert pair.alignment.accepted
    assert mean_displacement_mm(np.array(pair.alignment.matrix), _truth(scans), points) < 0.1
    assert pair.alignment.uncertainty_mm < 0.3


def test_every_planted_change_is_listed_as_what_it_is(compared: Compared, scans):
    comparison = compared.comparison
    wanted = {lesion.center_mm: ChangeKind.NEW for lesion in NEW}
    wanted |= {
        LARGE.center_mm: ChangeKind.ENLARGING,
        GONE.center_mm: ChangeKind.RESOLVED,
        STILL.center_mm: ChangeKind.STABLE,
    }
    pose = scans["today.flair"][1].pose
    for centre, kind in wanted.items():
        place = apply(pose, np.array([centre]))[0]
        near = [c for c in comparison.changes if np.linalg.norm(np.array(c.position_ras_mm) - place) < 3.0]
        assert [c.kind for c in near] == [kind], centre


def test_at_most_one_false_change_is_listed(compared: Compared):
    changed = [c for c in compared.comparison.changes if c.kind is not ChangeKind.STABLE]
    assert len(changed) <= len(NEW) + 2 + 1


def test_volumes_are_near_those_of_the_ellipsoids(compared: Compared, scans):
    pose = scans["today.flair"][1].pose
    for lesion in (*NEW, LARGE):
        place = apply(pose, np.array([lesion.center_mm]))[0]
        found = min(compared.comparison.changes, key=lambda c: np.linalg.norm(np.array(c.position_ras_mm) - place))
        assert 0.6 < found.volume_ml / lesion.ellipsoid_ml < 2.2


def test_label_maps_lie_on_the_lesions_of_each_source(compared: Compared, scans):
    (image,) = compared.images
    assert image.role == "change"
    by_id = {c.id: c for c in compared.comparison.changes}
    for uid, labels in (("today.flair", image.changes_today), ("prior.flair", image.changes_prior)):
        scan, visit = scans[uid]
        assert labels is not None
        assert labels.shape == scan.data.shape
        assert set(np.unique(labels)) - {0} <= set(by_id)
        for lesion in visit.lesions:
            inside = labels[scan.lesion_labels == lesion.id]
            assert (inside > 0).mean() > 0.5, lesion.id


def test_the_prior_laid_on_today_resembles_today(compared: Compared):
    (image,) = compared.images
    today, prior = image.today_volume.data, image.prior_on_today.data
    tissue = today > np.percentile(today, 75)
    assert np.corrcoef(today[tissue], prior[tissue])[0, 1] > 0.8
    assert np.array_equal(image.prior_on_today.affine, image.today_volume.affine)


def test_the_detection_limit_grows_with_size_and_is_printed(compared: Compared):
    cells = {(c.diameter_mm, c.contrast_percent): c.found for c in compared.comparison.detection_limit}
    assert len(cells) == 18
    assert cells[3.0, 15.0] <= 0.25
    assert cells[10.0, 40.0] >= 0.75
    assert "cannot be excluded" in compared.comparison.statement


def _never(uid: str) -> Volume:
    raise AssertionError("nothing may be loaded")


@pytest.mark.parametrize(
    ("prior", "code"),
    [
        (_study("prior", datetime(2024, 5, 1), patient="somebody else"), "prior_other_patient"),
        (_study("today", datetime(2025, 5, 1)), "prior_same_study"),
        (_study("prior", datetime(2026, 5, 1)), "prior_not_earlier"),
    ],
)
def test_what_does_not_belong_is_refused_before_any_pixel_is_read(prior: Study, code: str):
    with pytest.raises(SenderError) as refusal:
        compare(TODAY, [prior], kinds=KINDS, checks={}, load=_never)
    assert refusal.value.code == code


def test_a_study_without_pictures_is_refused():
    kinds = {"today.flair": SeriesKind(weighting=Weighting.LOCALIZER), "prior.flair": FLAIR}
    with pytest.raises(SenderError) as refusal:
        compare(TODAY, [PRIOR], kinds=kinds, checks={}, load=_never)
    assert refusal.value.code == "compare_one_series"


def test_unreadable_pixels_are_a_reason_and_no_crash():
    found = compare(TODAY, [PRIOR], kinds=KINDS, checks={}, load=lambda uid: None).comparison
    assert found.pairs == ()
    assert {n.series for n in found.not_comparable} == {"today.flair", "prior.flair"}
    assert found.statement.startswith("Cannot tell")


def _texture(uid: str, seed: int) -> Volume:
    rng = np.random.default_rng(seed)
    data = 100 + 30 * rng.normal(size=(16, 16, 10)).cumsum(axis=0)
    return Volume(data=data.astype(np.float32), affine=np.diag([5.0, 5.0, 6.0, 1.0]), series_instance_uid=uid)


def test_a_stranger_without_a_name_is_caught_by_the_anatomy():
    volumes = {"today.flair": _texture("today.flair", 1), "prior.flair": _texture("prior.flair", 2)}
    found = compare(
        TODAY,
        [_study("prior", patient="nobody knows")],
        kinds=KINDS,
        checks={},
        load=volumes.get,
        unnamed={"prior"},
    ).comparison
    assert not found.pairs[0].alignment.accepted
    assert found.pairs[0].alignment.reason
    assert found.changes == ()
    assert found.statement.startswith("Cannot tell")
    assert any("not verified" in c for c in found.cautions)


@pytest.mark.parametrize("spoilt", ["today.flair", "prior.flair"])
def test_a_spoilt_series_gives_cannot_tell(spoilt: str):
    check = SeriesCheck(series_instance_uid=spoilt, kind=FLAIR, verdict=Verdict.REPEAT, volumes=1)
    volumes = {uid: _texture(uid, 1) for uid in KINDS}
    found = compare(TODAY, [PRIOR], kinds=KINDS, checks={spoilt: check}, load=volumes.get).comparison
    assert found.pairs[0].alignment.accepted
    assert found.changes == ()
    assert found.statement.startswith("Cannot tell")
    assert "repeat" in found.statement
