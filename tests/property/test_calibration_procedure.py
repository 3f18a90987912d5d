"""A calibration that was cut anywhere goes on as if it never was; nothing recorded is lost."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.calibration.procedure import AnyTerms, begun, procedure_of
from controller.calibration.procedure.dose import DoseProcedure
from controller.calibration.procedure.steps import Finish, ReadRoom, Step, Weigh
from controller.errors import CalibrationError
from controller.record.calibration_events import CalibrationDiscarded, CalibrationWeighed
from controller.record.events import Body
from controller.session.books import CalibrationBook
from tests.support.technician import (
    TECHNICIAN,
    WALL,
    Hands,
    book_of,
    cadence_terms,
    dose_terms,
    protrusion_terms,
    run,
)

PENS = st.builds(
    Hands,
    step_nl=st.floats(2.4, 3.0),
    lost_nl=st.floats(-50.0, 150.0),
    share=st.sampled_from([0.005, 0.02, 0.2]),
    seed=st.integers(0, 2**16),
)
TERMS = st.sampled_from([dose_terms(), dose_terms(syringe_nl=120_000)])
DISCARDS = st.lists(
    st.builds(
        CalibrationDiscarded,
        series=st.integers(0, 6),
        step=st.sampled_from(["weighing", "weighing", "blank_start", "blank_end"]),
        place=st.integers(0, 10),
        reason=st.sampled_from(["a drop", "draught", " "]),
        actor=st.just(TECHNICIAN),
    ),
    max_size=6,
)


def done(terms: AnyTerms, hands: Hands, discards: dict[int, CalibrationDiscarded]) -> Any:
    """A whole calibration in which somebody discards something now and then, where it may be."""
    procedure, book, steps = begun(terms), book_of(terms), list[Step]()
    at = 0
    while True:
        if at in discards:
            attempt(procedure, discards[at], book)
        at += 1
        step = procedure.next_step()
        steps.append(step)
        if isinstance(step, Finish):
            return procedure, book, steps
        hands.give(procedure, hands.body(procedure, step), book)


def attempt(procedure: Any, body: Body, book: CalibrationBook) -> None:
    try:
        hands = Hands()
        hands.give(procedure, body, book)
    except CalibrationError:
        return


@settings(max_examples=25, deadline=None)
@given(terms=TERMS, hands=PENS, where=st.integers(0, 120), discards=DISCARDS, data=st.data())
def test_any_prefix_gone_on_with_is_as_if_never_interrupted(
    terms: AnyTerms,
    hands: Hands,
    where: int,
    discards: list[CalibrationDiscarded],
    data: st.DataObject,
) -> None:
    places = data.draw(
        st.lists(st.integers(2, 90), min_size=len(discards), max_size=len(discards), unique=True)
    )
    whole, book, _ = done(terms, hands, dict(zip(places, discards, strict=True)))
    cut = min(where, len(book.readings))
    half = CalibrationBook("cal-1", book.opened, WALL, readings=book.readings[:cut])
    resumed: Any = procedure_of(half)
    for body, _ in book.readings[cut:]:
        resumed.apply(body)
    assert resumed.next_step() == whole.next_step()
    assert resumed.state.records == whole.state.records


@settings(max_examples=12, deadline=None)
@given(hands=PENS, discards=DISCARDS, data=st.data())
def test_a_discard_never_loses_an_attempt(
    hands: Hands, discards: list[CalibrationDiscarded], data: st.DataObject
) -> None:
    places = data.draw(
        st.lists(st.integers(2, 90), min_size=len(discards), max_size=len(discards), unique=True)
    )
    terms = dose_terms()
    whole, book, steps = done(terms, hands, dict(zip(places, discards, strict=True)))
    weighed = [
        (body.series, body.reading_ug)
        for body, _ in book.readings
        if isinstance(body, CalibrationWeighed) and body.step == "weighing"
    ]
    kept = [
        (index, each.after_ug)
        for index, record in enumerate(whole.state.records)
        for each in record.attempts
    ]
    assert sorted(kept) == sorted(weighed)
    given_up = [
        body
        for body, _ in book.readings
        if isinstance(body, CalibrationDiscarded) and body.step == "weighing"
    ]
    unsaid = [
        each
        for record in whole.state.records
        for each in record.attempts
        if each.discarded_because is not None
    ]
    assert len(unsaid) == len(given_up)
    assert isinstance(steps[-1], Finish)


@settings(max_examples=12, deadline=None)
@given(hands=PENS, where=st.integers(0, 90), data=st.data())
def test_a_body_that_cannot_follow_is_refused_and_changes_nothing(
    hands: Hands, where: int, data: st.DataObject
) -> None:
    procedure = DoseProcedure(dose_terms())
    book = book_of(procedure.terms)
    others: list[Body] = []
    for _ in range(where):
        step = procedure.next_step()
        if isinstance(step, Finish):
            break
        body = hands.body(procedure, step)
        others.append(body)
        hands.give(procedure, body, book)
    state, step = procedure.state, procedure.next_step()
    strangers = [
        body
        for body in others
        if isinstance(step, Finish | ReadRoom | Weigh) and _is_of_another(body, step)
    ]
    if not strangers:
        return
    body = data.draw(st.sampled_from(strangers))
    with pytest.raises(CalibrationError):
        procedure.apply(body)
    assert procedure.state is state
    assert procedure_of(book).next_step() == step


def _is_of_another(body: Any, step: Step) -> bool:
    where = getattr(step, "series", None), getattr(step, "step", getattr(step, "at", None))
    mine = getattr(body, "series", None), getattr(body, "step", getattr(body, "at", None))
    return mine[1] is not None and where != mine


@settings(max_examples=10, deadline=None)
@given(cut=st.integers(0, 15), terms=st.sampled_from([protrusion_terms(), cadence_terms()]))
def test_axis_and_cadence_resume_where_they_were(cut: int, terms: AnyTerms) -> None:
    hands, procedure, book = Hands(), begun(terms), book_of(terms)
    steps = run(procedure, hands, book)
    cut = min(cut, len(book.readings))
    half = CalibrationBook("cal-1", book.opened, WALL, readings=book.readings[:cut])
    resumed = procedure_of(half)
    assert resumed.next_step() == steps[cut]
    rest = [resumed.next_step()]
    for body, _ in book.readings[cut:]:
        resumed.apply(body)
        rest.append(resumed.next_step())
    assert rest == steps[cut:]
