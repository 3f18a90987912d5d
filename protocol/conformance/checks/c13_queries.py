"""C13: no query changes anything; each answers at any time, in motion too."""

from protocol.conformance.host import RawHost
from protocol.conformance.rules import Needs, check
from protocol.limits import EVENT_RING_MIN_RECORDS
from protocol.words import RecordState


def ask_all(host: RawHost) -> None:
    host.identity()
    host.envelope()
    host.cartridge()
    host.record(0)
    host.record(12345)
    host.last_arm()


@check("C13", hazards=("H03",))
def queries_leave_no_trace(host: RawHost) -> None:
    before = host.fresh_status()
    for _ in range(5):
        ask_all(host)
    after = host.fresh_status()
    assert after.pen_ticks > before.pen_ticks
    for name in before.__struct_fields__:
        if name != "pen_ticks":
            assert getattr(after, name) == getattr(before, name)


@check("C13", needs=Needs.CONTACT | Needs.CADENCE)
def queries_are_answered_in_motion_and_stop_nothing(host: RawHost) -> None:
    before = host.counters()
    arm_id = host.arm(host.run)
    host.touch()
    host.drive(arm_id, 60_000, before.punctures + 900, before.forward_steps)
    host.press()
    for _ in host.driving(arm_id, 800_000, before.punctures + 900, before.forward_steps):
        host.identity()
        assert host.record(arm_id).record_state is RecordState.OPEN
    assert host.fresh_status().arm_id == arm_id
    assert host.counters().punctures > before.punctures + 20


@check("C13")
def the_envelope_is_consistent(host: RawHost) -> None:
    envelope = host.envelope()
    assert envelope.ring_depth >= EVENT_RING_MIN_RECORDS
    assert envelope.insertion_us + envelope.retraction_us <= envelope.min_stroke_period_us
    assert host.cartridge().present == 1


@check("C13")
def unknown_arms_are_told_apart(host: RawHost) -> None:
    unused = host.identity().highest_arm_id + 4_000
    never = host.record(unused)
    assert (never.record_state, never.arm_id) == (RecordState.NEVER, unused)
    assert never.first == never.proven == never.reserved == host.counters()
    guest = RawHost(host.rig, host_id=host.fresh_id())
    guest.hello()
    assert guest.is_unseen()
