"""Each fault the firmware can see: it ends the arm, latches, names itself, clears when it may."""

from collections.abc import Callable

import msgspec
import pytest

from protocol.conformance.host import BENCH, DOSE, PRIME, RELOAD, RUN
from protocol.faults import fault_number
from protocol.messages import ArmReply
from protocol.words import (
    EndReason,
    EventFlag,
    EventKind,
    PenState,
    RecordState,
    Result,
    StatusFlag,
)
from simulator.device import PenSpec
from tests.support.ideal_mechanics import CHIP
from tests.support.pens import Bench

LONG = msgspec.structs.replace(DOSE, steps=3_400)
Break = Callable[[Bench], None]


def set_on_body(**values: object) -> Break:
    def act(bench: Bench) -> None:
        for name, value in values.items():
            setattr(bench.body, name, value)
        bench.rig.inputs()

    return act


def chatter(bench: Bench) -> None:
    for _ in range(202):
        bench.body.touching = not bench.body.touching
        bench.rig.inputs()


CLEARED_ANY_TIME = {"RESERVOIR_EMPTY", "PUMP_FAULT"}
"""The pen cannot see at rest whether their cause is gone; a new stroke would show it."""


def new_cartridge(bench: Bench) -> None:
    bench.body.jammed = False
    bench.hand.lift()


def wait_a_second(bench: Bench) -> None:
    bench.host.listen(1_200_000)


CASES: dict[str, tuple[Break, Break]] = {
    "MOTOR_JAM": (set_on_body(jammed=True), new_cartridge),
    "OCCLUSION": (set_on_body(kpa=200), set_on_body(kpa=0)),
    "BATTERY_CRITICAL": (set_on_body(mv=3_299), set_on_body(mv=3_600)),
    "OVER_TEMPERATURE": (set_on_body(grip_dc=430), set_on_body(grip_dc=410)),
    "TEMPERATURE_SENSOR": (set_on_body(grip_dc=-1_000), set_on_body(grip_dc=300)),
    "CARTRIDGE_REMOVED": (set_on_body(fitted=None), set_on_body(fitted=CHIP)),
    "RESERVOIR_EMPTY": (set_on_body(steps_left=100), set_on_body(steps_left=10**9)),
    "HOME_LOST": (lambda bench: bench.body.lose_home(), lambda bench: bench.hand.lift()),
    "CONTACT_SENSOR": (chatter, wait_a_second),
    "PUMP_FAULT": (set_on_body(pump_blocked=True), set_on_body(pump_blocked=False)),
}


@pytest.mark.hazard("H36")
@pytest.mark.parametrize("name", CASES)
def test_a_fault_ends_the_dose_latches_and_clears(name: str) -> None:
    broken, mended = CASES[name]
    bench = Bench()
    arm_id = bench.run(LONG, 9, 50_000)
    broken(bench)
    bench.go_on(arm_id, 400_000)
    status = bench.host.status
    assert (status.state, status.fault) == (PenState.LATCHED, fault_number(name))
    record = bench.host.record(arm_id)
    assert (record.record_state, record.end_reason) == (RecordState.FINAL, EndReason.FAULT)
    assert record.proven.dose_steps == bench.body.truth_forward_steps
    assert record.proven.punctures == bench.body.truth_punctures
    assert bench.host.clear_fault(99).result is Result.NOT_THAT_FAULT
    mended(bench)
    bench.hand.release()
    bench.host.wait_at_rest()
    assert bench.host.clear_fault(status.fault).result is Result.OK
    assert bench.host.wait_at_rest().state is PenState.IDLE
    assert bench.host.counters() == record.proven


PERSISTING = [name for name in CASES if name not in CLEARED_ANY_TIME]


@pytest.mark.parametrize("name", PERSISTING)
def test_a_cause_that_persists_refuses_clear(name: str) -> None:
    broken, _ = CASES[name]
    bench = Bench()
    arm_id = bench.run(LONG, 9, 50_000)
    broken(bench)
    bench.go_on(arm_id, 300_000)
    answer = bench.host.clear_fault(fault_number(name))
    assert answer.result is Result.CONDITION_PERSISTS
    assert answer.status.state is PenState.LATCHED


@pytest.mark.hazard("H36")
@pytest.mark.parametrize("name", CASES)
def test_a_latched_fault_refuses_every_arm(name: str) -> None:
    broken, mended = CASES[name]
    bench = Bench()
    arm_id = bench.run(LONG, 9, 50_000)
    broken(bench)
    bench.go_on(arm_id, 400_000)
    mended(bench)
    assert bench.host.configure(PRIME).result is Result.FAULT_LATCHED
    order = bench.host.arm_order(PRIME)
    assert bench.host.ask(order, ArmReply).result is Result.FAULT_LATCHED


@pytest.mark.hazard("H29")
def test_an_occlusion_is_relieved_once_off_contact() -> None:
    bench = Bench()
    arm_id = bench.run(LONG, 9, 20_000)
    bench.body.kpa = 250
    bench.go_on(arm_id, 300_000)
    assert bench.body.truth_reverse_steps == 0
    bench.hand.lift()
    lifted_us = bench.rig.now_us()
    bench.host.listen(400_000)
    event = bench.host.events[-1]
    assert (event.kind, event.arm_id) == (EventKind.REVERSE, 0)
    assert event.pen_ticks == lifted_us + 50_000 + bench.rig.spec.dispense_us(event.record.steps)
    counters = bench.host.counters()
    assert event.record.steps == bench.rig.spec.relief_steps == counters.reverse_steps
    assert bench.body.truth_reverse_steps == counters.reverse_steps
    assert not bench.host.flags & StatusFlag.PRELOADED
    bench.host.listen(1_000_000)
    assert bench.host.counters() == counters
    assert bench.fault() == fault_number("OCCLUSION")


def test_relief_ends_when_the_pressure_is_gone() -> None:
    bench = Bench()
    arm_id = bench.run(LONG, 9, 20_000)
    bench.body.kpa = 250
    bench.go_on(arm_id, 300_000)
    bench.hand.lift()
    bench.host.listen(80_000)
    bench.body.kpa = 0
    bench.host.listen(300_000)
    assert 0 < bench.host.counters().reverse_steps < bench.rig.spec.relief_steps


def test_contact_cuts_the_relief() -> None:
    bench = Bench()
    arm_id = bench.run(LONG, 9, 20_000)
    bench.body.kpa = 250
    bench.go_on(arm_id, 300_000)
    bench.hand.lift()
    bench.host.listen(100_000)
    bench.hand.touch()
    bench.host.listen(300_000)
    assert bench.host.events[-1].is_partial
    reversed_steps = bench.host.counters().reverse_steps
    assert 0 < reversed_steps == bench.body.truth_reverse_steps < bench.rig.spec.relief_steps


def test_no_relief_after_the_fault_was_cleared() -> None:
    bench = Bench()
    arm_id = bench.run(LONG, 9, 20_000)
    bench.body.kpa = 250
    bench.go_on(arm_id, 300_000)
    bench.body.kpa = 0
    assert bench.host.clear_fault(fault_number("OCCLUSION")).result is Result.OK
    bench.hand.lift()
    bench.host.listen(400_000)
    assert bench.body.truth_reverse_steps == 0


def test_no_relief_while_a_stop_is_latched() -> None:
    bench = Bench()
    arm_id = bench.run(LONG, 9, 20_000)
    bench.body.kpa = 250
    bench.go_on(arm_id, 300_000)
    bench.host.stop(1)
    bench.hand.lift()
    bench.host.listen(500_000)
    assert bench.body.truth_reverse_steps == 0


@pytest.mark.hazard("H06")
def test_one_depth_miss_is_flagged_and_the_second_running_is_a_fault() -> None:
    bench = Bench()
    arm_id = bench.run(BENCH, 1, 400_000, on_skin=False)
    bench.body.senses_um = BENCH.protrusion_um + 101
    bench.ceilings = (bench.ceilings[0] + 1, bench.ceilings[1] + BENCH.steps)
    bench.go_on(arm_id, 400_000)
    assert bench.host.events[-1].record.flags & EventFlag.DEPTH_MISS
    assert bench.fault() == 0
    bench.body.senses_um = BENCH.protrusion_um + 100
    bench.ceilings = (bench.ceilings[0] + 1, bench.ceilings[1] + BENCH.steps)
    bench.go_on(arm_id, 400_000)
    assert not bench.host.events[-1].record.flags & EventFlag.DEPTH_MISS
    bench.body.senses_um = BENCH.protrusion_um - 101
    bench.ceilings = (bench.ceilings[0] + 9, bench.ceilings[1] + 9 * BENCH.steps)
    bench.go_on(arm_id, 1_000_000)
    assert bench.fault() == fault_number("DEPTH_FAULT")
    assert bench.body.truth_punctures == 5


def test_an_implausible_depth_reading_is_a_sensor_fault() -> None:
    bench = Bench()
    bench.body.senses_um = 3_001
    bench.run(BENCH, 2, 300_000, on_skin=False)
    assert bench.fault() == fault_number("DEPTH_SENSOR")
    assert bench.host.clear_fault(bench.fault()).result is Result.CONDITION_PERSISTS
    bench.body.senses_um = 3_000
    assert bench.host.clear_fault(fault_number("DEPTH_SENSOR")).result is Result.OK


@pytest.mark.parametrize(("mv", "grip_dc"), [(3_599, 300), (4_000, 411)])
def test_a_fault_clears_only_with_a_margin(mv: int, grip_dc: int) -> None:
    bench = Bench()
    bench.body.mv, bench.body.grip_dc = mv - 400, grip_dc + 20
    bench.host.listen(200_000)
    bench.body.mv, bench.body.grip_dc = mv, grip_dc
    assert bench.host.clear_fault(bench.fault()).result is Result.CONDITION_PERSISTS


def test_a_jam_puts_home_in_doubt_and_clearing_it_homes_again() -> None:
    bench = Bench()
    arm_id = bench.run(LONG, 9, 50_000)
    bench.body.jammed = True
    bench.go_on(arm_id, 300_000)
    assert bench.host.events[-1].record.flags & EventFlag.LOAD_TRIP
    assert not bench.host.flags & StatusFlag.HOMED
    new_cartridge(bench)
    assert bench.host.clear_fault(fault_number("MOTOR_JAM")).result is Result.OK
    assert not bench.host.fresh_status().flags & StatusFlag.AT_REST
    assert bench.host.wait_at_rest().flags & StatusFlag.HOMED


def test_a_stroke_cut_in_its_dwell_is_partial_with_all_its_steps() -> None:
    bench = Bench()
    bench.run(DOSE, 9, 40_000)
    bench.host.stop(8)
    bench.host.listen(100_000)
    event = bench.host.events[-1]
    assert (event.is_partial, event.record.steps) == (True, DOSE.steps)


@pytest.mark.hazard("H43")
def test_a_cadence_that_is_off_for_two_seconds_is_a_fault() -> None:
    bench = Bench()
    bench.body.droop_percent = 12
    arm_id = bench.run(RUN, 10_000, 1_500_000)
    assert bench.fault() == 0
    bench.go_on(arm_id, 1_000_000)
    assert bench.fault() == fault_number("CADENCE_DEVIATION")


def test_steps_that_nobody_commanded_are_counted_and_a_fault() -> None:
    bench = Bench()
    arm_id = bench.run(DOSE, 9, 250_000)
    bench.body.slip(5)
    bench.go_on(arm_id, 500_000)
    assert bench.fault() == fault_number("PUMP_FAULT")
    assert bench.host.counters().forward_steps == bench.body.truth_forward_steps


@pytest.mark.hazard("H30")
def test_an_empty_syringe_cuts_the_dose_and_may_be_cleared_for_a_reload() -> None:
    bench = Bench()
    bench.body.steps_left = DOSE.steps + 50
    arm_id = bench.run(DOSE, 9, 900_000)
    assert bench.fault() == fault_number("RESERVOIR_EMPTY")
    steps = [event.record.steps for event in bench.host.events if event.arm_id == arm_id]
    assert steps == [DOSE.steps, 50]
    assert bench.host.clear_fault(bench.fault()).result is Result.OK


def test_a_plunger_at_its_end_goes_back_without_a_fault() -> None:
    bench = Bench()
    bench.body.steps_left = 0
    arm_id = bench.run(RELOAD, 3, 600_000, on_skin=False)
    assert bench.fault() == 0
    assert bench.host.disarm(arm_id).proven.reverse_steps == 3 * RELOAD.steps


def test_a_full_ring_ends_the_arm_before_an_event_is_lost() -> None:
    bench = Bench()
    arm_id = bench.run(msgspec.structs.replace(RUN, stroke_period_us=6_666), 9_000, 15_000_000)
    assert bench.fault() == fault_number("RING_FULL")
    assert bench.host.record(arm_id).end_reason is EndReason.FAULT
    events = bench.host.events
    assert [event.index for event in events] == list(range(bench.body.truth_punctures))
    assert len(events) <= bench.rig.spec.ring_depth
    assert bench.host.clear_fault(bench.fault()).result is Result.CONDITION_PERSISTS
    bench.host.ack(len(events) - bench.rig.spec.ring_depth + 256)
    bench.hand.release()
    assert bench.host.clear_fault(fault_number("RING_FULL")).result is Result.OK


def test_a_full_ring_starts_no_single_stroke() -> None:
    bench = Bench(spec=PenSpec(ring_depth=1_024))
    quick = msgspec.structs.replace(BENCH, stroke_period_us=10_000)
    arm_id = bench.run(quick, 2_000, 11_000_000, on_skin=False)
    assert bench.fault() == fault_number("RING_FULL")
    assert bench.host.record(arm_id).end_reason is EndReason.FAULT
    assert bench.body.truth_punctures == bench.host.counters().punctures == 1_024


def test_a_ring_with_less_than_256_free_refuses_to_arm() -> None:
    bench = Bench()
    arm_id = bench.run(msgspec.structs.replace(RUN, stroke_period_us=6_666), 1_850, 13_000_000)
    bench.hand.release()
    bench.host.disarm(arm_id)
    bench.host.configure(RUN)
    assert bench.host.ask(bench.host.arm_order(RUN), ArmReply).result is Result.RING_FULL
    bench.host.ack(100)
    assert bench.host.ask(bench.host.arm_order(RUN), ArmReply).result is Result.OK
