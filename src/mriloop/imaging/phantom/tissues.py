"""What the phantom is made of: relaxation, density, diffusion and contrast uptake per tissue, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Tissue(IntEnum):
    """The materials of the phantom; the number is the label in tissue label volumes."""

    AIR = 0
    SKIN = 1
    FAT = 2
    MUSCLE = 3
    CORTICAL_BONE = 4
    MARROW = 5
    DURA = 6
    CSF = 7
    GREY_MATTER = 8
    WHITE_MATTER = 9
    CAUDATE_PUTAMEN = 10
    PALLIDUM = 11
    THALAMUS = 12
    CEREBELLAR_GREY = 13
    BRAINSTEM = 14
    VITREOUS = 15
    LENS = 16
    OPTIC_NERVE = 17
    PITUITARY = 18
    BLOOD = 19
    MUCOSA = 20
    CHOROID_PLEXUS = 21
    CORD = 22
    TENDON = 23
    VENTRICULAR_CSF = 24
    MS_LESION = 40
    MS_LESION_ACTIVE = 41
    ADENOMA = 42
    MARROW_OEDEMA = 43
    SOFT_TISSUE_OEDEMA = 44
    ULCER = 45
    POSTOPERATIVE_FLUID = 46


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """Relaxation times in milliseconds at one field strength: T1, T2 and T2* of free induction decay."""

    t1: float
    t2: float
    t2_star: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Magnetic resonance properties of one tissue.

    at_1_5_tesla, at_3_tesla : relaxation of the water pool at the two field strengths; fat relaxes as FAT
    proton_density : visible protons relative to water at 37 °C (1)
    adc : apparent diffusion coefficient, 10⁻³ mm²/s, mean of the three directions
    fat_fraction : share (0 to 1) of the protons that precess 3.4 ppm below water
    gadolinium_mmol : concentration of a gadolinium chelate some five minutes after 0.1 mmol/kg
    source : where the relaxation and diffusion values come from (keys of `SOURCES`)
    """

    at_1_5_tesla: Relaxation
    at_3_tesla: Relaxation
    proton_density: float
    adc: float
    source: str
    fat_fraction: float = 0.0
    gadolinium_mmol: float = 0.0


SOURCES: Mapping[str, str] = {
    "stanisz2005": "Stanisz et al., Magn Reson Med 2005;54:507, doi:10.1002/mrm.20605",
    "wansapura1999": "Wansapura et al., J Magn Reson Imaging 1999;9:531 (T2 and T2* at 3 T)",
    "rooney2007": "Rooney et al., Magn Reson Med 2007;57:308, doi:10.1002/mrm.21122",
    "gelman2001": "Gelman et al., Magn Reson Med 2001;45:71 (deep grey nuclei, T1 at 3 T)",
    "gold2004": "Gold et al., AJR 2004;183:343, doi:10.2214/ajr.183.2.1830343",
    "whittall1997": "Whittall et al., Magn Reson Med 1997;37:34, doi:10.1002/mrm.1910370107 (water content)",
    "helenius2002": "Helenius et al., AJNR 2002;23:194 (apparent diffusion coefficient of normal brain)",
    "szomolanyi2019": "Szomolanyi et al., Invest Radiol 2019;54:559, doi:10.1097/RLI.0000000000000577 (r1)",
    "rohrer2005": "Rohrer et al., Invest Radiol 2005;40:715, doi:10.1097/01.rli.0000184756.66360.d3 (r2 in plasma)",
    "chosen": "no single source: chosen between the neighbouring tissues so that the usual contrast order holds",
}


def _material(
    t1: tuple[float, float],
    t2: tuple[float, float],
    t2_star: tuple[float, float],
    density: float,
    adc: float,
    source: str,
    fat: float = 0.0,
    gd: float = 0.0,
) -> Material:
    return Material(
        at_1_5_tesla=Relaxation(t1=t1[0], t2=t2[0], t2_star=t2_star[0]),
        at_3_tesla=Relaxation(t1=t1[1], t2=t2[1], t2_star=t2_star[1]),
        proton_density=density,
        adc=adc,
        source=source,
        fat_fraction=fat,
        gadolinium_mmol=gd,
    )


TISSUES: Mapping[Tissue, Material] = {
    # (T1 at 1.5 T, 3 T), (T2), (T2*), proton density, ADC, source, fat fraction, gadolinium
    Tissue.AIR: _material((1.0, 1.0), (1.0, 1.0), (1.0, 1.0), 0.0, 0.0, "chosen"),
    Tissue.SKIN: _material((890, 1100), (28, 25), (12, 10), 0.70, 0.9, "chosen", gd=0.15),
    Tissue.FAT: _material((288, 371), (165, 133), (40, 30), 0.90, 0.05, "gold2004", fat=0.95),
    Tissue.MUSCLE: _material((1008, 1412), (44, 50), (30, 25), 0.79, 1.5, "stanisz2005", gd=0.10),
    Tissue.CORTICAL_BONE: _material((220, 260), (0.5, 0.4), (0.5, 0.4), 0.20, 0.1, "chosen"),
    Tissue.MARROW: _material((850, 950), (45, 42), (12, 8), 0.85, 0.6, "chosen gold2004", fat=0.80, gd=0.05),
    Tissue.DURA: _material((900, 1100), (30, 28), (15, 12), 0.65, 0.7, "chosen", gd=0.50),
    Tissue.CSF: _material((4300, 4300), (2000, 1800), (900, 700), 1.00, 3.0, "rooney2007"),
    Tissue.VENTRICULAR_CSF: _material((4300, 4300), (2000, 1800), (900, 700), 1.00, 3.0, "rooney2007"),
    Tissue.GREY_MATTER: _material((1124, 1331), (95, 99), (66, 48), 0.83, 0.89, "stanisz2005 wansapura1999", gd=0.015),
    Tissue.WHITE_MATTER: _material((656, 832), (72, 69), (60, 47), 0.71, 0.70, "rooney2007 stanisz2005 wansapura1999"),
    Tissue.CAUDATE_PUTAMEN: _material((1050, 1250), (86, 82), (55, 38), 0.82, 0.75, "gelman2001", gd=0.01),
    Tissue.PALLIDUM: _material((760, 950), (68, 58), (40, 25), 0.74, 0.75, "gelman2001", gd=0.01),
    Tissue.THALAMUS: _material((880, 1080), (82, 77), (58, 45), 0.77, 0.75, "gelman2001", gd=0.01),
    Tissue.CEREBELLAR_GREY: _material((1080, 1300), (95, 96), (65, 48), 0.83, 0.80, "stanisz2005", gd=0.015),
    Tissue.BRAINSTEM: _material((720, 900), (76, 72), (58, 45), 0.73, 0.72, "chosen"),
    Tissue.VITREOUS: _material((3900, 4000), (1000, 900), (400, 300), 0.98, 2.6, "chosen"),
    Tissue.LENS: _material((1000, 1200), (40, 35), (15, 12), 0.65, 0.8, "chosen"),
    Tissue.OPTIC_NERVE: _material((815, 1083), (77, 78), (55, 45), 0.72, 0.9, "stanisz2005"),
    Tissue.PITUITARY: _material((1000, 1230), (90, 85), (50, 40), 0.80, 0.9, "chosen", gd=0.70),
    Tissue.BLOOD: _material((1441, 1932), (290, 275), (150, 90), 0.90, 2.0, "stanisz2005", gd=0.70),
    Tissue.MUCOSA: _material((1100, 1400), (110, 100), (40, 30), 0.85, 1.4, "chosen", gd=0.50),
    Tissue.CHOROID_PLEXUS: _material((1500, 1700), (200, 180), (80, 60), 0.90, 1.6, "chosen", gd=0.60),
    Tissue.CORD: _material((745, 993), (74, 78), (50, 42), 0.73, 0.8, "stanisz2005"),
    Tissue.TENDON: _material((400, 600), (4, 3), (2, 1.5), 0.50, 0.5, "gold2004"),
    Tissue.MS_LESION: _material((1150, 1400), (150, 145), (110, 90), 0.85, 1.10, "chosen"),
    Tissue.MS_LESION_ACTIVE: _material((1150, 1400), (160, 155), (115, 95), 0.86, 1.15, "chosen", gd=0.35),
    Tissue.ADENOMA: _material((1150, 1420), (110, 105), (60, 48), 0.83, 0.85, "chosen", gd=0.30),
    Tissue.MARROW_OEDEMA: _material((1300, 1550), (110, 105), (50, 40), 0.88, 1.5, "chosen", fat=0.08, gd=0.35),
    Tissue.SOFT_TISSUE_OEDEMA: _material((1150, 1450), (90, 85), (40, 32), 0.88, 1.7, "chosen", fat=0.35, gd=0.20),
    Tissue.ULCER: _material((1400, 1700), (130, 120), (50, 40), 0.90, 1.8, "chosen", gd=0.40),
    Tissue.POSTOPERATIVE_FLUID: _material((2200, 2500), (500, 450), (200, 160), 0.95, 2.3, "chosen"),
}

# Relaxivity of gadobutrol in plasma at 37 °C, 1/(mM s): r1 (szomolanyi2019), r2 (rohrer2005).
RELAXIVITY: Mapping[float, tuple[float, float]] = {1.5: (4.78, 6.1), 3.0: (4.97, 7.1)}


def relaxation(tissue: Tissue, tesla: float, *, gadolinium: bool = False) -> Relaxation:
    """Return T1, T2 and T2* in milliseconds of a tissue at 1.5 or 3 T, before or after gadolinium.

    After gadolinium every rate grows by relaxivity × concentration. KeyError for another field strength.
    """
    material = TISSUES[tissue]
    native = {1.5: material.at_1_5_tesla, 3.0: material.at_3_tesla}[tesla]
    if not gadolinium or material.gadolinium_mmol == 0.0:
        return native
    r1, r2 = (value / 1000.0 for value in RELAXIVITY[tesla])
    added = material.gadolinium_mmol
    return Relaxation(
        t1=1.0 / (1.0 / native.t1 + r1 * added),
        t2=1.0 / (1.0 / native.t2 + r2 * added),
        t2_star=1.0 / (1.0 / native.t2_star + r2 * added),
    )
