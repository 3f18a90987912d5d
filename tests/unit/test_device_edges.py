"""Where numbers are near their ends and where two things happen at once."""

import itertools

import msgspec
import pytest

from protocol.conformance.host import BENCH, DOSE, PRIME, RUN
from protocol.framing import Decoder, Frame
from protocol.messages import Replay, ReplayReply, Status
from protocol.words import EndReason, EventKind, PenState, RecordState
from simulator.device import PenSpec
from tests.support.pens import Bench, with_counters

FAST = msgspec.structs.replace(RUN, stroke_period_us=6_666)


@pytest.mark.hazard("H42")
@pytest.mark.parametrize("start", [2**32 - 2, 2**64 - 5_000])
def test_counters_pass_two_to_the_thirty_two_and_stay_exact_near_the_end(start: int) -> None:
    steps = start - 1_000
    bench = Bench(with_counters(punctures=start, dose_steps=steps))
    arm_id = bench.run(DOSE, 3, 1_500_000)
    record = bench.host.disarm(arm_id)
    assert record.proven.punctures == start + 3
    assert record.proven.dose_steps == steps + 3 * DOSE.steps
    assert bench.body.truth_punctures == 3


@pytest.mark.hazard("H42")
def test_a_pen_at_the_last_puncture_of_its_life_does_not_wrap() -> None:
    last = 2**64 - 1
    bench = Bench(with_counters(punctures=last - 1))
    arm_id = bench.host.arm(DOSE)
    bench.ceilings = (last, 10 * DOSE.steps)
    bench.hand.touch()
    bench.go_on(arm_id, 60_000)
    bench.hand.press()
    bench.go_on(arm_id, 1_500_000)
    assert bench.host.counters().punctures == last
    assert bench.body.truth_punctures == 1


@pytest.mark.hazard("H42")
@pytest.mark.parametrize("first_tick", [2**32 - 1_500_000, 2**63])
def test_ticks_pass_two_to_the_thirty_two_within_a_burst(first_tick: int) -> None:
    bench = Bench(spec=PenSpec(tick_at_boot=first_tick))
    bench.run(RUN, 200, 1_500_000)
    bench.host.listen(500_000)
    ticks = [event.pen_ticks for event in bench.host.events]
    assert len(ticks) == bench.body.truth_punctures > 50
    assert {b - a for a, b in itertools.pairwise(ticks)} == {RUN.stroke_period_us}
    assert ticks[0] > first_tick


@pytest.mark.hazard("H15")
@pytest.mark.parametrize("drift_ppm", [-50_000, 50_000])
def test_the_lease_is_judged_in_the_pen_s_own_ticks(drift_ppm: int) -> None:
    bench = Bench(spec=PenSpec(tick_drift_ppm=drift_ppm))
    arm_id = bench.run(RUN, 9_000, 500_000)
    grant = bench.host.grant_message(arm_id, 0, 0, ahead_us=100_000)
    bench.host.send(grant)
    bench.host.listen(500_000)
    assert bench.host.record(arm_id).end_reason is EndReason.LAPSE
    braking = [
        event.pen_ticks
        for event in bench.host.events
        if event.pen_ticks > grant.valid_until_ticks + 100_000
    ]
    assert len(braking) <= bench.body.brake_strokes + 1


@pytest.mark.hazard("H08")
def test_the_largest_overrun_of_a_lease_is_measured_and_bounded(
    record_property: object,
) -> None:
    overruns_us: list[int] = []
    for death_us in range(0, 6_666, 606):
        bench = Bench()
        arm_id = bench.run(FAST, 9_000, 500_000 + death_us)
        grant = bench.host.grant_message(arm_id, 0, 0)
        bench.host.send(grant)
        bench.host.listen(600_000)
        record = bench.host.record(arm_id)
        assert (record.record_state, record.end_reason) == (RecordState.FINAL, EndReason.LAPSE)
        assert record.proven.punctures == bench.body.truth_punctures
        overruns_us.append(bench.host.events[-1].pen_ticks - grant.valid_until_ticks)
    assert callable(record_property)
    record_property("largest_lease_overrun_us", max(overruns_us))
    assert max(overruns_us) <= 150_000


def test_a_lapse_at_the_instant_of_a_start_wins() -> None:
    for ahead_us in range(299_000, 301_001, 250):
        bench = Bench()
        bench.run(DOSE, 9, 0)
        first_us = bench.body.truth_starts_us[0]
        grant = msgspec.structs.replace(
            bench.host.grant_message(bench.host.status.arm_id, *bench.ceilings),
            valid_until_ticks=first_us + ahead_us,
        )
        bench.host.listen(first_us + 100_000 - bench.rig.now_us())
        bench.host.send(grant)
        bench.host.listen(500_000)
        due_us = first_us + DOSE.stroke_period_us
        assert bench.body.truth_punctures == (2 if grant.valid_until_ticks > due_us else 1)


@pytest.mark.hazard("H13")
@pytest.mark.parametrize("kept", [0, 40, 10**6])
def test_a_reset_between_a_stroke_and_its_write(kept: int) -> None:
    """The write after the first dose is cut before, in the middle, and just after."""
    bench = Bench()
    bench.nvm.cut_at[bench.nvm.writes + 3] = kept
    arm_id = bench.run(DOSE, 9, 800_000)
    assert bench.rig.power_cuts == 1
    bench.hand.release()
    bench.hand.lift()
    bench.host.listen(500_000)
    bench.host.hello()
    record = bench.host.record(arm_id)
    assert (record.record_state, record.end_reason) == (RecordState.FINAL, EndReason.BOOT)
    assert bench.body.truth_punctures == 1
    assert record.proven.punctures == (1 if kept == 10**6 else 0)
    assert record.reserved.dose_steps == DOSE.steps == bench.body.truth_forward_steps
    assert bench.host.counters() == record.reserved


def test_a_replay_during_motion_delays_no_status_and_loses_nothing() -> None:
    bench = Bench()
    arm_id = bench.run(FAST, 9_000, 3_000_000)
    boot_id = bench.host.status.boot_id
    bench.host.ask(Replay(bench.host.request_id(), boot_id, 0), ReplayReply)
    at = len(bench.host.heard)
    bench.go_on(arm_id, 3_000_000)
    times = [
        time
        for message, time in zip(bench.host.heard[at:], bench.host.heard_us[at:], strict=True)
        if isinstance(getattr(message, "status", None), Status)
    ]
    assert max(b - a for a, b in itertools.pairwise(times)) <= 100_000
    seen = [event.index for event in bench.host.events]
    assert set(seen) == set(range(max(seen) + 1))
    live = [event for event in bench.host.events if event.index == max(seen)]
    assert len(live) == 1


def test_the_traffic_at_150_hz_fits_half_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    arm_id = bench.run(FAST, 9_000, 1_000_000)
    up = down = 0
    read = bench.rig.read

    def counted(until_us: int) -> bytes:
        nonlocal up
        data = read(until_us)
        up += len(data)
        return data

    monkeypatch.setattr(bench.rig, "read", counted)
    until_us = bench.rig.now_us() + 2_000_000
    due_us = bench.rig.now_us()
    while bench.rig.now_us() < until_us:
        if bench.rig.now_us() >= due_us:
            frame = bench.host.frame(
                bench.host.grant_message(arm_id, bench.ceilings[0], bench.ceilings[1])
            )
            down += len(frame)
            bench.rig.write(frame)
            due_us += 25_000
        bench.host.listen(due_us - bench.rig.now_us())
    assert bench.host.status.state is PenState.RUNNING
    assert 0 < up / 2 <= 11_520 / 2
    assert down / 2 <= 11_520 / 2


def test_sequence_numbers_of_frames_count_by_one() -> None:
    bench = Bench()
    bench.host.listen(1_000)
    decoder, numbers = Decoder(), []
    until_us = bench.rig.now_us() + 40_000_000
    while bench.rig.now_us() < until_us:
        for frame in decoder.feed(bench.rig.read(until_us)):
            assert isinstance(frame, Frame)
            numbers.append(frame.sequence)
    assert len(numbers) > 300
    assert all((b - a) % 256 == 1 for a, b in itertools.pairwise(numbers))


def test_the_split_slice_reserves_both_categories() -> None:
    bench = Bench(memory=msgspec.structs.replace(with_counters(), preloaded=False))
    settings = msgspec.structs.replace(PRIME, steps=300)
    arm_id = bench.run(settings, 2, 5_000, on_skin=False)
    bench.rig.power_cycle()
    bench.host.listen(500_000)
    bench.host.hello()
    record = bench.host.record(arm_id)
    assert (record.reserved.preload_steps, record.reserved.prime_steps) == (200, 100)
    assert record.proven == record.first


def test_a_cut_preload_goes_on_where_it_stood() -> None:
    bench = Bench(memory=msgspec.structs.replace(with_counters(), preloaded=False))
    arm_id = bench.run(PRIME, 9, 4_000, on_skin=False)
    bench.hand.release()
    bench.go_on(arm_id, 200_000)
    bench.hand.press()
    bench.go_on(arm_id, 500_000)
    bench.hand.release()
    made = [event for event in bench.host.events if event.kind is EventKind.PRELOAD]
    assert made[0].is_partial
    assert sum(event.record.steps for event in made) == 200


def test_indicator_shows_what_a_hand_can_know() -> None:
    bench = Bench()
    arm_id = bench.run(BENCH, 1, 500_000, on_skin=False)
    seen = bench.rig.device.indicator()
    assert (seen.mode, seen.holding, seen.latched) == (BENCH.mode, True, False)
    assert (seen.strokes_felt, seen.moving) == (1, False)
    bench.host.stop(3)
    seen = bench.rig.device.indicator()
    assert (seen.mode, seen.holding, seen.latched) == (None, False, True)
    assert bench.host.record(arm_id).end_reason is EndReason.STOP


def test_a_needle_that_runs_again_keeps_its_period() -> None:
    slow = msgspec.structs.replace(RUN, stroke_period_us=200_000)
    bench = Bench()
    arm_id = bench.run(slow, 99, 250_000)
    bench.hand.release()
    bench.go_on(arm_id, 150_000)
    bench.hand.press()
    bench.go_on(arm_id, 700_000)
    starts = bench.body.truth_starts_us
    assert len(starts) > 3
    assert min(after - before for before, after in itertools.pairwise(starts)) >= 200_000


def test_events_acknowledged_during_a_replay_are_not_sent_again() -> None:
    bench = Bench()
    arm_id = bench.run(FAST, 9_000, 1_000_000)
    bench.hand.release()
    bench.host.disarm(arm_id)
    bench.host.listen(100_000)
    total = len(bench.host.events)
    bench.host.events.clear()
    bench.host.ask(Replay(bench.host.request_id(), bench.host.status.boot_id, 0), ReplayReply)
    bench.host.listen(60_000)
    bench.host.ack(total - 15)
    bench.host.listen(1_000_000)
    seen = [event.index for event in bench.host.events]
    assert seen == [*range(28), *range(total - 15, total)]
    bench.host.ack(total)
    bench.host.ask(Replay(bench.host.request_id(), bench.host.status.boot_id, 0), ReplayReply)
    bench.host.listen(300_000)
    assert len(bench.host.events) == len(seen)
