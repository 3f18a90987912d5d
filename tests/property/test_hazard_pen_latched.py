"""A latched pen: nothing that a host can say moves it, and a stop holds from any moment on."""

import pytest

from protocol.conformance.host import DOSE, PRIME, RUN
from protocol.messages import (
    HOST_KINDS,
    Ack,
    Clear,
    Configure,
    Disarm,
    Hello,
    Message,
    Query,
    Replay,
    Stop,
    StoreCertificate,
    StrokeSettings,
)
from protocol.words import Mode, QueryTopic, StatusFlag
from simulator.device import PenSpec
from tests.support.pens import Bench
from tests.unit.test_device_faults import CASES, LONG

SPEC = PenSpec()


def everything_a_host_can_say(bench: Bench, arm_id: int) -> list[Message]:
    """One of each kind, as tempting as can be; CLEAR only for what is not latched."""
    host, boot_id = bench.host, bench.host.status.boot_id
    ahead = host.grant_message(arm_id, *bench.ceilings)
    return [
        ahead,
        Ack(boot_id, 10**6),
        Query(host.request_id(), QueryTopic.IDENTITY, 0),
        Replay(host.request_id(), boot_id, 0),
        Configure(host.request_id(), DOSE),
        host.arm_order(DOSE),
        ahead,
        StoreCertificate(host.request_id(), 77),
        Clear(host.request_id(), 12_345, 0),
        Clear(host.request_id(), 0, 99),
        Hello(host.fresh_id(), host.host_id),
        Disarm(host.request_id(), arm_id),
        Disarm(host.request_id(), arm_id + 1),
        host.grant_message(arm_id + 1, *bench.ceilings),
    ]


@pytest.mark.hazard("H36")
@pytest.mark.parametrize("name", CASES)
def test_after_a_fault_no_message_whatsoever_moves_anything(name: str) -> None:
    """The cause is gone, a hand presses on the skin: only CLEAR, ARM and a new press would do."""
    broken, mended = CASES[name]
    bench = Bench()
    arm_id = bench.run(LONG, 9, 50_000)
    broken(bench)
    bench.go_on(arm_id, 400_000)
    mended(bench)
    bench.hand.lift()
    bench.host.listen(600_000)  # an occlusion is relieved off the skin
    body = bench.body
    made = (body.truth_punctures, body.truth_forward_steps, body.truth_reverse_steps)
    bench.hand.touch()
    messages = everything_a_host_can_say(bench, arm_id)
    assert {message.KIND for message in messages} | {Stop.KIND} == HOST_KINDS
    for message in messages:
        bench.hand.release()
        bench.hand.press()
        bench.host.send(message, link_id=0 if isinstance(message, Hello) else None)
        bench.host.listen(150_000)
    assert (body.truth_punctures, body.truth_forward_steps, body.truth_reverse_steps) == made
    assert bench.fault() != 0


STOP_REST_US = {DOSE: SPEC.retraction_us, RUN: 150_000, PRIME: 0}
"""A dose stroke is cut and retracted; a running needle brakes (C6)."""


@pytest.mark.hazard("H34")
@pytest.mark.parametrize("given_", [DOSE, RUN, PRIME], ids=["dose", "no_dispense", "prime"])
def test_a_stop_in_every_part_of_a_stroke(given_: StrokeSettings) -> None:
    """Each hundredth of a stroke: at rest within the bound, and not a step after that."""
    slowest_us = 0
    on_skin = given_.mode is not Mode.PRIME
    for hundredth in range(100):
        bench = Bench()
        bench.run(given_, 200, 100_000, on_skin=on_skin)
        bench.rig.step_to(bench.rig.now_us() + given_.stroke_period_us * hundredth // 100)
        began_us = bench.rig.now_us()
        bench.host.send(Stop(7))
        body, still_us = bench.body, began_us
        before = (body.truth_punctures, body.truth_forward_steps)
        while bench.rig.now_us() < began_us + 300_000:
            bench.rig.step_to(bench.rig.now_us() + 500)
            now = (body.truth_punctures, body.truth_forward_steps)
            moving = body.stroke_end_us() is not None or body.next_stroke_us() is not None
            if now != before or moving:
                still_us = bench.rig.now_us()
            before = now
        slowest_us = max(slowest_us, still_us - began_us)
        assert bench.host.fresh_status().flags & StatusFlag.STOP_LATCHED
        assert body.truth_forward_steps == bench.host.counters().forward_steps
        assert before != (0, 0)
    assert slowest_us <= STOP_REST_US[given_] + 500
