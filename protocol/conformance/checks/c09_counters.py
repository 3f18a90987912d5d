"""C9: lifetime counters, and what a reset can and cannot prove afterwards."""

import itertools

from protocol.conformance.host import RawHost
from protocol.conformance.rules import Needs, check
from protocol.conformance.strokes import STROKES, meet, metered, stroke
from protocol.messages import Counters
from protocol.words import EndReason, Mode, RecordState, StatusFlag


def at_least(low: Counters, high: Counters) -> bool:
    fields = Counters.__struct_fields__
    return all(getattr(low, name) <= getattr(high, name) for name in fields)


@check("C9", needs=Needs.HAND)
def each_category_counts_its_own(host: RawHost) -> None:
    host.unload()
    before, needed = host.counters(), host.envelope().preload_steps
    host.preload()
    after = host.counters()
    slices = -(-needed // host.prime.steps)
    assert after.preload_steps == before.preload_steps + needed
    assert after.forward_steps == before.forward_steps + slices * host.prime.steps
    names = ("dose_steps", "bench_steps", "punctures", "reverse_steps")
    assert [getattr(after, name) for name in names] == [getattr(before, name) for name in names]


@check("C9", needs=Needs.POWER, preloaded=True)
def counters_survive_a_boot_at_rest_exactly(ready: RawHost) -> None:
    before = ready.fresh_status()
    ready.reboot()
    after = ready.fresh_status()
    assert after.boot_id == before.boot_id + 1
    assert after.counters == before.counters
    assert after.flags & StatusFlag.PRELOADED


@check(
    "C9",
    needs=Needs.QUICK_HAND | Needs.QUICK_POWER,
    preloaded=True,
    hazards=("H13",),
    cases=STROKES,
)
def a_reset_in_mid_dose_resumes_at_the_reservation(ready: RawHost, mode: Mode) -> None:
    settings = stroke(ready, mode)
    before = ready.counters()
    arm_id = ready.arm(settings)
    meet(ready, mode)
    steps = before.forward_steps + 9 * settings.steps
    ready.drive(arm_id, 60_000, before.punctures + 9, steps)
    ready.press()
    ready.drive(arm_id, settings.stroke_period_us + 40_000, before.punctures + 9, steps)
    ready.reboot()
    record, counters = ready.record(arm_id), ready.counters()
    assert (record.record_state, record.end_reason) == (RecordState.FINAL, EndReason.BOOT)
    assert record.proven.punctures == before.punctures + 1
    assert record.reserved.punctures == before.punctures + 2
    assert metered(record.reserved, mode) == metered(before, mode) + 2 * settings.steps
    assert counters == record.reserved
    last = ready.last_arm()
    assert (last.arm_id, last.reserved) == (arm_id, record.reserved)


@check("C9", needs=Needs.QUICK_HAND | Needs.QUICK_POWER, hazards=("H13",))
def a_reset_of_a_running_needle_never_reserves_beyond_the_ceiling(host: RawHost) -> None:
    before = host.counters()
    arm_id = host.arm(host.run)
    host.touch()
    ceiling = before.punctures + 90
    host.drive(arm_id, 60_000, ceiling, before.forward_steps)
    host.press()
    host.drive(arm_id, 600_000, ceiling, before.forward_steps)
    seen = host.status.counters
    host.reboot()
    record = host.record(arm_id)
    assert at_least(record.proven, seen)
    assert seen.punctures <= record.reserved.punctures <= ceiling
    assert host.counters() == record.reserved


@check("C9", needs=Needs.CONTACT | Needs.POWER)
def at_rest_nothing_is_reserved(host: RawHost) -> None:
    before = host.counters()
    arm_id = host.arm(host.run)
    host.touch()
    host.drive(arm_id, 60_000, before.punctures + 30, before.forward_steps)
    host.press()
    host.drive(arm_id, 900_000, before.punctures + 30, before.forward_steps)
    resting = host.counters()
    host.reboot()
    record = host.record(arm_id)
    assert record.proven == record.reserved == resting == host.counters()


@check("C9", needs=Needs.HAND, preloaded=True, cases=STROKES)
def counters_never_fall_in_any_status(ready: RawHost, mode: Mode) -> None:
    settings = stroke(ready, mode)
    before = ready.counters()
    arm_id = ready.arm(settings)
    meet(ready, mode)
    steps = before.forward_steps + 5 * settings.steps
    ready.drive(arm_id, 60_000, before.punctures + 5, steps)
    ready.press()
    ready.drive(arm_id, 1_000_000, before.punctures + 5, steps)
    stop_id = ready.fresh_id()
    ready.stop(stop_id)
    ready.clear_stop(stop_id)
    seen = [
        status.counters
        for status in (getattr(message, "status", None) for message in ready.heard)
        if status is not None
    ]
    assert all(at_least(low, high) for low, high in itertools.pairwise(seen))


@check("C9", needs=Needs.POWER)
def highest_arm_id_survives_a_boot(host: RawHost) -> None:
    arm_id = host.arm(host.prime)
    host.reboot()
    assert host.hello().highest_arm_id == arm_id
    assert host.record(arm_id).end_reason is EndReason.BOOT
