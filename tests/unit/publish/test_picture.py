"""Pictures from voxels: radiological orientation over every axis order, true proportions, marks where they belong."""

from __future__ import annotations

import dataclasses
import io
import itertools

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from mriloop.edges.publish.figures import Mark, marks_for, mosaic, triptych
from mriloop.edges.publish.figures.picture import grey, layout, letters, window_of
from mriloop.model.quality import Completeness, MissingSlice
from mriloop.model.volume import Volume

ORDERS = [
    (permutation, signs)
    for permutation in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def affine_of(permutation, signs, spacing=(1.0, 1.0, 1.0), shape=(7, 8, 9)):
    """Voxel axis n runs along world axis permutation[n] with this sign; the centre of the grid lies at the origin."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (world, sign) in enumerate(zip(permutation, signs, strict=True)):
        affine[world, axis] = sign * spacing[axis]
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def world_coordinates(affine, shape):
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    return grid @ affine[:3, :3].T + affine[:3, 3]


def opened(png):
    return Image.open(io.BytesIO(png)).convert("RGB")


def brightest(image):
    """(column, row) of the centre of the largest bright patch, as shares of the picture: letters are smaller."""
    values = np.asarray(image, dtype=float).mean(axis=2)
    patches, number = ndimage.label(values > 0.8 * values.max())
    largest = 1 + int(np.argmax(np.bincount(patches.ravel())[1:])) if number else 0
    row, column = ndimage.center_of_mass(patches == largest)
    return column / values.shape[1], row / values.shape[0]


@pytest.mark.parametrize(("permutation", "signs"), ORDERS)
@pytest.mark.parametrize("through", [0, 1, 2])
def test_radiological_orientation_over_all_48_axis_orders(permutation, signs, through):
    shape = (7, 8, 9)
    affine = affine_of(permutation, signs)
    world = world_coordinates(affine, shape)
    turn = layout(affine, through)
    faced = permutation[through]
    # Columns run to the patient's left on axial and coronal slices, backwards on sagittal ones; rows run backwards
    # on axial slices and downwards on the others.
    across, down = {0: (1, 2), 1: (0, 2), 2: (0, 1)}[faced]
    columns = turn.turn(np.take(world[..., across], 2, axis=through))
    rows = turn.turn(np.take(world[..., down], 2, axis=through))
    assert np.all(np.diff(columns, axis=1) < 0)
    assert np.all(np.diff(rows, axis=0) < 0)
    assert turn.letters == {0: ("A", "P", "S", "I"), 1: ("R", "L", "S", "I"), 2: ("R", "L", "A", "P")}[faced]


def test_the_place_of_a_voxel_follows_the_turned_picture():
    shape = (7, 8, 9)
    for permutation, signs in ORDERS[::5]:
        affine = affine_of(permutation, signs)
        for through in range(3):
            data = np.zeros(shape)
            data[1, 6, 2] = 1
            turn = layout(affine, through)
            index = np.array([1.0, 6.0, 2.0])
            turned = turn.turn(np.take(data, int(index[through]), axis=through))
            row, column = (int(found[0]) for found in np.nonzero(turned))
            assert turn.place(index, shape) == (column, row)


@pytest.mark.parametrize(
    ("direction", "name"),
    [
        ((-1, 0, 0), "L"),
        ((0.97, 0.24, 0), "R"),  # 14 degrees off: too little to name
        ((-0.87, 0, -0.5), "LI"),  # 30 degrees
        ((0, -0.5, 0.87), "SP"),
        ((0.58, 0.57, 0.58), "RSA"),
    ],
)
def test_oblique_directions_are_named_as_in_dicom(direction, name):
    assert letters(np.array(direction, dtype=float)) == name


def test_a_ball_at_the_patients_left_front_is_drawn_at_the_right_top():
    data = np.zeros((64, 64, 5), dtype=np.float32)
    affine = affine_of((0, 1, 2), (1, 1, 1), (2.0, 2.0, 6.0), data.shape)
    world = world_coordinates(affine, data.shape)
    data[np.linalg.norm(world[..., :2] - (-40, 30), axis=-1) < 8] = 1000.0
    image = opened(mosaic(Volume(data=data, affine=affine, series_instance_uid="1"), slices=[2]))
    column, row = brightest(image)
    assert column == pytest.approx(0.5 + 40 / 128, abs=0.03)
    assert row == pytest.approx(0.5 - 30 / 128, abs=0.03)


@pytest.mark.parametrize(("spacing", "ratio"), [((1, 1, 5), 1.0), ((1, 2, 5), 0.5), ((0.5, 0.5, 3), 1.0)])
def test_tiles_have_their_proportions_in_mm(spacing, ratio):
    data = np.random.default_rng(0).random((96, 96, 1)).astype(np.float32)
    affine = affine_of((0, 1, 2), (1, 1, 1), spacing, data.shape)
    image = opened(mosaic(Volume(data=data, affine=affine, series_instance_uid="1")))
    assert image.width / image.height == pytest.approx(ratio, rel=0.02)


@pytest.mark.parametrize(
    "data",
    [
        np.zeros((16, 16, 3), dtype=np.float32),
        np.full((16, 16, 3), np.nan, dtype=np.float32),
        np.ones((16, 16), dtype=np.float32),
        np.ones((16, 1, 3), dtype=np.float32),
        np.arange(16 * 16 * 3 * 4, dtype=np.int16).reshape(16, 16, 3, 4),
        -np.arange(16 * 16 * 3, dtype=np.float64).reshape(16, 16, 3),
        np.zeros((16, 16, 2), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")]),
        np.where(np.arange(768).reshape(16, 16, 3) == 5, np.inf, 1).astype(np.float32),
    ],
    ids=["empty", "nan", "one-slice", "one-line", "4-d", "negative", "colour", "infinite"],
)
@pytest.mark.parametrize("time", [0, None, 99])
def test_every_kind_of_volume_gets_a_picture(data, time):
    volume = Volume(data=data, affine=np.eye(4), series_instance_uid="1")
    assert opened(mosaic(volume, time=time)).width >= 40


def test_colours_stay_colours():
    data = np.zeros((32, 32, 1), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    data["R"], data["G"], data["B"] = 200, 30, 90
    image = opened(mosaic(Volume(data=data, affine=np.eye(4), series_instance_uid="1")))
    assert image.getpixel((image.width // 4, image.height // 4)) == (200, 30, 90)


def test_the_mean_over_time_is_the_mean():
    data = np.zeros((32, 32, 1, 2), dtype=np.float32)
    data[:8, :, :, 0], data[:, :8, :, 1] = 100, 100
    volume = Volume(data=data, affine=np.eye(4), series_instance_uid="1")
    mean, first = opened(mosaic(volume, time=None)), opened(mosaic(volume, time=0))
    lower = (mean.width // 3, mean.height - 12)  # j = 0 is the patient's back: the lower edge, bright in one of two
    assert mean.getpixel(lower)[0] == pytest.approx(128, abs=4)
    assert first.getpixel(lower)[0] < 10


def test_the_window_ignores_one_hot_voxel():
    values = np.linspace(0, 100, 10_001)
    values[-1] = 1e9
    low, high = window_of(values)
    assert (low, high) == (pytest.approx(1.0, abs=0.1), pytest.approx(99.0, abs=0.1))
    assert grey(np.array([low, high, np.nan]), (low, high)).tolist() == [0, 255, 0]


def test_amber_marks_what_to_look_at_and_nothing_else():
    data = np.random.default_rng(0).random((64, 64, 9)).astype(np.float32)
    volume = Volume(data=data, affine=np.eye(4), series_instance_uid="1")

    def amber(png):
        pixels = np.asarray(opened(png)).reshape(-1, 3).astype(int)
        return int((np.abs(pixels - (255, 190, 60)).max(axis=1) < 8).sum())

    assert amber(mosaic(volume)) == 0
    assert amber(mosaic(volume, marks=[Mark(slice=4, kind="look", text="ghosts")])) > 1000
    assert amber(mosaic(volume, marks=[Mark(slice=4, kind="missing", text="1 slice missing")])) > 800


@pytest.mark.parametrize("sign", [1, -1])
def test_a_gap_is_marked_where_the_slice_would_lie_whichever_way_slices_are_counted(sign):
    volume = Volume(
        data=np.zeros((8, 8, 18), dtype=np.float32),
        affine=affine_of((0, 1, 2), (1, 1, sign), (1, 1, 5), (8, 8, 18)),
        series_instance_uid="1",
    )
    between = [(volume.affine @ [0, 0, k, 1])[:3] for k in (6.4, 6.6)]
    missing = tuple(
        MissingSlice(index=index, position_ras_mm=tuple(point)) for index, point in zip((7, 8), between, strict=True)
    )
    marks = marks_for(Completeness(found=18, expected=20, missing=missing), volume)
    assert marks == (Mark(slice=7, kind="missing", text="2 slices missing"),)


def test_slices_missing_from_one_volume_only_are_not_gaps_of_the_mosaic():
    volume = Volume(data=np.zeros((8, 8, 18, 3), dtype=np.float32), affine=np.eye(4), series_instance_uid="1")
    missing = (MissingSlice(index=3, position_ras_mm=None, volume=2),)
    assert marks_for(Completeness(found=53, expected=54, missing=missing), volume) == ()
    assert marks_for(None, volume) == ()


def test_what_was_put_in_the_place_of_a_lost_slice_is_not_shown():
    data = np.zeros((64, 64, 9), dtype=np.float32)
    data[..., 3:5] = 1000.0
    volume = Volume(data=data, affine=np.eye(4), series_instance_uid="1", filled_slices=(3, 4))
    image = np.asarray(opened(mosaic(volume)), dtype=int)
    patches, _ = ndimage.label(image.min(axis=2) > 200)
    assert max(np.bincount(patches.ravel())[1:], default=0) < 100  # letters, and no white slice
    missing = (MissingSlice(index=3, position_ras_mm=(0.0, 0.0, 3.0)),)
    assert marks_for(Completeness(found=7, expected=9, missing=missing), volume) == ()
    shown = mosaic(dataclasses.replace(volume, filled_slices=()), marks=[Mark(slice=5, kind="missing", text="x")])
    assert (np.asarray(opened(shown), dtype=int).min(axis=2) > 200).sum() > 10_000


def test_the_triptych_centres_on_the_change_and_colours_its_sign(samples):
    place = (0.4, 0.2, 0.18)
    prior = samples.head(seed=2)
    today = samples.head(lesion=(place, 9.0), seed=1)
    centre = tuple(at * (n - 1) * mm / 2 for at, n, mm in zip(place, today.data.shape, today.spacing_mm, strict=True))
    labels = np.where(today.data - prior.data > 300, 1, 0)

    def panels(before, after):
        image = opened(triptych(before, after, after - before, today.affine, centre, labels=labels))
        size = 300
        top = image.height - 26 - size
        return [np.asarray(image.crop((n * 306, top, n * 306 + size, top + size)), dtype=int) for n in range(3)]

    middle = (slice(140, 160), slice(140, 160))
    before, after, growing = (panel[middle].reshape(-1, 3).mean(axis=0) for panel in panels(prior.data, today.data))
    assert after.mean() > before.mean() + 20
    assert growing[0] > 200 > growing[2]
    *_, shrinking = (panel[middle].reshape(-1, 3).mean(axis=0) for panel in panels(today.data, prior.data))
    assert shrinking[2] > 200 > shrinking[0]


def test_a_change_at_the_edge_of_the_grid_is_drawn_too():
    data = np.random.default_rng(0).random((20, 20, 20)).astype(np.float32)
    far = opened(triptych(data, data, data * 0, np.eye(4), (500.0, -500.0, 0.0)))
    assert far.size[0] == 912
