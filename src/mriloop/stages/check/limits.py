"""The numbers on which verdicts turn, each with its reason; nothing else in CHECK decides a severity."""

from __future__ import annotations

# Completeness. A lesion of 3 mm is the smallest that counts in the MS criteria (doi:10.1016/S1474-4422(17)30470-2): a gap
# that could hide one whole spoils a series, a smaller gap is something to know.
HIDDEN_MM = 3.0
LOST_VOLUMES_MINOR = 0.10  # share of the volumes declared; beyond it the series was stopped early
EDGE_OBJECT = 0.05  # an end slice whose neighbour holds less object than this share of the fullest is padding

# Motion between volumes, in units of the displacement limit of `motion.limit_mm` (0.5 to 1 mm).
MEAN_MAJOR = 2.0
STILL_MINOR = 90.0  # % of volumes; Afacan et al. 2016, doi:10.1007/s00247-016-3677-4
STILL_MAJOR = 50.0  # %: what cohort tools keep (giga_auto_qc, FIRMM)
JUMP_MAJOR_MM = 5.0  # one move of a slice thickness tears a scan apart

# Signal to noise. Rose's criterion: 5 to see an object of the size of a voxel; 3 is where magnitudes drown in noise.
SNR_MINOR = 8.0
SNR_MAJOR = 4.0
SNR_VOXEL_MM3 = 3.0  # the voxel for which these hold; they go with the square root of the volume, between …
SNR_SCALE = (0.5, 1.5)

# Ghosts: share of the object's brightness that appears beside it along the phase-encode direction.
GHOST_MINOR = 0.06
GHOST_MAJOR = 0.15

SLICE_JUMP_MINOR = 0.35
SISTER_SHARPNESS = 0.75
