"""The child process that decodes compressed pixels: `python -m mriloop.edges.dicom.decode_child FOLDER`.

Codecs are the part of a DICOM reader that hostile files break first, so they never run in the process that holds the
study. FOLDER/wanted.json lists the files; the values of file n go to n.npy, or a word why not to n.txt.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path


def main(folder: Path) -> None:
    """Decode the files one after the other, without conversion of colours or signs."""
    import numpy as np
    from pydicom import dcmread
    from pydicom.pixels.decoders.base import get_decoder

    warnings.simplefilter("ignore")
    for number, name in enumerate(json.loads((folder / "wanted.json").read_text("utf-8"))):
        try:
            dataset = dcmread(name, force=True)
            decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
            if not decoder.is_available:
                raise NotImplementedError
            values, _ = decoder.as_array(dataset, raw=True)
            np.save(folder / f"{number}.npy", values, allow_pickle=False)
        except NotImplementedError:
            (folder / f"{number}.txt").write_text("syntax", "ascii")
        except Exception:  # noqa: BLE001 codecs raise anything; the parent turns the word into a code
            (folder / f"{number}.txt").write_text("broken", "ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
