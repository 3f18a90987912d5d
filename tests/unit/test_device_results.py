"""Every result number of the wire comes from a real pen at least once (no dead answers)."""

from collections.abc import Callable

import msgspec
import pytest

from protocol.conformance.host import DOSE, PRIME, RUN
from protocol.faults import fault_number
from protocol.messages import Arm, ArmReply, Clear, Cleared, GrantRefused, StrokeSettings
from protocol.words import Result
from simulator.device import Memory
from tests.support.pens import Bench


def configured(settings: StrokeSettings) -> Result:
    return Bench().host.configure(settings).result


def changed(settings: StrokeSettings, **fields: int) -> StrokeSettings:
    return msgspec.structs.replace(settings, **fields)


def ordered(bench: Bench, settings: StrokeSettings = DOSE, **fields: object) -> Result:
    """The answer to an ARM with some fields off."""
    if bench.host.configure(settings).result is Result.OK:
        bench.host.wait_at_rest()
    order: Arm = msgspec.structs.replace(bench.host.arm_order(settings), **fields)
    return bench.host.ask(order, ArmReply).result


def granted(bench: Bench, **fields: int) -> Result:
    """The refusal of a grant with some fields off."""
    arm_id = bench.host.arm(PRIME)
    grant = bench.host.grant_message(arm_id, 0, 0)
    bench.host.send(msgspec.structs.replace(grant, **fields))
    return bench.host.await_message(GrantRefused).result


def armed_now() -> Result:
    bench = Bench()
    bench.host.arm(DOSE)
    return bench.host.configure(DOSE).result


def not_at_rest() -> Result:
    bench = Bench()
    bench.host.configure(DOSE)
    return bench.host.configure(RUN).result


def not_homed() -> Result:
    bench = Bench()
    bench.body.lose_home()
    return bench.host.configure(DOSE).result


def stop_latched() -> Result:
    bench = Bench()
    bench.host.stop(9)
    return bench.host.configure(DOSE).result


def fault_latched() -> Result:
    bench = Bench()
    bench.body.grip_dc = 500
    bench.host.listen(200_000)
    return bench.host.configure(DOSE).result


def without_cartridge() -> Result:
    bench = Bench()
    bench.body.fitted = None
    bench.rig.inputs()
    return ordered(bench)


def spent() -> Result:
    bench = Bench()
    bench.host.next_arm_id = 50
    bench.host.disarm(bench.host.arm(PRIME))
    return ordered(bench, arm_id=49)


def ended() -> Result:
    bench = Bench()
    arm_id = bench.host.arm(PRIME)
    bench.host.disarm(arm_id)
    return ordered(bench, arm_id=arm_id)


def reused() -> Result:
    bench = Bench()
    arm_id = bench.host.arm(PRIME)
    order = msgspec.structs.replace(bench.host.arm_order(PRIME), arm_id=arm_id, last_stop_id=8)
    return bench.host.ask(order, ArmReply).result


def another_open() -> Result:
    bench = Bench()
    bench.host.arm(PRIME)
    return bench.host.ask(bench.host.arm_order(PRIME), ArmReply).result


def unconfigured() -> Result:
    bench = Bench()
    return bench.host.ask(bench.host.arm_order(DOSE), ArmReply).result


def low_battery() -> Result:
    bench = Bench()
    bench.body.mv = 3_500
    return ordered(bench)


def ring_full() -> Result:
    bench = Bench()
    fast = changed(RUN, stroke_period_us=6_666)
    arm_id = bench.run(fast, 1_850, 13_000_000)
    bench.hand.release()
    bench.host.disarm(arm_id)
    return ordered(bench, RUN)


def not_that_stop() -> Result:
    bench = Bench()
    bench.host.stop(9)
    return bench.host.clear_stop(8).result


def not_that_fault() -> Result:
    bench = Bench()
    bench.body.grip_dc = 500
    bench.host.listen(200_000)
    return bench.host.clear_fault(99).result


def condition_persists() -> Result:
    bench = Bench()
    bench.body.grip_dc = 500
    bench.host.listen(200_000)
    return bench.host.clear_fault(fault_number("OVER_TEMPERATURE")).result


def nothing_to_clear() -> Result:
    bench = Bench()
    return bench.host.ask(Clear(bench.host.request_id(), 0, 30), Cleared).result


def not_armed() -> Result:
    bench = Bench()
    bench.host.send(bench.host.grant_message(1, 0, 0))
    return bench.host.await_message(GrantRefused).result


ONE_OFF = msgspec.structs.replace(Memory().reserved, punctures=1)
PRODUCERS: dict[Result, Callable[[], Result]] = {
    Result.OK: nothing_to_clear,
    Result.ARMED_NOW: armed_now,
    Result.NOT_AT_REST: not_at_rest,
    Result.PROTRUSION_OVER_CEILING: lambda: configured(changed(DOSE, protrusion_um=2_001)),
    Result.PERIOD_TOO_SHORT: lambda: configured(changed(RUN, stroke_period_us=6_665)),
    Result.STEPS_OVER_CEILING: lambda: configured(changed(DOSE, steps=18_501)),
    Result.STROKE_DOES_NOT_FIT: lambda: configured(changed(DOSE, steps=18_500)),
    Result.FIELD_NOT_FOR_MODE: lambda: configured(changed(DOSE, steps=0)),
    Result.NO_CONFIGURATION: unconfigured,
    Result.CONFIGURATION_MISMATCH: lambda: ordered(Bench(), settings_digest=1),
    Result.CARTRIDGE_MISSING: without_cartridge,
    Result.CARTRIDGE_MISMATCH: lambda: ordered(Bench(), cartridge_uid=1),
    Result.CERTIFICATE_MISMATCH: lambda: ordered(Bench(), certificate_id=1),
    Result.COUNTERS_MISMATCH: lambda: ordered(Bench(), expected=ONE_OFF),
    Result.STOP_ID_MISMATCH: lambda: ordered(Bench(), last_stop_id=1),
    Result.STOP_LATCHED: stop_latched,
    Result.FAULT_LATCHED: fault_latched,
    Result.ARM_ID_SPENT: spent,
    Result.ARM_ID_REUSED: reused,
    Result.ANOTHER_ARM_OPEN: another_open,
    Result.NOT_PRELOADED: lambda: ordered(Bench(Memory(preloaded=False))),
    Result.BATTERY_LOW: low_battery,
    Result.NOT_HOMED: not_homed,
    Result.RING_FULL: ring_full,
    Result.ENDED: ended,
    Result.NOT_THAT_STOP: not_that_stop,
    Result.NOT_THAT_FAULT: not_that_fault,
    Result.CONDITION_PERSISTS: condition_persists,
    Result.NOT_ARMED: not_armed,
    Result.WRONG_ARM: lambda: granted(Bench(), arm_id=77),
    Result.WRONG_BOOT: lambda: granted(Bench(), boot_id=77),
    Result.IN_THE_PAST: lambda: granted(Bench(), valid_until_ticks=1),
    Result.TOO_FAR_AHEAD: lambda: granted(Bench(), valid_until_ticks=1 << 60),
}


@pytest.mark.parametrize("result", list(Result), ids=lambda result: result.name)
def test_a_pen_gives_each_answer(result: Result) -> None:
    assert PRODUCERS[result]() is result
