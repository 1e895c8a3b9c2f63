"""Response categories against a second implementation, written from the papers' tables in another way.

The engine folds visits into sums, asks rows of three-valued conditions and settles confirmation afterwards. Here every
visit is judged from scratch: sizes as fractions of tenths of a millimetre, nested questions in the order of the printed
tables, missing facts tried out both ways (a verdict is known when every way of filling the gaps gives the same one).
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.model.fact import Truth
from mriloop.model.response import (
    Category,
    Criteria,
    NewLesion,
    NonTarget,
    ResponseHistory,
    ResponseVisit,
    Role,
    Seen,
    Size,
    Standing,
    Tissue,
    TrackedLesion,
    Trend,
)
from mriloop.stages.compare.response import assess

START = date(2026, 1, 5)
PLENTY = settings(max_examples=100, deadline=None)

# ------------------------------------------------------------------ histories

lengths = st.one_of(
    st.integers(0, 120).map(lambda tenths: tenths / 10 * 5),
    st.sampled_from([10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 14.0, 21.0, 24.0, 36.0, 7.0]),
)


@st.composite
def sizes(draw, node, may_miss):
    kind = draw(st.sampled_from(["measured"] * 7 + ["gone", "small"] + (["missing"] if may_miss else [])))
    if kind == "gone":
        return Size(seen=Seen.GONE)
    if kind == "small":
        return Size(seen=Seen.TOO_SMALL)
    if kind == "missing":
        return Size(seen=Seen.NOT_ASSESSED)
    a, b = sorted((draw(lengths), draw(lengths)), reverse=True)
    return Size(longest_mm=a, perpendicular_mm=b, volume_ml=round(a * b * b / 1900, 1))


@st.composite
def histories(draw, criteria, tissues=(Tissue.ENHANCING,), whole=False):
    lesions = tuple(
        TrackedLesion(id=f"T{n}", node=draw(st.booleans()) if criteria is Criteria.RECIST else False,
                      tissue=draw(st.sampled_from(tissues)))
        for n in range(draw(st.integers(0 if not whole else 1, 3)))
    )  # fmt: skip
    watched = draw(st.booleans())
    if watched:
        lesions += (TrackedLesion(id="W", role=Role.NON_TARGET),)
    day, visits = 0, []
    for number in range(draw(st.integers(2, 6))):
        miss = number > 0 and not whole
        visits.append(
            ResponseVisit(
                id=f"v{number}",
                on=START + timedelta(day),
                sizes={each.id: draw(sizes(each.node, miss)) for each in lesions if each.role is Role.TARGET},
                non_target=draw(
                    st.sampled_from([NonTarget.GONE, NonTarget.PERSISTS, NonTarget.PERSISTS, NonTarget.PROGRESSES,
                                     NonTarget.NOT_ASSESSED])
                ) if watched else NonTarget.NONE,
                new_lesions=draw(st.sampled_from([NewLesion.NO] * 6 + [NewLesion.YES, NewLesion.UNKNOWN])),
                clinical=draw(st.sampled_from([Trend.STABLE] * 5 + [Trend.BETTER, Trend.WORSE, Trend.UNKNOWN])),
                t2_flair=draw(st.sampled_from([Trend.STABLE] * 6 + [Trend.WORSE, Trend.UNKNOWN])),
                steroid_mg=draw(st.sampled_from([0.0, 0.0, 2.0, 4.0, 4.0, 8.0, None])),
                outside_field=draw(st.sampled_from([Truth.TRUE, Truth.FALSE, Truth.UNKNOWN])),
                slice_thickness_mm=3.0,
            )
        )  # fmt: skip
        day += draw(st.integers(10, 70))
    doubtful = criteria in (Criteria.RANO_2010, Criteria.RANO_2, Criteria.RANO_2_VOLUME, Criteria.IRANO)
    ended = draw(st.sampled_from(["never", "never", "unknown", "dated", "dated"])) if doubtful else "never"
    # From long before the first visit to years after the last.
    near = st.one_of(st.integers(-200, 400), st.sampled_from([-1500, 900, 1500]))
    visits[0] = replace(visits[0], baseline=True)
    return ResponseHistory(
        id="h",
        criteria=criteria,
        lesions=lesions,
        visits=tuple(visits),
        confirm=draw(st.booleans()),
        no_radiotherapy=ended == "never",
        radiotherapy_ended=START + timedelta(draw(near)) if ended == "dated" else None,
        immunotherapy_started=START + timedelta(draw(near))
        if criteria is Criteria.IRANO and draw(st.booleans())
        else None,
    )


# ------------------------------------------------------------------ the second opinion

GONE = "gone"


def tenths(value):
    return Fraction(round(value * 10), 10)


def values_of(history, visit, how):
    """Lesion to a fraction, or None where this visit does not say."""
    found = {}
    for lesion in history.lesions:
        if lesion.role is not Role.TARGET:
            continue
        size = visit.sizes.get(lesion.id)
        if size is None or size.seen is Seen.NOT_ASSESSED:
            found[lesion.id] = None
        elif size.seen is Seen.GONE:
            found[lesion.id] = Fraction(0)
        else:
            found[lesion.id] = how(lesion, size)
    return found


def diameter(lesion, size):
    if size.seen is Seen.TOO_SMALL:
        return Fraction(5)
    return tenths(size.perpendicular_mm if lesion.node else size.longest_mm)


def longest(lesion, size):
    return Fraction(5) if size.seen is Seen.TOO_SMALL else tenths(size.longest_mm)


def product(lesion, size):
    return None if size.seen is Seen.TOO_SMALL else tenths(size.longest_mm) * tenths(size.perpendicular_mm)


def volume(lesion, size):
    return None if size.seen is Seen.TOO_SMALL else tenths(size.volume_ml)


def whole_sums(history, number, how, only=None):
    """(index, sum, values) of every earlier visit at which all targets were sized."""
    out = []
    for index in range(number):
        values = values_of(history, history.visits[index], how)
        if only is not None:
            values = {name: value for name, value in values.items() if name in only}
        if all(value is not None for value in values.values()):
            out.append((index, sum(values.values(), Fraction(0)), values))
    return out


def recist_opinion(history, number):
    """Tables 1 and 2 of the RECIST 1.1 paper, read from the top."""
    visit = history.visits[number]
    values = values_of(history, visit, diameter)
    nodes = {each.id for each in history.lesions if each.node}
    new, others = visit.new_lesions, visit.non_target
    if new is NewLesion.YES or others is NonTarget.PROGRESSES:
        return "PD"
    if not values:
        if others is NonTarget.NONE:
            return "NE"
        if new is NewLesion.UNKNOWN:
            return "NE"
        return {"gone": "CR", "persists": "non-CR/non-PD"}.get(others.value, "NE")
    target = recist_target(history, number, values, nodes)
    if target == "PD":
        return "PD"
    if new is NewLesion.UNKNOWN or target == "NE":
        return "NE"
    if target == "CR":
        return "CR" if others in (NonTarget.NONE, NonTarget.GONE) else "PR"
    return target


def recist_target(history, number, values, nodes):
    earlier = whole_sums(history, number, diameter)
    if not earlier or earlier[0][0] != 0:
        return "NE"  # the baseline itself is incomplete
    masses = set(values) - nodes
    seen = [value for value in values.values() if value is not None]
    sum_now, nadir, base = sum(seen, Fraction(0)), min(total for _, total, _ in earlier), earlier[0][1]
    absent = len(seen) < len(values)
    clean = all(
        value is not None and (value == 0 if name not in nodes else value < 10) for name, value in values.items()
    )
    may_be_clean = all(value is None or (value == 0 if name not in nodes else value < 10)
                       for name, value in values.items())  # fmt: skip
    was_clean = masses and any(index > 0 and all(then[name] == 0 for name in masses) for index, _, then in earlier)
    if was_clean and any(values[name] for name in masses if values[name] is not None):
        return "PD"
    enough = sum_now - nadir >= 5 and sum_now >= nadir * Fraction(6, 5)
    if enough and not may_be_clean:
        return "PD"
    if absent:
        return "NE"
    if clean:
        return "CR"
    if enough:
        return "PD"
    return "PR" if sum_now <= base * Fraction(7, 10) else "SD"


def glioma_opinion(history, number, *, how, drop, rise, t2, minor=None, person=True, single=None):
    """The summary table that RANO papers print, one tissue at a time; unknown cells are tried out both ways."""
    visit, first = history.visits[number], history.visits[0]
    groups = []
    for tissue in Tissue:
        ids = {each.id for each in history.lesions if each.role is Role.TARGET and each.tissue is tissue}
        if ids:
            groups.append((tissue, ids))
    if minor is None and groups:
        groups = [(Tissue.ENHANCING, set().union(*(ids for _, ids in groups)))]
    groups = groups or [(Tissue.ENHANCING, set())]
    gaps = {
        "new": [visit.new_lesions is NewLesion.YES] if visit.new_lesions is not NewLesion.UNKNOWN else [True, False],
        "others": [visit.non_target] if visit.non_target is not NonTarget.NOT_ASSESSED
        else [NonTarget.GONE, NonTarget.PERSISTS, NonTarget.PROGRESSES],
        "clinical": [visit.clinical is Trend.WORSE] if visit.clinical is not Trend.UNKNOWN else [True, False],
        "t2": [visit.t2_flair is Trend.WORSE] if visit.t2_flair is not Trend.UNKNOWN else [True, False],
    }  # fmt: skip
    if not person:
        gaps["clinical"] = [False]
    if not t2:
        gaps["t2"] = [False]
    answers = []
    for tissue, ids in groups:
        verdicts = set()
        for new, others, clinical, more in itertools.product(*gaps.values()):
            verdicts |= one_group(history, number, ids, how, drop, rise,
                                  minor if tissue is Tissue.NON_ENHANCING else None, person, single,
                                  new, others, clinical, more, visit.steroid_mg, first.steroid_mg)  # fmt: skip
        answers.append(verdicts.pop() if len(verdicts) == 1 else "NE")
    for bad in ("PD", "NE", "SD", "MR", "PR", "CR"):
        if bad in answers:
            return bad
    raise AssertionError(answers)


def one_group(history, number, ids, how, drop, rise, minor, person, single, new, others, clinical, more, dose, before):
    """Every category that the table could give to one tissue, with the known cells fixed."""
    if new or clinical or more or others is NonTarget.PROGRESSES:
        return {"PD"}
    values = {name: value for name, value in values_of(history, history.visits[number], how).items() if name in ids}
    earlier = whole_sums(history, number, how, ids)
    if ids and (not earlier or earlier[0][0] != 0):
        return {"NE"}
    seen = [value for value in values.values() if value is not None]
    absent = len(seen) < len(values)
    now = sum(seen, Fraction(0))
    if ids:
        base = earlier[0][1]
        nadir = min(total for _, total, _ in earlier)
        then = next(each for _, total, each in earlier if total == nadir)
        grown = now > nadir and now >= nadir * (1 + rise)
        if single is not None:
            grown = grown and any(values[name] is not None and values[name] - then[name] >= single for name in values)
        if grown:
            return {"PD"}
        if absent:
            return {"NE"}
    elif others is NonTarget.NONE:
        return {"NE"}
    doses = [dose] if dose is not None else [0.0, 1e6]
    firsts = [before] if before is not None else [0.0, 1e6]
    out = set()
    for today, at_first in itertools.product(doses, firsts):
        raised = person and today > at_first
        off = not person or today == 0
        if ids and now == 0 and others in (NonTarget.NONE, NonTarget.GONE) and off:
            out.add("CR")
        elif raised:
            out.add("NE")
        elif ids and now <= base * (1 - drop):
            out.add("PR")
        elif ids and minor is not None and now <= base * (1 - minor):
            out.add("MR")
        else:
            out.add("SD")
    return out


half, quarter = Fraction(1, 2), Fraction(1, 4)


def rano_2010_opinion(history, number):
    """The table, and before it the paper's table of progression by time since radiotherapy."""
    said = glioma_opinion(history, number, how=product, drop=half, rise=quarter, t2=True)
    visit = history.visits[number]
    if said != "PD" or history.no_radiotherapy or visit.outside_field is Truth.TRUE:
        return said
    ended = history.radiotherapy_ended
    return "NE" if ended is None or ended <= visit.on <= ended + timedelta(weeks=12) else "PD"


def provisional_opinion(history, number):
    """Whether progression at a visit waits for another one: by the day, counted from the start of the doubt."""
    visit = history.visits[number]
    if history.criteria in (Criteria.RANO_2, Criteria.RANO_2_VOLUME):
        if history.no_radiotherapy or visit.outside_field is Truth.TRUE:
            return False
        ended = history.radiotherapy_ended
        return ended is None or visit.on in {ended + timedelta(day) for day in range(85)}
    if history.criteria is Criteria.IRANO:
        if visit.clinical is Trend.WORSE:
            return False
        began = history.immunotherapy_started
        if began is None:
            return True
        months = (visit.on.year - began.year) * 12 + visit.on.month - began.month
        return visit.on >= began and (months < 6 or (months == 6 and visit.on.day <= began.day))
    return False


OPINIONS = {
    Criteria.RECIST: recist_opinion,
    Criteria.RANO_2010: rano_2010_opinion,
    Criteria.RANO_2: lambda h, n: glioma_opinion(h, n, how=product, drop=half, rise=quarter, t2=False, minor=quarter),
    Criteria.RANO_2_VOLUME: lambda h, n: glioma_opinion(
        h, n, how=volume, drop=Fraction(65, 100), rise=Fraction(2, 5), t2=False, minor=Fraction(2, 5)
    ),
    Criteria.RANO_BM: lambda h, n: glioma_opinion(
        h, n, how=longest, drop=Fraction(3, 10), rise=Fraction(1, 5), t2=False, single=5
    ),
    Criteria.IRANO: rano_2010_opinion,
    Criteria.VOLUME: lambda h, n: glioma_opinion(
        h, n, how=volume, drop=Fraction(65, 100), rise=Fraction(2, 5), t2=False, person=False
    ),
}
BOTH = (Tissue.ENHANCING, Tissue.NON_ENHANCING)


@pytest.mark.parametrize("criteria", list(Criteria))
@given(data=st.data())
@PLENTY
def test_every_visit_gets_what_the_tables_say(criteria, data):
    history = data.draw(
        histories(criteria, BOTH if criteria in (Criteria.RANO_2, Criteria.RANO_2_VOLUME) else BOTH[:1])
    )
    course = assess(history)
    for number, verdict in enumerate(course.verdicts):
        if number:
            assert verdict.category.value == OPINIONS[criteria](history, number), (verdict.visit, verdict.row)
            if verdict.category is Category.PD:
                waits = verdict.confirmation.standing is not Standing.FINAL
                assert waits is provisional_opinion(history, number), verdict.visit
