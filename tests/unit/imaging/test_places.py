"""Places of lesions against the anatomy that the phantom was painted with."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mriloop.imaging.normalise import Visits, tissue_mode
from mriloop.imaging.phantom import Faults, Site, Tissue, Visit, acquire, find_sites, flair_axial, head
from mriloop.imaging.places import by_moments, infratentorial, places
from mriloop.imaging.resample import Grid, apply
from mriloop.model.coding import Weighting

BRAIN = (8, 9, 10, 11, 12, 13, 14, 21, 24)


@pytest.fixture(scope="module")
def brain():
    scan = acquire(head(Visit(), seed=3), flair_axial(), seed=1, faults=Faults(snr=80.0))
    mask = ndimage.binary_fill_holes(ndimage.binary_closing(np.isin(scan.tissue_labels, BRAIN), iterations=3))
    even = (scan.data / tissue_mode(scan.data[mask])).astype(np.float32)
    grid = Grid(shape=even.shape, affine=scan.affine)
    return Visits(today=even, prior=even, mask=mask, grid=grid, gain=1.0), scan


@pytest.mark.parametrize(
    ("site", "names"),
    [
        (Site.PERIVENTRICULAR, {"periventricular"}),
        (Site.JUXTACORTICAL, {"juxtacortical"}),
        (Site.DEEP, {"deep"}),
        (Site.INFRATENTORIAL, {"infratentorial"}),
    ],
)
def test_lesions_are_named_by_the_anatomy_they_were_put_in(brain, site, names):
    visits, _ = brain
    landmarks = places(visits, Weighting.FLAIR)
    spots = find_sites(3, site, 8, np.random.default_rng(0), [])
    axes = np.meshgrid(*(np.arange(n) for n in visits.grid.shape), indexing="ij")
    points = apply(visits.grid.affine, np.stack([a.ravel() for a in axes], axis=1).astype(float))
    right = 0
    for spot in spots:
        ball = (np.linalg.norm(points - np.array(spot), axis=1) < 2.6).reshape(visits.grid.shape)
        right += landmarks.of(ball) in names
    assert right >= 6


def test_cerebellum_and_brainstem_lie_below_the_tent(brain):
    visits, scan = brain
    matrix = np.linalg.inv(by_moments(visits.mask, visits.grid))
    share = {}
    for name, tissues in {"below": (Tissue.CEREBELLAR_GREY, Tissue.BRAINSTEM), "above": (Tissue.GREY_MATTER,)}.items():
        points = apply(visits.grid.affine, np.argwhere(np.isin(scan.tissue_labels, tissues)).astype(float))
        share[name] = infratentorial(apply(matrix, points)).mean()
    assert share["below"] > 0.85
    assert share["above"] < 0.1


def test_without_fluid_nothing_is_claimed(brain):
    visits, _ = brain
    landmarks = places(visits, Weighting.PD)
    region = np.zeros(visits.mask.shape, bool)
    middle = np.argwhere(visits.mask).mean(axis=0).astype(int)
    region[middle[0] + 15, middle[1], middle[2] + 5] = True
    assert landmarks.of(region) == "other"
