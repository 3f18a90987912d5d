"""The conformance suite never doses with contact on a real pen: the wire itself is guarded."""

import msgspec
import pytest

from controller.service.conformance.conducting import chosen
from controller.service.conformance.running import Examiner
from controller.service.conformance.sheets import Verdict
from protocol.conformance.guard import Dosed, WouldDose
from protocol.conformance.host import RawHost, enter
from protocol.conformance.rules import Needs, Run
from protocol.conformance.tap import Tap, TookTooLong
from protocol.messages import Grant, Status, StatusPush
from protocol.words import StatusFlag
from simulator.device import Memory, PenSpec
from tests.conformance.memory_rig import MemoryRig

REAL_UID = 0x0123_4567_89AB_CDEF
EVERYTHING = ~Needs.NOTHING
NOT_DOSING = EVERYTHING & ~Needs.DOSE_ON_CONTACT


def real_pen() -> MemoryRig:
    return MemoryRig(Memory(preloaded=True), PenSpec(uid=REAL_UID))


def dosed_steps(rig: MemoryRig) -> int:
    """All dose steps of the pen's life, as it says itself."""
    return enter(rig).counters().dose_steps


def granted_dose(host: RawHost) -> Grant:
    """A grant for one stroke of an open DOSE arm."""
    arm_id, counters = host.arm(host.dose), host.counters()
    return host.grant_message(arm_id, counters.punctures + 1, counters.forward_steps + 500)


@pytest.fixture(scope="module")
def whole_run() -> tuple[MemoryRig, Examiner]:
    """Every check on a real pen, whatever is marked to dose left out."""
    rig = real_pen()
    examiner = Examiner(Tap(rig), NOT_DOSING, lambda _rule, _sheet: None)
    examiner.run(chosen())
    return rig, examiner


@pytest.mark.hazard("H07")
def test_all_that_a_real_pen_is_put_to_passes_and_doses_nothing(
    whole_run: tuple[MemoryRig, Examiner],
) -> None:
    rig, examiner = whole_run
    bad = [
        (sheet.name, sheet.reason)
        for _, sheet in examiner.found.sheets
        if sheet.verdict not in {Verdict.PASSED, Verdict.NOT_RUN}
    ]
    assert bad == []
    assert dosed_steps(rig) == 0


def test_what_is_left_out_on_a_real_pen_says_why(whole_run: tuple[MemoryRig, Examiner]) -> None:
    left_out = [
        (run, sheet) for run, sheet in whole_run[1].found.sheets if sheet.verdict is Verdict.NOT_RUN
    ]
    assert left_out
    assert all(run.needs & Needs.DOSE_ON_CONTACT for run, _ in left_out)
    assert {sheet.reason for _, sheet in left_out} == {
        "would dose with contact; runs on simulated pens in CI"
    }


DOSING = [run for run in chosen() if run.needs & Needs.DOSE_ON_CONTACT]


@pytest.mark.hazard("H07")
@pytest.mark.parametrize("run", DOSING, ids=[run.name for run in DOSING])
def test_a_check_that_tries_is_stopped_and_fails(run: Run) -> None:
    rig = real_pen()
    examiner = Examiner(Tap(rig), EVERYTHING, lambda _rule, _sheet: None)
    ((_, sheet),) = examiner.run([run]).sheets
    assert sheet.verdict is Verdict.FAILED
    assert "DOSE mode" in sheet.reason
    assert dosed_steps(rig) == 0


def test_a_grant_with_room_for_a_dose_is_kept_off_the_wire_however_it_is_written() -> None:
    tap = Tap(real_pen())
    host = enter(tap)
    data = host.frame(granted_dose(host))
    with pytest.raises(WouldDose):
        tap.write(host.frame(host.grant_message(1, 0, 0)) + data)
    for byte in data[:-1]:
        tap.write(bytes((byte,)))
    with pytest.raises(WouldDose):
        tap.write(data[-1:])
    host.press()
    host.rig.hand.press()
    host.listen(400_000)
    assert host.counters().dose_steps == 0


def test_a_grant_without_room_and_one_for_another_mode_pass() -> None:
    tap = Tap(real_pen())
    host = enter(tap)
    grant = granted_dose(host)
    host.send(msgspec.structs.replace(grant, step_ceiling=host.counters().forward_steps))
    host.disarm(grant.arm_id)
    before = host.counters()
    arm_id = host.arm(host.bench)
    host.drive(arm_id, 60_000, before.punctures + 1, before.forward_steps + 500)
    host.press()
    host.drive(arm_id, 300_000, before.punctures + 1, before.forward_steps + 500)
    assert host.counters().bench_steps == before.bench_steps + host.bench.steps


def test_nobody_is_asked_to_touch_while_a_dose_arm_is_open() -> None:
    rig = real_pen()
    host = enter(Tap(rig))
    arm_id = host.arm(host.dose)
    host.fresh_status()
    with pytest.raises(WouldDose):
        host.touch()
    assert not rig.body.touching
    host.disarm(arm_id)
    host.fresh_status()
    host.touch()
    assert rig.body.touching


def test_a_simulated_pen_may_dose() -> None:
    tap = Tap(MemoryRig(Memory(preloaded=True)))
    host = enter(tap)
    host.send(granted_dose(host))
    host.touch()
    host.press()
    host.listen(150_000)
    assert host.counters().dose_steps > 0


@pytest.mark.hazard("H07")
@pytest.mark.parametrize("how", ["counts a dose", "pumps in contact"])
def test_a_pen_that_pumps_on_its_own_is_stopped_and_the_run_ends(how: str) -> None:
    rig = real_pen()
    tap = Tap(rig)
    host = enter(tap)
    status = host.fresh_status()
    if how == "counts a dose":
        rose = msgspec.structs.replace(status.counters, dose_steps=1)
    else:
        status = with_contact(status)
        tap.guard.heard(StatusPush(status))
        rose = msgspec.structs.replace(status.counters, bench_steps=1)
    with pytest.raises(Dosed):
        tap._watch(StatusPush(msgspec.structs.replace(status, counters=rose)))
    assert host.fresh_status().flags & StatusFlag.STOP_LATCHED


def with_contact(status: Status) -> Status:
    return msgspec.structs.replace(status, flags=status.flags | StatusFlag.CONTACT)


def test_a_check_that_does_not_end_is_ended() -> None:
    tap = Tap(real_pen())
    host = enter(tap)
    tap.deadline_us = tap.now_us() + 1_000_000
    with pytest.raises(TookTooLong):
        host.listen(5_000_000)
    host.listen(100_000)
