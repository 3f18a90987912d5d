"""C6: what motion needs, holding at the ceiling, braking to rest under it, presses and contact."""

import itertools

from protocol.conformance.host import RawHost
from protocol.conformance.rules import Case, Needs, check
from protocol.conformance.strokes import STROKES, meet, stroke
from protocol.limits import CONTACT_STABLE_US
from protocol.messages import StrokeSettings
from protocol.words import EndReason, Mode, PenState, StatusFlag


def stroke_arm(host: RawHost, settings: StrokeSettings, strokes: int) -> tuple[int, int, int]:
    """An armed and granted pen: arm id, puncture ceiling, step ceiling."""
    before = host.counters()
    arm_id = host.arm(settings)
    punctures = before.punctures + strokes
    steps = before.forward_steps + strokes * settings.steps
    host.drive(arm_id, 60_000, punctures, steps)
    return arm_id, punctures, steps


@check("C6", needs=Needs.HAND, preloaded=True, hazards=("H36",), cases=STROKES)
def a_trigger_held_across_the_arm_starts_nothing(ready: RawHost, mode: Mode) -> None:
    settings = stroke(ready, mode)
    meet(ready, mode)
    ready.press()
    arm_id, punctures, steps = stroke_arm(ready, settings, 3)
    ready.drive(arm_id, 500_000, punctures, steps)
    assert ready.counters().punctures == punctures - 3
    ready.release()
    ready.press()
    ready.drive(arm_id, 1_000_000, punctures, steps)
    assert ready.counters().punctures == punctures


@check("C6", needs=Needs.HAND, preloaded=True, hazards=("H36",), cases=STROKES)
def a_trigger_held_over_a_lapse_does_not_start_the_next_arm(ready: RawHost, mode: Mode) -> None:
    settings = stroke(ready, mode)
    meet(ready, mode)
    arm_id, punctures, steps = stroke_arm(ready, settings, 9)
    ready.press()
    ready.drive(arm_id, 400_000, punctures, steps)
    ready.listen(600_000)
    assert ready.record(arm_id).end_reason is EndReason.LAPSE
    after_lapse = ready.counters()
    arm_id, punctures, steps = stroke_arm(ready, settings, 9)
    ready.drive(arm_id, 700_000, punctures, steps)
    assert ready.counters() == after_lapse
    assert ready.status.state is PenState.ARMED


@check("C6", needs=Needs.HAND | Needs.DOSE_ON_CONTACT, preloaded=True, hazards=("H07",))
def no_stroke_off_the_skin(ready: RawHost) -> None:
    arm_id, punctures, steps = stroke_arm(ready, ready.dose, 2)
    ready.press()
    ready.drive(arm_id, 500_000, punctures, steps)
    assert ready.counters().punctures == punctures - 2
    touched_ticks = ready.estimated_ticks()
    ready.touch()
    ready.drive(arm_id, 1_000_000, punctures, steps)
    assert ready.counters().punctures == punctures
    first = ready.events[-2]
    assert first.pen_ticks >= touched_ticks + CONTACT_STABLE_US


@check("C6", needs=Needs.HAND, hazards=("H07",))
def no_needle_leaves_rest_off_the_skin(host: RawHost) -> None:
    before = host.counters()
    arm_id = host.arm(host.run)
    ceiling = before.punctures + 30
    host.drive(arm_id, 60_000, ceiling, before.forward_steps)
    host.press()
    host.drive(arm_id, 500_000, ceiling, before.forward_steps)
    assert host.counters() == before
    touched_ticks = host.estimated_ticks()
    host.touch()
    host.drive(arm_id, 600_000, ceiling, before.forward_steps)
    assert host.counters().punctures > before.punctures
    assert host.events[0].pen_ticks >= touched_ticks + CONTACT_STABLE_US


@check("C6", needs=Needs.QUICK_HAND | Needs.DOSE_ON_CONTACT, preloaded=True, hazards=("H07",))
def bouncing_contact_delays_and_doubles_nothing(ready: RawHost) -> None:
    arm_id, punctures, steps = stroke_arm(ready, ready.dose, 1)
    ready.press()
    for _ in range(12):
        ready.touch()
        ready.drive(arm_id, 8_000, punctures, steps)
        ready.lift()
        ready.drive(arm_id, 8_000, punctures, steps)
    assert ready.counters().punctures == punctures - 1
    ready.touch()
    ready.drive(arm_id, 30_000, punctures, steps)
    ready.lift()
    ready.drive(arm_id, 15_000, punctures, steps)
    ready.touch()
    ready.drive(arm_id, 600_000, punctures, steps)
    assert ready.counters().punctures == punctures
    assert not ready.events[-1].is_partial
    assert ready.events[-1].record.steps == ready.dose.steps


@check("C6", needs=Needs.HAND, preloaded=True, cases=STROKES)
def it_holds_at_the_ceiling_and_goes_on_within_the_press(ready: RawHost, mode: Mode) -> None:
    settings = stroke(ready, mode)
    meet(ready, mode)
    arm_id, punctures, steps = stroke_arm(ready, settings, 1)
    ready.press()
    ready.drive(arm_id, 700_000, punctures, steps)
    assert ready.flags & StatusFlag.HOLDING
    assert ready.counters().punctures == punctures
    ready.drive(arm_id, 700_000, punctures + 1, steps + settings.steps)
    assert ready.counters().punctures == punctures + 1


@check("C6", needs=Needs.QUICK_HAND, preloaded=True, cases=STROKES)
def letting_go_finishes_the_stroke_and_starts_no_other(ready: RawHost, mode: Mode) -> None:
    settings = stroke(ready, mode)
    meet(ready, mode)
    arm_id, punctures, steps = stroke_arm(ready, settings, 5)
    ready.press()
    ready.drive(arm_id, 10_000, punctures, steps)
    ready.release()
    ready.drive(arm_id, 900_000, punctures, steps)
    assert ready.counters().punctures == punctures - 4
    assert not ready.events[-1].is_partial
    assert not ready.flags & StatusFlag.HOLDING


@check("C6", needs=Needs.HAND, preloaded=True, cases=STROKES)
def strokes_keep_the_period_from_start_to_start(ready: RawHost, mode: Mode) -> None:
    settings = stroke(ready, mode)
    meet(ready, mode)
    arm_id, punctures, steps = stroke_arm(ready, settings, 4)
    ready.press()
    ready.drive(arm_id, 1_600_000, punctures, steps)
    ticks = [event.pen_ticks for event in ready.events if event.arm_id == arm_id]
    gaps = [after - before for before, after in itertools.pairwise(ticks)]
    assert gaps == [settings.stroke_period_us] * 3


@check("C6", needs=Needs.QUICK_HAND | Needs.DOSE_ON_CONTACT, preloaded=True)
def lift_between_two_doses_waits_within_the_press(ready: RawHost) -> None:
    ready.touch()
    arm_id, punctures, steps = stroke_arm(ready, ready.dose, 2)
    ready.press()
    ready.drive(arm_id, 150_000, punctures, steps)
    ready.lift()
    ready.drive(arm_id, 600_000, punctures, steps)
    assert ready.counters().punctures == punctures - 1
    ready.touch()
    ready.drive(arm_id, 600_000, punctures, steps)
    assert ready.counters().punctures == punctures


@check(
    "C6",
    needs=Needs.CONTACT | Needs.CADENCE,
    cases=[Case(str(room), room) for room in (1, 2, 3, 5, 20, 97)],
)
def a_running_needle_rests_at_or_under_the_ceiling(host: RawHost, room: int) -> None:
    before = host.counters()
    arm_id = host.arm(host.run)
    host.touch()
    ceiling = before.punctures + room
    host.drive(arm_id, 60_000, ceiling, before.forward_steps)
    host.press()
    host.drive(arm_id, 2_000_000, ceiling, before.forward_steps)
    made = host.counters().punctures - before.punctures
    assert room - 20 <= made <= room
    assert host.status.state is PenState.ARMED
    assert host.flags & StatusFlag.HOLDING
    host.drive(arm_id, 1_500_000, ceiling + 40, before.forward_steps)
    assert host.counters().punctures > before.punctures + made
    assert host.counters().punctures <= ceiling + 40


@check("C6", needs=Needs.CONTACT)
def a_running_needle_stops_off_the_skin_and_goes_on_within_the_press(host: RawHost) -> None:
    before = host.counters()
    arm_id = host.arm(host.run)
    host.touch()
    ceiling = before.punctures + 100_000
    host.drive(arm_id, 60_000, ceiling, before.forward_steps)
    host.press()
    host.drive(arm_id, 600_000, ceiling, before.forward_steps)
    host.lift()
    host.drive(arm_id, 400_000, ceiling, before.forward_steps)
    still = host.counters().punctures
    assert host.status.state is PenState.ARMED
    host.drive(arm_id, 300_000, ceiling, before.forward_steps)
    assert host.counters().punctures == still
    host.touch()
    host.drive(arm_id, 600_000, ceiling, before.forward_steps)
    assert host.counters().punctures > still
