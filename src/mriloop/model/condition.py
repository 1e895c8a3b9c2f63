"""One cell of a decision table: a fact held against a value by one of a closed set of comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mriloop.model.fact import FactValue


class Op(StrEnum):
    """The closed vocabulary of conditions."""

    IS = "is"
    IS_NOT = "is_not"
    ONE_OF = "one_of"
    AT_LEAST = "at_least"
    MORE_THAN = "more_than"
    AT_MOST = "at_most"
    LESS_THAN = "less_than"
    CONTAINS = "contains"
    LACKS = "lacks"
    KNOWN = "known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One cell of a row: a fact held against a value. Evaluates to a Truth; UNKNOWN when the fact is."""

    fact: str
    op: Op
    value: FactValue
