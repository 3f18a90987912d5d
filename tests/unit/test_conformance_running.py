"""A run of the conformance suite as a tool: verdicts, times, explanations, and how it can end."""

import msgspec
import pytest

from controller.errors import LinkLost, NoAnswer
from controller.service.conformance.conducting import Conditions, chosen, conduct
from controller.service.conformance.fitness import PenInUse, PenNotReady, greet, look_first
from controller.service.conformance.hand import JigHand, NoHand
from controller.service.conformance.report import text_of_run
from controller.service.conformance.running import Examiner
from controller.service.conformance.sheets import CheckSheet, RunSheet, Verdict
from protocol.conformance.checks import MODULES
from protocol.conformance.host import RawHost, enter
from protocol.conformance.rules import RULES, Check, Needs, Run, checks_of
from protocol.conformance.tap import Tap
from protocol.messages import Status
from protocol.words import PenState, StatusFlag
from simulator.device import Memory, PenSpec
from simulator.firmware import lease, pushes, ring
from tests.conformance.memory_rig import MemoryRig
from tests.support.slow_hand import SlowRig

ALL = ~Needs.NOTHING
PERSON = Needs.HAND | Needs.CONTACT | Needs.POWER | Needs.CADENCE | Needs.LONG_STROKE


def run_of(rig: MemoryRig, *rules: str, offers: Needs = ALL) -> RunSheet:
    """The sheet of a run on that pen."""
    tap = Tap(rig)
    conditions = Conditions("a port", "jig", offers, 0)
    sheet, _ = conduct(tap, greet(tap), conditions, chosen(rules), lambda _rule, _sheet: None)
    return sheet


def ready_pen() -> MemoryRig:
    return MemoryRig(Memory(preloaded=True))


def verdicts(sheet: RunSheet) -> dict[str, Verdict]:
    return {rule.rule: rule.verdict for rule in sheet.rules}


def test_every_rule_has_checks_and_a_whole_pen_passes_all() -> None:
    assert {check.rule for module in MODULES for check in checks_of(module)} == set(RULES)
    sheet = run_of(ready_pen())
    assert verdicts(sheet) == dict.fromkeys(RULES, Verdict.PASSED)
    assert sheet.complete
    assert sheet.pen.after["highest_arm_id"] > sheet.pen.before["highest_arm_id"]
    assert {timing.what for rule in sheet.rules for timing in rule.timings} >= {
        "request to reply",
        "STOP to STOPPED",
        "one status to the next",
        "end of an event to its frame",
        "lapse of the lease to rest",
        "boot to rest",
        "HELLO to HELLO_REPLY",
    }


def test_a_person_s_slow_hand_is_waited_for() -> None:
    rig = SlowRig(Memory(preloaded=True), PenSpec(uid=0x1234))
    hand = rig.person(after_us=2_500_000)
    sheet = run_of(rig, offers=PERSON)
    assert set(verdicts(sheet).values()) == {Verdict.PASSED}
    assert not sheet.complete
    assert {check.verdict for rule in sheet.rules for check in rule.checks} == {
        Verdict.PASSED,
        Verdict.NOT_RUN,
    }
    in_contact = [run for run in chosen() if run.needs & Needs.CONTACT]
    assert hand.asked.count("lift") < len(in_contact)
    assert len(hand.asked) < 200


def test_a_running_needle_does_not_fill_the_ring_while_a_person_is_waited_for() -> None:
    rig = SlowRig(Memory(preloaded=True))
    rig.person(after_us=25_000_000)
    run = next(run for run in chosen(["C6"]) if run.name.startswith("a_running_needle_stops"))
    ((_, sheet),) = Examiner(Tap(rig), ALL, lambda _rule, _sheet: None).run([run]).sheets
    assert (sheet.verdict, sheet.reason) == (Verdict.PASSED, "")


def test_who_does_not_act_gives_no_verdict() -> None:
    rig = SlowRig()
    rig.person(after_us=61_000_000)
    run = next(run for run in chosen(["C13"]) if run.needs & Needs.CONTACT)
    ((_, sheet),) = Examiner(Tap(rig), PERSON, lambda _rule, _sheet: None).run([run]).sheets
    assert sheet.verdict is Verdict.UNFINISHED
    assert "nobody acted" in sheet.reason


@pytest.mark.parametrize(
    ("module", "name", "value", "guilty"),
    [
        (lease, "LEASE_PEN_MAX_US", 400_000, "C5"),
        (pushes, "STATUS_PERIOD_US", 140_000, "C5"),
        (ring, "EVENT_BATCH_MAX_US", 90_000, "C8"),
    ],
    ids=["lease", "status", "events"],
)
def test_a_fault_in_the_firmware_fails_its_own_rule(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, value: int, guilty: str
) -> None:
    monkeypatch.setattr(module, name, value)
    sheet = run_of(ready_pen(), "C3", "C5", "C8", "C13")
    assert [rule for rule, verdict in verdicts(sheet).items() if verdict is Verdict.FAILED] == [
        guilty
    ]
    assert sheet.verdict is Verdict.FAILED


def test_a_late_answer_fails_its_rule_though_that_was_not_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pushes, "STATUS_PERIOD_US", 140_000)
    sheet = run_of(ready_pen(), "C13")
    assert verdicts(sheet) == {"C5": Verdict.FAILED, "C13": Verdict.PASSED}
    (late,) = [timing for timing in sheet.rules[0].timings if timing.exceeded]
    assert (late.what, late.worst_us, late.limit_us) == ("one status to the next", 140_000, 100_000)
    assert "TOO LATE" in text_of_run(sheet)


def test_a_failed_check_shows_line_values_and_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LEASE_PEN_MAX_US", 400_000)
    sheet = run_of(ready_pen(), "C5")
    (failed,) = [check for check in sheet.rules[0].checks if check.verdict is Verdict.FAILED]
    assert failed.name == "each_reason_to_refuse_is_named"
    assert failed.failure is not None
    own, inner = failed.failure.places
    assert own.where.startswith("c05_grant.py:")
    assert own.source == "assert refusal(host, far) is Result.TOO_FAR_AHEAD"
    assert "Grant(" in own.values["far"]
    assert "GrantRefused" in inner.source
    assert any("-> pen  Grant(" in line for line in failed.failure.wire)
    text = text_of_run(sheet)
    assert own.source in text
    assert failed.failure.wire[-1] in text
    again = msgspec.json.decode(msgspec.json.encode(sheet), type=RunSheet)
    assert again == sheet


def test_without_a_hand_only_the_rest_is_run() -> None:
    sheet = run_of(ready_pen(), offers=NoHand.offers)
    by_verdict: dict[Verdict, list[str]] = {verdict: [] for verdict in Verdict}
    for rule in sheet.rules:
        for check in rule.checks:
            by_verdict[check.verdict].append(check.name)
    assert set(verdicts(sheet).values()) == {Verdict.PASSED, Verdict.NOT_RUN}
    assert len(by_verdict[Verdict.PASSED]) > 60
    assert by_verdict[Verdict.UNFINISHED] == by_verdict[Verdict.FAILED] == []
    assert sheet.verdict is Verdict.PASSED
    assert not sheet.complete


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (PenSpec(min_stroke_period_us=20_000), "100 Hz"),
        (PenSpec(max_steps=2_000), "longer stroke"),
    ],
    ids=["slow needle", "small doses"],
)
def test_what_another_pen_need_not_be_able_to_do_is_left_out(spec: PenSpec, reason: str) -> None:
    rig = MemoryRig(Memory(preloaded=True), spec)
    sheet = run_of(rig, "C2", "C6", "C7", "C11", "C13", offers=JigHand.offers)
    assert set(verdicts(sheet).values()) <= {Verdict.PASSED, Verdict.NOT_RUN}
    left_out = [
        check.reason
        for rule in sheet.rules
        for check in rule.checks
        if check.verdict is Verdict.NOT_RUN
    ]
    assert left_out
    assert all(reason in each for each in left_out)


class Sluggish(MemoryRig):
    """A computer that is 300 ms late, so late that leases lapse, until `late_until_us`."""

    late_until_us = 0

    def read(self, until_us: int) -> bytes:
        found = super().read(until_us)
        if not found and self.now_us() < self.late_until_us:
            self.step_to(until_us + 300_000)
        return found


@pytest.mark.parametrize(
    ("late_until_us", "verdict"), [(2_500_000, Verdict.PASSED), (1 << 60, Verdict.UNFINISHED)]
)
def test_a_pen_does_not_fail_because_this_computer_is_late(
    late_until_us: int, verdict: Verdict
) -> None:
    rig = Sluggish(Memory(preloaded=True))
    rig.late_until_us = late_until_us
    run = next(run for run in chosen(["C13"]) if run.needs & Needs.CONTACT)
    examiner = Examiner(Tap(rig), ALL, lambda _rule, _sheet: None)
    ((_, sheet),) = examiner.run([run]).sheets
    assert sheet.verdict is verdict, sheet.reason
    assert ("in each of 3 tries" in sheet.reason) is (verdict is Verdict.UNFINISHED)
    clocks = {kind.value.clock for kind in examiner.found.timings[0][1].values}
    assert clocks == {"pen"}


class Tiresome(MemoryRig):
    """Raises `error` in the middle of everything, once."""

    def __init__(self, error: BaseException, at_us: int) -> None:
        super().__init__(Memory(preloaded=True))
        self._error: BaseException | None = error
        self._error_at_us = at_us

    def read(self, until_us: int) -> bytes:
        if self._error is not None and self.now_us() >= self._error_at_us:
            error, self._error = self._error, None
            raise error
        return super().read(until_us)


@pytest.mark.hazard("H34")
@pytest.mark.parametrize("error", [KeyboardInterrupt(), LinkLost("The port is gone.")], ids=type)
def test_a_run_that_is_cut_short_leaves_the_pen_stopped(error: BaseException) -> None:
    rig = Tiresome(error, 20_000_000)
    examiner = Examiner(Tap(rig), ALL, lambda _rule, _sheet: None)
    found = examiner.run(chosen(["C6"]))
    assert found.interrupted is isinstance(error, KeyboardInterrupt)
    assert found.ended_early.endswith("; the pen was stopped")
    assert [sheet.verdict for _, sheet in found.sheets].count(Verdict.UNFINISHED) > 1
    host = RawHost(rig)
    host.hello()
    assert host.fresh_status().state is PenState.LATCHED
    assert host.wait_at_rest().arm_id == 0


@pytest.mark.hazard("H34")
def test_ctrl_c_between_two_checks_stops_the_pen_too() -> None:
    rig, told = ready_pen(), list[str]()

    def tell(_rule: str, sheet: CheckSheet) -> None:
        told.append(sheet.name)
        if len(told) == 2:
            raise KeyboardInterrupt

    found = Examiner(Tap(rig), ALL, tell).run(chosen(["C13"]))
    assert found.interrupted
    assert (
        [sheet.name for _, sheet in found.sheets] == told == [run.name for run in chosen(["C13"])]
    )
    assert enter_latched(rig).flags & StatusFlag.STOP_LATCHED


def enter_latched(rig: MemoryRig) -> Status:
    """The pen's status on a new link, nothing cleared."""
    host = RawHost(rig)
    host.hello()
    return host.fresh_status()


def test_a_pen_that_lets_no_check_begin_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = ready_pen()
    rig.body.fitted = None
    monkeypatch.setattr(MemoryRig, "write", lambda _self, _data: None)
    found = Examiner(Tap(rig), ALL, lambda _rule, _sheet: None).run(chosen(["C13"]))
    verdicts_found = [sheet.verdict for _, sheet in found.sheets]
    assert verdicts_found[:3] == [Verdict.FAILED] * 3
    assert set(verdicts_found[3:]) == {Verdict.UNFINISHED}
    assert "HELLO_REPLY" in found.sheets[0][1].reason


def test_an_odd_answer_is_a_failure_and_no_crash() -> None:
    def wants_an_event(host: RawHost) -> None:
        host.events.pop()

    run = Run(Check("C8", wants_an_event))
    ((_, sheet),) = Examiner(Tap(ready_pen()), ALL, lambda _rule, _sheet: None).run([run]).sheets
    assert sheet.verdict is Verdict.FAILED
    assert "IndexError" in sheet.reason


def test_a_pen_with_an_open_arm_is_not_touched() -> None:
    rig = ready_pen()
    other = enter(rig)
    arm_id = other.arm(other.prime)
    with pytest.raises(PenInUse, match=f"arm {arm_id}"):
        look_first(Tap(rig))
    other.listen(10_000)
    assert other.record(arm_id).end_reason.name == "NO_GRANT"


class Silent(MemoryRig):
    """The pen lives, and its wire is broken."""

    def read(self, until_us: int) -> bytes:
        self.step_to(until_us)
        return b""


def test_a_silent_line_and_an_empty_pen_are_told_before_anything_is_run() -> None:
    with pytest.raises(NoAnswer):
        look_first(Tap(Silent()))
    empty = ready_pen()
    empty.body.fitted = None
    empty.power_cycle()
    with pytest.raises(PenNotReady, match="cartridge"):
        greet(Tap(empty))
