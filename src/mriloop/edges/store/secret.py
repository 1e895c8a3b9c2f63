"""The site's secret, under which pseudonyms are made: without it nobody can try patient IDs against the ledger."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from mriloop.model.errors import refuse

NAME = ".site-secret"
_BYTES = 32


def site_secret(folder: Path) -> bytes:
    """Return the secret kept in `folder`, made on first use: 32 random bytes that only the owner may read.

    Whoever loses it can no longer tell that a new study is of a known patient. Raises `store_unusable`.
    """
    path = folder / NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return _read(path)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(handle)
        return _read(path)
    except OSError as error:
        raise refuse("store_unusable", path=folder, detail=error.strerror) from error


def _read(path: Path) -> bytes:
    content = path.read_bytes()
    if len(content) != _BYTES:
        raise refuse("store_damaged", path=path, detail="the site's secret has the wrong length")
    return content
