"""Cartridge, battery, home, boot causes and memory: what the pen knows of itself, and refuses."""

import msgspec
import pytest

from protocol.conformance.host import DOSE, PRIME, RUN
from protocol.faults import fault_number
from protocol.messages import (
    ArmRecord,
    ArmReply,
    CertificateStored,
    Clear,
    Cleared,
    Configure,
    Configured,
    Disarm,
    StoreCertificate,
)
from protocol.words import EndReason, PenState, RecordState, Result, StatusFlag
from simulator.device import Memory, ResetCause
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
def test_a_lost_memory_stays_lost_whatever_the_host_asks() -> None:
    bench = Bench()
    bench.nvm.erase()
    bench.reboot()
    request = StoreCertificate(bench.host.request_id(), 77)
    stored = bench.host.ask(request, CertificateStored)
    assert (stored.result, stored.certificate_id) == (Result.FAULT_LATCHED, 0)
    bench.host.stop(9)
    assert bench.host.clear_stop(9).result is Result.CONDITION_PERSISTS
    bench.reboot()
    reply = bench.host.hello()
    assert (reply.boot_id, reply.highest_arm_id, reply.last_stop_id) == (0, 0xFFFF_FFFF, 0)
    assert bench.fault() == fault_number("NVM_FAULT")
    assert bench.nvm.slots == [b"", b""]


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


@pytest.mark.hazard("H14")
def test_a_failed_write_names_the_certificate_that_is_stored() -> None:
    bench = Bench(Memory(certificate_id=77))
    bench.nvm.fail_at = {bench.nvm.writes + 1}
    request = StoreCertificate(bench.host.request_id(), 78)
    stored = bench.host.ask(request, CertificateStored)
    assert (stored.result, stored.certificate_id) == (Result.FAULT_LATCHED, 77)
    assert bench.host.identity().certificate_id == 77
    assert bench.fault() == fault_number("NVM_FAULT")
    bench.reboot()
    assert bench.host.identity().certificate_id == 77


@pytest.mark.hazard("H14")
def test_a_stop_whose_clear_was_not_written_stays_latched() -> None:
    bench = Bench()
    bench.host.stop(9)
    bench.nvm.fail_at = {bench.nvm.writes + 1}
    request = Clear(bench.host.request_id(), 9, 0)
    cleared = bench.host.ask(request, Cleared)
    assert cleared.result is Result.CONDITION_PERSISTS
    assert cleared.status.flags & StatusFlag.STOP_LATCHED
    assert cleared.status.fault == fault_number("NVM_FAULT")
    assert bench.host.ask(request, Cleared).result is Result.OK
    assert bench.host.fresh_status().state is PenState.LATCHED
    assert bench.fault() == fault_number("NVM_FAULT")


@pytest.mark.hazard("H14")
def test_a_fault_whose_clear_was_not_written_stays_and_the_memory_s_own_follows() -> None:
    bench = Bench()
    bench.rig.power_cycle(ResetCause.WATCHDOG)
    bench.host.listen(500_000)
    bench.host.hello()
    firmware = fault_number("FIRMWARE")
    bench.nvm.fail_at = {bench.nvm.writes + 1}
    cleared = bench.host.clear_fault(firmware)
    assert cleared.result is Result.CONDITION_PERSISTS
    assert (cleared.status.state, cleared.status.fault) == (PenState.LATCHED, firmware)
    assert bench.host.clear_fault(firmware).result is Result.OK
    assert bench.host.fresh_status().state is PenState.LATCHED
    assert bench.fault() == fault_number("NVM_FAULT")


def test_a_failed_clear_is_not_undone_by_the_next_boot() -> None:
    bench = Bench()
    bench.host.stop(9)
    bench.nvm.fails_always = True
    assert bench.host.clear_stop(9).result is Result.CONDITION_PERSISTS
    bench.nvm.fails_always = False
    bench.reboot()
    assert bench.host.fresh_status().flags & StatusFlag.STOP_LATCHED


def test_a_disarm_of_the_last_number_is_dropped_and_spends_nothing() -> None:
    bench = Bench()
    bench.host.send(Disarm(bench.host.request_id(), 0xFFFF_FFFF))
    bench.host.listen(500_000)
    assert bench.host.of(ArmRecord) == []
    assert bench.host.identity().highest_arm_id == 0
    spent = bench.host.disarm(0xFFFF_FFFE)
    assert (spent.record_state, spent.end_reason) == (RecordState.NEVER, EndReason.SPENT)


def test_a_copy_of_a_forgotten_configuration_is_a_new_request() -> None:
    bench = Bench()
    request = Configure(bench.host.request_id(), DOSE)
    digest = bench.host.ask(request, Configured).settings_digest
    early = bench.host.ask(request, Configured)
    assert (early.result, early.settings_digest) == (Result.OK, digest)
    bench.body.fitted = None
    bench.rig.inputs()
    moving = bench.host.ask(request, Configured)
    assert (moving.result, moving.settings_digest) == (Result.NOT_AT_REST, 0)
    bench.host.wait_at_rest()
    bench.body.fitted = msgspec.structs.replace(CHIP, max_protrusion_um=DOSE.protrusion_um - 1)
    bench.rig.inputs()
    shallow = bench.host.ask(request, Configured)
    assert (shallow.result, shallow.settings_digest) == (Result.PROTRUSION_OVER_CEILING, 0)
    bench.body.fitted = CHIP
    bench.rig.inputs()
    again = bench.host.ask(request, Configured)
    assert (again.result, again.settings_digest) == (Result.OK, digest)
    assert not bench.host.fresh_status().flags & StatusFlag.AT_REST


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
