"""The numbered statements of the mission from YAML: what each says, whether rules decide it, where it stands if not."""

from __future__ import annotations

from pathlib import Path

from mriloop.edges.knowledge.places import At, read_yaml
from mriloop.model.statement import Home, HomeKind, Statement

LETTERS = Path(__file__).parents[2] / "knowledge" / "letters"
SHIPPED = Path(__file__).parents[2] / "knowledge" / "statements.yaml"
_KEYS = {"says", "computable", "homes"}


def load_statements(path: Path = SHIPPED) -> tuple[Statement, ...]:
    """Read the statements in the order of the file.

    Raises OperatorError `knowledge_invalid` with the key: not YAML, an unknown key or kind of home.
    """
    at = At(path)
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise at.wrong("a mapping from numbers to statements is needed")
    found = []
    for number, entry in raw.items():
        here = at.down(number)
        given = here.mapping(entry, _KEYS, ("says",))
        found.append(
            Statement(
                number=str(number),
                says=str(given["says"]),
                computable=given.get("computable", False) is True,
                homes=tuple(_home(each, here.down("homes")) for each in here.down("homes").words(given.get("homes"))),
            )
        )
    return tuple(found)


def _home(text: str, at: At) -> Home:
    kind, _, name = text.partition(" ")
    if not name:
        raise at.wrong(f"{text!r} names no place: write a kind and a name, such as `command check`")
    return Home(kind=at.one_of(HomeKind, kind), name=name)


def letter_statements(letters: Path = LETTERS) -> dict[str, tuple[Home, ...]]:
    """Return the blocks and letters that carry each number in every language, as their paragraphs say themselves."""
    found: list[set[tuple[str, Home]]] = []
    for folder in sorted(letters.iterdir()):
        if (folder / "blocks.yaml").is_file():
            here = set()
            for path in folder.glob("*.yaml"):
                for home, part in _parts(path):
                    here |= {(number, home) for number in _numbers(part)}
            found.append(here)
    common = set.intersection(*found) if found else set()
    carried: dict[str, tuple[Home, ...]] = {}
    for number, home in sorted(common, key=lambda pair: (pair[0], pair[1].kind, pair[1].name)):
        carried[number] = (*carried.get(number, ()), home)
    return carried


def _parts(path: Path) -> list[tuple[Home, object]]:
    raw = read_yaml(path)
    if path.stem != "blocks":
        return [(Home(kind=HomeKind.LETTER, name=path.stem), raw)]
    return [(Home(kind=HomeKind.BLOCK, name=str(name)), part) for name, part in _mapping(raw).items()]


def _mapping(raw: object) -> dict[object, object]:
    return raw if isinstance(raw, dict) else {}


def _numbers(part: object) -> set[str]:
    """Return every number under a key `statements`, at any depth."""
    if isinstance(part, list):
        return {number for each in part for number in _numbers(each)}
    own = _mapping(part).get("statements")
    listed = {str(number) for number in own} if isinstance(own, list) else set()
    return listed | {number for each in _mapping(part).values() for number in _numbers(each)}


def letter_places(letters: Path = LETTERS) -> frozenset[Home]:
    """Return the blocks and the kinds of letter that every language has."""
    languages = [folder for folder in letters.iterdir() if (folder / "blocks.yaml").is_file()]
    found: list[set[Home]] = []
    for folder in languages:
        blocks = read_yaml(folder / "blocks.yaml")
        if not isinstance(blocks, dict):
            raise At(folder / "blocks.yaml").wrong("a mapping of blocks is needed")
        here = {Home(kind=HomeKind.BLOCK, name=str(name)) for name in blocks}
        found.append(here | {Home(kind=HomeKind.LETTER, name=path.stem) for path in folder.glob("*.yaml")})
    return frozenset(set.intersection(*found)) if found else frozenset()
