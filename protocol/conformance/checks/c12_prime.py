"""C12: prime, reload and bench under the same grants, off the skin, in slices and bursts."""

from msgspec.structs import replace

from protocol.conformance.host import BENCH, PRIME, RELOAD, RawHost
from protocol.conformance.rules import Case, Needs, check
from protocol.conformance.settings import steps_in
from protocol.limits import SLICE_US
from protocol.messages import Counters, StrokeSettings
from protocol.words import EventKind, Mode, PenState


def cases(*modes: StrokeSettings) -> list[Case]:
    return [Case(settings.mode.name, settings) for settings in modes]


def burst(host: RawHost, arm_id: int, before: Counters, for_us: int) -> None:
    far = max(before.forward_steps, before.reverse_steps) + 50 * 500
    host.drive(arm_id, for_us, before.punctures + 500, far)


@check("C12", needs=Needs.HAND)
def preload_comes_first_and_the_slice_is_split_at_its_border(host: RawHost) -> None:
    host.unload()
    needed = host.envelope().preload_steps
    steps = next(n for n in range(host.prime.steps, 1, -1) if needed % n)
    arm_id, before = host.arm(replace(host.prime, steps=steps)), host.counters()
    burst(host, arm_id, before, 60_000)
    host.press()
    burst(host, arm_id, before, (needed // steps + 3) * SLICE_US + SLICE_US // 2)
    host.release()
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


@check("C12", needs=Needs.QUICK_HAND, preloaded=True)
def slices_start_each_tenth_of_a_second(ready: RawHost) -> None:
    arm_id, before = ready.arm(ready.prime), ready.counters()
    burst(ready, arm_id, before, 60_000)
    ready.press()
    burst(ready, arm_id, before, 950_000)
    ready.release()
    ready.disarm(arm_id)
    made = [event for event in ready.events if event.arm_id == arm_id]
    assert 8 <= len(made) <= 10


@check("C12", needs=Needs.QUICK_HAND, preloaded=True)
def letting_go_cuts_the_slice_at_once(ready: RawHost) -> None:
    settings = replace(ready.prime, steps=steps_in(SLICE_US, ready.limits[0]))
    arm_id, before = ready.arm(settings), ready.counters()
    burst(ready, arm_id, before, 60_000)
    ready.press()
    burst(ready, arm_id, before, 40_000)
    ready.release()
    burst(ready, arm_id, before, 300_000)
    made = [event for event in ready.events if event.arm_id == arm_id]
    assert len(made) == 1
    assert made[0].is_partial
    assert 0 < made[0].record.steps < settings.steps
    assert ready.counters().prime_steps == before.prime_steps + made[0].record.steps


@check("C12", needs=Needs.HAND, preloaded=True, cases=cases(PRIME, RELOAD, BENCH))
def contact_ends_the_burst_and_a_new_press_is_needed(
    ready: RawHost, settings: StrokeSettings
) -> None:
    settings = ready.fit(settings)
    arm_id, before = ready.arm(settings), ready.counters()
    burst(ready, arm_id, before, 60_000)
    ready.press()
    burst(ready, arm_id, before, 250_000)
    ready.touch()
    burst(ready, arm_id, before, 50_000)
    ready.lift()
    burst(ready, arm_id, before, 100_000)
    still = ready.counters()
    assert still != before
    burst(ready, arm_id, before, 300_000)
    assert ready.counters() == still
    ready.release()
    ready.press()
    burst(ready, arm_id, before, 300_000)
    assert ready.counters() != still


@check("C12", needs=Needs.HAND, preloaded=True, cases=cases(PRIME, RELOAD, BENCH))
def nothing_moves_while_the_pen_touches(ready: RawHost, settings: StrokeSettings) -> None:
    settings = ready.fit(settings)
    ready.touch()
    arm_id, before = ready.arm(settings), ready.counters()
    burst(ready, arm_id, before, 60_000)
    ready.press()
    burst(ready, arm_id, before, 400_000)
    assert ready.counters() == before


@check("C12", needs=Needs.HAND, preloaded=True)
def bench_strokes_have_their_own_counters(ready: RawHost) -> None:
    arm_id, before = ready.arm(ready.bench), ready.counters()
    steps = before.forward_steps + 2 * ready.bench.steps
    ready.drive(arm_id, 60_000, before.punctures + 2, steps)
    ready.press()
    ready.drive(arm_id, 900_000, before.punctures + 2, steps)
    after = ready.counters()
    assert after.bench_steps == before.bench_steps + 2 * ready.bench.steps
    assert after.punctures == before.punctures + 2
    assert after.dose_steps == before.dose_steps
    assert ready.events[-1].kind is EventKind.BENCH


@check("C12", needs=Needs.HAND, preloaded=True, hazards=("H08",), cases=cases(PRIME, RELOAD))
def the_step_ceiling_bounds_slices(ready: RawHost, settings: StrokeSettings) -> None:
    settings = ready.fit(settings)
    arm_id, before = ready.arm(settings), ready.counters()
    reverse = settings.mode is Mode.RELOAD
    base = before.reverse_steps if reverse else before.forward_steps
    ceiling = base + 3 * settings.steps - 1
    ready.drive(arm_id, 60_000, before.punctures, ceiling)
    ready.press()
    ready.drive(arm_id, 800_000, before.punctures, ceiling)
    after = ready.counters()
    assert (after.reverse_steps if reverse else after.forward_steps) == base + 2 * settings.steps
    assert ready.status.state is PenState.ARMED
    ready.release()
    ready.disarm(arm_id)
