"""LPS becomes RAS+ in one place: a known anatomy, written in any of the 48 axis orders, is read back where it was."""

import itertools
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from mriloop.edges.dicom import Limits, load_volumes, read_intake

LIMITS = Limits()
LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0])  # the definition of both systems, PS3.3 C.7.6.2.1.1 and nibabel's manual
ORDERS = [
    np.eye(3)[list(order)].T * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1.0, -1.0), repeat=3)
]


class Consent:
    """Stands in for dcm2niix where hundreds of examples make the conversion too dear: agrees with everything."""

    def __init__(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def disagreement(self, slices):
        return ""


def anatomy(ras: np.ndarray) -> np.ndarray:
    """Return the brightness at points (…, 3) in RAS+ mm: it rises to the right, more to the front, most upwards."""
    return 20_000 + 10 * ras[..., 0] + 70 * ras[..., 1] + 300 * ras[..., 2]


def write_slices(folder: Path, affine: np.ndarray, shape: tuple[int, int, int]) -> None:
    """Write (column, row, slice) voxels as classic DICOM, by the attributes' definitions alone."""
    columns, rows, slices = shape
    i, j = np.meshgrid(np.arange(columns), np.arange(rows))
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    row_axis, column_axis = (LPS_FROM_RAS @ affine[:3, n] / spacing[n] for n in (0, 1))
    for k in range(slices):
        points = np.stack([i, j, np.full_like(i, k), np.ones_like(i)], axis=-1) @ affine.T
        ds = Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID = UID("1.2.840.10008.5.1.4.1.1.4"), f"1.2.3.{k + 1}"
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.Modality, ds.PatientID = "1.2.3", "1.2.3.4", "MR", "P"
        ds.InstanceNumber = (k * 7) % slices + 1  # never in the order of place
        ds.ImagePositionPatient = [f"{x:.9g}" for x in LPS_FROM_RAS @ (affine @ [0, 0, k, 1])[:3]]
        ds.ImageOrientationPatient = [f"{x:.9g}" for x in (*row_axis, *column_axis)]
        ds.PixelSpacing = [f"{spacing[1]:.9g}", f"{spacing[0]:.9g}"]
        ds.SliceThickness = f"{spacing[2]:.9g}"
        ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = rows, columns, 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
        ds.PixelData = np.rint(anatomy(points[..., :3])).astype("<u2").tobytes()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.ImplementationClassUID = UID("1.2.3")
        ds.save_as(folder / f"{k}", enforce_file_format=True)


def check(affine: np.ndarray, shape: tuple[int, int, int], *, nifti: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if nifti:
            index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
            points = index @ affine[:3, :3].T + affine[:3, 3]
            nib.save(nib.Nifti1Image(np.rint(anatomy(points)).astype(np.uint16), affine), folder / "x.nii")
        else:
            write_slices(folder, affine, shape)
        with read_intake(folder, LIMITS) as intake:
            (series,) = intake.studies[0].series
            (volume,) = load_volumes(intake, series, LIMITS)
            frames = {(f.sop_instance_uid, f.frame_number): f for f in series.frames}
    index = np.stack(np.meshgrid(*map(np.arange, volume.data.shape), indexing="ij"), axis=-1)
    places = index @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    assert np.abs(volume.data - anatomy(places)).max() <= 1.0
    assert sorted(volume.data.shape) == sorted(shape)
    assert sorted(volume.spacing_mm) == pytest.approx(sorted(np.linalg.norm(affine[:3, :3], axis=0)), rel=1e-5)
    for k, source in enumerate(volume.sources[0] if volume.sources else ()):
        frame = frames[source.sop_instance_uid, source.frame_number]
        assert tuple((volume.affine @ [0, 0, k, 1])[:3]) == pytest.approx(frame.position_ras_mm, abs=1e-4)


@pytest.mark.parametrize("nifti", [False, True])
@pytest.mark.parametrize("order", range(48))
def test_all_48_axis_orders(order: int, nifti: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if order % 6:  # the witness is asked in some of the orders; its answer does not change the voxels
        monkeypatch.setattr("mriloop.edges.dicom.volumes.Witness", Consent)
    affine = np.eye(4)
    affine[:3, :3] = ORDERS[order] * [1.0, 2.0, 3.5]
    affine[:3, 3] = [12.0, -7.0, 3.0]
    check(affine, (5, 4, 3), nifti=nifti)


@given(
    order=st.integers(0, 47),
    angles=st.tuples(*[st.floats(-0.6, 0.6)] * 3),
    spacing=st.tuples(*[st.floats(0.3, 6.0)] * 3),
    origin=st.tuples(*[st.floats(-12.0, 12.0)] * 3),
    shape=st.tuples(*[st.integers(2, 6)] * 3),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_oblique_volumes_of_any_spacing(
    order: int,
    angles: tuple[float, ...],
    spacing: tuple[float, ...],
    origin: tuple[float, ...],
    shape: tuple[int, int, int],
) -> None:
    x, y, z = angles
    turn = (
        np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
        @ np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
        @ np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    )
    affine = np.eye(4)
    affine[:3, :3] = turn @ ORDERS[order] * spacing
    affine[:3, 3] = origin
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mriloop.edges.dicom.volumes.Witness", Consent)
        check(affine, shape, nifti=False)
