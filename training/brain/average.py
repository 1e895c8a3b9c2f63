"""Derives the average brain of `mriloop.imaging.average_brain` from the ICBM 152 maps that the nilearn wheel carries.

    python training/brain/average.py > src/mriloop/imaging/average_brain_data.py

needs nilearn (BSD-3-Clause) in the interpreter that runs it; nothing of it is needed afterwards. The maps are those of
ICBM 152 nonlinear symmetric 2009a (Fonov et al., NeuroImage 2011, doi:10.1016/j.neuroimage.2010.07.033), whose notice
is repeated in the file that this prints.
"""

from __future__ import annotations

import base64
import lzma

import numpy as np
from nilearn.datasets import load_mni152_brain_mask, load_mni152_gm_template, load_mni152_wm_template
from scipy import ndimage

STEP_MM = 4.0
LOW, HIGH = (0.0, -112.0, -72.0), (84.0, 80.0, 88.0)  # of the right half; the maps are symmetric
LEVELS = 15
HEADER = '''"""The average brain as packed by training/brain/average.py: not to be edited by hand.

Derived from ICBM 152 nonlinear symmetric 2009a. Copyright (C) 1993-2009 Louis Collins, McConnell Brain Imaging Centre,
Montreal Neurological Institute, McGill University. Permission to use, copy, modify, and distribute this software and
its documentation for any purpose and without fee is hereby granted, provided that the above copyright notice appear in
all copies. The authors and McGill University make no representations about the suitability of this software for any
purpose. It is provided "as is" without express or implied warranty. The authors are not responsible for any data loss,
equipment damage, property loss, or injury to subjects or patients resulting from the use or misuse of this software
package.
"""
'''


def main() -> None:
    """Print the module."""
    mask = load_mni152_brain_mask(resolution=1)
    origin = mask.affine[:3, 3]
    hull = mask.get_fdata() > 0
    grey, white = (load(resolution=1).get_fdata() * hull for load in (load_mni152_gm_template, load_mni152_wm_template))
    grey, white = grey / grey.max(), white / white.max()
    axes = [np.arange(lo, hi + 0.1, STEP_MM) - o for lo, hi, o in zip(LOW, HIGH, origin, strict=True)]
    at = np.meshgrid(*axes, indexing="ij")
    packed = []
    for values in (hull.astype(float), (hull + np.clip(grey, 0, 1) + 2 * np.clip(white, 0, 1)) / 3):
        smooth = ndimage.gaussian_filter((values + values[::-1]) / 2, STEP_MM / 2.355)
        packed.append(np.rint(LEVELS * np.clip(ndimage.map_coordinates(smooth, at, order=1), 0, 1)).astype(np.uint8))
    raw = lzma.compress(np.stack(packed).tobytes(), format=lzma.FORMAT_ALONE, preset=9)
    text = base64.b85encode(raw).decode()
    print(HEADER)
    print(f"STEP_MM = {STEP_MM}")
    print(f"LOW_MM = {LOW}")
    print(f"SHAPE = {packed[0].shape}")
    print(f"LEVELS = {LEVELS}")
    print("PACKED = (")
    for start in range(0, len(text), 112):
        print(f'    "{text[start : start + 112]}"')
    print(")")


if __name__ == "__main__":
    main()
