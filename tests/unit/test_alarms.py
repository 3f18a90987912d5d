"""Alarms: raised once, taken down when their cause is gone, remembered over a restart."""

import pytest

from controller.record.events import AlarmCleared, AlarmRaised
from controller.session.alarms import KINDS, AlarmBoard, raised, raised_fault
from controller.session.books import Books
from protocol.faults import FAULTS, describe_fault
from protocol.words import StatusFlag
from tests.support.fake_pen import status_of


def board(*names: str) -> AlarmBoard:
    return AlarmBoard({alarm.alarm_id: alarm for alarm in map(raised, names)})


def ids(changes: object) -> list[str]:
    assert isinstance(changes, list)
    return [("+" if isinstance(c, AlarmRaised) else "-") + c.alarm_id for c in changes]


def test_every_kind_tells_what_why_and_what_to_do() -> None:
    for name, kind in KINDS.items():
        alarm = raised(name)
        assert (alarm.name, alarm.sentence) == (name, kind.sentence)
        assert alarm.cause
        assert alarm.action
        assert alarm.priority in ("low", "medium", "high")
        assert set(alarm.alarm_id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_what_was_seen_stands_as_the_cause_and_zones_are_kept_apart() -> None:
    alarm = raised("dose_shortfall", "Zone 'left_1': 5 of 9 nl.", of="left_1")
    assert alarm.cause == "Zone 'left_1': 5 of 9 nl."
    assert alarm.alarm_id == "dose-shortfall-left-1"
    assert raised("dose_shortfall").alarm_id == "dose-shortfall"


def test_an_alarm_is_raised_once_until_it_is_down() -> None:
    alarms = board()
    assert alarms.up(raised("lease_lapsed")) == [raised("lease_lapsed")]
    assert alarms.up(raised("lease_lapsed", "again")) == []
    assert alarms.down("lease-lapsed", "battery-low") == [AlarmCleared(alarm_id="lease-lapsed")]
    assert alarms.down("lease-lapsed") == []
    assert alarms.up(raised("lease_lapsed")) == [raised("lease_lapsed")]


@pytest.mark.hazard("H44")
def test_a_restart_forgets_no_alarm_and_raises_none_twice() -> None:
    books = Books()
    for body in (
        raised("battery_low"),
        raised("residual_delivery"),
        AlarmCleared(alarm_id="battery-low"),
    ):
        books.apply(body, None, "2030-01-01T00:00:00Z")
    alarms = AlarmBoard(books.alarms)
    assert list(alarms.active) == ["residual-delivery"]
    assert alarms.up(raised("residual_delivery")) == []
    alarms.down("residual-delivery")
    assert list(books.alarms) == ["residual-delivery"]  # the books change by entries only


@pytest.mark.parametrize("number", sorted(FAULTS))
def test_a_latched_fault_is_an_alarm_for_as_long_as_it_is_latched(number: int) -> None:
    alarms = board()
    faulty = status_of(fault=number)
    assert ids(alarms.on_latches(faulty, stop_under_way=False)) == [f"+pen-fault-{number}"]
    assert alarms.on_latches(faulty, stop_under_way=False) == []
    assert raised_fault(describe_fault(number)).sentence == FAULTS[number].sentence
    assert ids(alarms.on_latches(status_of(), stop_under_way=False)) == [f"-pen-fault-{number}"]


def test_one_fault_takes_the_place_of_another() -> None:
    alarms = board()
    alarms.on_latches(status_of(fault=10), stop_under_way=False)
    changes = alarms.on_latches(status_of(fault=11), stop_under_way=False)
    assert ids(changes) == ["-pen-fault-10", "+pen-fault-11"]


@pytest.mark.hazard("H44")
def test_a_stop_stays_alarmed_until_the_pen_says_that_it_is_cleared() -> None:
    alarms = board("stop_latched")
    assert alarms.on_latches(status_of(), stop_under_way=True) == []  # not yet heard by the pen
    latched = status_of(flags=StatusFlag.STOP_LATCHED)
    assert alarms.on_latches(latched, stop_under_way=False) == []
    assert ids(alarms.on_latches(status_of(), stop_under_way=False)) == ["-stop-latched"]
    assert ids(alarms.on_latches(latched, stop_under_way=False)) == ["+stop-latched"]


@pytest.mark.hazard("H45")
def test_a_battery_on_the_edge_does_not_ring_again_and_again() -> None:
    alarms = board()
    found = [ids(list(alarms.on_battery(percent))) for percent in (20, 19, 20, 19, 24, 25, 24)]
    assert found == [[], ["+battery-low"], [], [], [], ["-battery-low"], []]


def test_what_ends_with_the_next_arm_and_with_the_session() -> None:
    names = ("lease_lapsed", "limit_reached", "residual_delivery", "foreign_movement")
    alarms = board(*names, "battery_low", "stop_latched", "uncertain_delivery")
    alarms.up(raised("dose_shortfall", of="one"))
    assert ids(alarms.on_arm()) == ["-lease-lapsed", "-limit-reached"]
    assert sorted(ids(alarms.on_close())) == [
        "-dose-shortfall-one",
        "-foreign-movement",
        "-residual-delivery",
    ]
    assert sorted(alarms.active) == ["battery-low", "stop-latched", "uncertain-delivery"]
