"""The pen against a rogue host: no command whatsoever takes it past what it is built for.

The host's own checks play no part here: every value goes to the firmware over the wire.
"""

import itertools
import struct
from collections.abc import Iterator
from random import Random
from typing import cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.codec import encode_payload
from protocol.conformance.host import DOSE, RUN
from protocol.faults import fault_number
from protocol.framing import Frame, encode_frame
from protocol.messages import (
    Configure,
    Configured,
    StrokeSettings,
)
from protocol.words import Mode, Result, StatusFlag
from simulator.device import Memory, PenDevice, PenSpec
from simulator.ports import StrokeReading
from tests.conformance.memory_rig import MemoryRig
from tests.support.ideal_mechanics import IdealMechanics
from tests.support.pens import Bench

SPEC = PenSpec()
CARTRIDGE_UM = 2_000
"""Ceiling of the ideal body's cartridge."""
ALL_DEPTHS = range(65_536)


class Gauge(IdealMechanics):
    """Keeps the extremes of what the firmware ever asked the body to do."""

    def __init__(self) -> None:
        super().__init__()
        self.deepest_um = 0
        self.fastest_steps_s = 0
        self.most_steps = 0
        self.off_skin_steps = 0
        self.drift_um_s = 0
        self.drift_from_us = 0
        self.switch_stuck = False

    def set_protrusion(self, now_us: int, protrusion_um: int) -> int:
        self.deepest_um = max(self.deepest_um, protrusion_um)
        return super().set_protrusion(now_us, protrusion_um)

    def pump(self, now_us: int, steps: int, steps_s: int) -> int:
        self.fastest_steps_s = max(self.fastest_steps_s, steps_s)
        self.most_steps = max(self.most_steps, abs(steps))
        return super().pump(now_us, steps, steps_s)

    def advance(self, now_us: int) -> None:
        before = self.truth_forward_steps
        super().advance(now_us)
        if not self.touching:
            self.off_skin_steps += self.truth_forward_steps - before

    def brake(self, now_us: int) -> None:
        if self.switch_stuck:
            self.advance(now_us)
        else:
            super().brake(now_us)

    def reading(self) -> StrokeReading:
        seen = super().reading()
        drifted_um = self.drift_um_s * (self.now_us - self.drift_from_us) / 1_000_000
        return StrokeReading(max(0, seen.protrusion_um + round(drifted_um)), seen.peak_load_dn)


class GaugeRig(MemoryRig):
    """A pen on a gauge."""

    def __init__(self) -> None:
        super().__init__(Memory(preloaded=True))
        self.body = Gauge()
        self.device = PenDevice(self.body, self.nvm, self.spec)


def gauged() -> tuple[Bench, Gauge]:
    bench = Bench(rig=GaugeRig())
    return bench, cast("Gauge", bench.body)


def with_depth(request_id: int, depth_um: int) -> bytes:
    """The payload of a CONFIGURE with any 16 bits as its protrusion, also such as no host sends."""
    one = encode_payload(Configure(request_id, msgspec.structs.replace(DOSE, protrusion_um=0x0102)))
    at = one.rindex(struct.pack("<H", 0x0102))
    return one[:at] + struct.pack("<H", depth_um) + one[at + 2 :]


@pytest.mark.hazard("H05", "H01")
def test_of_all_depths_that_can_be_sent_none_above_the_ceiling_actuates() -> None:
    bench, gauge = gauged()
    for depth_um in ALL_DEPTHS:
        payload = with_depth(depth_um & 0xFFFF, depth_um)
        bench.rig.write(
            encode_frame(Frame(Configure.KIND, bench.host.link_id, depth_um & 0xFF, payload))
        )
        assert gauge.deepest_um <= CARTRIDGE_UM
        bench.host.listen(250_000 if depth_um <= CARTRIDGE_UM else 0)
    answers = [answer.result for answer in bench.host.of(Configured)]
    assert gauge.deepest_um == CARTRIDGE_UM
    assert answers.count(Result.OK) == CARTRIDGE_UM
    # 0 is no dose; what is over 3,000 um is no value of the wire, and nobody answers it
    assert answers.count(Result.FIELD_NOT_FOR_MODE) == 1
    assert answers.count(Result.PROTRUSION_OVER_CEILING) == 1_000
    assert bench.body.truth_punctures == 0


BOUNDS: dict[str, tuple[dict[str, int], Result]] = {
    # the last value that is taken, and what the next one is refused with
    "protrusion_um": ({"protrusion_um": CARTRIDGE_UM}, Result.PROTRUSION_OVER_CEILING),
    "steps": (
        {"steps": SPEC.max_steps, "stroke_period_us": 10_000_000},
        Result.STEPS_OVER_CEILING,
    ),
}


@pytest.mark.hazard("H01", "H05")
@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_hard_ceiling_at_its_boundary(name: str, beyond: int) -> None:
    bench, _ = gauged()
    fields, refusal = BOUNDS[name]
    given_ = msgspec.structs.replace(DOSE, **fields)
    given_ = msgspec.structs.replace(given_, **{name: getattr(given_, name) + beyond})
    assert bench.host.configure(given_).result is (refusal if beyond > 0 else Result.OK)


@pytest.mark.hazard("H43", "H01")
@pytest.mark.parametrize("shorter_us", [-1, 0, 1])
@pytest.mark.parametrize("given_", [RUN, DOSE], ids=["no_dispense", "dose"])
def test_the_shortest_period_at_its_boundary(given_: StrokeSettings, shorter_us: int) -> None:
    bench, _ = gauged()
    fits_us = SPEC.insertion_us + SPEC.retraction_us + given_.dwell_us
    fits_us += SPEC.dispense_us(given_.steps)
    shortest_us = max(fits_us, SPEC.min_stroke_period_us)
    asked = msgspec.structs.replace(given_, stroke_period_us=shortest_us - shorter_us)
    refused = {Result.PERIOD_TOO_SHORT, Result.STROKE_DOES_NOT_FIT}
    assert (bench.host.configure(asked).result in refused) is (shorter_us > 0)


rogue = st.builds(
    StrokeSettings,
    mode=st.sampled_from([Mode.DOSE, Mode.NO_DISPENSE, Mode.BENCH, Mode.PRIME, Mode.RELOAD]),
    protrusion_um=st.sampled_from([0, 1, 500, 1_999, 2_000, 2_001, 2_500, 3_000]),
    stroke_period_us=st.sampled_from([0, 1, 5_000, 6_665, 6_666, 100_000, 300_000, 2**32 - 1]),
    steps=st.sampled_from([0, 1, 120, 370, 18_499, 18_500, 18_501, 65_535]),
    dwell_us=st.sampled_from([0, 1, 80_000, 10_000_000]),
)


@pytest.mark.hazard("H01", "H05", "H43")
@settings(max_examples=150)
@given(asked=rogue, far=st.sampled_from([0, 1, 40, 2**40]))
def test_a_rogue_host_gets_nothing_past_the_hard_ceilings(asked: StrokeSettings, far: int) -> None:
    """It configures anything, arms, grants any number, and a hand presses all the time."""
    bench, gauge = gauged()
    if bench.host.configure(asked).result is Result.OK:
        bench.host.wait_at_rest()
        order = bench.host.arm_order(asked)
        bench.host.send(order)
        bench.host.listen(30_000)
        if asked.mode in (Mode.DOSE, Mode.NO_DISPENSE):
            bench.hand.touch()
        bench.host.drive(order.arm_id, 60_000, far, far)
        bench.hand.press()
        bench.host.drive(order.arm_id, 600_000, far, far)
    assert gauge.deepest_um <= CARTRIDGE_UM
    assert gauge.most_steps <= SPEC.max_steps
    assert gauge.fastest_steps_s <= SPEC.max_flow_steps_s
    gaps = [b - a for a, b in itertools.pairwise(gauge.truth_starts_us)]
    assert min(gaps, default=10**9) >= SPEC.min_stroke_period_us
    assert gauge.truth_punctures <= far
    assert gauge.truth_forward_steps <= far


def test_the_rogue_host_does_get_something() -> None:
    """The rogue's ceilings are ones that a pen would follow."""
    bench, gauge = gauged()
    bench.run(RUN, 40, 600_000)
    assert gauge.truth_punctures == 40
    bench.run_again(DOSE, 2, 900_000)
    assert (gauge.deepest_um, gauge.most_steps) == (DOSE.protrusion_um, DOSE.steps)


# --- depth drifts ----------------------------------------------------------------------------


@pytest.mark.hazard("H06")
@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("um_s", [1, 2, 5, 10, 20, 35, 50])
def test_a_drifting_depth_stops_within_two_strokes_of_the_limit(um_s: int, direction: int) -> None:
    bench, gauge = gauged()
    arm_id = bench.run(DOSE, 200, 500_000)
    lead_us = 3_000_000  # the ramp begins where it crosses the limit in three seconds
    gauge.drift_um_s = um_s * direction
    now_us = bench.rig.now_us()
    crossing_us = now_us + lead_us
    gauge.drift_from_us = crossing_us - round((SPEC.depth_tolerance_um + 0.5) / um_s * 1e6)
    bench.go_on(arm_id, lead_us + 2_000_000)
    assert bench.fault() == fault_number("DEPTH_FAULT")
    after = [at_us for at_us in gauge.truth_starts_us if at_us > crossing_us]
    assert len(after) <= 2
    assert len(gauge.truth_starts_us) > 8


# --- contact comes and goes ------------------------------------------------------------------


def contact_times() -> Iterator[int]:
    """Moments of a 300 ms dose stroke: in its motion, its pump time, dwell and retraction."""
    rng = Random("contact")
    yield from (rng.randrange(1_000, 300_000) for _ in range(60))


@pytest.mark.hazard("H07")
@pytest.mark.parametrize("lost_us", [10_000, 49_000, 60_000, 400_000])
def test_contact_lost_at_any_phase_of_a_stroke(lost_us: int) -> None:
    """What leaves off the skin is at most a dose each time; a dose that was cut says so."""
    for at_us in contact_times():
        bench, gauge = gauged()
        arm_id = bench.run(DOSE, 5, 1_000 + at_us)
        assert gauge.off_skin_steps == 0
        bench.hand.lift()
        bench.go_on(arm_id, lost_us)
        bench.hand.touch()
        bench.go_on(arm_id, 400_000)
        bench.hand.release()
        bench.go_on(arm_id, 400_000)
        counted = bench.host.counters()
        assert gauge.off_skin_steps <= DOSE.steps
        strokes = [event for event in bench.host.events if event.arm_id == arm_id]
        cut = [event for event in strokes if event.is_partial]
        assert sum(event.record.steps for event in strokes) == gauge.truth_forward_steps
        assert counted.dose_steps == gauge.truth_forward_steps
        if lost_us < 50_000:
            assert not cut
        elif gauge.off_skin_steps:
            assert len(cut) <= 1
            assert gauge.off_skin_steps <= SPEC.max_flow_steps_s * 60_000 // 1_000_000


@pytest.mark.hazard("H07")
@settings(max_examples=60)
@given(st.lists(st.integers(2_000, 250_000), min_size=4, max_size=24))
def test_contact_toggled_at_random_leaves_nothing_uncounted(waits_us: list[int]) -> None:
    bench, gauge = gauged()
    arm_id = bench.run(DOSE, 30, 50_000)
    for number, wait_us in enumerate(waits_us):
        bench.hand.touch() if number % 2 else bench.hand.lift()
        if number % 6 == 5:
            bench.hand.release()
            bench.hand.press()
        bench.go_on(arm_id, wait_us)
    bench.hand.release()
    bench.go_on(arm_id, 500_000)
    strokes = [event for event in bench.host.events if event.arm_id == arm_id]
    assert sum(event.record.steps for event in strokes) == gauge.truth_forward_steps
    assert len(strokes) == gauge.truth_punctures
    most_off_skin = sum(1 for number in range(len(waits_us)) if number % 2 == 0) * DOSE.steps
    assert gauge.off_skin_steps <= most_off_skin


# --- a motor that does what it likes ---------------------------------------------------------


@pytest.mark.hazard("H43")
@pytest.mark.parametrize("percent", [-12, -30, -50, 12, 50])
def test_a_cadence_off_by_more_than_a_tenth_is_a_fault(percent: int) -> None:
    """Drift of the drive, both ways: slower is a wrong treatment, faster an injury."""
    bench, gauge = gauged()
    gauge.droop_percent = percent
    arm_id = bench.run(RUN, 10_000, 1_900_000)
    assert bench.fault() == 0
    bench.go_on(arm_id, 1_000_000)
    assert bench.fault() == fault_number("CADENCE_DEVIATION")
    made = gauge.truth_punctures
    bench.go_on(arm_id, 500_000)
    assert gauge.truth_punctures <= made + gauge.brake_strokes


@pytest.mark.hazard("H43")
def test_strokes_of_a_motor_that_cannot_brake_are_all_counted_and_told() -> None:
    """Its switch is stuck: only the hardware stop helps, and host and hand see why."""
    bench, gauge = gauged()
    arm_id = bench.run(RUN, 60, 300_000)
    gauge.switch_stuck = True
    bench.hand.release()
    bench.go_on(arm_id, 1_000_000)
    bench.host.listen(500_000)
    status = bench.host.fresh_status()
    assert gauge.truth_punctures > 100
    assert abs(gauge.truth_punctures - status.counters.punctures) <= 1
    assert not status.flags & StatusFlag.AT_REST
    strokes = [event for event in bench.host.events if event.arm_id == arm_id]
    assert len(strokes) >= status.counters.punctures - 4
