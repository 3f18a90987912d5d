"""C11: hard ceilings of protrusion, cadence, steps and flow that no command raises."""

import itertools

import msgspec

from protocol.codec import settings_digest
from protocol.conformance.checks.c03_configure import changed
from protocol.conformance.checks.c07_partial import long
from protocol.conformance.host import RawHost
from protocol.conformance.rules import Needs, check
from protocol.messages import ArmReply, StrokeSettings
from protocol.words import Mode, Result

DEPTH_MISS_UM = 100
"""What a stroke may be off before it says DEPTH_MISS (SPEC section 12)."""
UNEVEN = 0.95
"""How much of its period a turn of a motor takes at least. Engineering estimate."""


def on_the_wire(settings: StrokeSettings) -> bool:
    """Whether a frame can carry them: over the highest ceilings of all there is nothing to ask."""
    return settings.protrusion_um <= 3_000 and settings.steps <= 0xFFFF


@check("C11", hazards=("H05",))
def no_command_raises_a_hard_ceiling(host: RawHost) -> None:
    envelope = host.envelope()
    cartridge = host.cartridge()
    ceiling_um = min(envelope.max_protrusion_um, cartridge.max_protrusion_um)
    cases = (
        (changed(host.dose, protrusion_um=ceiling_um), Result.OK),
        (changed(host.dose, protrusion_um=ceiling_um + 1), Result.PROTRUSION_OVER_CEILING),
        (
            changed(host.run, stroke_period_us=envelope.min_stroke_period_us - 1),
            Result.PERIOD_TOO_SHORT,
        ),
        (changed(host.run, stroke_period_us=envelope.min_stroke_period_us), Result.OK),
        (
            changed(host.dose, steps=envelope.max_steps + 1, stroke_period_us=9_000_000),
            Result.STEPS_OVER_CEILING,
        ),
        (changed(host.dose, steps=envelope.max_steps, stroke_period_us=9_000_000), Result.OK),
    )
    for settings, expected in cases:
        if not on_the_wire(settings):
            continue
        assert host.configure(settings).result is expected, settings
        host.wait_at_rest()


@check("C11")
def what_is_over_a_ceiling_leaves_settings_and_ceilings_as_they_were(host: RawHost) -> None:
    envelope, cartridge = host.envelope(), host.cartridge()
    host.configure(host.run)
    host.wait_at_rest()
    fast = changed(host.run, stroke_period_us=envelope.min_stroke_period_us - 1)
    for _ in range(3):
        answer = host.configure(fast)
        assert answer.result is Result.PERIOD_TOO_SHORT
        assert answer.settings_digest == settings_digest(host.run)
    refused = host.ask(host.arm_order(fast), ArmReply)
    assert refused.result is Result.CONFIGURATION_MISMATCH
    same = msgspec.structs.replace(host.envelope(), request_id=envelope.request_id)
    assert same == envelope
    assert host.cartridge().max_protrusion_um == cartridge.max_protrusion_um


@check("C11", needs=Needs.CONTACT)
def the_running_needle_keeps_its_shortest_period_and_its_ceiling_of_depth(host: RawHost) -> None:
    envelope, cartridge = host.limits
    deepest_um = min(envelope.max_protrusion_um, cartridge.max_protrusion_um)
    settings = changed(
        host.run, stroke_period_us=envelope.min_stroke_period_us, protrusion_um=deepest_um
    )
    before = host.counters()
    arm_id = host.arm(settings)
    host.touch()
    ceiling = before.punctures + 10_000
    host.drive(arm_id, 60_000, ceiling, before.forward_steps)
    host.press()
    host.drive(arm_id, 800_000, ceiling, before.forward_steps)
    host.release()
    host.disarm(arm_id)
    host.listen(60_000)
    ticks = [event.pen_ticks for event in host.events]
    gaps = [after - before for before, after in itertools.pairwise(ticks)]
    assert gaps
    assert min(gaps) >= envelope.min_stroke_period_us * UNEVEN
    assert max(event.record.protrusion_um for event in host.events) <= deepest_um + DEPTH_MISS_UM


@check("C11", needs=Needs.HAND | Needs.LONG_STROKE, preloaded=True)
def the_pump_is_never_faster_than_its_flow(ready: RawHost) -> None:
    settings = long(ready, Mode.BENCH)
    before = ready.counters()
    arm_id = ready.arm(settings)
    steps = before.forward_steps + 2 * settings.steps
    ready.drive(arm_id, 60_000, before.punctures + 2, steps)
    ready.press()
    ready.drive(arm_id, 2 * settings.stroke_period_us + 300_000, before.punctures + 2, steps)
    found = [getattr(message, "status", None) for message in ready.heard]
    seen = [(status.pen_ticks, status.counters.bench_steps) for status in found if status]
    rose = [(b, a) for b, a in itertools.pairwise(seen) if a[1] > b[1]]
    assert rose
    for (earlier, fewer), (later, more) in rose:
        most = (later - earlier) * ready.limits[0].max_flow_steps_s / 1_000_000
        assert more - fewer <= most + 1
