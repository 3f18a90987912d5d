"""C8: one gapless sequence, pushed once and soon, kept until acknowledged, replayed on demand."""

import pytest

from protocol.limits import EVENT_BATCH_MAX_US
from protocol.messages import Health, Replay, ReplayReply
from protocol.words import EventFlag, EventKind, Mode, Result
from tests.conformance.host import BENCH, DOSE, RUN, RawHost


def run_some(host: RawHost, settings_ceiling: int = 60) -> int:
    """A burst of strokes without dispense; returns the arm id."""
    before = host.counters()
    arm_id = host.arm(RUN)
    host.rig.hand.touch()
    ceiling = before.punctures + settings_ceiling
    host.drive(arm_id, 60_000, ceiling, before.forward_steps)
    host.rig.hand.press()
    host.drive(arm_id, 1_500_000, ceiling, before.forward_steps)
    host.rig.hand.release()
    host.disarm(arm_id)
    return arm_id


def test_every_stroke_is_pushed_once_gapless_and_in_time(host: RawHost) -> None:
    run_some(host)
    host.listen(100_000)
    indices = [event.index for event in host.events]
    assert indices == list(range(len(indices)))
    assert len(indices) == host.counters().punctures
    ticks = [event.pen_ticks for event in host.events]
    assert ticks == sorted(ticks)


def test_events_come_within_25_ms(ready: RawHost) -> None:
    arm_id = ready.arm(BENCH)
    counters = ready.counters()
    ready.rig.hand.lift()
    ready.drive(arm_id, 60_000, counters.punctures + 3, counters.forward_steps + 999)
    ready.rig.hand.press()
    ready.drive(arm_id, 700_000, counters.punctures + 3, counters.forward_steps + 999)
    offset = ready.rig.now_us() - ready.estimated_ticks()
    mine = [event for event in ready.events if event.arm_id == arm_id]
    assert len(mine) == 3
    for event in mine:
        assert event.at_us - offset - event.pen_ticks <= EVENT_BATCH_MAX_US + 40_000


def test_an_event_tells_what_was_done(ready: RawHost) -> None:
    counters = ready.counters()
    arm_id = ready.arm(DOSE)
    ready.rig.hand.touch()
    steps = counters.forward_steps + DOSE.steps
    ready.drive(arm_id, 60_000, counters.punctures + 1, steps)
    ready.rig.hand.press()
    ready.drive(arm_id, 600_000, counters.punctures + 1, steps)
    event = ready.events[-1]
    assert (event.arm_id, event.kind) == (arm_id, EventKind.PUNCTURE)
    assert event.record.flags == EventFlag.CONTACT
    assert event.record.steps == DOSE.steps
    assert abs(event.record.protrusion_um - DOSE.protrusion_um) <= 100


def test_replay_brings_every_unacknowledged_event_again(host: RawHost) -> None:
    run_some(host)
    host.listen(100_000)
    pushed = {event.index: event.record for event in host.events}
    host.events.clear()
    boot_id = host.status.boot_id
    reply = host.ask(Replay(host.request_id(), boot_id, 5), ReplayReply)
    assert (reply.result, reply.oldest_index) == (Result.OK, 0)
    assert reply.next_index == len(pushed)
    host.listen(1_000_000)
    assert [event.index for event in host.events] == list(range(5, len(pushed)))
    assert all(pushed[event.index] == event.record for event in host.events)


def test_acknowledged_events_are_gone_and_others_are_not(host: RawHost) -> None:
    run_some(host)
    host.listen(100_000)
    total = len(host.events)
    host.ack(total + 1)
    host.ack(7)
    host.ack(3)
    host.events.clear()
    reply = host.ask(Replay(host.request_id(), host.status.boot_id, 0), ReplayReply)
    assert (reply.oldest_index, reply.next_index) == (7, total)
    host.listen(1_000_000)
    assert [event.index for event in host.events] == list(range(7, total))
    assert host.await_message(Health, 1_200_000).ring_used == total - 7


def test_a_refused_grant_still_acknowledges(host: RawHost) -> None:
    run_some(host)
    host.listen(100_000)
    grant = host.grant_message(999, 0, 0)
    host.send(type(grant)(grant.boot_id, 999, 0, 0, 0, 4))
    reply = host.ask(Replay(host.request_id(), host.status.boot_id, 0), ReplayReply)
    assert reply.oldest_index == 4


def test_another_boot_is_not_replayed_or_acknowledged(host: RawHost) -> None:
    run_some(host)
    boot_id = host.status.boot_id
    wrong = host.ask(Replay(host.request_id(), boot_id + 1, 0), ReplayReply)
    assert (wrong.result, wrong.boot_id) == (Result.WRONG_BOOT, boot_id)
    grant = host.grant_message(999, 0, 0)
    host.send(type(grant)(boot_id + 1, 999, 0, 0, 0, 4))
    reply = host.ask(Replay(host.request_id(), boot_id, 0), ReplayReply)
    assert reply.oldest_index == 0


def test_a_new_link_keeps_the_ring_and_repeats_nothing_unasked(host: RawHost) -> None:
    run_some(host)
    host.listen(100_000)
    total = len(host.events)
    host.events.clear()
    host.hello()
    host.listen(500_000)
    assert host.events == []
    host.ask(Replay(host.request_id(), host.status.boot_id, 0), ReplayReply)
    host.listen(1_000_000)
    assert len(host.events) == total


@pytest.mark.hazard("H13")
def test_a_boot_empties_the_ring_and_restarts_the_index(host: RawHost) -> None:
    run_some(host)
    punctures = host.counters().punctures
    host.rig.hand.lift()
    host.rig.power_cycle()
    host.listen(1_500_000)
    host.hello()
    assert host.fresh_status().next_index == 0
    assert host.counters().punctures >= punctures


def test_every_kind_of_event_has_a_mode_that_makes_it() -> None:
    assert len(EventKind) == len(Mode)
