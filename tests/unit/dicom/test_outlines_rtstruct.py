"""RT structure sets against closed forms and against a second way of telling what is inside a polygon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian, RTStructureSetStorage

from mriloop.edges.dicom import Limits
from mriloop.edges.dicom.outlines import read_outlines
from mriloop.edges.dicom.outlines_rtstruct import cross_out
from mriloop.model.errors import MriloopError
from mriloop.model.volume import Source, Volume

SHAPE = (60, 50, 6)
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture
def volume() -> Volume:
    """A tilted series of six slices."""
    turn = np.deg2rad(20)
    axes = np.array([[-1, 0, 0], [0, -np.cos(turn), np.sin(turn)], [0, np.sin(turn), np.cos(turn)]]).T
    affine = np.eye(4)
    affine[:3, :3] = axes * [0.8, 0.9, 4.0]
    affine[:3, 3] = [30.0, 25.0, -10.0]
    return Volume(
        data=np.zeros(SHAPE, np.float32),
        affine=affine,
        series_instance_uid="1.2.3.1",
        sources=(tuple(Source(sop_instance_uid=f"1.2.3.1.{k}") for k in range(SHAPE[2])),),
    )


Regions = dict[str, Sequence[tuple[np.ndarray, float]]]


@pytest.fixture
def draw(tmp_path: Path, volume: Volume) -> Callable[..., Path]:
    """Write regions, each a list of (points in voxels (n, 2), slice), as a structure set."""

    def write(regions: Regions, *, named: bool = True, kind: str = "CLOSED_PLANAR", series: str = "1.2.3.1") -> Path:
        ds = Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID = RTStructureSetStorage, "1.2.9"
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.Modality = "1.2.3", "1.2.9.1", "RTSTRUCT"
        ds.PatientName, ds.StructureSetLabel = "Doe^Jane", "x"
        one, two, three = Dataset(), Dataset(), Dataset()
        three.SeriesInstanceUID = series
        two.RTReferencedSeriesSequence = [three]
        one.RTReferencedStudySequence = [two]
        ds.ReferencedFrameOfReferenceSequence = [one]
        ds.StructureSetROISequence, ds.ROIContourSequence = [], []
        for number, (name, contours) in enumerate(regions.items(), 4):
            said, drawn = Dataset(), Dataset()
            said.ROINumber, said.ROIName = number, name
            if named:
                ds.StructureSetROISequence.append(said)
            drawn.ReferencedROINumber, drawn.ContourSequence = number, []
            for points, k in contours:
                contour = Dataset()
                contour.ContourGeometricType = kind
                index = np.column_stack([points, np.full(len(points), k), np.ones(len(points))])
                places = (index @ (LPS @ volume.affine).T)[:, :3]
                contour.NumberOfContourPoints = len(points)
                contour.ContourData = [f"{x:.4f}" for x in places.ravel()]
                drawn.ContourSequence.append(contour)
            ds.ROIContourSequence.append(drawn)
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = RTStructureSetStorage, "1.2.9"
        ds.save_as(tmp_path / "rs.dcm", enforce_file_format=True)
        return tmp_path / "rs.dcm"

    return write


def circle(centre: tuple[float, float], radius: float, points: int = 400) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.column_stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)])


def test_a_ring_and_a_disc_have_the_areas_of_geometry(draw, volume):
    ring = [(circle((30.3, 24.6), 20.0), 2), (circle((30.3, 24.6), 8.0), 2)]
    path = draw({"ring": ring, "disc": [(circle((20.0, 20.0), 9.0), 1.2), (circle((20.0, 20.0), 9.0), 3)]})
    first, second = read_outlines(path, Limits(), volumes=[volume])
    assert (first.label, first.number, second.label, second.number) == ("ring", 4, "disc", 5)
    assert first.data.sum() == pytest.approx(np.pi * (400 - 64), rel=0.01)
    assert not first.data[30, 24, 2]
    assert first.data[42, 24, 2]
    assert np.flatnonzero(first.data.any(axis=(0, 1))).tolist() == [2]
    assert np.flatnonzero(second.data.any(axis=(0, 1))).tolist() == [1, 3]
    assert second.data.sum() == pytest.approx(2 * np.pi * 81, rel=0.02)
    assert first.series_instance_uid == "1.2.3.1"
    assert first.study_instance_uid == "1.2.3"


def test_a_hole_reached_through_a_keyhole_is_a_hole(draw, volume):
    outer, inner = circle((30.0, 25.0), 15.0), circle((30.0, 25.0), 6.0)[::-1]
    keyhole = np.concatenate([outer, outer[:1], inner, inner[:1]])
    (joined,) = read_outlines(draw({"x": [(keyhole, 3)]}), Limits(), volumes=[volume])
    (apart,) = read_outlines(draw({"x": [(outer, 3), (inner, 3)]}, kind="CLOSEDPLANAR_XOR"), Limits(), volumes=[volume])
    assert (joined.data ^ apart.data).sum() <= 20  # the width of the keyhole
    assert not joined.data[30, 25, 3]


@settings(max_examples=30, deadline=None)
@given(
    hnp.arrays(np.float64, st.tuples(st.integers(3, 12), st.just(2)), elements=st.floats(-4, 20, allow_nan=False)),
)
def test_inside_is_an_odd_number_of_crossings_along_any_ray(points):
    mask = np.zeros((16, 14), bool)
    points = points + 0.013  # keeps vertices off the centres of pixels, where both answers are right
    cross_out(mask, points)
    for i, j in np.ndindex(mask.shape):
        # A ray upwards instead of sideways, edge by edge.
        crossings = 0
        for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
            if (x0 <= i) != (x1 <= i) and y0 + (i - x0) * (y1 - y0) / (x1 - x0) > j:
                crossings += 1
        if crossings % 2 != mask[i, j]:
            edge = min(
                abs(y0 + (i - x0) * (y1 - y0) / (x1 - x0) - j)
                for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True)
                if (x0 <= i) != (x1 <= i)
            )
            assert edge < 1e-6


def test_polygons_that_share_an_edge_share_no_pixel():
    left, right = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    cross_out(left, np.array([[2.0, 2.0], [10.0, 2.0], [10.0, 12.0], [2.0, 12.0]]))
    cross_out(right, np.array([[10.0, 2.0], [18.0, 2.0], [18.0, 12.0], [10.0, 12.0]]))
    assert not (left & right).any()
    assert (left | right).sum() == 16 * 10


def refusal(path: Path, volumes: Sequence[Volume]) -> str:
    with pytest.raises(MriloopError) as refused:
        read_outlines(path, Limits(), volumes=volumes)
    assert "{" not in refused.value.message
    return refused.value.code


def test_contours_that_cannot_be_placed_are_refused(draw, volume):
    good: Regions = {"x": [(circle((30.0, 25.0), 5.0), 3)]}
    assert refusal(draw(good), []) == "outline_without_images"
    assert refusal(draw(good, series="1.2.8"), [volume]) == "outline_without_images"
    assert refusal(draw(good, named=False), [volume]) == "outline_damaged"
    assert refusal(draw(good, kind="POINT"), [volume]) == "outline_empty"
    assert refusal(draw({"x": [(circle((30.0, 25.0), 5.0), 40)]}), [volume]) == "outline_empty"
    upright = np.array([[10.0, 10.0], [20.0, 10.0], [20.0, 20.0]])
    path = draw({"x": [(upright, np.array([0.0, 2.0, 4.0]))]})  # type: ignore[list-item]
    assert refusal(path, [volume]) == "outline_geometry"
    assert refusal(draw({"x": [(circle((30.0, 25.0), 5.0)[:2], 3)]}), [volume]) == "outline_empty"


def test_bytes_that_were_damaged_give_outlines_or_a_refusal_and_nothing_else(draw, volume, tmp_path):
    whole = draw({"x": [(circle((30.0, 25.0), 5.0, 30), 3)], "y": [(circle((20.0, 25.0), 5.0, 30), 2)]}).read_bytes()
    rng = np.random.default_rng(8)
    path = tmp_path / "damaged.dcm"
    for _ in range(200):
        data = bytearray(whole)
        for place in rng.integers(132, len(data), rng.integers(1, 6)):
            data[place] = rng.integers(256)
        path.write_bytes(bytes(data[: rng.integers(200, len(data))] if rng.random() < 0.2 else data))
        try:
            found = read_outlines(path, Limits(max_file_mb=4, max_unpacked_mb=4), volumes=[volume])
        except MriloopError:
            continue
        assert all(one.data.any() for one in found)
