"""What every page shares: the frame without script, pictures put inside, writing whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from PIL import Image

from mriloop.edges.publish.render import asset, render
from mriloop.edges.publish.view import Figure
from mriloop.model.comparison import ChangeKind, Comparison
from mriloop.model.errors import refuse

PICTURE_BUDGET = 5_500_000  # bytes of all pictures of a page before base64: the page stays below 8 MB


def sheet(template: str, **context: Any) -> str:
    """Fill a template into a page whose policy lets nothing in or out: styles and figures are inside, no script."""
    style = asset("style.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return str(render(template, style=Markup(style), policy=policy, **context))


def write_sheet(out: Path, html: str, name: str = "index.html") -> Path:
    """Write beside and rename, so that a page is there whole or not at all."""
    if out.exists() and not out.is_dir():
        raise refuse("usage_not_a_folder", path=out)
    path = out / name
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=out, prefix=".index-", suffix=".html")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(html)
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except OSError:
        raise refuse("out_not_writable", path=out) from None
    return path


def encode(figures: Sequence[Figure]) -> dict[int, dict[str, Any]]:
    """Return what a template needs of each picture; all are sent as WebP where the PNGs together are too large."""
    shown = [id(figure) for figure in figures]
    known = {id(figure): figure for figure in figures}
    encoded = {key: ("image/png", figure.png) for key, figure in known.items()}
    for quality, scale in ((85, 1.0), (60, 1.0), (45, 0.75), (30, 0.5)):
        if sum(len(encoded[key][1]) for key in shown) <= PICTURE_BUDGET:
            break
        encoded = {key: ("image/webp", _webp(figure.png, quality, scale)) for key, figure in known.items()}
    result: dict[int, dict[str, Any]] = {}
    for key, (kind, data) in encoded.items():
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
        result[key] = {
            "src": f"data:{kind};base64,{base64.b64encode(data).decode()}",
            "width": width,
            "height": height,
            "alt": known[key].alt,
            "caption": known[key].caption,
        }
    return result


def _webp(png: bytes, quality: int, scale: float) -> bytes:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(
            buffer, format="WEBP", quality=quality, method=2
        )
    return buffer.getvalue()


def kinds_tally(comparison: Comparison | None) -> list[tuple[ChangeKind, int]]:
    """Count the kinds of change, in the order of the vocabulary."""
    if comparison is None:
        return []
    kinds = [one.kind for one in comparison.changes]
    return [(kind, kinds.count(kind)) for kind in ChangeKind if kind in kinds]


def limits_table(comparison: Comparison | None) -> dict[str, Any] | None:
    """Lay out the detection limits as a table: contrasts down, diameters across."""
    if comparison is None or not comparison.detection_limit:
        return None
    found = {(one.contrast_percent, one.diameter_mm): one.found for one in comparison.detection_limit}
    return {
        "diameters": sorted({diameter for _, diameter in found}),
        "contrasts": sorted({contrast for contrast, _ in found}),
        "found": found,
    }
