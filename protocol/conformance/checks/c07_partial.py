"""C7: a cut dose stops its pump, retracts, is recorded as partial and never completed later."""

from collections.abc import Callable

import msgspec

from protocol.conformance.host import RawHost
from protocol.conformance.rules import Case, check
from protocol.conformance.settings import least_period_us, steps_in
from protocol.limits import CONTACT_LOST_US
from protocol.messages import Counters, StrokeSettings
from protocol.words import EndReason, EventKind, PenState

PUMP_US = 184_000


def long(host: RawHost) -> StrokeSettings:
    """A dose whose pump runs for 184 ms (9.2 uL at 18,500 steps/s), or as long as it may."""
    envelope = host.limits[0]
    settings = msgspec.structs.replace(host.dose, steps=steps_in(PUMP_US, envelope))
    period_us = max(settings.stroke_period_us, least_period_us(settings, envelope))
    return msgspec.structs.replace(settings, stroke_period_us=period_us)


def mid_dose(host: RawHost) -> tuple[int, Counters]:
    """A pen in the middle of the pump phase of one dose."""
    before = host.counters()
    arm_id = host.arm(long(host))
    host.touch()
    steps = before.forward_steps + 9 * long(host).steps
    host.drive(arm_id, 60_000, before.punctures + 9, steps)
    host.press()
    host.drive(arm_id, 100_000, before.punctures + 9, steps)
    return arm_id, before


ENDS: dict[EndReason, Callable[[RawHost], object]] = {
    EndReason.STOP: lambda host: host.stop(host.fresh_id()),
    EndReason.NEW_LINK: lambda host: host.hello(),
}


@check("C7", preloaded=True, cases=[Case(reason.name, reason) for reason in ENDS])
def what_was_made_is_recorded_and_never_completed(ready: RawHost, reason: EndReason) -> None:
    arm_id, before = mid_dose(ready)
    ENDS[reason](ready)
    ready.wait_at_rest(400_000)
    record = ready.record(arm_id)
    made = record.proven.dose_steps - before.dose_steps
    assert record.end_reason is reason
    assert 0 < made < long(ready).steps
    assert record.proven == record.reserved
    assert record.proven.punctures == before.punctures + 1
    ready.drive(arm_id, 500_000, before.punctures + 9, 1 << 40)
    assert ready.counters() == record.proven
    event = next(event for event in ready.events if event.arm_id == arm_id)
    assert (event.kind, event.is_partial, event.record.steps) == (EventKind.PUNCTURE, True, made)


@check("C7", preloaded=True, hazards=("H08",))
def a_lapse_cuts_the_dose_and_rests_within_150_ms(ready: RawHost) -> None:
    arm_id, before = mid_dose(ready)
    ready.listen(400_000)
    record = ready.record(arm_id)
    assert record.end_reason is EndReason.LAPSE
    assert 0 < record.proven.dose_steps - before.dose_steps <= long(ready).steps
    event = next(event for event in ready.events if event.arm_id == arm_id)
    assert event.record.steps == record.proven.dose_steps - before.dose_steps


@check("C7", preloaded=True, hazards=("H07",))
def lost_contact_cuts_the_dose_and_needs_a_new_press(ready: RawHost) -> None:
    arm_id, before = mid_dose(ready)
    punctures, steps = before.punctures + 9, before.forward_steps + 9 * long(ready).steps
    ready.lift()
    lifted_ticks = ready.estimated_ticks()
    ready.drive(arm_id, 150_000, punctures, steps)
    cut = ready.events[-1]
    assert cut.is_partial
    assert CONTACT_LOST_US <= cut.pen_ticks - lifted_ticks <= CONTACT_LOST_US + 25_000
    ready.touch()
    ready.drive(arm_id, 700_000, punctures, steps)
    assert ready.counters().punctures == before.punctures + 1
    assert ready.status.state is PenState.ARMED
    ready.release()
    ready.press()
    ready.drive(arm_id, 10_000, punctures, steps)
    ready.release()
    ready.drive(arm_id, 400_000, punctures, steps)
    assert ready.events[-1].record.steps == long(ready).steps
    assert ready.counters().dose_steps == before.dose_steps + cut.record.steps + long(ready).steps


@check("C7", preloaded=True, hazards=("H07",))
def contact_lost_for_less_than_50_ms_does_not_cut(ready: RawHost) -> None:
    arm_id, before = mid_dose(ready)
    ready.lift()
    ready.drive(arm_id, 40_000, before.punctures + 1, before.forward_steps + long(ready).steps)
    ready.touch()
    ready.drive(arm_id, 250_000, before.punctures + 1, before.forward_steps + long(ready).steps)
    assert ready.events[-1].record.steps == long(ready).steps
    assert not ready.events[-1].is_partial


@check("C7", preloaded=True)
def a_puncture_counts_when_the_needle_leaves_rest(ready: RawHost) -> None:
    _, before = mid_dose(ready)
    ready.listen(80_000)
    statuses = [getattr(message, "status", None) for message in ready.heard]
    pumping = [
        status.counters
        for status in statuses
        if status and 0 < status.counters.dose_steps - before.dose_steps < long(ready).steps
    ]
    assert {counters.punctures for counters in pumping} == {before.punctures + 1}
