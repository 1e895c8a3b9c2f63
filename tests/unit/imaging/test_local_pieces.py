"""Pieces that move by themselves, against hinges that the test made."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mriloop.imaging.local import Joint, Piece, Play, fit_pieces, promise, relative
from mriloop.imaging.register import Picture
from mriloop.imaging.resample import apply, inverse, mean_displacement_mm, rigid

SHAPE, STEP = (30, 34, 60), 1.5
PLAY = Play(turn_deg=11.0, shift_mm=3.5)
HINGES = ((22.0, 20.0, 30.0), (22.0, 20.0, 60.0))


def _texture(seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = ndimage.gaussian_filter(rng.normal(size=SHAPE), 2.0)
    fine = ndimage.gaussian_filter(rng.normal(size=SHAPE), 1.0)
    return (100.0 + 60.0 * coarse / coarse.std() * 0.5 + 15.0 * fine / fine.std()).clip(5).astype(np.float32)


def _maps(degrees: tuple[float, float]) -> list[np.ndarray]:
    """Today to prior: the middle piece stays, the others turn about their hinges."""
    low = rigid((-degrees[0], 0.0, 0.0), (0.0, 0.0, 0.0), np.array(HINGES[0]))
    high = rigid((degrees[1], 0.0, 0.0), (0.0, 0.0, 0.0), np.array(HINGES[1]))
    return [low, np.eye(4), high]


def _pair(degrees: tuple[float, float], lesion: bool = False) -> tuple[Picture, Picture, list[Piece], list[Joint]]:
    affine = np.diag([STEP, STEP, STEP, 1.0])
    data = _texture()
    points = apply(affine, np.argwhere(np.ones(SHAPE, bool)).astype(float))
    level = (points[:, 2] > HINGES[0][2]).astype(int) + (points[:, 2] > HINGES[1][2])
    there = sum(np.where((level == n)[:, None], apply(m, points), 0.0) for n, m in enumerate(_maps(degrees)))
    seen = ndimage.map_coordinates(data, (there / STEP).T, order=3, mode="nearest").reshape(SHAPE)
    if lesion:
        away = np.linalg.norm(points - np.array([22.0, 25.0, 45.0]), axis=1).reshape(SHAPE)
        seen = np.where(away < 8.0, 260.0, seen)
    rng = np.random.default_rng(7)
    ramp = np.linspace(0.85, 1.15, SHAPE[1])[None, :, None]
    seen = (255.0 * (seen.clip(0) / 255.0) ** 1.2 * ramp + rng.normal(scale=2.0, size=SHAPE)).astype(np.float32)
    data = (data + rng.normal(scale=2.0, size=SHAPE)).astype(np.float32)
    full = np.ones(SHAPE, bool)
    pieces = [
        Piece(name=str(n), mask=(level == n).reshape(SHAPE), centre=points[level == n].mean(axis=0), radius_mm=30.0)
        for n in range(3)
    ]
    joints = [Joint(first=n, second=n + 1, point=h) for n, h in enumerate(HINGES)]
    return (
        Picture(data=seen, affine=affine, mask=full),
        Picture(data=data, affine=affine, mask=full),
        pieces,
        joints,
    )


def _errors(fits, degrees: tuple[float, float]) -> list[float]:
    found = []
    for fit, truth in zip(fits, _maps(degrees), strict=True):
        points = apply(np.diag([STEP, STEP, STEP, 1.0]), np.argwhere(fit.piece.mask)[::9].astype(float))
        found.append(mean_displacement_mm(fit.matrix, inverse(truth), apply(truth, points)))
    return found


@pytest.fixture(scope="module")
def bent():
    today, prior, pieces, joints = _pair((6.0, 7.0))
    return fit_pieces(today, prior, np.eye(4), pieces, joints, PLAY)


def test_each_piece_is_found_although_the_ends_begin_off(bent):
    assert max(_errors(bent, (6.0, 7.0))) < 0.12
    assert all(f.likeness > f.likeness_before + 0.1 for f in (bent[0], bent[2]))
    assert [round(f.turn_deg) for f in bent] == [6, 7, 7]
    assert all(f.shift_mm < 0.3 for f in bent)


def test_uncertainty_covers_the_error(bent):
    for fit, error in zip(bent, _errors(bent, (6.0, 7.0)), strict=True):
        assert error < 3.0 * fit.uncertainty_mm + 0.05
        assert fit.inverse_consistency_mm < 0.3


def test_the_same_pictures_give_the_same_maps(bent):
    today, prior, pieces, joints = _pair((6.0, 7.0))
    again = fit_pieces(today, prior, np.eye(4), pieces, joints, PLAY)
    assert all(np.array_equal(a.matrix, b.matrix) for a, b in zip(bent, again, strict=True))


def test_a_lesion_does_not_pull_its_piece():
    today, prior, pieces, joints = _pair((0.0, 0.0), lesion=True)
    fits = fit_pieces(today, prior, np.eye(4), pieces, joints, PLAY)
    assert max(_errors(fits, (0.0, 0.0))) < 0.12


def test_a_piece_without_contrast_keeps_to_its_neighbours_and_says_that_it_knows_nothing():
    today, prior, pieces, joints = _pair((0.0, 0.0))
    push = rigid((0.0, 0.0, 0.0), (3.0, -2.0, 1.0), np.zeros(3))
    flat, noise = pieces[2].mask, np.random.default_rng(8).normal(100.0, 2.0, (2, *SHAPE))
    moved = Picture(
        data=np.where(flat, noise[0], today.data).astype(np.float32), affine=push @ today.affine, mask=today.mask
    )
    pieces = [Piece(name=p.name, mask=p.mask, centre=apply(push, p.centre[None])[0], radius_mm=30.0) for p in pieces]
    joints = [
        Joint(first=j.first, second=j.second, point=tuple(apply(push, np.array(j.point)[None])[0])) for j in joints
    ]
    blank = Picture(data=np.where(flat, noise[1], prior.data).astype(np.float32), affine=prior.affine, mask=prior.mask)
    fits = fit_pieces(moved, blank, np.eye(4), pieces, joints, PLAY)
    turn, shift = relative(fits[1].matrix, fits[2].matrix, np.array(joints[1].point))
    assert shift < 1.0 and turn < 4.0
    assert fits[2].uncertainty_mm > fits[0].uncertainty_mm


def test_promise_prefers_the_true_start():
    today, prior, pieces, joints = _pair((0.0, 0.0))
    off = rigid((0.0, 0.0, 0.0), (0.0, 0.0, 15.0), np.zeros(3))
    right, wrong = promise(today, prior, [np.eye(4), off], pieces, joints, PLAY)
    assert 1.0 - right < 0.5 * (1.0 - wrong)
