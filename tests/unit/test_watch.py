"""Assertions on every status: the pen against its own past, its ceilings and its events."""

import msgspec
import pytest

from controller.session.amounts import Amount
from controller.session.ledger import Interval
from controller.session.watch import Watch, books_ahead, fallen, over_ceiling
from protocol.messages import Counters, Status
from tests.support.arms import counters, opened, priming
from tests.support.fake_pen import status_of

CATEGORIES = Counters.__struct_fields__
FIVE = Counters(5, 5, 5, 5, 5, 5)


def status(ticks: int, now: Counters, arm_id: int = 1) -> Status:
    return status_of(ticks, counters=now, arm_id=arm_id)


def arm(committed: Amount | None = None) -> Interval:
    return Interval(
        opened(first=counters(punctures=10, dose_steps=100)),
        "s-1",
        committed or Amount(),
        puncture_ceiling=13,
        step_ceiling=130,
    )


@pytest.mark.hazard("H14")
@pytest.mark.parametrize("field", CATEGORIES)
def test_any_counter_that_falls_is_seen(field: str) -> None:
    lower = msgspec.structs.replace(FIVE, **{field: 4})
    assert fallen(FIVE, lower) == [field]
    assert fallen(lower, FIVE) == []
    watch = Watch()
    assert watch.look(status(1, FIVE), None) is None
    assert watch.look(status(2, lower), None) == f"Counters fell: {field}."


def test_an_older_status_says_nothing() -> None:
    watch = Watch()
    assert watch.look(status(5, FIVE), None) is None
    assert watch.look(status(4, Counters(4, 4, 4, 4, 4, 4)), None) is None
    assert watch.look(status(6, FIVE), None) is None


@pytest.mark.hazard("H01", "H43")
@pytest.mark.parametrize(
    ("now", "over"),
    [
        (Counters(13, 130, 0, 0, 0, 0), False),
        (Counters(14, 130, 0, 0, 0, 0), True),
        (Counters(13, 131, 0, 0, 0, 0), True),
        (Counters(13, 100, 31, 0, 0, 0), True),  # other forward steps count as well
        (Counters(13, 130, 0, 0, 0, 50), False),  # reverse steps do not
    ],
)
def test_over_the_ceilings_is_seen(now: Counters, over: bool) -> None:
    assert over_ceiling(arm(), now) is over
    sentence = Watch().look(status(1, now), arm())
    assert (sentence == "Arm 1 is over its ceilings.") is over


def test_a_reload_arm_is_held_to_its_reverse_steps() -> None:
    first = counters(reverse_steps=7, prime_steps=1_000)
    reload = Interval(priming(mode="reload", first=first), None, step_ceiling=107)
    assert not over_ceiling(reload, Counters(0, 0, 1_000, 0, 0, 107))
    assert over_ceiling(reload, Counters(0, 0, 1_000, 0, 0, 108))
    reload.committed = Amount(reverse_steps=10)
    assert books_ahead(reload, Counters(0, 0, 1_000, 0, 0, 16))
    assert not books_ahead(reload, Counters(0, 0, 1_000, 0, 0, 17))


@pytest.mark.parametrize(
    ("now", "ahead"),
    [
        (Counters(12, 120, 0, 0, 0, 0), False),
        (Counters(11, 120, 0, 0, 0, 0), True),
        (Counters(12, 119, 0, 0, 0, 0), True),
    ],
)
def test_events_beyond_the_counters_are_seen(now: Counters, ahead: bool) -> None:
    proven = arm(Amount(2, dose_steps=20))
    assert books_ahead(proven, now) is ahead
    sentence = Watch().look(status(1, now), proven)
    assert (sentence is not None and "events prove more" in sentence) is ahead


def test_another_arms_status_is_not_held_to_these_ceilings() -> None:
    assert Watch().look(status(1, Counters(99, 990, 0, 0, 0, 0), arm_id=0), arm()) is None


PERIOD_US = opened().stroke_period_us
SECOND = max(1_000_000, 8 * PERIOD_US)


def paced(made: int, over_us: int, looks: int = 1) -> str | None:
    """What a watch says of so many punctures in a time, seen in so many statuses."""
    watch, wide = Watch(), arm()
    wide.puncture_ceiling = wide.step_ceiling = 10**6
    said = None
    for look in range(looks + 1):
        now = Counters(10 + made * look // looks, 100, 0, 0, 0, 0)
        said = watch.look(status(1 + over_us * look // looks, now), wide) or said
    return said


@pytest.mark.hazard("H43")
@pytest.mark.parametrize("looks", [1, 10])
def test_a_needle_that_outruns_its_period_is_seen(looks: int) -> None:
    set_pace = SECOND // PERIOD_US
    fast = "Arm 1: the needle is faster than it was set."
    assert paced(set_pace, SECOND, looks) is None
    assert paced(set_pace * 5 // 4 + 3, SECOND, looks) is None
    assert paced(set_pace * 5 // 4 + 4, SECOND, looks) == fast
    assert paced(set_pace * 2 + 4, SECOND, looks) == fast


@pytest.mark.hazard("H43")
def test_a_short_burst_is_not_judged_before_its_time_is_over() -> None:
    assert paced(5, SECOND // 2) is None


def test_the_pace_of_one_arm_is_not_that_of_the_next() -> None:
    watch, first, second = Watch(), arm(), arm()
    second.opened = opened(2, first=counters(punctures=10, dose_steps=100))
    first.puncture_ceiling = second.puncture_ceiling = 10**6
    assert watch.look(status(1, Counters(10, 100, 0, 0, 0, 0)), first) is None
    late = status(1 + SECOND, Counters(500, 100, 0, 0, 0, 0), arm_id=2)
    assert watch.look(late, second) is None
