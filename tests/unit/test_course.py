"""The course: one patient, one window, one product unit; always the upper end."""

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from controller.record.events import Body
from controller.session.amounts import Amount
from controller.session.books import Books
from controller.session.course import Course, course_of
from tests.support import inputs
from tests.support.arms import PERSON, batch, closed, event, opened
from tests.support.sessions import book, terms

NOW = datetime.fromisoformat("2030-04-01T00:00:00Z")
DAY = timedelta(days=1)


def a_session(books: Books, number: int, wall: datetime, **changes: Any) -> None:
    """20 punctures that are certain and one more that is possible, 1 uL each."""
    given = terms(inputs.plan(**changes.pop("plan", {})), **changes)
    arm = opened(number, steps=1_000)
    bodies: list[Body] = [
        given.opened(PERSON),
        arm,
        closed(arm, Amount(20, dose_steps=20_000), Amount(21, dose_steps=21_000)),
    ]
    text = wall.isoformat(timespec="microseconds").replace("+00:00", "Z")
    book(books, *bodies, session_id=f"s-{number}", wall=text)


def course(books: Books, patient: str = "p-1") -> Course:
    return course_of(books, patient, NOW, 90, inputs.recipe())


def test_sessions_add_up_at_their_upper_end() -> None:
    books = Books()
    a_session(books, 1, NOW - 80 * DAY)
    a_session(books, 2, NOW)
    assert course(books) == Course(Fraction(42_000), Fraction(42_000 * 20, 1_000_000))


@pytest.mark.parametrize(("age", "counts"), [(90 * DAY, True), (90 * DAY + DAY / 86_400, False)])
def test_the_window_is_inclusive(age: timedelta, counts: bool) -> None:
    books = Books()
    a_session(books, 1, NOW - age)
    assert (course(books).possible_nl > 0) is counts


@pytest.mark.hazard("H15")
def test_a_session_that_lies_in_the_future_counts() -> None:
    """A clock that was wrong once must not hide a dose."""
    books = Books()
    a_session(books, 1, NOW + 400 * DAY)
    assert course(books).possible_nl == 21_000


def test_another_patient_does_not_count() -> None:
    books = Books()
    a_session(books, 1, NOW, plan={"patient": "p-2"})
    assert course(books) == Course(Fraction(0), Fraction(0))
    assert course(books, "p-2").possible_nl == 21_000


@pytest.mark.hazard("H27")
def test_units_of_different_products_never_add_up() -> None:
    books = Books()
    other = inputs.product()
    active = other.active
    assert active is not None
    abo = other.model_copy(update={"active": active.model_copy(update={"unit": "abo_u"})})
    a_session(books, 1, NOW, product=abo)
    a_session(books, 2, NOW)
    found = course(books)
    assert found.possible_nl == 42_000
    assert found.possible_units == Fraction(21_000 * 20, 1_000_000)
    assert course_of(books, "p-1", NOW, 90, None).possible_units == 0


def test_a_session_that_was_opened_long_ago_counts_by_its_last_dose() -> None:
    books = Books()
    a_session(books, 1, NOW - 91 * DAY)
    assert course(books).possible_nl == 0
    wall = (NOW - 89 * DAY).isoformat()
    book(books, batch(event(0), arm_id=1, ceilings=(1, 1_000)), session_id="s-1", wall=wall)
    assert course(books).possible_nl > 0
