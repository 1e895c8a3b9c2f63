"""The numbers on which verdicts turn, each with its reason; nothing else in CHECK decides a severity."""

from __future__ import annotations

# Completeness. A lesion of 3 mm is the smallest that counts in the MS criteria (doi:10.1016/S1474-4422(17)30470-2):
# a gap that could hide one whole spoils a series, a smaller gap is something to know.
HIDDEN_MM = 3.0

# Motion between volumes, in units of the displacement limit of `motion.limit_mm` (0.5 to 1 mm).
MEAN_MAJOR = 2.0
STILL_MINOR = 90.0  # % of volumes; Afacan et al. 2016, doi:10.1007/s00247-016-3677-4
STILL_MAJOR = 50.0  # %: what cohort tools keep (giga_auto_qc, FIRMM)
JUMP_MAJOR_MM = 5.0  # one move of a slice thickness tears a scan apart

# Signal to noise. Rose's criterion: 5 to see an object of the size of a voxel; 3 is where magnitudes drown in noise.
SNR_MINOR = 6.0
SNR_MAJOR = 3.0
SNR_VOXEL_MM3 = 3.0  # the voxel for which these hold; they go with the square root of a smaller volume, down to …
SNR_SCALE_LEAST = 0.5

# Ghosts and blur. 1 stands for ghosts of 15 % of the object's brightness, or of 7.5 % together with edges of half the
# usual strength. Untouched real series that are not echo-planar reach 0.04.
GHOST_SPOILS = 0.15
GHOST_SPOILS_EPI = 0.40  # single-shot EPI: N/2 ghosts and the fat shift belong to it
SHARP = 0.20  # average edge strength of usual pictures
BLUR_SPOILS = 0.10  # this much less of it doubles what ghosts count
SPOILT_MINOR = 0.6
SPOILT_MAJOR = 1.0

SISTER_SHARPNESS = 0.75

# The picture of any body part: rules/picture.py. Minor is what a reader sees, major what lies over the anatomy.
# Each minor limit lies at twice or more of what the untouched real series at hand reach.
GHOST_EITHER_SPOILS = 0.30  # phase-encode axis unknown: the greater of two axes, so twice the limit of a known one
GHOST_CUT_MINOR = 0.5  # objects cut on two sides: dark tissue may pass for air, so that only gross ghosts count
HERRINGBONE_MINOR, HERRINGBONE_MAJOR = 0.05, 0.20  # crests of the stripes over the object; real series: none
ZIPPER_MINOR, ZIPPER_MAJOR = 0.20, 0.50  # brightness of the line over the object; real series: 0.09
FOLD_MINOR, FOLD_MAJOR = 0.35, 0.70  # share of lines that fold: a twentieth and a seventh of a round body on each side
TEAR_MINOR, TEAR_MAJOR = 1.2, 1.6  # two slices apart are more alike than neighbours; real series: 0.9, noise 1.0
STEP_MINOR = 0.10  # odd and even slices differ by as much; real series: 0.02
CLIPPED_MINOR, CLIPPED_MAJOR = 0.02, 0.20  # share of the object without its own value
LEVELS_MINOR = 16.0  # grey levels: fewer are fewer than the eye tells apart
ASYMMETRY_INFO, ASYMMETRY_MINOR = 0.20, 0.35  # (left - right) / (left + right); real heads and trunks: 0.13
