"""The shelf of protocol references: the ones that are shipped, and a site's own laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from mriloop.edges.knowledge.protocols_yaml import read_protocol, write_protocol
from mriloop.model.errors import refuse
from mriloop.model.protocol import Protocol

FOLDER = "protocols"
_LARGEST = 4 << 20

__all__ = ["load_protocol_file", "load_protocols", "read_protocol", "sources", "write_protocol"]


def load_protocols(site: Path | None = None) -> Mapping[str, Protocol]:
    """Return all protocols by id: the shipped ones, then those under `site`/protocols, which win over the same id.

    Raises OperatorError `knowledge_invalid`, with file and place, for YAML that cannot be read, unknown keys, words
    outside the vocabularies, units that are no UCUM code of the table, or a field without any condition.
    """
    found: dict[str, Protocol] = {}
    for name, text in sources(site):
        protocol = read_protocol(text, name)
        found[protocol.id] = protocol
    return found


def sources(site: Path | None = None) -> list[tuple[str, str]]:
    """Return name and text of every protocol file, the site's after the shipped ones. Raises `knowledge_invalid`."""
    shipped = files("mriloop").joinpath("knowledge", FOLDER)
    texts = [(item.name, item.read_text("utf-8")) for item in shipped.iterdir() if item.name.endswith(".yaml")]
    texts.sort()
    if site is not None and (site / FOLDER).is_dir():
        texts += [(str(path), _text_of(path)) for path in sorted((site / FOLDER).glob("*.yaml"))]
    return texts


def load_protocol_file(path: Path) -> Protocol:
    """Return the protocol in one file. Raises OperatorError `knowledge_invalid`."""
    return read_protocol(_text_of(path), str(path))


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise refuse("knowledge_invalid", path=path, detail=f"larger than {_LARGEST >> 20} MB")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise refuse("knowledge_invalid", path=path, detail="the file cannot be read as UTF-8 text") from None
