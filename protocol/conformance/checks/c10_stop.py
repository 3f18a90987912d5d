"""C10: a stop works in any state and on any link, is echoed at once, latches, and only latches."""

from protocol.conformance.host import BOOT_US, RawHost
from protocol.conformance.rules import Needs, check
from protocol.messages import Clear, Cleared, Stop, Stopped
from protocol.words import EndReason, PenState, Result, StatusFlag


@check("C10", needs=Needs.CONTACT, hazards=("H34",))
def a_stop_of_a_stranger_stops_a_running_pen(host: RawHost) -> None:
    before = host.counters()
    arm_id = host.arm(host.run)
    host.touch()
    host.drive(arm_id, 60_000, before.punctures + 9_000, before.forward_steps)
    host.press()
    host.drive(arm_id, 500_000, before.punctures + 9_000, before.forward_steps)
    stop_id = host.fresh_id()
    echo = host.stop(stop_id, link_id=host.link_id ^ 0xDEAD)
    assert (echo.stop_id, echo.status.arm_id) == (stop_id, 0)
    assert echo.status.flags & StatusFlag.STOP_LATCHED
    host.listen(400_000)
    assert host.status.state is PenState.LATCHED
    record = host.record(arm_id)
    assert record.end_reason is EndReason.STOP
    assert record.proven == host.counters()


@check("C10", hazards=("H35",))
def repeats_are_echoed_and_latch_once(host: RawHost) -> None:
    first, second = host.fresh_id(), host.fresh_id()
    for _ in range(3):
        assert host.stop(first).stop_id == first
    assert host.clear_stop(first).result is Result.OK
    late = host.stop(first)
    assert not late.status.flags & StatusFlag.STOP_LATCHED
    assert host.stop(second).status.flags & StatusFlag.STOP_LATCHED
    assert host.identity().last_stop_id == second


@check("C10")
def the_echo_leaves_before_anything_else_that_waits(host: RawHost) -> None:
    at = len(host.heard)
    request = host.frame(Clear(host.request_id(), 1, 0))
    host.rig.write(request + host.frame(Stop(host.fresh_id())))
    host.listen(50_000)
    answers = [type(m) for m in host.heard[at:] if isinstance(m, Stopped | Cleared)]
    assert answers == [Stopped, Cleared]


@check("C10")
def a_stop_may_cut_another_frame(host: RawHost) -> None:
    cut = host.frame(Clear(host.request_id(), 1, 0))[:9]
    host.rig.write(cut)
    stop_id = host.fresh_id()
    assert host.stop(stop_id).stop_id == stop_id


@check("C10", needs=Needs.POWER)
def a_stop_latches_without_any_link_and_over_a_boot(host: RawHost) -> None:
    host.cut_power()
    host.link_id = 0
    host.listen(50_000)
    stop_id = host.fresh_id()
    assert host.stop(stop_id).stop_id == stop_id
    host.cut_power()
    host.listen(BOOT_US)
    assert host.hello().last_stop_id == stop_id
    assert host.fresh_status().state is PenState.LATCHED


@check("C10", hazards=("H36",))
def clear_needs_the_very_stop_and_never_arms(host: RawHost) -> None:
    stop_id = host.fresh_id()
    host.stop(stop_id)
    assert host.clear_stop(host.fresh_id()).result is Result.NOT_THAT_STOP
    assert host.ask(Clear(host.request_id(), 0, 0), Cleared).result is Result.NOT_THAT_STOP
    assert host.ask(Clear(host.request_id(), stop_id, 30), Cleared).result is Result.NOT_THAT_STOP
    cleared = host.clear_stop(stop_id)
    assert (cleared.result, cleared.status.state) == (Result.OK, PenState.IDLE)
    assert cleared.status.arm_id == 0
    assert host.clear_stop(stop_id).result is Result.OK
    assert host.clear_fault(30).result is Result.OK


@check("C10")
def a_late_copy_of_a_clear_unlatches_nothing_new(host: RawHost) -> None:
    first = host.fresh_id()
    host.stop(first)
    request = Clear(host.request_id(), first, 0)
    assert host.ask(request, Cleared).result is Result.OK
    host.stop(host.fresh_id())
    assert host.ask(request, Cleared).result is Result.OK
    assert host.fresh_status().flags & StatusFlag.STOP_LATCHED


@check("C10", needs=Needs.CONTACT)
def clear_waits_for_rest(host: RawHost) -> None:
    before = host.counters()
    arm_id = host.arm(host.run)
    host.touch()
    host.drive(arm_id, 60_000, before.punctures + 9_000, before.forward_steps)
    host.press()
    host.drive(arm_id, 500_000, before.punctures + 9_000, before.forward_steps)
    stop_id = host.fresh_id()
    host.send(Stop(stop_id))
    assert host.clear_stop(stop_id).result is Result.NOT_AT_REST
    host.wait_at_rest()
    assert host.clear_stop(stop_id).result is Result.OK


@check("C10")
def an_open_arm_ends_though_nothing_moves(host: RawHost) -> None:
    arm_id = host.arm(host.prime)
    host.stop(host.fresh_id())
    assert host.record(arm_id).end_reason is EndReason.STOP
