"""C7: a cut dose stops its pump, retracts, is recorded as partial and never completed later."""

from collections.abc import Callable

import msgspec

from protocol.conformance.host import RawHost
from protocol.conformance.rules import Case, Needs, check
from protocol.conformance.settings import least_period_us, steps_in
from protocol.conformance.strokes import STROKES, long_pump_us, meet, metered, stroke
from protocol.conformance.timing import Timing
from protocol.limits import BRAKE_TO_REST_MAX_US, CONTACT_LOST_US, LEASE_HOST_MAX_US
from protocol.messages import Counters, StrokeSettings
from protocol.words import EndReason, EventKind, Mode, PenState

LIFTING = Needs.QUICK_HAND | Needs.LONG_STROKE | Needs.DOSE_ON_CONTACT


def long(host: RawHost, mode: Mode = Mode.DOSE) -> StrokeSettings:
    """A stroke whose pump runs for 184 ms (9.2 uL at 18,500 steps/s), or as long as it may."""
    envelope, plain = host.limits[0], stroke(host, mode)
    steps = steps_in(long_pump_us(is_quick=host.rig.is_quick), envelope)
    settings = msgspec.structs.replace(plain, steps=steps)
    period_us = max(settings.stroke_period_us, least_period_us(settings, envelope))
    return msgspec.structs.replace(settings, stroke_period_us=period_us)


def mid_dose(host: RawHost, mode: Mode = Mode.DOSE) -> tuple[int, Counters]:
    """A pen in the middle of the pump phase of one stroke."""
    before = host.counters()
    settings = long(host, mode)
    arm_id = host.arm(settings)
    meet(host, mode)
    steps = before.forward_steps + 9 * settings.steps
    host.drive(arm_id, 60_000, before.punctures + 9, steps)
    host.press()
    host.drive(arm_id, 100_000, before.punctures + 9, steps)
    return arm_id, before


def stop(host: RawHost) -> int:
    """Send STOP; the pen's tick at its echo."""
    return host.stop(host.fresh_id()).status.pen_ticks


def new_link(host: RawHost) -> int:
    """Make a new link; the pen's tick of about then."""
    host.hello()
    return host.fresh_status().pen_ticks


ENDS: dict[EndReason, Callable[[RawHost], int]] = {
    EndReason.STOP: stop,
    EndReason.NEW_LINK: new_link,
}
CUTS = [
    Case(f"{each.name} {reason.name}", (each.value, reason), each.needs)
    for each in STROKES
    for reason in ENDS
]


@check("C7", needs=Needs.HAND | Needs.LONG_STROKE, preloaded=True, cases=CUTS)
def what_was_made_is_recorded_and_never_completed(
    ready: RawHost, case: tuple[Mode, EndReason]
) -> None:
    mode, reason = case
    arm_id, before = mid_dose(ready, mode)
    cut_ticks = ENDS[reason](ready)
    ready.wait_at_rest(400_000)
    record = ready.record(arm_id)
    made = metered(record.proven, mode) - metered(before, mode)
    assert record.end_reason is reason
    assert 0 < made < long(ready, mode).steps
    assert record.proven == record.reserved
    assert record.proven.punctures == before.punctures + 1
    ready.drive(arm_id, 500_000, before.punctures + 9, 1 << 40)
    assert ready.counters() == record.proven
    event = next(event for event in ready.events if event.arm_id == arm_id)
    kind = EventKind.PUNCTURE if mode is Mode.DOSE else EventKind.BENCH
    assert (event.kind, event.is_partial, event.record.steps) == (kind, True, made)
    if reason is EndReason.STOP:
        ready.timings.note(Timing.STOP_REST, max(0, event.pen_ticks - cut_ticks))


@check("C7", needs=Needs.HAND | Needs.LONG_STROKE, preloaded=True, hazards=("H08",), cases=STROKES)
def a_lapse_cuts_the_dose_and_rests_within_150_ms(ready: RawHost, mode: Mode) -> None:
    arm_id, before = mid_dose(ready, mode)
    at_most_ticks = ready.estimated_ticks() + LEASE_HOST_MAX_US
    ready.listen(400_000)
    record = ready.record(arm_id)
    assert record.end_reason is EndReason.LAPSE
    made = metered(record.proven, mode) - metered(before, mode)
    assert 0 < made <= long(ready, mode).steps
    event = next(event for event in ready.events if event.arm_id == arm_id)
    assert event.record.steps == made
    assert event.pen_ticks <= at_most_ticks + BRAKE_TO_REST_MAX_US


@check(
    "C7",
    needs=LIFTING,
    preloaded=True,
    hazards=("H07",),
)
def lost_contact_cuts_the_dose_and_needs_a_new_press(ready: RawHost) -> None:
    arm_id, before = mid_dose(ready)
    punctures, steps = before.punctures + 9, before.forward_steps + 9 * long(ready).steps
    ready.lift()
    lifted_ticks = ready.estimated_ticks()
    ready.drive(arm_id, 150_000, punctures, steps)
    cut = ready.events[-1]
    assert cut.is_partial
    ready.timings.note(Timing.CONTACT_LOST, cut.pen_ticks - lifted_ticks)
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


@check(
    "C7",
    needs=LIFTING,
    preloaded=True,
    hazards=("H07",),
)
def contact_lost_for_less_than_50_ms_does_not_cut(ready: RawHost) -> None:
    arm_id, before = mid_dose(ready)
    ready.lift()
    ready.drive(arm_id, 40_000, before.punctures + 1, before.forward_steps + long(ready).steps)
    ready.touch()
    ready.drive(arm_id, 250_000, before.punctures + 1, before.forward_steps + long(ready).steps)
    assert ready.events[-1].record.steps == long(ready).steps
    assert not ready.events[-1].is_partial


@check("C7", needs=Needs.HAND | Needs.LONG_STROKE, preloaded=True, cases=STROKES)
def a_puncture_counts_when_the_needle_leaves_rest(ready: RawHost, mode: Mode) -> None:
    _, before = mid_dose(ready, mode)
    ready.listen(80_000)
    statuses = [getattr(message, "status", None) for message in ready.heard]
    most = long(ready, mode).steps
    pumping = [
        status.counters
        for status in statuses
        if status and 0 < metered(status.counters, mode) - metered(before, mode) < most
    ]
    assert {counters.punctures for counters in pumping} == {before.punctures + 1}
