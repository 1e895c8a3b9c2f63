"""Protocol references as use cases: the shelf, what is wrong with it, learning one from studies, importing one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mriloop.app.inputs import Progress, open_input, silent
from mriloop.edges.dicom.dictionary import PARAMETERS
from mriloop.edges.dicom.vendors import PARAMETERS as PRIVATE
from mriloop.edges.knowledge.protocols import load_protocol_file, load_protocols, write_protocol
from mriloop.edges.knowledge.protocols_foreign import read_foreign
from mriloop.model.errors import refuse
from mriloop.model.protocol import LeftOut, Protocol, ProtocolProblem
from mriloop.model.quality import SeriesKind
from mriloop.model.study import Study
from mriloop.settings import Settings
from mriloop.stages.check import identify_study
from mriloop.stages.check.protocol.adopt import adopt
from mriloop.stages.check.protocol.learn import LEAST, Learned, learn_protocol
from mriloop.stages.check.protocol.lint import diff_protocols, lint_protocol

READABLE = frozenset(PARAMETERS) | {row.keyword for row in PRIVATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A reference made by import or by learning, as YAML that loads, with what is lost and what should be mended."""

    protocol: Protocol
    text: str
    left_out: tuple[LeftOut, ...]
    problems: tuple[ProtocolProblem, ...]


def list_protocols(site: Path | None = None) -> tuple[Protocol, ...]:
    """Return every protocol in force, by id."""
    found = load_protocols(site)
    return tuple(found[name] for name in sorted(found))


def show_protocol(name: str, site: Path | None = None) -> Protocol:
    """Return one protocol, by id or by the path of a YAML file. Raises OperatorError `knowledge_unknown`."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return load_protocol_file(path)
    found = load_protocols(site).get(name)
    if found is None:
        raise refuse("knowledge_unknown", kind="protocol", name=name)
    return found


def lint_protocols(name: str | None = None, site: Path | None = None) -> Mapping[str, tuple[ProtocolProblem, ...]]:
    """Return what is wrong with one protocol (id or file) or with all, by id; every protocol that was looked at."""
    chosen = list_protocols(site) if name is None else (show_protocol(name, site),)
    return {protocol.id: lint_protocol(protocol, READABLE) for protocol in chosen}


def diff(one: str, two: str, site: Path | None = None) -> tuple[tuple[str, str, str], ...]:
    """Return (where, in the first, in the second) for everything in which two protocols differ."""
    return diff_protocols(show_protocol(one, site), show_protocol(two, site))


def import_protocol(
    path: Path, *, identity: str, title: str, year: int, config: Path | None = None, program: str | None = None
) -> Proposal:
    """Turn another system's reference into a protocol. Raises SenderError `reference_unreadable`."""
    foreign = read_foreign(path, config=config, program=program)
    protocol, left = adopt(foreign, identity=identity, title=title, year=year, readable=READABLE)
    if protocol is None:
        raise refuse("reference_unreadable", path=path.name, detail="none of its acquisitions can be told what it is")
    head = [
        f"Imported from {foreign.format}. Read it, mend it, let a physicist sign it: status is draft until then.",
        "Give it keywords, so that exams find it by their names.",
        *(f"not imported: {one.where}: {one.what}: {one.why}" for one in left),
    ]
    return _proposal(protocol, head, left)


def learn(
    paths: Sequence[Path], settings: Settings, *, identity: str, title: str, year: int, progress: Progress = silent
) -> tuple[Proposal, Learned]:
    """Propose a protocol from the good studies under some paths.

    Raises SenderError `learn_too_few` under three studies, `learn_nothing` where they have no series in common, and
    what reading an input raises.
    """
    studies: dict[str, tuple[Study, Mapping[str, SeriesKind]]] = {}
    for path in paths:
        with open_input(path, settings, progress=progress, many=True) as intake:
            for study in intake.studies:
                name = f"study …{study.study_instance_uid[-12:]}"
                while name in studies:
                    name += "'"
                studies[name] = (study, identify_study(study))
    place = ", ".join(str(path) for path in paths)
    if len(studies) < LEAST:
        raise refuse("learn_too_few", path=place, count=len(studies), least=LEAST)
    learned = learn_protocol(studies, identity=identity, title=title, year=year)
    if learned is None:
        raise refuse("learn_nothing", path=place, count=len(studies))
    head = [
        f"Proposed from {learned.studies} studies. Read it, mend it, and let a physicist sign it: draft until then.",
        "Give it keywords, so that exams find it by their names.",
        *(f"stands apart, not learned from: {o.study}, {o.series}: {o.field} is {o.found}, usual is {o.usual}"
          for o in learned.outliers),
        *(f"left out: {one.where}: {one.what}: {one.why}" for one in learned.left_out),
    ]  # fmt: skip
    return _proposal(learned.protocol, head, learned.left_out), learned


def _proposal(protocol: Protocol, head: Sequence[str], left: tuple[LeftOut, ...]) -> Proposal:
    text = write_protocol(protocol, head=head)
    return Proposal(protocol=protocol, text=text, left_out=left, problems=lint_protocol(protocol, READABLE))
