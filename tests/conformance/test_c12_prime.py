"""C12: prime, reload and bench under the same grants, off the skin, in slices and bursts."""

import pytest
from msgspec.structs import replace

from protocol.limits import SLICE_US
from protocol.messages import Counters, StrokeSettings
from protocol.words import EventKind, Mode, PenState
from tests.conformance.host import BENCH, PRIME, RELOAD, RawHost
from tests.conformance.settings import steps_in


def burst(host: RawHost, arm_id: int, before: Counters, for_us: int) -> None:
    far = max(before.forward_steps, before.reverse_steps) + 50 * 500
    host.drive(arm_id, for_us, before.punctures + 50, far)


def test_preload_comes_first_and_the_slice_is_split_at_its_border(host: RawHost) -> None:
    host.unload()
    needed = host.envelope().preload_steps
    steps = next(n for n in range(host.prime.steps, 1, -1) if needed % n)
    arm_id, before = host.arm(replace(host.prime, steps=steps)), host.counters()
    burst(host, arm_id, before, 60_000)
    host.rig.hand.press()
    burst(host, arm_id, before, (needed // steps + 3) * SLICE_US + SLICE_US // 2)
    host.rig.hand.release()
    host.disarm(arm_id)
    events = [event for event in host.events if event.arm_id == arm_id]
    preload = [event.record.steps for event in events if event.kind is EventKind.PRELOAD]
    prime = [event.record.steps for event in events if event.kind is EventKind.PRIME]
    assert sum(preload) == needed == host.counters().preload_steps - before.preload_steps
    assert preload[-1] + prime[0] == steps
    assert sum(prime) == host.counters().prime_steps - before.prime_steps
    assert [event.kind for event in events] == sorted(
        (event.kind for event in events), key=lambda kind: kind is EventKind.PRIME
    )


def test_slices_start_each_tenth_of_a_second(ready: RawHost) -> None:
    arm_id, before = ready.arm(ready.prime), ready.counters()
    burst(ready, arm_id, before, 60_000)
    ready.rig.hand.press()
    burst(ready, arm_id, before, 950_000)
    ready.rig.hand.release()
    ready.disarm(arm_id)
    made = [event for event in ready.events if event.arm_id == arm_id]
    assert 8 <= len(made) <= 10


def test_letting_go_cuts_the_slice_at_once(ready: RawHost) -> None:
    settings = replace(ready.prime, steps=steps_in(SLICE_US, ready.limits[0]))
    arm_id, before = ready.arm(settings), ready.counters()
    burst(ready, arm_id, before, 60_000)
    ready.rig.hand.press()
    burst(ready, arm_id, before, 40_000)
    ready.rig.hand.release()
    burst(ready, arm_id, before, 300_000)
    made = [event for event in ready.events if event.arm_id == arm_id]
    assert len(made) == 1
    assert made[0].is_partial
    assert 0 < made[0].record.steps < settings.steps
    assert ready.counters().prime_steps == before.prime_steps + made[0].record.steps


@pytest.mark.parametrize("settings", [PRIME, RELOAD, BENCH], ids=lambda s: s.mode.name)
def test_contact_ends_the_burst_and_a_new_press_is_needed(
    ready: RawHost, settings: StrokeSettings
) -> None:
    settings = ready.fit(settings)
    arm_id, before = ready.arm(settings), ready.counters()
    burst(ready, arm_id, before, 60_000)
    ready.rig.hand.press()
    burst(ready, arm_id, before, 250_000)
    ready.rig.hand.touch()
    burst(ready, arm_id, before, 50_000)
    ready.rig.hand.lift()
    burst(ready, arm_id, before, 100_000)
    still = ready.counters()
    assert still != before
    burst(ready, arm_id, before, 300_000)
    assert ready.counters() == still
    ready.rig.hand.release()
    ready.rig.hand.press()
    burst(ready, arm_id, before, 300_000)
    assert ready.counters() != still


@pytest.mark.parametrize("settings", [PRIME, RELOAD, BENCH], ids=lambda s: s.mode.name)
def test_nothing_moves_while_the_pen_touches(ready: RawHost, settings: StrokeSettings) -> None:
    settings = ready.fit(settings)
    ready.rig.hand.touch()
    arm_id, before = ready.arm(settings), ready.counters()
    burst(ready, arm_id, before, 60_000)
    ready.rig.hand.press()
    burst(ready, arm_id, before, 400_000)
    assert ready.counters() == before


def test_bench_strokes_have_their_own_counters(ready: RawHost) -> None:
    arm_id, before = ready.arm(ready.bench), ready.counters()
    steps = before.forward_steps + 2 * ready.bench.steps
    ready.drive(arm_id, 60_000, before.punctures + 2, steps)
    ready.rig.hand.press()
    ready.drive(arm_id, 900_000, before.punctures + 2, steps)
    after = ready.counters()
    assert after.bench_steps == before.bench_steps + 2 * ready.bench.steps
    assert after.punctures == before.punctures + 2
    assert after.dose_steps == before.dose_steps
    assert ready.events[-1].kind is EventKind.BENCH


@pytest.mark.hazard("H08")
@pytest.mark.parametrize("settings", [PRIME, RELOAD], ids=lambda s: s.mode.name)
def test_the_step_ceiling_bounds_slices(ready: RawHost, settings: StrokeSettings) -> None:
    settings = ready.fit(settings)
    arm_id, before = ready.arm(settings), ready.counters()
    reverse = settings.mode is Mode.RELOAD
    base = before.reverse_steps if reverse else before.forward_steps
    ceiling = base + 3 * settings.steps - 1
    ready.drive(arm_id, 60_000, before.punctures, ceiling)
    ready.rig.hand.press()
    ready.drive(arm_id, 800_000, before.punctures, ceiling)
    after = ready.counters()
    assert (after.reverse_steps if reverse else after.forward_steps) == base + 2 * settings.steps
    assert ready.status.state is PenState.ARMED
    ready.rig.hand.release()
    ready.disarm(arm_id)
