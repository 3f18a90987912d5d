"""The ledger after a pen was enrolled anew: its boots, events and arm ids begin again."""

import pytest

from controller.record.events import LinkUp, PenEnrolled
from controller.session.amounts import NOTHING
from controller.session.ledger import Ledger
from tests.support.arms import (
    BOOT,
    PEN,
    TECHNICIAN,
    batch,
    closed,
    counters,
    event,
    opened,
)
from tests.unit.test_ledger import KEY, enrolled, ledger_with


def anew(**fields: object) -> PenEnrolled:
    return enrolled().model_copy(
        update={"pen_boot_id": BOOT, "actor": TECHNICIAN, "reason": "x", **fields}
    )


def used() -> Ledger:
    """One arm with two events, closed."""
    arm = opened()
    ledger = ledger_with(enrolled(), arm, batch(ceilings=(5, 50)), batch(event(0), event(1)))
    ledger.apply(closed(arm, ledger.intervals[KEY].certain), None)
    return ledger


@pytest.mark.hazard("H02", "H14")
def test_events_of_a_boot_that_the_journal_has_seen_are_not_booked_twice() -> None:
    ledger = used()
    ledger.apply(anew(), None)
    assert ledger.next_index == {}
    ledger.apply(opened(2), None)
    ledger.apply(batch(arm_id=2, ceilings=(9, 90)), None)
    ledger.apply(batch(event(0), arm_id=2), None)
    assert ledger.intervals[PEN, 2].documented == 1
    assert ledger.violations == {}


@pytest.mark.hazard("H14")
def test_boots_begin_again_and_other_pens_are_let_be() -> None:
    ledger = used()
    up = LinkUp(pen_uid="ab" * 8, pen_boot_id=7, link_id=1, firmware="f", counters=counters())
    ledger.apply(up, None)
    ledger.next_index["ab" * 8, 7] = 3
    ledger.apply(anew(pen_boot_id=1, next_index=4), None)
    assert ledger.boots == {PEN: 1, "ab" * 8: 7}
    assert ledger.next_index == {(PEN, 1): 4, ("ab" * 8, 7): 3}


@pytest.mark.hazard("H02", "H14")
def test_an_arm_id_that_another_host_uses_again_is_not_the_old_arm() -> None:
    ledger = used()
    before = ledger.intervals[KEY].committed
    ledger.apply(anew(), None)
    ledger.apply(batch(event(0), ceilings=(0, 0)), None)
    assert ledger.intervals[KEY].committed == before != NOTHING
    assert ledger.violations == {}
    assert ledger.interval_of(PEN, 1) is None


def test_events_of_its_arms_count_from_the_enrolment_on() -> None:
    ledger = used()
    assert ledger.has_events(PEN, BOOT)
    ledger.apply(anew(), None)
    assert not ledger.has_events(PEN, BOOT)


@pytest.mark.hazard("H04")
def test_arms_that_a_restored_journal_lacks_are_in_the_baseline() -> None:
    ledger = used()
    assert (ledger.baseline_arm_id(PEN), ledger.highest_arm_id(PEN)) == (0, 1)
    ledger.apply(anew(highest_arm_id=9), None)
    assert (ledger.baseline_arm_id(PEN), ledger.highest_arm_id(PEN)) == (9, 9)
    ledger.apply(anew(highest_arm_id=2), None)
    assert ledger.baseline_arm_id(PEN) == 9, "arm ids never fall"


def test_the_first_enrolment_takes_no_arm_for_granted() -> None:
    """A journal that lacks an arm of this host blocks until a person answers for it."""
    first = enrolled().model_copy(update={"highest_arm_id": 9})
    assert ledger_with(first).baseline_arm_id(PEN) == 0
