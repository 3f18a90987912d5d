"""C2: one link at a time, each nonce once; a new link ends the arm; identity of a boot."""

from protocol.conformance.host import BOOT_US, RawHost
from protocol.conformance.rules import Needs, check
from protocol.conformance.timing import Timing
from protocol.messages import Hello, HelloReply
from protocol.words import EndReason, PenState, RecordState, StatusFlag


@check("C2")
def the_reply_says_who_and_in_which_boot(host: RawHost) -> None:
    reply = host.hello()
    assert reply.uid == host.identity().uid
    assert reply.boot_id == host.status.boot_id
    known = (PenState.IDLE, host.identity().highest_arm_id)
    assert (reply.state, reply.highest_arm_id) == known


@check("C2", preloaded=True)
def the_same_nonce_again_is_harmless_even_while_armed(ready: RawHost) -> None:
    arm_id = ready.arm(ready.dose)
    reply = ready.hello(ready.nonce)
    assert (reply.state, reply.highest_arm_id) == (PenState.ARMED, arm_id)
    assert ready.fresh_status().arm_id == arm_id


@check("C2")
def the_same_nonce_of_another_host_is_dropped(host: RawHost) -> None:
    host.send(Hello(host.nonce, host.host_id + 1), link_id=0)
    assert not [message for message in host.listen(300_000) if isinstance(message, HelloReply)]


@check("C2", preloaded=True)
def a_new_nonce_ends_the_arm(ready: RawHost) -> None:
    arm_id = ready.arm(ready.dose)
    ready.hello()
    assert ready.fresh_status().arm_id == 0
    record = ready.record(arm_id)
    assert (record.record_state, record.end_reason) == (RecordState.FINAL, EndReason.NEW_LINK)


@check("C2", needs=Needs.CONTACT | Needs.CADENCE, hazards=("H37",))
def a_second_hello_during_a_burst_stops_the_pen(host: RawHost) -> None:
    arm_id = host.arm(host.run)
    ceiling = host.status.counters.punctures + 1_000
    host.touch()
    host.drive(arm_id, 60_000, ceiling, 10_000)
    host.press()
    host.drive(arm_id, 500_000, ceiling, 10_000)
    assert host.status.state is PenState.RUNNING
    other = RawHost(host.rig, host_id=host.fresh_id())
    began_us = host.rig.now_us()
    other.hello()
    other.wait_at_rest(500_000)
    host.timings.note(Timing.LINK_REST, host.rig.now_us() - began_us)
    assert host.rig.now_us() - began_us <= 400_000
    record = other.record(arm_id)
    assert (record.record_state, record.end_reason) == (RecordState.FINAL, EndReason.NEW_LINK)
    assert record.proven == record.reserved == other.counters()
    host.send(host.grant_message(arm_id, ceiling, 10_000))
    other.listen(200_000)
    assert other.counters().punctures == record.proven.punctures


@check("C2", hazards=("H12",))
def the_last_sixteen_replaced_nonces_are_refused(host: RawHost) -> None:
    used = [host.nonce]
    for _ in range(16):
        host.hello()
        used.append(host.nonce)
    for nonce in used[:16]:
        host.send(Hello(nonce, host.host_id), link_id=0)
    assert not [message for message in host.listen(300_000) if isinstance(message, HelloReply)]
    assert host.identity().uid != 0
    host.hello()
    assert host.hello(used[0]).nonce == used[0]


@check("C2")
def a_nonce_whose_link_id_is_zero_or_in_use_is_dropped(host: RawHost) -> None:
    high = host.fresh_id() >> 32 << 32
    host.send(Hello(high, host.host_id), link_id=0)
    host.send(Hello(high | host.link_id, host.host_id), link_id=0)
    assert not [message for message in host.listen(300_000) if isinstance(message, HelloReply)]


@check("C2", needs=Needs.POWER)
def a_boot_forgets_link_nonces_and_configuration(host: RawHost) -> None:
    assert host.configure(host.dose).settings_digest != 0
    host.wait_at_rest()
    old_nonce, boot_id = host.nonce, host.status.boot_id
    host.cut_power()
    host.listen(BOOT_US)
    reply = host.hello(old_nonce)
    assert reply.boot_id == boot_id + 1
    assert host.wait_at_rest().flags & StatusFlag.HOMED
