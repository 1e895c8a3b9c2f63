"""Matching: the order of the input never counts, exchanging the visits exchanges the pairs, nothing is invented."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.model.coding import Plane, Region, Weighting
from mriloop.model.difference import Difference
from mriloop.model.fact import Truth
from mriloop.model.quality import SeriesCheck, SeriesKind, Verdict
from mriloop.model.study import Frame, Series, SeriesObject, Study
from mriloop.stages.compare import Role, match_series

kinds = st.builds(
    SeriesKind,
    weighting=st.sampled_from([Weighting.FLAIR, Weighting.T1, Weighting.DWI, Weighting.T2_STAR, Weighting.UNKNOWN]),
    plane=st.sampled_from([Plane.AXIAL, Plane.SAGITTAL, Plane.UNKNOWN]),
    region=st.sampled_from([Region.BRAIN, Region.KNEE, Region.UNKNOWN]),
    contrast=st.sampled_from(list(Truth)),
    derived=st.booleans(),
    three_d=st.sampled_from(list(Truth)),
)
visits = st.lists(
    st.tuples(
        kinds,
        st.sampled_from(["", "FLAIR ax", "left", "right"]),
        st.sampled_from([None, 0.0, 800.0, 1500.0]),
        st.sampled_from([None, 5.0, 30.0]),
        st.sampled_from([None, 100.0, 250.0]),
        st.sampled_from([None, Verdict.REPEAT, Verdict.ACCEPTABLE]),
        st.integers(0, 3),
    ),
    max_size=5,
)


def _visit(name, members):
    series, of, checks = [], {}, {}
    for n, (kind, text, b, te, at, verdict, number) in enumerate(members):
        uid = f"{name}.{n}"
        frame = Frame(sop_instance_uid=uid, frame_number=1, rows=4, columns=4, b_value=b, te_ms=te, acquired_at_s=at)
        series.append(
            Series(
                series_instance_uid=uid,
                study_instance_uid=name,
                modality="MR",
                object=SeriesObject.IMAGE,
                description=text,
                series_number=number,
                frames=(frame,),
            )
        )
        of[uid] = kind
        if verdict is not None:
            checks[uid] = SeriesCheck(series_instance_uid=uid, kind=kind, verdict=verdict, volumes=1)
    return Study(study_instance_uid=name, patient="p", series=tuple(series)), of, checks


def _match(first, second, **options):
    (one, a, checks), (two, b, more) = first, second
    return match_series(one, a, two, b, checks=checks | more, **options)


@settings(max_examples=150, deadline=None)
@given(visits, visits, st.randoms())
def test_the_order_of_the_input_never_counts(first, second, chance):
    a, b = _visit("a", first), _visit("b", second)
    mixed = []
    for study, of, checks in (a, b):
        series = list(study.series)
        chance.shuffle(series)
        mixed.append(
            (Study(study_instance_uid=study.study_instance_uid, patient="p", series=tuple(series)), of, checks)
        )
    straight, alone = _match(a, b, view=True, maps=True)
    shuffled, others = _match(*mixed, view=True, maps=True)
    assert straight == shuffled
    assert {(n.series, n.reason) for n in alone} == {(n.series, n.reason) for n in others}


@settings(max_examples=150, deadline=None)
@given(visits, visits)
def test_exchanging_the_visits_exchanges_the_pairs(first, second):
    a, b = _visit("a", first), _visit("b", second)
    there = {(p.today, p.prior, round(p.score, 6)) for p in _match(a, b)[0] if Difference.SHARED not in p.differences}
    back = {(p.prior, p.today, round(p.score, 6)) for p in _match(b, a)[0] if Difference.SHARED not in p.differences}
    assert there == back


@settings(max_examples=150, deadline=None)
@given(visits, visits)
def test_no_pair_is_invented_and_no_series_forgotten(first, second):
    a, b = _visit("a", first), _visit("b", second)
    proposals, alone = _match(a, b, view=True, maps=True)
    ours, theirs = ({s.series_instance_uid for s in v[0].series} for v in (a, b))
    measured = [p for p in proposals if p.role is not Role.VIEW]
    assert {p.today for p in proposals} <= ours
    assert {p.prior for p in proposals} <= theirs
    told = [n.series for n in alone]
    assert len(told) == len(set(told))
    answered = {p.today for p in measured} | {p.prior for p in measured}
    assert answered | set(told) == ours | theirs
    assert not answered & set(told)
    alone_once = [p for p in measured if Difference.SHARED not in p.differences]
    assert len({p.prior for p in alone_once}) == len(alone_once) == len({p.today for p in alone_once})
    kind = a[1] | b[1]
    for p in measured:
        one, two = kind[p.today], kind[p.prior]
        assert one.weighting is two.weighting is not Weighting.UNKNOWN
        assert {one.contrast, two.contrast} != {Truth.TRUE, Truth.FALSE}
        assert {one.region, two.region} != {Region.BRAIN, Region.KNEE}
        assert p.comparability
    for p in proposals:
        assert bool(p.reason) is (p.role is Role.VIEW)
