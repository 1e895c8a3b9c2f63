"""Headers as seven vendors write them, and what the PulseSequence behind each of them is known to be.

The truth of each row is the acquisition that it describes (vendors' protocol trees and conformance statements), not
what mriloop answers. Names are left out wherever the physics has to carry the answer alone.
"""

from __future__ import annotations

import pytest

from mriloop.model.coding import Weighting
from mriloop.model.fact import Truth
from mriloop.model.study import Component, Frame, Series, SeriesObject
from mriloop.stages.check import identify

W = Weighting
SIEMENS, GE, PHILIPS = "SIEMENS", "GE MEDICAL SYSTEMS", "Philips Medical Systems"
CANON, TOSHIBA, UIH, HITACHI, FUJI = "CANON_MEC", "TOSHIBA", "UIH", "Hitachi Medical Corporation", "FUJIFILM"
HYPERFINE = "Hyperfine, Inc."
MAGNITUDE, PHASE = Component.MAGNITUDE, Component.PHASE


def made(vendor, name, keys):
    """Build a series; keys in lower case are frame attributes, a list of them cycles over the frames of each place."""
    frame = {key: keys[key] for key in keys if key[0].islower() and key not in ("places", "repeats", "tesla")}
    elements = {key: value for key, value in keys.items() if key[0].isupper()}
    if "tesla" in keys:
        elements["MagneticFieldStrength"] = keys["tesla"]
    for attribute, keyword in (("te", "EchoTime"), ("ti", "InversionTime"), ("flip", "FlipAngle")):
        if attribute in frame:
            value = frame.pop(attribute)
            frame[{"te": "te_ms", "ti": "ti_ms", "flip": "flip_deg"}[attribute]] = value
            elements[keyword] = value[0] if isinstance(value, list) else value
    repeats = keys.get("repeats", max([1, *(len(v) for v in frame.values() if isinstance(v, list))]))
    frames = [
        Frame(
            sop_instance_uid=f"1.{k}.{t}", frame_number=1, rows=64, columns=64, position_ras_mm=(0.0, 0.0, 4.0 * k),
            row_axis_ras=(-1.0, 0.0, 0.0), column_axis_ras=(0.0, -1.0, 0.0),
            **{a: v[t % len(v)] if isinstance(v, list) else v for a, v in frame.items()},
        )
        for t in range(repeats)
        for k in range(keys.get("places", 6))
    ]  # fmt: skip
    return Series(
        series_instance_uid="1", study_instance_uid="2", modality="MR", object=SeriesObject.IMAGE, description=name,
        frames=tuple(frames), parameters={"Manufacturer": vendor, **elements},
    )  # fmt: skip


def row(vendor, wanted, name="", **keys):
    if "tr" in keys:
        keys["RepetitionTime"] = keys.pop("tr")
    if "kind" in keys:
        keys["image_type"] = tuple(keys.pop("kind").split("\\"))
    if "seq" in keys:
        keys["ScanningSequence"] = keys.pop("seq")
    return vendor, wanted, name, keys


IR_SE, IR_GR = ("SE", "IR"), ("GR", "IR")
ROWS = [
    # Siemens, classic numaris
    row(SIEMENS, W.T1, seq=IR_GR, SequenceName="*tfl3d1_16ns", tr=2300, te=2.98, ti=900, flip=9, tesla=3),
    row(SIEMENS, W.T1, seq=IR_GR, SequenceName="*tfl3d4_16ns", tr=2530, te=[1.7, 3.6, 5.4, 7.2], ti=1100, flip=7),
    row(SIEMENS, W.T2, seq="SE", SequenceName="*spc_282ns", tr=3200, te=408, MRAcquisitionType="3D", tesla=3),
    row(SIEMENS, W.T1, seq="SE", SequenceName="*spc_44ns", tr=600, te=11, MRAcquisitionType="3D", tesla=3),
    row(SIEMENS, W.FLAIR, seq=IR_SE, SequenceName="*spcir_278ns", tr=5000, te=387, ti=1800, tesla=3),
    row(SIEMENS, W.DIR, seq=IR_SE, SequenceName="*spc2ir_278ns", tr=7500, te=318, ti=3000, tesla=3),
    row(SIEMENS, W.FLAIR, seq=IR_SE, SequenceName="*tir2d1_16", tr=9000, te=81, ti=2500, tesla=3),
    row(SIEMENS, W.STIR, "t2_tirm_cor", seq=IR_SE, SequenceName="*tir2d1_13", tr=4500, te=38, ti=160, tesla=1.5),
    row(SIEMENS, W.STIR, seq=IR_SE, SequenceName="*tir2d1rr11", tr=5000, te=60, ti=220, tesla=3),
    row(SIEMENS, W.T1, "t1_tirm_dark-fluid", seq=IR_SE, SequenceName="*tir2d1_5", tr=2000, te=9, ti=860, tesla=3),
    row(SIEMENS, W.T2, seq="SE", SequenceName="*tseR2d1rr19", tr=3500, te=104, tesla=3),
    row(SIEMENS, W.PD, seq="SE", SequenceName="*tse2d1_7", tr=2800, te=33, tesla=3, ScanOptions="FS"),
    row(SIEMENS, W.T1, seq="SE", SequenceName="*tse2d1_3", tr=650, te=11, tesla=1.5),
    row(SIEMENS, W.T2, seq="SE", SequenceName="*h2d1_256", tr=1000, te=92, EchoTrainLength=256, tesla=1.5),
    row(SIEMENS, W.T2, seq="SE", SequenceName="*tseBR2d1rr25", tr=4000, te=118, tesla=3),
    row(SIEMENS, W.T1, seq="GR", SequenceName="*fl3d1", tr=4.1, te=1.9, flip=10, tesla=3),
    row(SIEMENS, W.T2_STAR, seq="GR", SequenceName="*fl2d1", tr=620, te=20, flip=20, tesla=1.5),
    row(SIEMENS, W.T2_STAR, seq="GR", SequenceName="*me2d1r3", tr=530, te=17, flip=30, tesla=3),
    row(SIEMENS, W.SWI, seq="GR", SequenceName="*swi3d1r", tr=28, te=20, flip=15, tesla=3),
    row(SIEMENS, W.SWI, "Mag_Images", seq="GR", SequenceName="*swi3d1r", tr=28, te=20, component=MAGNITUDE),
    row(SIEMENS, W.FIELD_MAP, seq="GR", SequenceName="*fm2d2r", tr=488, te=[4.92, 7.38], flip=60),
    row(SIEMENS, W.FIELD_MAP, seq="GR", SequenceName="*fm2d2r", tr=488, te=7.38, component=PHASE),
    row(SIEMENS, W.BOLD, seq="EP", SequenceName="*epfid2d1_64", tr=2000, te=30, repeats=20, tesla=3),
    row(SIEMENS, W.PERFUSION, seq="EP", SequenceName="*epfid2d1_128", tr=1500, te=30, repeats=50,
        ContrastBolusAgent="Gadovist"),
    row(SIEMENS, W.DWI, seq="EP", SequenceName="*ep_b1000#3", te=90, tr=6000),
    row(SIEMENS, W.DWI, seq="EP", SequenceName="*re_b0", te=60, tr=6000),
    row(SIEMENS, W.TRACE, seq="EP", te=90, b_value=1000.0, kind="DERIVED\\PRIMARY\\DIFFUSION\\TRACEW\\ND"),
    row(SIEMENS, W.ADC, seq="EP", te=90, b_value=1000.0, kind="DERIVED\\PRIMARY\\DIFFUSION\\ADC\\ND"),
    row(SIEMENS, W.TRACE, seq="EP", te=90, b_value=1400.0, kind="DERIVED\\PRIMARY\\DIFFUSION\\CALC_BVALUE"),
    row(SIEMENS, W.MRA, "TOF_3D_multi-slab", seq="GR", SequenceName="*fl3d1r_ts", tr=22, te=3.7, flip=18),
    row(SIEMENS, W.PHASE, seq="GR", SequenceName="*fl2d1_v150in", tr=40, te=3, component=PHASE, flip=20),
    row(SIEMENS, W.T2, seq="GR", SequenceName="*tfi2d1_12", tr=40, te=1.3, flip=60),
    row(SIEMENS, W.T2, seq="GR", SequenceName="*ci3d1_65", tr=6, te=2.6, flip=50, SequenceVariant=("SP", "OSP")),
    row(SIEMENS, W.T1_MAP, "T1Map_LongT1_MOLLI", seq=IR_GR, SequenceName="*tfi2d1_84", te=1.1, ti=180,
        kind="DERIVED\\PRIMARY\\T1 MAP\\ND"),
    row(SIEMENS, W.T1, "t1_mp2rage_sag_INV1", seq=IR_GR, SequenceName="*tfl3d1_16ns", te=2.9, ti=700),
    row(SIEMENS, W.PD, "t1_mp2rage_sag_INV2", seq=IR_GR, SequenceName="*tfl3d1_16ns", te=2.9, ti=2500),
    row(SIEMENS, W.T1, "t1_mp2rage_sag_UNI_Images", seq=IR_GR, SequenceName="*tfl3d1_16ns", te=2.9),
    row(SIEMENS, W.T1_MAP, "t1_mp2rage_sag_T1_Images", seq=IR_GR, SequenceName="*tfl3d1_16ns", te=2.9),
    row(SIEMENS, W.DIXON_WATER, "t1_vibe_dixon_tra_bh_W", seq="GR", SequenceName="*fl3d2", tr=4, te=1.2, flip=9),
    row(SIEMENS, W.DIXON_OPPOSED, "t1_vibe_dixon_tra_bh_opp", seq="GR", SequenceName="*fl3d2", tr=4, te=1.2, flip=9),
    row(SIEMENS, W.DIXON_FAT, "x", seq="GR", tr=4, te=1.2, flip=9, kind="DERIVED\\PRIMARY\\DIXON\\FAT"),
    row(SIEMENS, W.T2, "t2_tse_dixon_sag_W", seq="SE", SequenceName="*tse2d1_16", tr=4000, te=80),
    row(SIEMENS, W.LOCALIZER, "AAHead_Scout", seq="GR", SequenceName="*fl3d1_ns", tr=3, te=1.4, flip=8),
    row(SIEMENS, W.ASL, "", seq="EP", te=13, ArterialSpinLabelingContrast="PSEUDOCONTINUOUS", repeats=40),
    row(SIEMENS, W.MT, "", seq="GR", SequenceName="*fl3d1", SequenceVariant=("SP", "MTC"), tr=24, te=3.4, flip=6),
    row(SIEMENS, W.T2_STAR, "t2_me3d_MT", seq="GR", SequenceName="*me2d1r4", SequenceVariant=("SP", "MTC"), te=15),
    # Siemens, numaris X (enhanced)
    row(SIEMENS, W.T1, PulseSequenceName="*tfl3d1_16ns", EchoPulseSequence="GRADIENT", InversionRecovery="YES",
        tr=2000, te=2.3, ti=900, AcquisitionContrast="UNKNOWN"),
    row("Siemens Healthineers", W.T2, PulseSequenceName="*tse2d1_17", EchoPulseSequence="SPIN", tr=5000, te=100),
    row("Siemens Healthineers", W.DWI, PulseSequenceName="*ep_b1000", EchoPlanarPulseSequence="YES", te=70,
        b_value=[0.0, 1000.0]),
    # GE: the name of the PulseSequence is private, ScanningSequence often only RM
    row(GE, W.T1, seq="GR", tr=8.5, te=3.2, ti=450, flip=12, VendorPulseSequence="BRAVO"),
    row(GE, W.T1, seq="RM", tr=2500, te=25, ti=900, VendorPulseSequence="T1FLAIR", tesla=3),
    row(GE, W.FLAIR, seq=("SE", "IR"), tr=8800, te=120, ti=2200, VendorPulseSequence="fse-xl", tesla=1.5),
    row(GE, W.FLAIR, seq="RM", tr=7600, te=119, ti=2100, VendorPulseSequence="CUBE", MRAcquisitionType="3D"),
    row(GE, W.STIR, seq=("SE", "IR"), tr=4500, te=42, ti=150, VendorPulseSequence="fse-xl", tesla=1.5),
    row(GE, W.T2, seq="SE", tr=5200, te=102, VendorPulseSequence="frfse-xl"),
    row(GE, W.T2, seq="SE", tr=800, te=85, EchoTrainLength=90, VendorPulseSequence="ssfse"),
    row(GE, W.PD, seq="SE", tr=2500, te=30, VendorPulseSequence="FSE-XL"),
    row(GE, W.T1, seq="SE", tr=520, te=10, VendorPulseSequence="memp", tesla=1.5),
    row(GE, W.T2, seq="RM", tr=6000, te=110, VendorPulseSequence="PROPELLER"),
    row(GE, W.T2_STAR, seq="GR", tr=550, te=12, flip=20, VendorPulseSequence="merge"),
    row(GE, W.SWI, seq="GR", tr=40, te=25, flip=15, VendorPulseSequence="SWAN"),
    row(GE, W.MRA, seq="GR", tr=25, te=3.4, flip=20, VendorPulseSequence="3dtof"),
    row(GE, W.MRA, "TRICKS", seq="GR", tr=4, te=1.3, flip=25, VendorPulseSequence="fgre"),
    row(GE, W.DWI, seq=("EP", "RM"), tr=8000, te=82, repeats=26),
    row(GE, W.DWI, seq=("EP", "SE"), tr=6000, te=75, b_value=[0.0, 1000.0], VendorInternalPulseSequence="EPI2"),
    row(GE, W.ADC, "Apparent Diffusion Coefficient", seq=("EP", "SE"), te=75, b_value=1000.0,
        kind="DERIVED\\SECONDARY\\OTHER"),
    row(GE, W.TRACE, seq=("EP", "SE"), te=75, b_value=1000.0, kind="DERIVED\\PRIMARY\\DIFFUSION\\COMBINED"),
    row(GE, W.BOLD, seq=("EP", "GR"), tr=2000, te=30, repeats=10, VendorInternalPulseSequence="EPIRT"),
    row(GE, W.ASL, seq="RM", tr=4800, te=10.5, VendorPulseSequence="3dasl"),
    row(GE, W.DIXON_WATER, "WATER: Ax LAVA-Flex", seq="GR", tr=4.5, te=1.3, flip=12, VendorPulseSequence="lavaflex"),
    row(GE, W.DIXON_OPPOSED, "OutPhase: Ax LAVA-Flex", seq="GR", tr=4.5, te=1.3, flip=12),
    row(GE, W.FAT_FRACTION, "FatFrac: IDEAL IQ", seq="GR", tr=6.9, te=1.0, flip=3),
    row(GE, W.T2_MAP, "R2*: IDEAL IQ", seq="GR", tr=6.9, te=1.0, flip=3),
    row(GE, W.LOCALIZER, "3-Plane Loc", seq="SE", tr=1200, te=80),
    row(GE, W.SCREENSHOT, "Screen Save", kind="DERIVED\\SECONDARY\\SCREEN SAVE"),
    row(GE, W.T2, "Ax FIESTA", seq="GR", tr=4, te=1.6, flip=60, VendorPulseSequence="2dfiesta"),
    # Philips, classic and enhanced
    row(PHILIPS, W.T1, seq="GR", tr=8.1, te=3.7, flip=8, VendorPulseSequence="T1TFE", tesla=3,
        kind="ORIGINAL\\PRIMARY\\M_FFE\\M\\FFE"),
    row(PHILIPS, W.FLAIR, seq="IR", tr=4800, te=340, ti=1650, VendorPulseSequence="TIR",
        kind="ORIGINAL\\PRIMARY\\M_IR\\M\\IR"),
    row(PHILIPS, W.STIR, seq="IR", tr=4000, te=60, ti=180, VendorPulseSequence="TIR", tesla=1.5),
    row(PHILIPS, W.T2, seq="SE", tr=3000, te=80, VendorPulseSequence="TSE", kind="ORIGINAL\\PRIMARY\\M_SE\\M\\SE"),
    row(PHILIPS, W.T2, "PD_T2_TSE", seq="SE", tr=3000, te=[20, 90], VendorPulseSequence="TSE"),
    row(PHILIPS, W.DWI, PulseSequenceName="DwiSE", tr=7000, te=90),
    row(PHILIPS, W.BOLD, seq="GR", tr=2000, te=30, repeats=8, VendorPulseSequence="FEEPI"),
    row(PHILIPS, W.BOLD, seq="GR", tr=2000, te=30, repeats=8, EchoTrainLength=43),
    row(PHILIPS, W.FIELD_MAP, seq=("GR", "RM"), tr=3.8, te=1.5, flip=12, AcquisitionContrast="T1",
        image_type=[("ORIGINAL", "PRIMARY", "T1", "M"), ("ORIGINAL", "PRIMARY", "T1", "FIELD_MAP")]),
    row(PHILIPS, W.T1_MAP, EchoPulseSequence="GRADIENT", VendorPulseSequence="B-TFE T1M_CN", te=1.4, tr=3,
        AcquisitionContrast="T1", SteadyStatePulseSequence="FREE_PRECESSION"),
    row(PHILIPS, W.ADC, te=90, b_value=2000.0, kind="DERIVED\\PRIMARY\\ADC\\ADC\\SE"),
    row(PHILIPS, W.DIXON_WATER, "mDIXON", seq="GR", tr=4, te=1.4, flip=10, kind="DERIVED\\PRIMARY\\W\\W\\FFE"),
    row(PHILIPS, W.DIXON_IN, "mDIXON", seq="GR", tr=4, te=1.4, flip=10, kind="DERIVED\\PRIMARY\\IP\\IP\\FFE"),
    row(PHILIPS, W.T2, seq="GR", tr=3.5, te=1.7, flip=45, VendorPulseSequence="B-TFE"),
    row(PHILIPS, W.MRA, "s3DI_MC_HR", seq="GR", tr=23, te=3.5, flip=18, TimeOfFlightContrast="YES"),
    row(PHILIPS, W.PHASE, seq="GR", tr=12, te=5, component=PHASE, kind="ORIGINAL\\PRIMARY\\PHASE MAP\\P\\PCA"),
    row(PHILIPS, W.SWI, "SWIp", seq="GR", tr=31, te=7.2, flip=17),
    row(PHILIPS, W.LOCALIZER, "Survey", seq="GR", tr=11, te=4.6),
    row(PHILIPS, W.T2_MAP, "T2 mapping", seq="SE", tr=2000, te=10, kind="ORIGINAL\\PRIMARY\\T2 MAP\\T2\\UNSPECIFIED"),
    # Canon and Toshiba
    row(CANON, W.T2, seq="SE", tr=4500, te=100, SequenceName="FSE2D"),
    row(CANON, W.FLAIR, seq=IR_SE, tr=10000, te=105, ti=2600, SequenceName="FSE_IR2D"),
    row(CANON, W.DWI, PulseSequenceName="SE_EPI_DWI", te=79, b_value=[None, 1500.0]),
    row(TOSHIBA, W.T1, seq="GR", tr=5.5, te=2.4, flip=12, SequenceName="FE3D"),
    row(TOSHIBA, W.SWI, seq="GR", tr=29, te=20, SequenceName="FSBB3D"),
    row(TOSHIBA, W.T2, "MRCP", seq="SE", tr=8000, te=500, SequenceName="FASE2D"),
    # United Imaging
    row(UIH, W.T1, seq="GR", tr=7.2, te=3.1, ti=750, flip=10, SequenceName="gre_fsp_3d"),
    row(UIH, W.T2, seq="SE", tr=2000, te=376, MRAcquisitionType="3D", SequenceName="fse_mx_3d"),
    row(UIH, W.DWI, seq="EP", tr=3500, te=72, SequenceName="epi_dwi"),
    row(UIH, W.BOLD, seq="EP", tr=2000, te=30, repeats=12, SequenceName="epi_fid"),
    row(UIH, W.SWI, seq="GR", tr=30, te=20, SequenceName="gre_swi_3d"),
    row(UIH, W.DIXON_WATER, "t1_quick3d_wfi", seq="GR", tr=4, te=1.2, flip=10, kind="ORIGINAL\\PRIMARY\\M\\WFI\\W"),
    row(UIH, W.ADC, seq="EP", te=72, b_value=800.0, kind="DERIVED\\PRIMARY\\ADC"),
    # Hitachi and Fujifilm, also at 0.3 T
    row(HITACHI, W.T1, seq="SE", tr=450, te=15, tesla=0.3),
    row(HITACHI, W.PD, seq="SE", tr=2000, te=20, tesla=0.3),
    row(HITACHI, W.STIR, seq=IR_SE, tr=3000, te=25, ti=110, tesla=0.3),
    row(HITACHI, W.T2, seq="GR", tr=6, te=3, flip=60, SequenceName="BASG"),
    row(FUJI, W.T2_STAR, seq="GR", tr=700, te=24, flip=25, SequenceName="ADAGE"),
    row(FUJI, W.SWI, seq="GR", tr=50, te=30, SequenceName="BSI"),
    row(FUJI, W.T1, seq="GR", tr=5, te=2.2, flip=12, SequenceName="TIGRE"),
    # Hyperfine, 64 mT: fat is silent at 90 ms, fluid at TR 4 s after 1.5 s; TI 300 ms makes T1
    row(HYPERFINE, W.T1, seq=IR_SE, tr=1500, te=6, ti=300, tesla=0.064),
    row(HYPERFINE, W.FLAIR, seq=IR_SE, tr=4000, te=228, ti=1400, tesla=0.064),
    row(HYPERFINE, W.T2, seq="SE", tr=2000, te=209, tesla=0.064),
    row(HYPERFINE, W.DWI, "DWI", seq="SE", tr=1000, te=80, tesla=0.064, b_value=[0.0, 900.0]),
    # BIDS: curated suffixes
    row("", W.FLAIR, "sub-01_FLAIR", VendorBIDSSuffix="FLAIR"),
    row("", W.T2_STAR, "x", VendorBIDSSuffix="T2starw"),
    row("", W.FIELD_MAP, "x", VendorBIDSSuffix="phasediff"),
    # Nobody's: what the physics leaves open stays open
    row("", W.UNKNOWN, seq="SE", tr=1500, te=20),
    row("", W.UNKNOWN, seq="GR", te=3),
    row("", W.UNKNOWN, "SPACE"),
    row("", W.UNKNOWN, "dark blood"),
    row("", W.DWI, "dti_dir64", seq="EP", te=80),
]  # fmt: skip


def test_the_table_is_as_wide_as_promised():
    assert len(ROWS) >= 80
    assert {vendor for vendor, *_ in ROWS} >= {SIEMENS, GE, PHILIPS, CANON, TOSHIBA, UIH, HITACHI, FUJI, HYPERFINE}


@pytest.mark.parametrize(
    ("vendor", "wanted", "name", "keys"),
    ROWS,
    ids=[
        f"{n}-{vendor[:7]}-{wanted.value}-{keys.get('SequenceName') or keys.get('VendorPulseSequence') or name}"
        for n, (vendor, wanted, name, keys) in enumerate(ROWS)
    ],
)
def test_weighting_as_the_pulse_sequence_is_known(vendor, wanted, name, keys):
    kind = identify(made(vendor, name, keys))
    assert kind.weighting is wanted, kind.basis
    assert ("weighting" in kind.basis) == (wanted is not W.UNKNOWN)


@pytest.mark.parametrize(
    ("name", "keys", "fat"),
    [
        ("t1_vibe_dixon_W", {}, Truth.TRUE),
        ("t1_vibe_dixon_in", {}, Truth.FALSE),
        ("x", {"ScanOptions": ("PFP", "FS")}, Truth.TRUE),
        ("x", {"VendorFatSuppression": "SPAIR"}, Truth.TRUE),
        ("x", {"SpectrallySelectedSuppression": "FAT"}, Truth.TRUE),
        ("x", {"SpectrallySelectedSuppression": "NONE"}, Truth.FALSE),
        ("pd_tse_we_sag", {}, Truth.TRUE),
        ("DP SAT GRAISSE", {}, Truth.TRUE),
        ("T2 fettgesättigt", {}, Truth.TRUE),
        ("T1 sin supresion", {}, Truth.UNKNOWN),
        ("T1 tse", {}, Truth.UNKNOWN),
    ],
)
def test_fat_suppression_by_element_part_or_word(name, keys, fat):
    assert identify(made(SIEMENS, name, {"ScanningSequence": "GR", **keys})).fat_suppressed is fat


def test_water_pictures_are_measured_ones_and_maps_are_not():
    water = made(SIEMENS, "t1_vibe_dixon_W", {"image_type": ("DERIVED", "PRIMARY", "DIXON", "WATER")})
    assert not identify(water).derived
    relaxation = made(PHILIPS, "", {"image_type": ("ORIGINAL", "PRIMARY", "T2 MAP", "T2", "UNSPECIFIED")})
    assert identify(relaxation).derived


def test_an_inversion_time_means_what_the_field_strength_makes_of_it():
    spin_echo = {"ScanningSequence": IR_SE, "RepetitionTime": 4000, "te": 20, "ti": 300}
    assert identify(made("", "", {**spin_echo, "tesla": 3})).weighting is W.STIR
    assert identify(made("", "", {**spin_echo, "tesla": 0.064})).weighting is W.T1
