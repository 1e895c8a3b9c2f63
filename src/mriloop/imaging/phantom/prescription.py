"""What the technologist prescribes: contrast timing, geometry and the order in which k-space is filled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from mriloop.model.coding import Plane, Weighting
from mriloop.model.study import Point
from mriloop.model.volume import Affine


class Readout(StrEnum):
    """How the echo is made. DICOM: EchoPulseSequence (0018,9008) and InversionRecovery (0018,9009)."""

    SPIN_ECHO = "spin_echo"
    INVERSION_SPIN_ECHO = "inversion_spin_echo"
    GRADIENT_ECHO = "gradient_echo"
    MAGNETIZATION_PREPARED = "magnetization_prepared"


class Order(StrEnum):
    """In which order phase-encode lines are taken.

    LINEAR from one edge of k-space to the other; CENTRIC from the middle outwards; INTERLEAVED as an echo train does:
    shot s takes lines s, s + shots, s + 2·shots …; SINGLE_SHOT takes all lines after one excitation (echo planar).
    """

    LINEAR = "linear"
    CENTRIC = "centric"
    INTERLEAVED = "interleaved"
    SINGLE_SHOT = "single_shot"


class Axis(StrEnum):
    """Which image direction is phase-encoded. DICOM: InPlanePhaseEncodingDirection (0018,1312)."""

    ROW = "ROW"
    COLUMN = "COL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prescription:
    """One series as prescribed.

    weighting : what the series is called; the physics is in `readout` and the timing
    matrix : columns, rows, slices (i, j, k); spacing : mm between voxel centres along i, j, k (k: thickness + gap)
    thickness : slice thickness, mm; plane and tilt_deg (about R, A, S) orient it; center : isocentre offset, RAS+ mm
    tr, te, ti, flip_deg : ms and degrees; te may hold several echoes (fourth axis of the data)
    b_values : s/mm²; several make the fourth axis; volumes : repetitions in time (fourth axis)
    train, echo_spacing : echo-train length and ms between its echoes; for MPRAGE the gradient echoes per inversion
    phase_axis, order, shots : k-space; packages : concatenations (slices k ≡ p modulo packages share one pass)
    three_d : second phase encoding along k instead of slice selection
    coils : receive elements; combine : "sos" (root of sum of squares) or "adaptive" (matched to the sensitivities)
    normalized : divide out the receive profile, as prescan normalisation does
    bandwidth : Hz per pixel, for the header
    """

    name: str
    weighting: Weighting
    readout: Readout
    matrix: tuple[int, int, int]
    spacing: tuple[float, float, float]
    thickness: float
    tr: float
    te: tuple[float, ...]
    ti: float = 0.0
    flip_deg: float = 90.0
    plane: Plane = Plane.AXIAL
    tilt_deg: Point = (0.0, 0.0, 0.0)
    center: Point = (0.0, 0.0, 0.0)
    tesla: float = 3.0
    b_values: tuple[float, ...] = ()
    volumes: int = 1
    train: int = 1
    echo_spacing: float = 8.0
    phase_axis: Axis = Axis.ROW
    order: Order = Order.INTERLEAVED
    packages: int = 1
    three_d: bool = False
    fat_suppressed: bool = False
    coils: int = 4
    combine: str = "sos"
    normalized: bool = True
    bandwidth: float = 200.0

    @property
    def phase_index(self) -> int:
        """Voxel axis of the phase encoding: 0 when lines are encoded along rows, 1 along columns."""
        return 0 if self.phase_axis is Axis.ROW else 1

    @property
    def lines(self) -> int:
        """Number of in-plane phase-encode lines."""
        return self.matrix[self.phase_index]

    @property
    def points(self) -> int:
        """Length of the fourth axis: volumes, b-values or echoes (only one of them may exceed 1)."""
        return max(self.volumes, len(self.b_values), len(self.te))

    @property
    def axes(self) -> Affine:
        """(3, 3): RAS+ unit vectors of i (along a row), j (down a column) and k, in DICOM's usual screen order."""
        rows = {
            Plane.AXIAL: ((-1, 0, 0), (0, -1, 0)),
            Plane.CORONAL: ((-1, 0, 0), (0, 0, -1)),
            Plane.SAGITTAL: ((0, -1, 0), (0, 0, -1)),
        }[self.plane]
        i, j = (np.array(v, dtype=float) for v in rows)
        base = np.stack([i, j, np.cross(i, j)], axis=1)
        return np.asarray(rotation(self.tilt_deg) @ base, dtype=np.float64)

    @property
    def affine(self) -> Affine:
        """(4, 4) from voxel index to RAS+ mm of the scanner; the grid's centre lies at `center`."""
        affine = np.eye(4)
        affine[:3, :3] = self.axes * np.array(self.spacing)
        middle = (np.array(self.matrix) - 1) / 2
        affine[:3, 3] = np.array(self.center) - affine[:3, :3] @ middle
        return affine

    @property
    def duration_s(self) -> float:
        """How long the acquisition takes, seconds (no acceleration)."""
        excitations = {Order.SINGLE_SHOT: 1}.get(self.order, -(-self.lines // max(self.train, 1)))
        if self.three_d:
            excitations = self.lines * (1 if self.readout is Readout.MAGNETIZATION_PREPARED else self.matrix[2])
        return excitations * self.tr * self.packages * self.points / 1000.0


def rotation(degrees: Point) -> Affine:
    """Return the (3, 3) rotation about R, then A, then S by these angles (right-handed, degrees)."""
    x, y, z = np.radians(degrees)
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x, dtype=np.float64)


def t1_3d(*, center: Point = (0.0, -3.0, -8.0), tesla: float = 3.0) -> Prescription:
    """Return a sagittal MPRAGE of the whole head, 1.2 mm."""
    return Prescription(
        name="T1 MPRAGE SAG",
        weighting=Weighting.T1,
        readout=Readout.MAGNETIZATION_PREPARED,
        plane=Plane.SAGITTAL,
        matrix=(200, 200, 140),
        spacing=(1.2, 1.2, 1.2),
        thickness=1.2,
        tr=2300.0,
        te=(2.3 if tesla > 2 else 4.6,),
        ti=900.0 if tesla > 2 else 1000.0,
        flip_deg=9.0,
        train=140,
        echo_spacing=7.0,
        three_d=True,
        order=Order.LINEAR,
        phase_axis=Axis.ROW,
        center=center,
        tesla=tesla,
        bandwidth=240.0,
    )


def _axial(**changes: object) -> Prescription:
    base = Prescription(
        name="AXIAL",
        weighting=Weighting.T2,
        readout=Readout.SPIN_ECHO,
        matrix=(256, 256, 44),
        spacing=(0.9, 0.9, 3.3),
        thickness=3.0,
        tr=5200.0,
        te=(92.0,),
        train=16,
        order=Order.INTERLEAVED,
        phase_axis=Axis.ROW,
        center=(0.0, -5.0, 4.0),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def t2_axial(*, center: Point = (0.0, -5.0, 4.0), tesla: float = 3.0) -> Prescription:
    """Return an axial T2 turbo spin echo of the brain, 0.9 mm in plane, 3 mm slices."""
    return _axial(name="T2 TSE AX", center=center, tesla=tesla)


def pd_axial(*, center: Point = (0.0, -5.0, 4.0), tesla: float = 3.0) -> Prescription:
    """Return an axial proton-density turbo spin echo of the brain."""
    return _axial(name="PD TSE AX", weighting=Weighting.PD, tr=3500.0, te=(14.0,), center=center, tesla=tesla)


def flair_axial(*, center: Point = (0.0, -5.0, 4.0), tesla: float = 3.0) -> Prescription:
    """Return an axial FLAIR of the brain, 3 mm slices without gap in two passes, that nulls CSF."""
    return _axial(
        name="T2 FLAIR AX",
        weighting=Weighting.FLAIR,
        readout=Readout.INVERSION_SPIN_ECHO,
        matrix=(256, 256, 46),
        spacing=(0.9, 0.9, 3.0),
        tr=9000.0,
        te=(100.0,),
        ti=2480.0,
        packages=2,
        fat_suppressed=True,
        center=center,
        tesla=tesla,
    )


def dwi_axial(
    *, b_values: tuple[float, ...] = (0.0, 1000.0), center: Point = (0.0, -5.0, 4.0), tesla: float = 3.0
) -> Prescription:
    """Return axial single-shot echo-planar trace diffusion of the brain."""
    return _axial(
        name="DWI TRACE AX",
        weighting=Weighting.DWI,
        matrix=(128, 128, 28),
        spacing=(1.8, 1.8, 5.2),
        thickness=4.0,
        tr=4500.0,
        te=(72.0,),
        train=128,
        b_values=b_values,
        order=Order.SINGLE_SHOT,
        phase_axis=Axis.COLUMN,
        fat_suppressed=True,
        center=center,
        tesla=tesla,
        bandwidth=1400.0,
    )


def t1_axial(*, center: Point = (0.0, -5.0, 4.0), tesla: float = 3.0) -> Prescription:
    """Return an axial T1 spoiled gradient echo of the brain, 3 mm slices; the visit says whether gadolinium is in."""
    return _axial(
        name="T1 GRE AX",
        weighting=Weighting.T1,
        readout=Readout.GRADIENT_ECHO,
        tr=250.0,
        te=(2.3 if tesla > 2 else 4.6,),
        flip_deg=70.0,
        train=1,
        order=Order.LINEAR,
        center=center,
        tesla=tesla,
    )


def dixon_axial(*, center: Point = (0.0, -5.0, 4.0), tesla: float = 3.0) -> Prescription:
    """Return a two-point Dixon gradient echo: first the opposed-phase, then the in-phase echo (fourth axis)."""
    opposed = 1000.0 / (2 * 3.4 * 42.577478518 * tesla)
    return replace(t1_axial(center=center, tesla=tesla), name="T1 DIXON AX", te=(opposed, 2 * opposed))


def bold_epi(*, volumes: int = 40, center: Point = (0.0, -5.0, 6.0), tesla: float = 3.0) -> Prescription:
    """Return a BOLD time series: single-shot gradient-echo EPI, 3.4 mm."""
    return _axial(
        name="BOLD EPI",
        weighting=Weighting.BOLD,
        readout=Readout.GRADIENT_ECHO,
        matrix=(64, 64, 36),
        spacing=(3.4, 3.4, 3.6),
        thickness=3.4,
        tr=2000.0,
        te=(30.0,),
        flip_deg=78.0,
        train=64,
        volumes=volumes,
        order=Order.SINGLE_SHOT,
        phase_axis=Axis.COLUMN,
        fat_suppressed=True,
        center=center,
        tesla=tesla,
        bandwidth=2300.0,
    )


def localizer(*, center: Point = (0.0, -3.0, -8.0), tesla: float = 3.0) -> Prescription:
    """Return a quick sagittal localizer of five thick slices."""
    return _axial(
        name="LOCALIZER SAG",
        weighting=Weighting.LOCALIZER,
        readout=Readout.GRADIENT_ECHO,
        plane=Plane.SAGITTAL,
        matrix=(160, 160, 5),
        spacing=(1.6, 1.6, 14.0),
        thickness=7.0,
        tr=8.6,
        te=(2.3 if tesla > 2 else 4.6,),
        flip_deg=20.0,
        train=1,
        order=Order.LINEAR,
        center=center,
        tesla=tesla,
    )


def pituitary_t1(*, center: Point = (0.0, 2.0, -4.0), tesla: float = 3.0) -> Prescription:
    """Return thin coronal T1 turbo spin echo through the sella, 2 mm slices."""
    return _axial(
        name="T1 TSE COR SELLA",
        weighting=Weighting.T1,
        plane=Plane.CORONAL,
        matrix=(256, 256, 15),
        spacing=(0.7, 0.7, 2.2),
        thickness=2.0,
        tr=550.0,
        te=(11.0,),
        train=3,
        order=Order.LINEAR,
        center=center,
        tesla=tesla,
    )


def pituitary_t2(*, center: Point = (0.0, 2.0, -4.0), tesla: float = 3.0) -> Prescription:
    """Return thin coronal T2 turbo spin echo through the sella, 2 mm slices."""
    return replace(
        pituitary_t1(center=center, tesla=tesla),
        name="T2 TSE COR SELLA",
        weighting=Weighting.T2,
        tr=3500.0,
        te=(88.0,),
        train=16,
        order=Order.INTERLEAVED,
    )


def t1_foot(*, plane: Plane = Plane.SAGITTAL, center: Point = (0.0, 0.0, 0.0), tesla: float = 1.5) -> Prescription:
    """Return T1 turbo spin echo of the foot, 3 mm slices."""
    sagittal = plane is Plane.SAGITTAL
    return _axial(
        name=f"T1 TSE {plane.value[:3].upper()} FOOT",
        weighting=Weighting.T1,
        plane=plane,
        matrix=(320, 224, 26) if sagittal else (192, 192, 44),
        spacing=(0.85, 0.85, 3.6) if sagittal else (0.8, 0.8, 5.6),
        thickness=3.0 if sagittal else 4.0,
        tr=600.0,
        te=(12.0,),
        train=3,
        order=Order.LINEAR,
        center=center,
        tesla=tesla,
    )


def stir_foot(*, plane: Plane = Plane.SAGITTAL, center: Point = (0.0, 0.0, 0.0), tesla: float = 1.5) -> Prescription:
    """Return STIR of the foot, with the inversion time that nulls fat (T1 288 ms at 1.5 T, 371 ms at 3 T)."""
    base = t1_foot(plane=plane, center=center, tesla=tesla)
    return replace(
        base,
        name=base.name.replace("T1 TSE", "STIR"),
        weighting=Weighting.STIR,
        readout=Readout.INVERSION_SPIN_ECHO,
        tr=4200.0,
        te=(60.0,),
        ti=200.0 if tesla < 2 else 257.0,
        train=10,
        order=Order.INTERLEAVED,
    )
