"""The head and the foot as anatomy: sizes a person has, structures where they belong, the same head on every visit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import label, map_coordinates

from mriloop.app.phantom import _change, _lesion_truth
from mriloop.app.phantom_scenarios import SCENARIOS
from mriloop.imaging.phantom import Faults, Site, Tissue, Visit, acquire, find_sites, flair_axial, foot, head, t1_3d
from mriloop.model.comparison import ChangeKind

MS = next(one for one in SCENARIOS if one.name == "ms")
pytestmark = pytest.mark.xdist_group("phantom_head")


pytestmark = pytest.mark.xdist_group("head")


@pytest.fixture(scope="module")
def person():
    return head(seed=MS.seed)


def litres(anatomy, *tissues) -> float:
    return float(np.isin(anatomy.labels, tissues).sum()) * 1e-6


def test_the_brain_has_the_volumes_of_an_adult(person):
    white = litres(person, Tissue.WHITE_MATTER, Tissue.BRAINSTEM)
    grey = litres(person, Tissue.GREY_MATTER, Tissue.CEREBELLAR_GREY, Tissue.CAUDATE_PUTAMEN, Tissue.THALAMUS)
    fluid = litres(person, Tissue.CSF, Tissue.VENTRICULAR_CSF)
    # 95 % ranges of adults are wide (Courchesne 2000; Lüders 2002): whole brain 1.0 to 1.7 L.
    assert 1.0 < white + grey < 1.7
    assert 0.4 < grey / white < 2.0
    assert 0.1 < fluid < 0.5
    assert 0.008 < litres(person, Tissue.VENTRICULAR_CSF) < 0.06


def test_the_head_has_the_size_of_a_head(person):
    filled = np.argwhere(person.labels[:, :, 90:] > 0)
    wide, long = (np.ptp(filled, axis=0) + 1)[:2]
    assert 130 < wide < 175
    assert 170 < long < 215


def test_the_skull_separates_brain_from_scalp(person):
    parts, _ = label(np.isin(person.labels, [Tissue.GREY_MATTER, Tissue.WHITE_MATTER, Tissue.CSF]))
    fat, _ = label(person.labels == Tissue.FAT)
    brain = parts == np.bincount(parts[parts > 0]).argmax()
    scalp = fat == np.bincount(fat[fat > 0]).argmax()
    upper = slice(120, None)
    # In the vault no voxel of fat touches one of brain.
    near = np.zeros_like(brain)
    for axis in range(3):
        for shift in (-1, 1):
            near |= np.roll(brain, shift, axis=axis)
    assert not (near & scalp)[:, :, upper].any()


def test_paired_structures_lie_on_both_sides(person):
    for tissue in (Tissue.THALAMUS, Tissue.CAUDATE_PUTAMEN, Tissue.VITREOUS, Tissue.PALLIDUM):
        x = person.affine[0, 3] + np.argwhere(person.labels == tissue)[:, 0]
        left, right = (x < 0).sum(), (x > 0).sum()
        assert 0.6 < left / right < 1.7


def test_one_seed_is_one_person_and_another_seed_another(person):
    assert (head(seed=MS.seed).labels == person.labels).all()


def test_flair_of_the_head_is_dark_where_there_is_fluid_and_bright_in_cortex(person):
    p = replace(flair_axial(), matrix=(128, 128, 5), spacing=(1.8, 1.8, 6.0), center=(0, -5, 12))
    image = acquire(person, p, faults=Faults(snr=60.0))
    means = {t: np.median(image.data[image.tissue_labels == t]) for t in (Tissue.GREY_MATTER, Tissue.WHITE_MATTER)}
    fluid = np.percentile(image.data[image.tissue_labels == Tissue.VENTRICULAR_CSF], 25)
    assert means[Tissue.GREY_MATTER] > means[Tissue.WHITE_MATTER] > 4 * fluid


def test_two_visits_are_the_same_head_turned(person):
    visit = Visit(translation_mm=(4.0, -5.0, 3.0), rotation_deg=(5.0, -2.5, 4.0))
    p = replace(t1_3d(), matrix=(96, 96, 64), spacing=(2.4, 2.4, 2.4), thickness=2.4, coils=1)
    today = acquire(head(visit, seed=MS.seed), p, faults=Faults(snr=None))
    prior = acquire(person, p, faults=Faults(snr=None))
    # Sample the prior where the known transform says that today's voxels were.
    index = np.stack(np.meshgrid(*[np.arange(n) for n in today.data.shape], indexing="ij")).reshape(3, -1)
    back = np.linalg.inv(visit.pose @ prior.affine) @ today.affine
    place = back[:3, :3] @ index + back[:3, 3:]
    there = map_coordinates(prior.data, place, order=1).reshape(today.data.shape)
    inside = np.isin(today.tissue_labels, [Tissue.GREY_MATTER, Tissue.WHITE_MATTER, Tissue.CSF])
    assert np.corrcoef(there[inside], today.data[inside])[0, 1] > 0.97
    assert np.corrcoef(prior.data[inside], today.data[inside])[0, 1] < 0.9


def test_sites_are_where_they_say(person):
    rng = np.random.default_rng(1)
    for site in Site:
        for place in find_sites(MS.seed, site, 2, rng, []):
            index = np.rint(np.array(place) - person.affine[:3, 3]).astype(int)
            assert person.labels[tuple(index)] in (Tissue.WHITE_MATTER, Tissue.BRAINSTEM)


def test_the_ms_plan_has_every_kind_of_change_with_true_volumes():
    today, prior = MS.plan(MS.seed)
    truth = _lesion_truth(head(today.visit, seed=MS.seed), head(prior.visit, seed=MS.seed))
    kinds = [one.change for one in truth]
    assert kinds.count(ChangeKind.NEW) >= 3
    assert kinds.count(ChangeKind.STABLE) >= 5
    assert {ChangeKind.ENLARGING, ChangeKind.SHRINKING, ChangeKind.RESOLVED} < set(kinds)
    planted = {one.id: one for one in today.visit.lesions}
    for one in truth:
        if one.id in planted:
            assert 0 < one.volume_ml <= 1.01 * planted[one.id].ellipsoid_ml
            assert one.volume_ml > 0.25 * planted[one.id].ellipsoid_ml
        expected = today.visit.pose @ np.linalg.inv(prior.visit.pose)
        if one.prior_position_ras_mm is not None:
            moved = expected @ np.array([*one.prior_position_ras_mm, 1.0])
            assert moved[:3] == pytest.approx(one.position_ras_mm, abs=1e-6)


@pytest.mark.parametrize(
    ("now", "then", "kind"),
    [
        (0.2, None, ChangeKind.NEW),
        (None, 0.2, ChangeKind.RESOLVED),
        (0.21, 0.2, ChangeKind.STABLE),
        (0.3, 0.2, ChangeKind.ENLARGING),
        (0.1, 0.2, ChangeKind.SHRINKING),
    ],
)
def test_change_is_named_by_volume(now, then, kind):
    assert _change(now, then) is kind


def test_the_foot_has_marrow_inside_cortical_shells():
    body = foot(seed=1)
    marrow = body.labels == Tissue.MARROW
    near = np.zeros_like(marrow)
    for axis in range(3):
        for shift in (-1, 1):
            near |= np.roll(marrow, shift, axis=axis)
    around = body.labels[near & ~marrow]
    assert np.isin(around, [Tissue.CORTICAL_BONE]).mean() > 0.9
