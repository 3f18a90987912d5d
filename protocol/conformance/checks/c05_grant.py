"""C5: absolute ceilings, each field the maximum; a lease in the pen's own ticks."""

import itertools

import msgspec

from protocol.conformance.host import RawHost
from protocol.conformance.rules import Case, Needs, check
from protocol.conformance.strokes import STROKES, meet, metered, stroke
from protocol.conformance.timing import TICK_ERROR_US, Timing
from protocol.limits import BRAKE_TO_REST_MAX_US, GRANT_REFUSED_PAUSE_US, LEASE_PEN_MAX_US
from protocol.messages import Grant, GrantRefused, StatusPush
from protocol.words import EndReason, Mode, PenState, RecordState, Result


def refusal(host: RawHost, grant: Grant) -> Result:
    host.listen(GRANT_REFUSED_PAUSE_US)
    valid = grant.valid_until_ticks + GRANT_REFUSED_PAUSE_US
    host.send(msgspec.structs.replace(grant, valid_until_ticks=valid))
    return host.await_message(GrantRefused).result


@check("C5")
def each_reason_to_refuse_is_named(host: RawHost) -> None:
    assert refusal(host, host.grant_message(1, 0, 0)) is Result.NOT_ARMED
    arm_id = host.arm(host.prime)
    good = host.grant_message(arm_id, 0, 0)
    assert refusal(host, host.grant_message(arm_id + 1, 0, 0)) is Result.WRONG_ARM
    other_boot = msgspec.structs.replace(good, boot_id=good.boot_id + 1)
    assert refusal(host, other_boot) is Result.WRONG_BOOT
    past = host.grant_message(arm_id, 0, 0, ahead_us=-GRANT_REFUSED_PAUSE_US - 20_000)
    assert refusal(host, past) is Result.IN_THE_PAST
    far = host.grant_message(arm_id, 0, 0, ahead_us=LEASE_PEN_MAX_US + 20_000)
    assert refusal(host, far) is Result.TOO_FAR_AHEAD


@check("C5")
def refusals_come_at_most_each_tenth_of_a_second(host: RawHost) -> None:
    for _ in range(40):
        host.send(host.grant_message(1, 0, 0))
        host.listen(10_000)
    assert 3 <= len(host.of(GrantRefused)) <= 5


def run_until_still(host: RawHost, arm_id: int, punctures: int, steps: int) -> None:
    host.drive(arm_id, 60_000, punctures, steps)
    host.press()
    host.drive(arm_id, 1_500_000, punctures, steps)


@check("C5", needs=Needs.HAND, preloaded=True, cases=STROKES)
def lower_and_repeated_grants_change_nothing(ready: RawHost, mode: Mode) -> None:
    settings = stroke(ready, mode)
    before = ready.counters()
    arm_id = ready.arm(settings)
    meet(ready, mode)
    steps = before.forward_steps + 2 * settings.steps
    high = ready.grant_message(arm_id, before.punctures + 2, steps)
    for _ in range(5):
        ready.send(high)
    run_until_still(ready, arm_id, 0, 0)
    assert ready.counters().punctures == before.punctures + 2
    assert metered(ready.counters(), mode) == metered(before, mode) + 2 * settings.steps


SHORT = [
    Case(f"{each.name} {short}", (each.value, short), each.needs)
    for each in STROKES
    for short in ("punctures", "steps")
]


@check("C5", needs=Needs.HAND, preloaded=True, cases=SHORT)
def both_ceilings_bind_for_the_whole_stroke(ready: RawHost, case: tuple[Mode, str]) -> None:
    mode, short = case
    settings = stroke(ready, mode)
    before = ready.counters()
    arm_id = ready.arm(settings)
    meet(ready, mode)
    punctures = before.punctures + (2 if short == "punctures" else 9)
    room = 3 * settings.steps - 1 if short == "steps" else 9 * settings.steps
    steps = before.forward_steps + room
    run_until_still(ready, arm_id, punctures, steps)
    assert ready.status.state is PenState.ARMED
    assert ready.counters().punctures == before.punctures + 2
    assert metered(ready.counters(), mode) == metered(before, mode) + 2 * settings.steps


@check("C5", needs=Needs.CONTACT, hazards=("H08",))
def the_lease_lapses_at_its_tick_and_every_stroke_is_counted(host: RawHost) -> None:
    before = host.counters()
    arm_id = host.arm(host.run)
    host.touch()
    run_until_still(host, arm_id, before.punctures + 5_000, 0 + before.forward_steps)
    last = host.grant_message(arm_id, 0, 0)
    host.send(last)
    host.listen(800_000)
    record = host.record(arm_id)
    assert (record.record_state, record.end_reason) == (RecordState.FINAL, EndReason.LAPSE)
    assert record.proven == record.reserved == host.counters()
    strokes = [event for event in host.events if event.arm_id == arm_id]
    assert len(strokes) == record.proven.punctures - before.punctures
    host.timings.note(Timing.LAPSE, max(0, strokes[-1].pen_ticks - last.valid_until_ticks))
    assert strokes[-1].pen_ticks <= last.valid_until_ticks + BRAKE_TO_REST_MAX_US


@check("C5", needs=Needs.QUICK_HAND, hazards=("H12",))
def a_delay_line_full_of_grants_of_a_dead_host_starts_nothing(host: RawHost) -> None:
    before = host.counters()
    arm_id = host.arm(host.bench)
    late = [
        host.frame(
            host.grant_message(
                arm_id, before.punctures + 50, before.forward_steps + 50_000, 25_000 * step
            )
        )
        for step in range(1, 11)
    ]
    host.listen(LEASE_PEN_MAX_US)
    host.press()
    host.rig.write(b"".join(late))
    host.listen(500_000)
    assert host.counters() == before
    host.listen(600_000)
    assert host.record(arm_id).end_reason is EndReason.NO_GRANT


@check("C5", needs=Needs.QUICK_HAND, hazards=("H12",))
def delayed_grants_carry_a_lease_no_further_than_the_last_tick_in_them(host: RawHost) -> None:
    before = host.counters()
    arm_id = host.arm(host.bench)
    host.press()
    host.release()
    ceiling, steps = before.punctures + 50, before.forward_steps + 50_000
    burst = [host.frame(host.grant_message(arm_id, ceiling, steps, 10_000 * n)) for n in range(25)]
    for data in burst:
        host.rig.write(data)
        host.listen(1_000)
    host.press()
    host.listen(2_000_000)
    record = host.record(arm_id)
    assert record.end_reason is EndReason.LAPSE
    assert record.proven.punctures - before.punctures <= 2
    assert host.counters() == record.proven


@check("C5", needs=Needs.CONTACT)
def status_is_pushed_each_tenth_of_a_second_in_every_state(host: RawHost) -> None:
    def gaps() -> list[int]:
        at = len(host.heard)
        host.listen(1_000_000)
        pairs = list(zip(host.heard, host.heard_us, strict=True))[at:]
        times = [time for message, time in pairs if hasattr(message, "status")]
        return [after - before for before, after in itertools.pairwise(times)]

    assert max(gaps()) <= 110_000
    stop_id = host.fresh_id()
    host.stop(stop_id)
    assert max(gaps()) <= 110_000
    host.clear_stop(stop_id)
    arm_id = host.arm(host.run)
    host.touch()
    host.drive(arm_id, 60_000, host.status.counters.punctures + 100, 1 << 30)
    host.press()
    assert max(gaps()) <= 110_000
    assert host.of(StatusPush)


@check("C5")
def the_pen_s_clock_runs_true(host: RawHost) -> None:
    def reading() -> tuple[int, int]:
        ticks = host.fresh_status().pen_ticks
        return ticks, host.rig.now_us()

    (ticks, now_us), _, (later_ticks, later_us) = reading(), host.listen(2_000_000), reading()
    error_us = abs((later_ticks - ticks) - (later_us - now_us))
    in_a_second_us = error_us * 1_000_000 // (later_us - now_us)
    host.timings.note(Timing.TICK_RATE, in_a_second_us)
    assert in_a_second_us <= TICK_ERROR_US
