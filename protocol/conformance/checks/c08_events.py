"""C8: one gapless sequence, pushed once and soon, kept until acknowledged, replayed on demand."""

from protocol.conformance.host import RawHost
from protocol.conformance.rules import Needs, check
from protocol.conformance.strokes import STROKES, meet, stroke
from protocol.limits import EVENT_BATCH_MAX_US
from protocol.messages import Health, Replay, ReplayReply
from protocol.words import EventFlag, EventKind, Mode, Result


def run_some(host: RawHost, settings_ceiling: int = 60) -> int:
    """A burst of strokes without dispense; returns the arm id."""
    before = host.counters()
    arm_id = host.arm(host.run)
    host.touch()
    ceiling = before.punctures + settings_ceiling
    host.drive(arm_id, 60_000, ceiling, before.forward_steps)
    host.press()
    host.drive(arm_id, 1_500_000, ceiling, before.forward_steps)
    host.release()
    host.disarm(arm_id)
    return arm_id


@check("C8", needs=Needs.CONTACT)
def every_stroke_is_pushed_once_gapless_and_in_time(host: RawHost) -> None:
    before = host.fresh_status()
    run_some(host)
    host.listen(100_000)
    made = host.counters().punctures - before.counters.punctures
    indices = [event.index for event in host.events]
    assert indices == list(range(before.next_index, before.next_index + made))
    assert made > 0
    ticks = [event.pen_ticks for event in host.events]
    assert ticks == sorted(ticks)


@check("C8", needs=Needs.HAND, preloaded=True)
def events_come_within_25_ms(ready: RawHost) -> None:
    arm_id = ready.arm(ready.bench)
    counters = ready.counters()
    ready.lift()
    ready.drive(arm_id, 60_000, counters.punctures + 3, counters.forward_steps + 999)
    ready.press()
    ready.drive(arm_id, 700_000, counters.punctures + 3, counters.forward_steps + 999)
    offset = ready.rig.now_us() - ready.estimated_ticks()
    mine = [event for event in ready.events if event.arm_id == arm_id]
    assert len(mine) == 3
    for event in mine:
        assert event.at_us - offset - event.pen_ticks <= EVENT_BATCH_MAX_US + 40_000


@check("C8", needs=Needs.HAND, preloaded=True, cases=STROKES)
def an_event_tells_what_was_done(ready: RawHost, mode: Mode) -> None:
    settings = stroke(ready, mode)
    counters = ready.counters()
    arm_id = ready.arm(settings)
    meet(ready, mode)
    steps = counters.forward_steps + settings.steps
    ready.drive(arm_id, 60_000, counters.punctures + 1, steps)
    ready.press()
    ready.drive(arm_id, 600_000, counters.punctures + 1, steps)
    event = ready.events[-1]
    in_contact = mode is Mode.DOSE
    kind = EventKind.PUNCTURE if in_contact else EventKind.BENCH
    assert (event.arm_id, event.kind) == (arm_id, kind)
    assert event.record.flags == (EventFlag.CONTACT if in_contact else EventFlag(0))
    assert event.record.steps == settings.steps
    assert abs(event.record.protrusion_um - settings.protrusion_um) <= 100


@check("C8", needs=Needs.CONTACT)
def replay_brings_every_unacknowledged_event_again(host: RawHost) -> None:
    first = host.fresh_status().next_index
    run_some(host)
    host.listen(100_000)
    pushed = {event.index: event.record for event in host.events}
    host.events.clear()
    boot_id = host.status.boot_id
    reply = host.ask(Replay(host.request_id(), boot_id, first + 5), ReplayReply)
    assert (reply.result, reply.oldest_index) == (Result.OK, first)
    assert reply.next_index == first + len(pushed)
    host.listen(1_000_000)
    assert [event.index for event in host.events] == list(range(first + 5, first + len(pushed)))
    assert all(pushed[event.index] == event.record for event in host.events)


@check("C8", needs=Needs.CONTACT)
def acknowledged_events_are_gone_and_others_are_not(host: RawHost) -> None:
    first = host.fresh_status().next_index
    run_some(host)
    host.listen(100_000)
    end = first + len(host.events)
    host.ack(end + 1)
    host.ack(first + 7)
    host.ack(first + 3)
    host.events.clear()
    reply = host.ask(Replay(host.request_id(), host.status.boot_id, 0), ReplayReply)
    assert (reply.oldest_index, reply.next_index) == (first + 7, end)
    host.listen(1_000_000)
    assert [event.index for event in host.events] == list(range(first + 7, end))
    assert host.await_message(Health, 1_200_000).ring_used == end - first - 7


@check("C8", needs=Needs.CONTACT)
def a_refused_grant_still_acknowledges(host: RawHost) -> None:
    first = host.fresh_status().next_index
    run_some(host)
    host.listen(100_000)
    grant = host.grant_message(999, 0, 0)
    host.send(type(grant)(grant.boot_id, 999, 0, 0, 0, first + 4))
    reply = host.ask(Replay(host.request_id(), host.status.boot_id, 0), ReplayReply)
    assert reply.oldest_index == first + 4


@check("C8", needs=Needs.CONTACT)
def another_boot_is_not_replayed_or_acknowledged(host: RawHost) -> None:
    first = host.fresh_status().next_index
    run_some(host)
    boot_id = host.status.boot_id
    wrong = host.ask(Replay(host.request_id(), boot_id + 1, 0), ReplayReply)
    assert (wrong.result, wrong.boot_id) == (Result.WRONG_BOOT, boot_id)
    grant = host.grant_message(999, 0, 0)
    host.send(type(grant)(boot_id + 1, 999, 0, 0, 0, first + 4))
    reply = host.ask(Replay(host.request_id(), boot_id, 0), ReplayReply)
    assert reply.oldest_index == first


@check("C8", needs=Needs.CONTACT)
def a_new_link_keeps_the_ring_and_repeats_nothing_unasked(host: RawHost) -> None:
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


@check("C8", needs=Needs.CONTACT | Needs.POWER, hazards=("H13",))
def a_boot_empties_the_ring_and_restarts_the_index(host: RawHost) -> None:
    run_some(host)
    punctures = host.counters().punctures
    host.reboot()
    assert host.fresh_status().next_index == 0
    assert host.counters().punctures >= punctures
