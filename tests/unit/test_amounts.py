"""Differences of counters, sums of events, and what ceilings make of them."""

import pytest

from controller.session.amounts import (
    NOTHING,
    Amount,
    NegativeDifference,
    counter_set,
    counters_with,
    difference,
    higher,
    of_strokes,
    wire_counters,
)
from protocol.messages import Counters
from tests.support.arms import counters, event

CATEGORIES = Amount.__struct_fields__


def test_events_add_up_by_category_and_only_strokes_count_as_punctures() -> None:
    strokes = [
        event(0, "puncture", 10),
        event(1, "bench", 20),
        event(2, "prime", 30),
        event(3, "preload", 40),
        event(4, "reverse", 50),
        event(5, "puncture", 3, partial=True),
    ]
    made = of_strokes(strokes)
    assert made == Amount(3, 13, 30, 20, 40, 50)
    assert made.forward_steps == 13 + 30 + 20 + 40


def test_sum_takes_every_category_alone() -> None:
    one = Amount(1, 2, 3, 4, 5, 6)
    assert one.plus(Amount(10, 20, 30, 40, 50, 60)) == Amount(11, 22, 33, 44, 55, 66)
    assert one.plus(NOTHING) == one


def test_a_difference_and_its_way_back() -> None:
    first = counters(punctures=5, dose_steps=100, reverse_steps=7)
    last = counters(punctures=8, dose_steps=130, prime_steps=2, reverse_steps=7)
    moved = difference(first, last)
    assert moved == Amount(punctures=3, dose_steps=30, prime_steps=2)
    assert counters_with(first, moved) == last


@pytest.mark.hazard("H14")
@pytest.mark.parametrize("fallen", CATEGORIES)
def test_a_counter_that_fell_is_never_clamped(fallen: str) -> None:
    first = counters(**dict.fromkeys(CATEGORIES, 5))
    last = counters(**(dict.fromkeys(CATEGORIES, 9) | {fallen: 4}))
    with pytest.raises(NegativeDifference, match=rf"fell: {fallen} 5 -> 4\.\n"):
        difference(first, last)


@pytest.mark.parametrize("field", CATEGORIES)
def test_higher_and_within_look_at_each_category(field: str) -> None:
    base = dict.fromkeys(CATEGORIES, 3)
    over = counters(**(base | {field: 4}))
    assert higher(counters(**base), over) == over == higher(over, counters(**base))
    assert Amount(**base).within(Amount(**base))
    assert not Amount(**(base | {field: 4})).within(Amount(**base))


def test_forward_steps_are_bounded_as_a_sum() -> None:
    """A prime arm's ceiling cannot tell how much of it the pen books as preload."""
    ceiling = Amount(prime_steps=100)
    assert Amount(prime_steps=60, preload_steps=40).within(ceiling)
    assert not Amount(prime_steps=60, preload_steps=41).within(ceiling)
    assert not Amount(reverse_steps=1).within(ceiling)


@pytest.mark.parametrize(
    ("mode", "field"),
    [
        ("dose", "dose_steps"),
        ("no_dispense", "dose_steps"),
        ("prime", "prime_steps"),
        ("bench", "bench_steps"),
        ("reload", "reverse_steps"),
    ],
)
def test_ceilings_raise_the_modes_own_category(mode: str, field: str) -> None:
    raised = NOTHING.raised_to(mode, punctures=4, steps=70)
    assert raised == Amount(**{"punctures": 4, field: 70})


def test_ceilings_raise_only_what_is_left_under_them() -> None:
    done = Amount(punctures=2, prime_steps=30, preload_steps=50)
    assert done.raised_to("prime", punctures=0, steps=100) == Amount(2, 0, 50, 0, 50, 0)
    assert done.raised_to("prime", punctures=0, steps=60) == done  # never lowered


def test_the_wires_counters_go_there_and_back() -> None:
    wire = Counters(1, 2, 3, 4, 5, 6)
    assert wire_counters(counter_set(wire)) == wire
    assert counter_set(wire) == counters(
        punctures=1, dose_steps=2, prime_steps=3, bench_steps=4, preload_steps=5, reverse_steps=6
    )
