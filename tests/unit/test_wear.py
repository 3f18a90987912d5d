"""A pen's wear is an upper end that never goes down, whatever happens to pen or journal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.record.events import ArmOpened, Body, ForeignMovement, PenEnrolled
from controller.session.amounts import Amount
from controller.session.books import Books
from controller.session.wear import UNKNOWN_PERIOD_US, Wear
from tests.support.arms import (
    PEN,
    PERIOD_US,
    TECHNICIAN,
    closed,
    counters,
    opened,
    priming,
    stamping,
)


def enrolled(punctures: int, *, anew: bool = False) -> PenEnrolled:
    return PenEnrolled(
        pen_uid=PEN,
        simulated=True,
        model="m",
        firmware="f",
        counters=counters(punctures=punctures),
        highest_arm_id=1_000 if anew else 0,
        actor=TECHNICIAN if anew else None,
    )


def foreign(before: int, after: int) -> ForeignMovement:
    return ForeignMovement(
        pen_uid=PEN, before=counters(punctures=before), after=counters(punctures=after)
    )


def arm(made: ArmOpened, punctures: int, possible: int | None = None, how: str = "final") -> Books:
    books = Books()
    books.apply(enrolled(0), None, "-")
    books.apply(made, "s-1", "-")
    most = None if possible is None else Amount(punctures=possible)
    books.apply(closed(made, Amount(punctures=punctures), most, how=how), "s-1", "-")
    return books


def unknown(punctures: int) -> Wear:
    return Wear(punctures, punctures, punctures * UNKNOWN_PERIOD_US)


def worn(*bodies: Body) -> Wear:
    books = Books()
    for body in bodies:
        books.apply(body, None, "-")
    return books.wear.of(PEN)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (opened(), Wear(7, 7, 7 * PERIOD_US)),
        (opened(mode="bench", purpose="bench", zone=None), Wear(7, 7, 7 * PERIOD_US)),
        (opened(mode="bench", purpose="bench", zone=None, steps=0), Wear(7, 0, 7 * PERIOD_US)),
        (stamping(), Wear(7, 0, 7 * 10_000)),
    ],
)
def test_an_arm_runs_for_its_punctures_and_doses_only_with_dispense(
    made: ArmOpened, expected: Wear
) -> None:
    assert arm(made, 7).wear.of(PEN) == expected


def test_priming_is_no_stroke() -> None:
    assert arm(priming(), 0).wear.of(PEN) == Wear()


def test_what_may_have_happened_counts() -> None:
    assert arm(opened(), 6, 7).wear.of(PEN).doses == 7


@pytest.mark.hazard("H25")
def test_a_sealed_arm_counts_once_its_pen_is_back() -> None:
    books = arm(opened(), 6, 9, how="sealed")
    assert books.wear.of(PEN).doses == 6
    books.apply(foreign(0, 8), None, "-")
    assert books.wear.of(PEN) == Wear(8, 8, 6 * PERIOD_US + 2 * UNKNOWN_PERIOD_US)


@pytest.mark.hazard("H25")
def test_what_nobody_recorded_counts_as_doses_at_the_slowest_cadence() -> None:
    assert worn(enrolled(100)) == unknown(100)
    assert worn(enrolled(100), foreign(100, 130)) == unknown(130)
    books = Books()
    books.apply(enrolled(100), None, "-")
    assert books.wear.of(PEN, 120) == unknown(120)
    assert books.wear.of(PEN, 90) == unknown(100)


@pytest.mark.hazard("H14", "H25")
@pytest.mark.parametrize(
    ("anew", "expected"),
    [(130, unknown(130)), (100, unknown(100)), (99, unknown(199)), (0, unknown(100))],
)
def test_a_pen_that_is_enrolled_anew_never_wears_less(anew: int, expected: Wear) -> None:
    assert worn(enrolled(100), enrolled(anew, anew=True)) == expected


@pytest.mark.hazard("H25")
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 300)), max_size=12))
def test_wear_never_goes_down_nor_below_the_counter(moves: list[tuple[bool, int]]) -> None:
    books, counter = Books(), 50
    books.apply(enrolled(counter), None, "-")
    before = books.wear.of(PEN)
    for is_enrolment, punctures in moves:
        after = punctures if is_enrolment else counter + punctures
        made = enrolled(after, anew=True) if is_enrolment else foreign(counter, after)
        books.apply(made, None, "-")
        counter, now = after, books.wear.of(PEN)
        assert now.punctures >= max(before.punctures, counter)
        assert now.doses >= before.doses
        assert now.running_us >= before.running_us
        before = now


def test_an_unknown_pen_has_its_own_counter() -> None:
    assert Books().wear.of(PEN, 12) == unknown(12)
