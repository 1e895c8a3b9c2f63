"""Phantom series as one Enhanced MR Image Storage instance with functional groups (DICOM PS3.3 A.36.2)."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import EnhancedMRImageStorage

from mriloop.edges.dicom.phantom_headers import (
    PULSES,
    PhantomSeries,
    PhantomStudy,
    acquired_at,
    add_identity,
    add_pixels,
    anatomy,
    clock,
    code,
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
from mriloop.imaging.phantom import Axis, Prescription, Readout
from mriloop.imaging.phantom.signal import GAMMA_MHZ_PER_T
from mriloop.model.coding import Weighting

CONTRAST = {
    Weighting.T1: "T1",
    Weighting.T2: "T2",
    Weighting.PD: "PROTON_DENSITY",
    Weighting.FLAIR: "FLUID_ATTENUATED",
    Weighting.STIR: "STIR",
    Weighting.DWI: "DIFFUSION",
    Weighting.ADC: "DIFFUSION",
    Weighting.BOLD: "T2_STAR",
    Weighting.T2_STAR: "T2_STAR",
}
SPIN_ECHOES = (Readout.SPIN_ECHO, Readout.INVERSION_SPIN_ECHO)
INVERSIONS = (Readout.INVERSION_SPIN_ECHO, Readout.MAGNETIZATION_PREPARED)


def enhanced_instance(study: PhantomStudy, series: PhantomSeries) -> Dataset:
    """Return the whole series as one instance; its frames run slice by slice within a time point, echo or b-value."""
    ds = Dataset()
    stored = pixels(series)
    present = frames(series)
    p = series.prescription
    last = acquired_at(series, *present[-1])
    ds.SOPClassUID = EnhancedMRImageStorage
    ds.SOPInstanceUID = uid(study.key, "instance", series.number, "enhanced")
    add_identity(ds, study, series, last + timedelta(seconds=2))
    del ds.BodyPartExamined
    ds.ImageType = _frame_type(series)
    ds.InstanceNumber = 1
    ds.ContentDate, ds.ContentTime = day(last), clock(last)
    ds.AcquisitionNumber = 1
    ds.AcquisitionDateTime = stamp(series.started_at)
    ds.AcquisitionDuration = p.duration_s
    ds.NumberOfFrames = len(present)
    ds.LossyImageCompression, ds.BurnedInAnnotation = "00", "NO"
    ds.PresentationLUTShape, ds.RecognizableVisualFeatures = "IDENTITY", "YES"
    ds.VolumetricProperties, ds.VolumeBasedCalculationTechnique = "VOLUME", "NONE"
    ds.PixelPresentation, ds.ContentQualification = "MONOCHROME", "RESEARCH"
    ds.ComplexImageComponent, ds.AcquisitionContrast = "MAGNITUDE", _contrast(p)
    ds.ApplicableSafetyStandardAgency = "IEC"
    ds.ImageComments = "Simulated images"
    ds.MagneticFieldStrength, ds.ResonantNucleus, ds.KSpaceFiltering = p.tesla, "1H", "NONE"
    ds.AcquisitionContextSequence = Sequence([])
    if not series.units:
        _add_pulse(ds, p)
    _add_bolus(ds, series)
    add_pixels(ds, series, stored)
    _add_dimensions(ds, study, series)
    ds.SharedFunctionalGroupsSequence = Sequence([_shared(study, series, stored)])
    ds.PerFrameFunctionalGroupsSequence = Sequence([_per_frame(series, k, t) for k, t in present])
    ds.PixelData = b"".join(stored[:, :, k, t].T.tobytes() for k, t in present)
    return ds


def _contrast(p: Prescription) -> str:
    return CONTRAST.get(p.weighting, "UNKNOWN")


def _frame_type(series: PhantomSeries) -> list[str]:
    """Return FrameType (PS3.3 C.8.13.3.1): enhanced objects allow defined terms only."""
    if series.units:
        return ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]
    flavour = "DIFFUSION" if is_diffusion(series.prescription) else "VOLUME"
    if series.prescription.weighting is Weighting.LOCALIZER:
        flavour = "LOCALIZER"
    return [series.image_type[0], "PRIMARY", flavour, "NONE"]


def _add_pulse(ds: Dataset, p: Prescription) -> None:
    """Fill in the MR Pulse Sequence module (PS3.3 C.8.13.4)."""
    echo_planar = "EP" in pulse_kind(p)[0]
    ds.PulseSequenceName = "*ep2d" if echo_planar else PULSES[p.readout]
    ds.MRAcquisitionType = "3D" if p.three_d else "2D"
    ds.EchoPulseSequence = "SPIN" if p.readout in SPIN_ECHOES else "GRADIENT"
    if p.readout in SPIN_ECHOES:
        ds.MultipleSpinEcho = "YES" if p.train > 1 and not echo_planar else "NO"
    ds.MultiPlanarExcitation = "NO"
    ds.PhaseContrast, ds.TimeOfFlightContrast = "NO", "NO"
    ds.SteadyStatePulseSequence = "NONE"
    ds.EchoPlanarPulseSequence = "YES" if echo_planar else "NO"
    ds.SaturationRecovery, ds.SpectrallySelectedSuppression = "NO", "FAT" if p.fat_suppressed else "NONE"
    ds.OversamplingPhase = "NONE"
    ds.GeometryOfKSpaceTraversal = "RECTILINEAR"
    ds.SegmentedKSpaceTraversal = "SINGLE" if p.train <= 1 else ("FULL" if echo_planar else "PARTIAL")
    ds.RectilinearPhaseEncodeReordering = "CENTRIC" if p.order.value == "centric" else "LINEAR"
    if p.three_d:
        ds.CoverageOfKSpace = "FULL"
    ds.NumberOfKSpaceTrajectories = max(1, p.lines // max(p.train, 1))


def _add_bolus(ds: Dataset, series: PhantomSeries) -> None:
    if series.contrast_at is None:
        return
    agent = code("768763008", "Gadolinium-containing product")
    agent.ContrastBolusAgentNumber = 1
    agent.ContrastBolusIngredientCodeSequence = Sequence([code("58281002", "Gadolinium")])
    agent.ContrastBolusAdministrationRouteSequence = Sequence([code("47625008", "Intravenous route")])
    agent.ContrastBolusVolume = 7.0
    agent.ContrastBolusIngredientConcentration = 604.72
    agent.ContrastBolusIngredientOpaque = "NO"
    profile = Dataset()
    profile.ContrastBolusVolume = 7.0
    profile.ContrastBolusStartTime = clock(series.contrast_at)
    profile.ContrastBolusStopTime = clock(series.contrast_at + timedelta(seconds=7))
    agent.ContrastAdministrationProfileSequence = Sequence([profile])
    ds.ContrastBolusAgentSequence = Sequence([agent])


def _add_dimensions(ds: Dataset, study: PhantomStudy, series: PhantomSeries) -> None:
    """Fill in the Multi-frame Dimension module: stack, position in stack, and what makes the fourth axis."""
    organization = uid(study.key, "dimensions", series.number)
    item = Dataset()
    item.DimensionOrganizationUID = organization
    ds.DimensionOrganizationSequence = Sequence([item])
    pointers = [("StackID", "FrameContentSequence"), ("InStackPositionNumber", "FrameContentSequence")]
    fourth = _fourth(series.prescription)
    if fourth:
        pointers.append(fourth)
    ds.DimensionIndexSequence = Sequence([])
    for pointer, group in pointers:
        index = Dataset()
        index.DimensionOrganizationUID = organization
        index.DimensionIndexPointer = Tag(pointer)
        index.FunctionalGroupPointer = Tag(group)
        index.DimensionDescriptionLabel = pointer
        ds.DimensionIndexSequence.append(index)


def _fourth(p: Prescription) -> tuple[str, str] | None:
    if p.volumes > 1:
        return "TemporalPositionIndex", "FrameContentSequence"
    if len(p.te) > 1:
        return "EffectiveEchoTime", "MREchoSequence"
    if p.weighting is Weighting.DWI and len(p.b_values) > 1:
        return "DiffusionBValue", "MRDiffusionSequence"
    return None


def _group(**values: object) -> Sequence:
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return Sequence([item])


def _shared(study: PhantomStudy, series: PhantomSeries, stored: npt.NDArray[np.uint16]) -> Dataset:
    p = series.prescription
    shared = Dataset()
    shared.PixelMeasuresSequence = _group(
        PixelSpacing=spacing(series), SliceThickness=p.thickness, SpacingBetweenSlices=p.spacing[2]
    )
    shared.PlaneOrientationSequence = _group(ImageOrientationPatient=orientation(series))
    shared.MRImageFrameTypeSequence = _group(
        FrameType=_frame_type(series),
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
        ComplexImageComponent="MAGNITUDE",
        AcquisitionContrast=_contrast(p),
    )
    shared.FrameAnatomySequence = _group(AnatomicRegionSequence=anatomy(study), FrameLaterality=study.laterality or "U")
    center, width = window(stored)
    shared.FrameVOILUTSequence = _group(WindowCenter=center, WindowWidth=width)
    shared.PixelValueTransformationSequence = _group(RescaleIntercept=0.0, RescaleSlope=1.0, RescaleType="US")
    shared.MRTimingAndRelatedParametersSequence = _group(
        RepetitionTime=p.tr,
        FlipAngle=p.flip_deg,
        EchoTrainLength=p.train,
        RFEchoTrainLength=p.train if p.readout in SPIN_ECHOES and "EP" not in pulse_kind(p)[0] else 0,
        GradientEchoTrainLength=p.train if "EP" in pulse_kind(p)[0] else int(p.readout not in SPIN_ECHOES),
        SpecificAbsorptionRateSequence=_group(
            SpecificAbsorptionRateDefinition="IEC_HEAD" if not study.feet_first else "IEC_LOCAL",
            SpecificAbsorptionRateValue=0.4,
        ),
        GradientOutputType="DB_DT",
        GradientOutput=0.0,
        OperatingModeSequence=Sequence(
            [
                _group(OperatingModeType=kind, OperatingMode="IEC_NORMAL")[0]
                for kind in ("STATIC FIELD", "RF", "GRADIENT")
            ]
        ),
    )
    phase, read = p.phase_index, 1 - p.phase_index
    shared.MRFOVGeometrySequence = _group(
        InPlanePhaseEncodingDirection="ROW" if p.phase_axis is Axis.ROW else "COLUMN",
        MRAcquisitionFrequencyEncodingSteps=p.matrix[read],
        MRAcquisitionPhaseEncodingStepsInPlane=p.matrix[phase],
        **({"MRAcquisitionPhaseEncodingStepsOutOfPlane": p.matrix[2]} if p.three_d else {}),
        PercentSampling=100.0,
        PercentPhaseFieldOfView=100 * p.matrix[phase] * p.spacing[phase] / (p.matrix[read] * p.spacing[read]),
    )
    if len(p.te) == 1:
        shared.MREchoSequence = _group(EffectiveEchoTime=p.te[0])
    shared.MRModifierSequence = _group(
        InversionRecovery="YES" if p.readout in INVERSIONS else "NO",
        **({"InversionTimes": [p.ti]} if p.readout in INVERSIONS else {}),
        FlowCompensation="NONE",
        Spoiling="NONE" if p.readout in SPIN_ECHOES else "RF",
        T2Preparation="NO",
        SpectrallySelectedExcitation="NONE",
        SpatialPresaturation="NONE",
        PartialFourier="NO",
        ParallelAcquisition="NO",
    )
    shared.MRImagingModifierSequence = _group(
        MagnetizationTransfer="NONE",
        BloodSignalNulling="NO",
        Tagging="NONE",
        TransmitterFrequency=GAMMA_MHZ_PER_T * p.tesla,
        PixelBandwidth=p.bandwidth,
    )
    shared.MRReceiveCoilSequence = _group(
        ReceiveCoilName=series.coil,
        ReceiveCoilManufacturerName="mriloop",
        ReceiveCoilType="MULTICOIL",
        QuadratureReceiveCoil="NO",
        MultiCoilDefinitionSequence=Sequence(
            [_group(MultiCoilElementName=f"E{n + 1}", MultiCoilElementUsed="YES")[0] for n in range(p.coils)]
        ),
    )
    shared.MRTransmitCoilSequence = _group(
        TransmitCoilName="Body", TransmitCoilManufacturerName="mriloop", TransmitCoilType="BODY"
    )
    shared.MRAveragesSequence = _group(NumberOfAverages=1)
    if series.contrast_at is not None:
        shared.ContrastBolusUsageSequence = _group(
            ContrastBolusAgentNumber=1,
            ContrastBolusAgentAdministered="YES",
            ContrastBolusAgentDetected="YES",
            ContrastBolusAgentPhase="POST_CONTRAST",
        )
    return shared


def _per_frame(series: PhantomSeries, k: int, t: int) -> Dataset:
    p = series.prescription
    at = acquired_at(series, k, t)
    half = timedelta(seconds=p.duration_s / p.points / 2)
    content: dict[str, object] = {
        "FrameAcquisitionNumber": t + 1 if p.volumes > 1 else 1,
        "FrameReferenceDateTime": stamp(at),
        "FrameAcquisitionDateTime": stamp(max(at - half, series.started_at)),
        "FrameAcquisitionDuration": p.duration_s * 1000 / p.points,
        "StackID": "1",
        "InStackPositionNumber": k + 1,
        "DimensionIndexValues": [1, k + 1] + ([t + 1] if _fourth(p) else []),
    }
    if p.volumes > 1:
        content["TemporalPositionIndex"] = t + 1
    frame = Dataset()
    frame.FrameContentSequence = _group(**content)
    frame.PlanePositionSequence = _group(ImagePositionPatient=position(series, k))
    if len(p.te) > 1:
        frame.MREchoSequence = _group(EffectiveEchoTime=p.te[t])
    if is_diffusion(p):
        b_value = p.b_values[t] if not series.units else max(p.b_values)
        diffusion: dict[str, object] = {"DiffusionDirectionality": "ISOTROPIC" if b_value else "NONE"}
        if not series.units:
            diffusion["DiffusionBValue"] = float(b_value)
        frame.MRDiffusionSequence = _group(**diffusion)
    return frame
