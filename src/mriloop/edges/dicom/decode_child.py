"""The child process that decodes compressed pixels: `python -m mriloop.edges.dicom.decode_child DICOM NPY`.

Codecs are the part of a DICOM reader that hostile files break first, so they never run in the process that holds the
study. Exit codes: 0 done, 3 no decoder for the transfer syntax, 4 the pixel data are broken.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path


def main(source: Path, target: Path) -> int:
    """Decode the pixels of one file without colour conversion and save them as an array; return the exit code."""
    import numpy as np
    from pydicom import dcmread
    from pydicom.pixels.decoders.base import get_decoder

    warnings.simplefilter("ignore")
    try:
        dataset = dcmread(source, force=True)
        decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
        if not decoder.is_available:
            return 3
        values, _ = decoder.as_array(dataset, raw=True)
    except NotImplementedError:
        return 3
    except Exception as error:  # noqa: BLE001 codecs raise anything; the parent turns it into a code
        print(type(error).__name__, file=sys.stderr)
        return 4
    np.save(target, values, allow_pickle=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
