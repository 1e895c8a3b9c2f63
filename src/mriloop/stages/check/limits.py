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

# Ghosts and blur, added up: a series of which both speak is worse than the larger of the two says.
# 1 stands for ghosts of 11 % of the object's brightness, or of 4 % together with edges of half the usual strength.
GHOST_SPOILS = 0.11
GHOST_SPOILS_EPI = 0.30  # single-shot EPI: N/2 ghosts and the fat shift belong to it
GHOST_TELLS = 0.03  # below it, dull edges may be the anatomy or the matrix, and do not count
SHARP = 0.20  # average edge strength of usual pictures
BLUR_SPOILS = 0.10  # this much less of it counts 1
SPOILT_MINOR = 0.6
SPOILT_MAJOR = 1.0

SISTER_SHARPNESS = 0.75

# Motion within one volume, by the lower end of a 90 % interval, for in-plane voxels up to 1 mm; they grow with larger
# ones. 0.5 mm: above it 11 of 17 children's scans were not diagnostic (Afacan et al. 2016,
# doi:10.1007/s00247-016-3677-4). 1.5 mm: what the interval must exclude before a patient is asked to stay.
STRUCTURAL_MOTION_MINOR_MM = 0.5
STRUCTURAL_MOTION_MAJOR_MM = 1.5
