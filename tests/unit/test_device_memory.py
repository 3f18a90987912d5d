"""Cartridge, battery, home, boot causes and memory: what the pen knows of itself, and refuses."""

import msgspec
import pytest

from protocol.faults import fault_number
from protocol.messages import ArmReply, CertificateStored, StoreCertificate
from protocol.words import EndReason, PenState, RecordState, Result, StatusFlag
from simulator.device import Memory, ResetCause
from tests.conformance.host import DOSE, PRIME, RUN
from tests.support.ideal_mechanics import CHIP
from tests.support.pens import Bench


@pytest.mark.hazard("H24")
def test_a_cartridge_exchanged_at_rest_forgets_the_configuration() -> None:
    bench = Bench()
    bench.host.configure(DOSE)
    order = bench.host.arm_order(DOSE)
    bench.body.fitted = msgspec.structs.replace(CHIP, cartridge_uid=2)
    bench.rig.inputs()
    assert bench.host.ask(order, ArmReply).result is Result.NO_CONFIGURATION
    bench.host.configure(DOSE)
    bench.host.wait_at_rest()
    again = msgspec.structs.replace(order, request_id=bench.host.request_id())
    assert bench.host.ask(again, ArmReply).result is Result.CARTRIDGE_MISMATCH
    bench.body.fitted = None
    bench.rig.inputs()
    bench.host.configure(PRIME)
    again = msgspec.structs.replace(bench.host.arm_order(PRIME))
    assert bench.host.ask(again, ArmReply).result is Result.CARTRIDGE_MISSING
    assert bench.host.cartridge().present == 0


@pytest.mark.hazard("H22")
def test_a_cartridge_s_own_ceiling_beats_the_pen_s() -> None:
    bench = Bench()
    over = msgspec.structs.replace(DOSE, protrusion_um=CHIP.max_protrusion_um + 1)
    assert bench.host.configure(over).result is Result.PROTRUSION_OVER_CEILING
    bench.body.fitted = None
    bench.rig.inputs()
    assert bench.host.configure(over).result is Result.OK


@pytest.mark.hazard("H32")
def test_a_low_battery_refuses_to_arm() -> None:
    bench = Bench()
    bench.host.configure(DOSE)
    bench.body.mv = bench.rig.spec.arm_battery_mv - 1
    assert bench.host.ask(bench.host.arm_order(DOSE), ArmReply).result is Result.BATTERY_LOW
    bench.body.mv += 1
    assert bench.host.ask(bench.host.arm_order(DOSE), ArmReply).result is Result.OK


def test_a_lost_home_refuses_to_arm_and_to_configure() -> None:
    bench = Bench()
    bench.host.configure(PRIME)
    bench.body.lose_home()
    assert bench.host.configure(DOSE).result is Result.NOT_HOMED
    assert bench.host.ask(bench.host.arm_order(PRIME), ArmReply).result is Result.NOT_HOMED


def test_a_pen_that_cannot_home_latches_at_boot_and_homes_again_on_clear() -> None:
    bench = Bench()
    bench.body.homes = False
    bench.reboot()
    assert bench.fault() == fault_number("HOME_LOST")
    assert bench.host.clear_fault(bench.fault()).result is Result.OK
    bench.host.wait_at_rest()
    assert bench.fault() == fault_number("HOME_LOST")
    bench.body.homes = True
    bench.host.clear_fault(bench.fault())
    status = bench.host.wait_at_rest()
    assert (status.state, status.fault) == (PenState.IDLE, 0)
    assert status.flags & StatusFlag.HOMED


@pytest.mark.parametrize(
    ("cause", "name"), [(ResetCause.BROWN_OUT, "BROWN_OUT"), (ResetCause.WATCHDOG, "FIRMWARE")]
)
def test_a_bad_reset_cause_latches(cause: ResetCause, name: str) -> None:
    bench = Bench()
    bench.rig.power_cycle(cause)
    bench.host.listen(500_000)
    bench.host.hello()
    assert bench.fault() == fault_number(name)
    assert bench.host.clear_fault(bench.fault()).result is Result.OK


def test_a_trigger_held_at_boot_latches_until_let_go() -> None:
    bench = Bench()
    bench.hand.press()
    bench.rig.power_cycle()
    bench.host.listen(500_000)
    bench.host.hello()
    assert bench.fault() == fault_number("TRIGGER_STUCK")
    assert bench.host.clear_fault(bench.fault()).result is Result.CONDITION_PERSISTS
    bench.hand.release()
    assert bench.host.clear_fault(fault_number("TRIGGER_STUCK")).result is Result.OK


@pytest.mark.hazard("H14")
def test_a_lost_memory_arms_never_and_claims_nothing() -> None:
    bench = Bench()
    bench.nvm.erase()
    bench.rig.power_cycle()
    bench.host.listen(500_000)
    reply = bench.host.hello()
    assert (reply.boot_id, reply.highest_arm_id) == (0, 0xFFFF_FFFF)
    assert bench.fault() == fault_number("NVM_FAULT")
    assert bench.host.clear_fault(bench.fault()).result is Result.CONDITION_PERSISTS
    order = bench.host.arm_order(DOSE, 5)
    assert bench.host.ask(order, ArmReply).result is Result.ARM_ID_SPENT
    assert bench.host.record(5).record_state is RecordState.NOT_KEPT
    assert bench.host.last_arm().record_state is RecordState.NOT_KEPT


@pytest.mark.hazard("H14")
@pytest.mark.parametrize("write", [1, 2, 3])
def test_a_failed_write_moves_nothing_more(write: int) -> None:
    bench = Bench()
    bench.host.configure(DOSE)
    order = bench.host.arm_order(DOSE)
    bench.nvm.fail_at = {bench.nvm.writes + write}
    reply = bench.host.ask(order, ArmReply)
    assert reply.result is (Result.FAULT_LATCHED if write == 1 else Result.OK)
    bench.hand.touch()
    bench.host.drive(order.arm_id, 60_000, 9, 9 * DOSE.steps)
    bench.hand.press()
    bench.host.drive(order.arm_id, 900_000, 9, 9 * DOSE.steps)
    assert bench.fault() == fault_number("NVM_FAULT")
    assert bench.body.truth_punctures == write // 3
    if write == 1:
        assert bench.host.record(order.arm_id).record_state is RecordState.NEVER
    else:
        assert bench.host.record(order.arm_id).end_reason is EndReason.FAULT


def test_a_certificate_is_stored_at_rest_only() -> None:
    bench = Bench()

    def store(certificate_id: int) -> Result:
        request = StoreCertificate(bench.host.request_id(), certificate_id)
        return bench.host.ask(request, CertificateStored).result

    assert store(77) is Result.OK
    arm_id = bench.host.arm(RUN)
    assert store(78) is Result.ARMED_NOW
    bench.host.disarm(arm_id)
    bench.host.configure(DOSE)
    assert store(78) is Result.NOT_AT_REST
    bench.host.wait_at_rest()
    bench.nvm.fails_always = True
    assert store(78) is Result.FAULT_LATCHED
    bench.nvm.fails_always = False
    bench.reboot()
    assert bench.host.identity().certificate_id == 77


def test_the_ninth_host_evicts_the_oldest_and_the_pen_admits_it() -> None:
    bench = Bench(Memory(preloaded=True))
    for guest in range(9):
        bench.host.host_id = 100 + guest
        bench.host.hello()
        bench.host.disarm(bench.host.arm(PRIME))
    bench.host.host_id = 100
    bench.host.hello()
    assert bench.host.last_arm().record_state is RecordState.NOT_KEPT
    bench.host.host_id = 101
    bench.host.hello()
    assert bench.host.last_arm().host_id == 101
