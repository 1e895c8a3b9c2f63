"""Tables of response criteria as rows of conditions in three-valued logic, and how one answer comes out of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mriloop.model.fact import Truth, all_of
from mriloop.model.response import Category

# A row of a worse category is looked at first: progression must be excluded before anything better may be said.
ORDER = (
    Category.PD,
    Category.CR,
    Category.PR,
    Category.MR,
    Category.NON_CR_NON_PD,
    Category.SD,
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One cell of a row: whether it holds, and what to ask for when that is unknown."""

    holds: Truth
    asks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: a category, and the conditions that must all hold."""

    id: str
    category: Category
    because: str
    conditions: tuple[Condition, ...]

    @property
    def holds(self) -> Truth:
        """Kleene conjunction of the conditions."""
        return all_of(each.holds for each in self.conditions)

    @property
    def asks(self) -> tuple[str, ...]:
        """What is missing to say whether the row holds."""
        unknown = [each for each in self.conditions if each.holds is Truth.UNKNOWN]
        return tuple(dict.fromkeys(word for each in unknown for word in each.asks))


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a table: `missing` names what stands in the way of anything but NE."""

    category: Category
    row: str
    because: str
    missing: tuple[str, ...] = ()


def answer(rows: Iterable[Row]) -> Answer:
    """Return what the rows say.

    A category is the answer when one of its rows holds and no row of a category before it in `ORDER` might. NE where
    such a row is unknown, with the facts that would settle it; and where no row holds, because the table has a gap.
    """
    rows = tuple(rows)
    for category in ORDER:
        mine = [row for row in rows if row.category is category]
        held = next((row for row in mine if row.holds is Truth.TRUE), None)
        if held is not None:
            return Answer(category, held.id, held.because)
        open_ = [row for row in mine if row.holds is Truth.UNKNOWN]
        if open_:
            missing = tuple(dict.fromkeys(word for row in open_ for word in row.asks))
            return Answer(Category.NE, f"undetermined:{open_[0].id}", f"{category} cannot be excluded", missing)
    return Answer(Category.NE, "no-row", "no row of the table fits these findings together")
