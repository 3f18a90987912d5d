"""The ledger: what is certain, what is possible, and what may never be booked."""

import pytest

from controller.record.events import (
    Contradiction,
    ForeignMovement,
    LinkUp,
    PenEnrolled,
    ServiceStopped,
)
from controller.session.amounts import NOTHING, Amount
from controller.session.ledger import Interval, Ledger, LedgerViolation, base_steps
from tests.support.arms import (
    BOOT,
    PEN,
    batch,
    closed,
    counters,
    event,
    opened,
    priming,
)

KEY = (PEN, 1)


def enrolled(**values: int) -> PenEnrolled:
    return PenEnrolled(
        pen_uid=PEN, simulated=True, model="m", firmware="f", counters=counters(**values)
    )


def ledger_with(*bodies: object) -> Ledger:
    ledger = Ledger()
    for body in bodies:
        ledger.apply(body, "s-1")  # type: ignore[arg-type]  # all are bodies
    return ledger


def test_an_opened_arm_may_have_done_nothing_yet() -> None:
    first = counters(punctures=5, dose_steps=70, prime_steps=30)
    ledger = ledger_with(opened(first=first))
    arm = ledger.intervals[KEY]
    assert arm.is_open
    assert (arm.certain, arm.possible) == (NOTHING, NOTHING)
    assert base_steps(arm.opened) == 100


def test_the_step_ceiling_starts_from_every_forward_counter() -> None:
    forward = counters(dose_steps=1, prime_steps=20, bench_steps=300, preload_steps=4_000)
    assert base_steps(opened(first=forward)) == 4_321
    assert base_steps(priming(mode="reload", first=counters(reverse_steps=7, dose_steps=1))) == 7


def test_an_arm_starts_with_its_ceilings_at_its_first_counters() -> None:
    ledger = ledger_with(opened(first=counters(punctures=5, dose_steps=70)))
    arm = ledger.intervals[KEY]
    assert (arm.puncture_ceiling, arm.step_ceiling) == (5, 70)
    bare = Interval(opened(), None)
    assert (bare.documented, bare.puncture_ceiling, bare.step_ceiling) == (0, 0, 0)


def test_committed_ceilings_bound_what_is_possible_and_events_prove_what_is_certain() -> None:
    first = counters(punctures=5, dose_steps=70)
    ledger = ledger_with(
        opened(first=first), batch(ceilings=(8, 100)), batch(event(0), ceilings=(9, 110))
    )
    arm = ledger.intervals[KEY]
    assert arm.certain == Amount(punctures=1, dose_steps=10)
    assert arm.possible == Amount(punctures=4, dose_steps=40)
    assert arm.documented == 1


def test_ceilings_never_fall() -> None:
    ledger = ledger_with(opened(), batch(ceilings=(3, 30)), batch(event(0), ceilings=(2, 20)))
    assert ledger.intervals[KEY].possible == Amount(punctures=3, dose_steps=30)


def test_the_final_record_closes_the_interval_exactly() -> None:
    arm = opened()
    ledger = ledger_with(
        arm, batch(event(0), ceilings=(3, 30)), closed(arm, Amount(2, dose_steps=20))
    )
    interval = ledger.intervals[KEY]
    assert interval.certain == interval.possible == Amount(2, dose_steps=20)
    assert not interval.is_open
    assert ledger.open_intervals() == []
    assert ledger.last_known[PEN] == counters(punctures=2, dose_steps=20)


def test_a_residual_keeps_its_upper_end_for_ever() -> None:
    arm = opened()
    proven, reserved = Amount(1, dose_steps=10), Amount(2, dose_steps=20)
    ledger = ledger_with(arm, batch(ceilings=(3, 30)), closed(arm, proven, reserved))
    interval = ledger.intervals[KEY]
    assert (interval.certain, interval.possible) == (proven, reserved)
    assert ledger.last_known[PEN] == counters(punctures=2, dose_steps=20)


def test_an_arm_that_never_was_leaves_nothing() -> None:
    arm = opened()
    ledger = ledger_with(
        enrolled(punctures=9), arm, batch(ceilings=(3, 30)), closed(arm, NOTHING, how="never")
    )
    assert ledger.intervals[KEY].possible == NOTHING
    assert ledger.last_known[PEN] == counters(punctures=9)


def test_a_sealed_arm_counts_at_its_upper_end_and_explains_later_movement() -> None:
    arm = opened()
    upper = Amount(3, dose_steps=30)
    ledger = ledger_with(
        enrolled(), arm, batch(ceilings=(3, 30)), closed(arm, NOTHING, upper, how="sealed")
    )
    assert ledger.intervals[KEY].possible == upper
    assert ledger.sealed_amount(PEN) == upper
    assert ledger.last_known[PEN] == counters()
    back = counters(punctures=2, dose_steps=20)
    ledger.apply(ForeignMovement(pen_uid=PEN, before=counters(), after=back), None)
    assert ledger.sealed_amount(PEN) == NOTHING
    assert ledger.last_known[PEN] == back


@pytest.mark.hazard("H02")
def test_an_event_is_booked_once() -> None:
    ledger = ledger_with(opened(), batch(event(0), event(1), ceilings=(5, 50)))
    for repeated in (event(0), event(1)):
        with pytest.raises(LedgerViolation, match="booked twice"):
            ledger.apply(batch(repeated, ceilings=(5, 50)), "s-1")
    assert ledger.intervals[KEY].certain.punctures == 2
    assert ledger.next_index[(PEN, BOOT)] == 2


def test_indexes_start_anew_with_each_boot() -> None:
    ledger = ledger_with(opened(), batch(event(0), ceilings=(5, 50)))
    ledger.apply(batch(event(0), boot=BOOT + 1, ceilings=(5, 50)), "s-1")
    assert ledger.next_index == {(PEN, BOOT): 1, (PEN, BOOT + 1): 1}


def test_an_arm_opens_and_closes_once() -> None:
    arm = opened()
    ledger = ledger_with(arm)
    with pytest.raises(LedgerViolation, match="opened twice"):
        ledger.apply(arm, "s-1")
    ledger.apply(closed(arm, NOTHING), "s-1")
    with pytest.raises(LedgerViolation, match="closed twice"):
        ledger.apply(closed(arm, NOTHING), "s-1")
    with pytest.raises(LedgerViolation, match="not in this journal"):
        ledger.apply(closed(opened(7), NOTHING), "s-1")


@pytest.mark.hazard("H01")
def test_events_over_the_ceilings_are_booked_and_held_against_the_pen() -> None:
    ledger = ledger_with(opened(), batch(ceilings=(1, 10)), batch(event(0), event(1)))
    assert ledger.intervals[KEY].certain == Amount(2, dose_steps=20)
    assert "over what it was granted" in ledger.violations[PEN][0]


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("done", [Amount(2, dose_steps=10), Amount(1, dose_steps=11)])
def test_a_record_over_the_ceilings_is_booked_and_held_against_the_pen(done: Amount) -> None:
    arm = opened()
    ledger = ledger_with(arm, batch(ceilings=(1, 10)), closed(arm, done))
    assert ledger.intervals[KEY].possible == done
    assert "over the ceilings" in ledger.violations[PEN][0]
    ledger.apply(enrolled(punctures=50), None)
    assert PEN not in ledger.violations


def test_ceilings_of_a_closed_arm_stay_where_they_were() -> None:
    arm = opened()
    ledger = ledger_with(arm, batch(ceilings=(2, 20)), closed(arm, Amount(1, dose_steps=10)))
    ledger.apply(batch(event(0), ceilings=(9, 90)), "s-1")
    assert ledger.intervals[KEY].possible == Amount(1, dose_steps=10)
    assert ledger.violations == {}


def test_the_pens_own_relief_moves_the_known_counters_in_either_order() -> None:
    arm = opened()
    relief = batch(event(1, "reverse", 40), arm_id=0)
    record = closed(arm, Amount(1, dose_steps=10))
    for bodies in ((relief, record), (record, relief)):
        ledger = ledger_with(enrolled(), arm, batch(event(0), ceilings=(2, 20)))
        for body in bodies:
            ledger.apply(body, None)
        assert ledger.last_known[PEN] == counters(punctures=1, dose_steps=10, reverse_steps=40)


def test_events_of_another_hosts_arm_are_documented_and_booked_to_nobody() -> None:
    ledger = ledger_with(enrolled(), batch(event(0), arm_id=99))
    assert ledger.intervals == {}
    assert ledger.last_known[PEN] == counters()
    assert ledger.next_index[(PEN, BOOT)] == 1


def test_relief_of_a_pen_without_known_counters_is_only_documented() -> None:
    ledger = ledger_with(batch(event(0, "reverse", 40), arm_id=0))
    assert ledger.last_known == {}
    assert ledger.next_index[(PEN, BOOT)] == 1


def test_only_booked_events_of_that_pen_and_that_boot_count_as_events() -> None:
    ledger = ledger_with(opened(1), opened(2))
    assert ledger.has_events(PEN, BOOT) is False
    ledger.apply(batch(event(0), ceilings=(5, 50)), "s-1")
    assert ledger.has_events(PEN, BOOT) is True
    assert ledger.has_events(PEN, BOOT + 1) is False
    assert ledger.has_events("f000000000000002", BOOT) is False


def test_arms_by_pen_and_by_session() -> None:
    ledger = Ledger()
    ledger.apply(opened(1), "s-1")
    ledger.apply(opened(2), "s-2")
    ledger.apply(opened(1, pen_uid="f000000000000002"), "s-2")
    assert [arm.opened.arm_id for arm in ledger.of_session("s-2")] == [2, 1]
    assert [arm.opened.arm_id for arm in ledger.open_intervals(PEN)] == [1, 2]
    assert len(ledger.open_intervals()) == 3


def test_boots_are_remembered_and_never_fall() -> None:
    ledger = Ledger()
    for boot, highest in ((0, 0), (4, 4), (2, 4)):
        ledger.apply(
            LinkUp(pen_uid=PEN, pen_boot_id=boot, link_id=1, firmware="f", counters=counters()),
            None,
        )
        assert ledger.boots == {PEN: highest}


def test_a_reload_arm_is_bounded_by_reverse_steps() -> None:
    arm = priming(mode="reload", first=counters(reverse_steps=5, prime_steps=100))
    ledger = ledger_with(arm, batch(ceilings=(0, 205)), batch(event(0, "reverse", 100)))
    interval = ledger.intervals[KEY]
    assert interval.certain == Amount(reverse_steps=100)
    assert interval.possible == Amount(reverse_steps=200)
    assert ledger.violations == {}


def test_other_entries_change_nothing() -> None:
    assert vars(ledger_with(ServiceStopped(reason="x"))) == vars(Ledger())


@pytest.mark.hazard("H02")
def test_events_from_before_the_enrolment_are_below_the_cursor() -> None:
    before = enrolled().model_copy(update={"pen_boot_id": BOOT, "next_index": 40})
    assert ledger_with(before).next_index == {(PEN, BOOT): 40}
    assert ledger_with(enrolled()).next_index == {}


@pytest.mark.hazard("H14")
def test_a_contradiction_is_held_against_the_pen_until_it_is_enrolled_anew() -> None:
    ledger = ledger_with(enrolled(), Contradiction(pen_uid=PEN, sentence="Counters fell."))
    assert ledger.violations == {PEN: ["Counters fell."]}
    ledger.apply(enrolled(), None)
    assert ledger.violations == {}
