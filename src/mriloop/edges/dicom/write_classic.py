"""Phantom series as classic single-frame MR Image Storage instances (DICOM PS3.3 A.4)."""

from __future__ import annotations

from datetime import timedelta

from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from mriloop.edges.dicom.phantom_headers import (
    AGENT,
    PULSES,
    PhantomSeries,
    PhantomStudy,
    acquired_at,
    add_identity,
    add_pixels,
    anatomy,
    clock,
    day,
    frames,
    is_diffusion,
    orientation,
    pixels,
    position,
    pulse_kind,
    spacing,
    stamp,
    window,
)
from mriloop.edges.dicom.uids import uid
from mriloop.imaging.phantom import Axis, Readout
from mriloop.imaging.phantom.signal import GAMMA_MHZ_PER_T


def classic_instances(study: PhantomStudy, series: PhantomSeries) -> list[Dataset]:
    """Return one instance per slice and time point that exists, in the order of acquisition numbers.

    Slices that were never acquired leave a gap in InstanceNumber; ImagesInAcquisition keeps what was meant.
    """
    stored = pixels(series)
    show = window(stored)
    slices, points = stored.shape[2], stored.shape[3]
    meant = (series.declared_slices or slices) * points
    instances = []
    for k, t in frames(series):
        ds = Dataset()
        at = acquired_at(series, k, t)
        ds.SOPClassUID = MRImageStorage
        ds.SOPInstanceUID = uid(study.key, "instance", series.number, k, t)
        add_identity(ds, study, series, at + timedelta(seconds=2))
        if study.laterality:
            ds.Laterality = study.laterality
        ds.ImageType = list(series.image_type)
        ds.InstanceNumber = t * slices + k + 1
        ds.AcquisitionNumber = t + 1 if series.prescription.volumes > 1 else 1
        ds.AcquisitionDate, ds.AcquisitionTime = day(at), clock(at)
        ds.AcquisitionDateTime = stamp(at)
        ds.ContentDate, ds.ContentTime = day(at), clock(at)
        ds.ImagesInAcquisition = meant
        ds.LossyImageCompression = "00"
        ds.AnatomicRegionSequence = anatomy(study)
        ds.ImagePositionPatient = position(series, k)
        ds.ImageOrientationPatient = orientation(series)
        ds.PixelSpacing = spacing(series)
        ds.SliceThickness = series.prescription.thickness
        ds.SpacingBetweenSlices = series.prescription.spacing[2]
        ds.SliceLocation = round(float(k * series.prescription.spacing[2]), 4)
        _add_timing(ds, series, t)
        _add_contrast(ds, series)
        add_pixels(ds, series, stored)
        ds.WindowCenter, ds.WindowWidth = show
        ds.PixelData = stored[:, :, k, t].T.tobytes()
        if series.derivation:
            ds.DerivationDescription = series.derivation
        instances.append(ds)
    return instances


def _add_timing(ds: Dataset, series: PhantomSeries, t: int) -> None:
    """Fill in the MR image module and what vendors add to it."""
    p = series.prescription
    ds.ScanningSequence, ds.SequenceVariant = pulse_kind(p)
    ds.ScanOptions = [name for name, on in (("FS", p.fat_suppressed), ("SAT1", False)) if on] or ""
    ds.MRAcquisitionType = "3D" if p.three_d else "2D"
    ds.SequenceName = "*ep2d" if "EP" in ds.ScanningSequence else PULSES[p.readout]
    ds.AngioFlag = "N"
    ds.RepetitionTime = p.tr
    echo = t if len(p.te) > 1 else 0
    ds.EchoTime = round(p.te[echo], 3)
    ds.EchoNumbers = echo + 1
    if p.readout in (Readout.INVERSION_SPIN_ECHO, Readout.MAGNETIZATION_PREPARED):
        ds.InversionTime = p.ti
    ds.EchoTrainLength = 1 if p.readout is Readout.MAGNETIZATION_PREPARED else p.train
    ds.NumberOfAverages = 1
    ds.ImagingFrequency = round(GAMMA_MHZ_PER_T * p.tesla, 6)
    ds.ImagedNucleus = "1H"
    ds.MagneticFieldStrength = p.tesla
    ds.NumberOfPhaseEncodingSteps = p.lines
    ds.PercentSampling, ds.PercentPhaseFieldOfView = 100, _percent_phase(series)
    ds.PixelBandwidth = p.bandwidth
    ds.FlipAngle = p.flip_deg
    ds.VariableFlipAngleFlag = "N"
    ds.SAR, ds.dBdt = 0.4, 0.0
    ds.ReceiveCoilName, ds.TransmitCoilName = series.coil, "Body"
    ds.InPlanePhaseEncodingDirection = p.phase_axis.value
    rows, columns = p.matrix[1], p.matrix[0]
    ds.AcquisitionMatrix = [rows, 0, 0, columns] if p.phase_axis is Axis.ROW else [0, columns, rows, 0]
    ds.ReconstructionDiameter = round(max(p.matrix[0] * p.spacing[0], p.matrix[1] * p.spacing[1]), 3)
    if p.volumes > 1:
        ds.TemporalPositionIdentifier, ds.NumberOfTemporalPositions = t + 1, p.volumes
        ds.TemporalResolution = p.tr
    if is_diffusion(p) and p.b_values and not series.units:
        ds.DiffusionBValue = float(p.b_values[t])
        ds.DiffusionDirectionality = "ISOTROPIC" if p.b_values[t] else "NONE"


def _percent_phase(series: PhantomSeries) -> float:
    p = series.prescription
    phase, read = p.phase_index, 1 - p.phase_index
    return round(100 * p.matrix[phase] * p.spacing[phase] / (p.matrix[read] * p.spacing[read]), 2)


def _add_contrast(ds: Dataset, series: PhantomSeries) -> None:
    if series.contrast_at is None:
        return
    ds.ContrastBolusAgent = AGENT
    ds.ContrastBolusRoute = "INTRAVENOUS"
    ds.ContrastBolusVolume = 7.0
    ds.ContrastBolusStartTime = clock(series.contrast_at)
    ds.ContrastBolusTotalDose = 7.0
    ds.ContrastBolusIngredient = "GADOLINIUM"
    ds.ContrastBolusIngredientConcentration = 604.72
