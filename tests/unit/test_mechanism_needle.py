"""The needle drive: single strokes, ramps, braking to a retracted stop, jam."""

import itertools
from random import Random

import pytest

from simulator.motor import NeedleEvent, NeedleSettings
from simulator.needle import JAM_US, Needle

PERIOD_150_HZ_US = 6_667


def _needle(**settings: float) -> Needle:
    return Needle(NeedleSettings(**settings), Random(1))  # type: ignore[arg-type]  # mixed numbers


def _drain(needle: Needle, until_us: int) -> list[tuple[int, NeedleEvent]]:
    seen: list[tuple[int, NeedleEvent]] = []
    while (at_us := needle.next_event_us()) is not None and at_us <= until_us:
        seen.append((at_us, needle.take()))
    return seen


def _starts(events: list[tuple[int, NeedleEvent]]) -> list[int]:
    return [at for at, event in events if event is NeedleEvent.STARTED]


def test_single_stroke_passes_face_and_comes_back_in_its_own_times() -> None:
    needle = _needle()
    assert needle.insert(1_000, 0.4) == 3_500
    assert _drain(needle, 10_000) == [
        (1_000, NeedleEvent.STARTED),
        (2_000, NeedleEvent.PASSED_FACE),
    ]
    assert needle.end_us() is None
    assert needle.retract(10_000, 0.4) == 12_500
    assert needle.end_us() == 12_500
    assert _drain(needle, 20_000) == [
        (11_500, NeedleEvent.BEHIND_FACE),
        (12_500, NeedleEvent.RESTED),
    ]
    assert needle.end_us() is None


def test_retracting_halfway_takes_half_the_time() -> None:
    needle = _needle()
    needle.insert(0, 0.9)
    _drain(needle, 1_250)
    assert needle.out_share(1_250) == pytest.approx(0.5)
    assert needle.retract(1_250, 0.9) == 2_500
    assert [event for _, event in _drain(needle, 9_000)] == [NeedleEvent.RESTED]


def test_a_stroke_that_is_cut_as_it_begins_has_left_and_rests() -> None:
    needle = _needle()
    needle.insert(1_000, 0.4)
    assert _drain(needle, 1_000) == [(1_000, NeedleEvent.STARTED)]
    assert needle.retract(1_000, 0.4) == 1_000
    assert _drain(needle, 9_000) == [(1_000, NeedleEvent.RESTED)]
    assert needle.retract(9_000, 0.4) == 9_000
    assert needle.next_event_us() is None


def test_retract_at_rest_is_nothing() -> None:
    needle = _needle()
    assert needle.retract(5, 0.5) == 5
    assert needle.next_event_us() is None


def test_running_motor_ramps_up_to_the_set_period() -> None:
    needle = _needle()
    needle.spin(0, PERIOD_150_HZ_US)
    starts = _starts(_drain(needle, 1_000_000))
    gaps = [after - before for before, after in itertools.pairwise(starts)]
    assert gaps[0] > 2 * PERIOD_150_HZ_US
    assert gaps[:10] == sorted(gaps[:10], reverse=True)
    late = [gap for at, gap in zip(starts, gaps, strict=False) if at > 210_000]
    assert set(late) <= {PERIOD_150_HZ_US, PERIOD_150_HZ_US + 1}


@pytest.mark.parametrize("loaded", [False, True])
def test_jitter_and_droop_never_shorten_a_stroke(loaded: bool) -> None:
    needle = _needle(jitter=0.01, droop=0.04)
    needle.motor.loaded = loaded
    needle.spin(0, PERIOD_150_HZ_US)
    starts = [at for at in _starts(_drain(needle, 3_000_000)) if at > 250_000]
    gaps = [after - before for before, after in itertools.pairwise(starts)]
    assert min(gaps) >= PERIOD_150_HZ_US
    mean_us = sum(gaps) / len(gaps)
    assert mean_us == pytest.approx(PERIOD_150_HZ_US * (1.048 if loaded else 1.008), rel=0.004)


@pytest.mark.parametrize("brake_at_us", [1, 20_000, 60_000, 123_456, 250_000, 500_001, 777_777])
def test_brake_stops_retracted_in_time_and_within_the_bound(brake_at_us: int) -> None:
    needle = _needle(jitter=0.01)
    needle.spin(0, PERIOD_150_HZ_US)
    before = _drain(needle, brake_at_us)
    bound = needle.motor.braking_strokes()
    needle.motor.brake(brake_at_us)
    assert needle.motor.braking_strokes() <= bound
    after = _drain(needle, 10_000_000)
    assert len(_starts(after)) <= bound
    assert not needle.motor.running
    events = [event for _, event in before + after]
    assert events.count(NeedleEvent.STARTED) == events.count(NeedleEvent.RESTED)
    assert not after or after[-1][0] <= brake_at_us + 100_000


def test_full_speed_needs_seven_or_eight_braking_strokes() -> None:
    needle = _needle()
    needle.spin(0, PERIOD_150_HZ_US)
    _drain(needle, 500_000)
    assert needle.motor.braking_strokes() == 8


def test_stroke_under_way_is_known_until_it_rests() -> None:
    needle = _needle()
    needle.spin(0, 20_000)
    start_us = needle.motor.next_start_us()
    assert start_us is not None
    assert needle.end_us() is None
    _drain(needle, start_us)
    end_us = needle.end_us()
    assert end_us is not None
    assert end_us > start_us
    _drain(needle, end_us)
    assert needle.end_us() is None


def test_caught_needle_is_jammed_after_the_rule_and_stays_where_it_is() -> None:
    needle = _needle()
    needle.insert(0, 0.9)
    _drain(needle, 1_000)
    needle.catch(1_000)
    assert needle.out_share(50_000) == pytest.approx(0.4)
    assert not needle.is_jammed(1_000 + JAM_US - 1)
    assert needle.is_jammed(1_000 + JAM_US)
    needle.retract(60_000, 0.9)
    assert needle.out_share(70_000) == pytest.approx(0.4)
    needle.free()
    assert not needle.is_jammed(1_000_000)


def test_caught_running_needle_ends_its_stroke_and_starts_no_other() -> None:
    needle = _needle()
    needle.spin(0, PERIOD_150_HZ_US)
    _drain(needle, 300_000)
    while needle.end_us() is None:
        needle.take()
    at_us = (needle.end_us() or 0) - 10
    needle.catch(at_us)
    assert [event for _, event in _drain(needle, 9_000_000)] == [NeedleEvent.RESTED]
    assert needle.motor.next_start_us() is None
    assert needle.is_jammed(at_us + JAM_US)


def test_caught_needle_at_rest_leaves_it_by_the_slack_only_and_is_counted() -> None:
    needle = _needle()
    needle.catch(0)
    assert needle.insert(1_000, 0.5) == 3_500
    assert needle.out_share(3_500) == 0.0
    events = _drain(needle, 3_500)
    needle.retract(4_000, 0.5)
    events += _drain(needle, 9_000)
    assert events == [(1_000, NeedleEvent.STARTED), (4_000, NeedleEvent.RESTED)]
    assert needle.is_jammed(1_000 + JAM_US)
