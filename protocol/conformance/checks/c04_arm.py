"""C4: arming opens a record before it answers, each precondition refuses, every end is for good."""

import msgspec

from protocol.conformance.host import RawHost
from protocol.conformance.rules import Case, Needs, check
from protocol.conformance.strokes import STROKES, meet, metered, stroke
from protocol.conformance.timing import Timing
from protocol.limits import ARM_RECORDS_KEPT, ARM_WITHOUT_GRANT_US
from protocol.messages import Arm, ArmRecord, ArmReply, Counters, Disarm
from protocol.words import EndReason, Mode, PenState, RecordState, Result, StatusFlag


def altered(order: Arm, host: RawHost, **fields: object) -> Arm:
    return msgspec.structs.replace(order, request_id=host.request_id(), **fields)


@check("C4", preloaded=True)
def an_arm_opens_and_reports_what_the_pen_has(ready: RawHost) -> None:
    arm_id = ready.arm(ready.dose)
    status = ready.fresh_status()
    assert (status.arm_id, status.state) == (arm_id, PenState.ARMED)
    record = ready.record(arm_id)
    assert (record.record_state, record.mode) == (RecordState.OPEN, Mode.DOSE)
    assert record.end_reason is EndReason.OPEN
    assert record.host_id == ready.host_id
    assert record.first == record.proven == record.reserved == status.counters
    assert ready.cartridge().used == 1


@check("C4", preloaded=True)
def the_same_arm_again_is_ok_while_open_and_ended_afterwards(ready: RawHost) -> None:
    ready.configure(ready.dose)
    order = ready.arm_order(ready.dose)
    replies = [ready.ask(altered(order, ready), ArmReply).result for _ in range(2)]
    assert replies == [Result.OK, Result.OK]
    other = altered(order, ready, certificate_id=order.certificate_id + 1)
    assert ready.ask(other, ArmReply).result is Result.ARM_ID_REUSED
    ready.disarm(order.arm_id)
    assert ready.ask(altered(order, ready), ArmReply).result is Result.ENDED


@check("C4", hazards=("H02",))
def a_higher_arm_waits_and_a_lower_one_is_spent(host: RawHost) -> None:
    host.next_arm_id += 10
    arm_id = host.arm(host.prime)
    order = host.arm_order(host.prime, arm_id + 1)
    assert host.ask(order, ArmReply).result is Result.ANOTHER_ARM_OPEN
    host.disarm(arm_id)
    low = altered(order, host, arm_id=arm_id - 1)
    assert host.ask(low, ArmReply).result is Result.ARM_ID_SPENT
    assert host.ask(altered(order, host), ArmReply).result is Result.OK


@check("C4", preloaded=True)
def each_precondition_that_is_off_refuses_and_spends_no_id(ready: RawHost) -> None:
    ready.configure(msgspec.structs.replace(ready.bench, protrusion_um=0))
    order = ready.arm_order(ready.dose)
    wrong = altered(order, ready, settings_digest=order.settings_digest ^ 1)
    assert ready.ask(order, ArmReply).result is Result.CONFIGURATION_MISMATCH
    ready.configure(ready.dose)
    early = ready.ask(wrong, ArmReply).result
    assert early is Result.NOT_AT_REST or ready.fresh_status().flags & StatusFlag.AT_REST
    ready.wait_at_rest()
    counters = msgspec.structs.astuple(order.expected)
    cases: list[tuple[dict[str, object], Result]] = [
        ({"settings_digest": order.settings_digest ^ 1}, Result.CONFIGURATION_MISMATCH),
        ({"cartridge_uid": order.cartridge_uid ^ 1}, Result.CARTRIDGE_MISMATCH),
        ({"certificate_id": order.certificate_id ^ 1}, Result.CERTIFICATE_MISMATCH),
        ({"last_stop_id": order.last_stop_id ^ 1}, Result.STOP_ID_MISMATCH),
    ]
    for place in range(len(counters)):
        values = [value + (at == place) for at, value in enumerate(counters)]
        cases.append(({"expected": Counters(*values)}, Result.COUNTERS_MISMATCH))
    for fields, expected_result in cases:
        reply = ready.ask(altered(order, ready, **fields), ArmReply)
        assert reply.result is expected_result
        assert (reply.settings_digest, reply.cartridge_uid) == (
            order.settings_digest,
            order.cartridge_uid,
        )
        assert reply.highest_arm_id < order.arm_id
    assert ready.ask(altered(order, ready), ArmReply).result is Result.OK


@check("C4", needs=Needs.POWER)
def without_a_configuration_no_arm(host: RawHost) -> None:
    host.reboot()
    order = host.arm_order(host.dose)
    assert host.ask(order, ArmReply).result is Result.NO_CONFIGURATION


@check("C4")
def a_latched_stop_refuses_arm_and_configuration(host: RawHost) -> None:
    host.configure(host.prime)
    stop_id = host.fresh_id()
    host.stop(stop_id)
    order = host.arm_order(host.prime)
    assert host.ask(order, ArmReply).result is Result.STOP_LATCHED
    assert host.configure(host.prime).result is Result.STOP_LATCHED
    assert host.clear_stop(stop_id).result is Result.OK
    assert host.ask(altered(order, host), ArmReply).result is Result.OK


@check("C4", needs=Needs.HAND, preloaded=True)
def a_dose_arm_needs_preload_and_any_reversal_takes_it_away(ready: RawHost) -> None:
    before = ready.counters()
    arm_id = ready.arm(ready.reload)
    ready.drive(arm_id, 60_000, before.punctures, before.reverse_steps + ready.reload.steps)
    ready.press()
    ready.drive(arm_id, 200_000, before.punctures, before.reverse_steps + ready.reload.steps)
    ready.release()
    ready.disarm(arm_id)
    after = ready.fresh_status()
    assert after.counters.reverse_steps == before.reverse_steps + ready.reload.steps
    assert not after.flags & StatusFlag.PRELOADED
    ready.configure(ready.dose)
    order = ready.arm_order(ready.dose)
    assert ready.ask(order, ArmReply).result is Result.NOT_PRELOADED
    ready.preload()
    ready.disarm(ready.arm(ready.dose))


@check("C4", hazards=("H08",))
def an_arm_without_a_grant_ends_after_a_second(host: RawHost) -> None:
    arm_id = host.arm(host.prime)
    armed_us = host.rig.now_us()
    host.listen(ARM_WITHOUT_GRANT_US - 250_000)
    assert host.fresh_status().arm_id == arm_id
    host.listen(250_000)
    assert host.fresh_status().arm_id == 0
    host.timings.note(Timing.NO_GRANT, host.rig.now_us() - armed_us)
    assert host.rig.now_us() - armed_us <= ARM_WITHOUT_GRANT_US + 300_000
    assert host.record(arm_id).end_reason is EndReason.NO_GRANT


@check("C4")
def disarm_answers_with_the_final_record_again_and_again(host: RawHost) -> None:
    arm_id = host.arm(host.prime)
    first, second = host.disarm(arm_id), host.disarm(arm_id)
    for record in (first, second):
        assert (record.record_state, record.end_reason) == (RecordState.FINAL, EndReason.DISARMED)
    assert first.proven == second.proven == first.reserved


@check("C4")
def disarm_of_an_unseen_id_spends_it_for_good(host: RawHost) -> None:
    unseen = host.identity().highest_arm_id + 500
    for _ in range(2):
        record = host.disarm(unseen)
        assert (record.record_state, record.end_reason) == (RecordState.NEVER, EndReason.SPENT)
        assert record.first == record.reserved == host.counters()
    host.configure(host.prime)
    order = host.arm_order(host.prime, unseen)
    assert host.ask(order, ArmReply).result is Result.ENDED
    assert host.hello().highest_arm_id == unseen


@check("C4", needs=Needs.QUICK_HAND, preloaded=True, cases=STROKES)
def disarm_in_mid_dose_waits_for_the_whole_stroke(ready: RawHost, mode: Mode) -> None:
    settings = stroke(ready, mode)
    before = ready.counters()
    arm_id = ready.arm(settings)
    steps = before.forward_steps + settings.steps
    meet(ready, mode)
    ready.drive(arm_id, 60_000, before.punctures + 1, steps)
    ready.press()
    ready.drive(arm_id, 20_000, before.punctures + 1, steps)
    ready.send(Disarm(ready.request_id(), arm_id))
    ready.listen(20_000)
    ending = ready.record(arm_id)
    assert (ending.record_state, ending.end_reason) == (RecordState.ENDING, EndReason.DISARMED)
    assert ready.fresh_status().arm_id == 0
    ready.listen(200_000)
    record = ready.of(ArmRecord)[-1]
    assert record.record_state is RecordState.FINAL
    assert metered(record.proven, mode) == metered(before, mode) + settings.steps
    assert not ready.events[-1].is_partial


@check(
    "C4",
    needs=Needs.QUICK_HAND,
    preloaded=True,
    cases=[Case(f"{n} ms", n * 1_000) for n in range(110, 200, 10)],
)
def a_lease_that_lapses_while_a_disarmed_run_brakes_ends_it(ready: RawHost, alone_us: int) -> None:
    before = ready.counters()
    arm_id = ready.arm(ready.run)
    ready.touch()
    ready.drive(arm_id, 60_000, before.punctures + 20, before.forward_steps)
    ready.press()
    ready.drive(arm_id, 100_000, before.punctures + 20, before.forward_steps)
    ready.listen(alone_us)
    ready.send(Disarm(ready.request_id(), arm_id))
    ready.listen(400_000)
    record = ready.record(arm_id)
    assert record.record_state is RecordState.FINAL
    assert record.end_reason in (EndReason.DISARMED, EndReason.LAPSE)
    assert ready.fresh_status().flags & StatusFlag.AT_REST
    assert record.proven == ready.counters()


@check("C4")
def records_of_the_last_sixteen_arms_are_kept(host: RawHost) -> None:
    arm_ids = [host.arm(host.prime)]
    assert host.disarm(arm_ids[0]).record_state is RecordState.FINAL
    for _ in range(ARM_RECORDS_KEPT):
        arm_ids.append(arm_ids[-1] + 1)
        host.disarm(arm_ids[-1])
    spent = [host.record(arm_id).record_state for arm_id in arm_ids[1:]]
    assert spent == [RecordState.NEVER] * ARM_RECORDS_KEPT
    assert host.record(arm_ids[-1] + 1).record_state is RecordState.NEVER
    assert host.last_arm().arm_id == arm_ids[0]


@check("C4")
def the_last_arm_of_each_host_is_its_own(host: RawHost) -> None:
    first = host.arm(host.prime)
    host.disarm(first)
    guest = RawHost(host.rig, host_id=host.fresh_id())
    guest.hello()
    assert guest.is_unseen()
    second = guest.arm(host.run)
    guest.disarm(second)
    assert guest.last_arm().arm_id == second
    host.hello()
    assert host.last_arm().arm_id == first


@check("C4", needs=Needs.HAND, preloaded=True, cases=STROKES)
def an_arm_that_was_stopped_stays_ended_whatever_comes(ready: RawHost, mode: Mode) -> None:
    settings = stroke(ready, mode)
    arm_id = ready.arm(settings)
    stop_id = ready.fresh_id()
    ready.stop(stop_id)
    ready.clear_stop(stop_id)
    meet(ready, mode)
    ready.press()
    ready.drive(arm_id, 300_000, 1 << 40, 1 << 40)
    record = ready.record(arm_id)
    assert (record.end_reason, record.proven) == (EndReason.STOP, record.first)
    assert ready.counters() == record.first
