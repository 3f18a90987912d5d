"""Puts one pen to checks, one after the other, and leaves it as it was found, or stopped."""

import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from controller.errors import MicropenError
from controller.service.conformance.explaining import failure_of
from controller.service.conformance.sheets import CheckSheet, Verdict
from protocol.conformance.granting import NobodyActed
from protocol.conformance.guard import Dosed
from protocol.conformance.host import RawHost, enter, leave
from protocol.conformance.rules import Needs, Run
from protocol.conformance.settings import pump_us
from protocol.conformance.strokes import long_pump_us
from protocol.conformance.tap import Tap
from protocol.conformance.timing import Timings
from protocol.limits import STOP_REPEAT_US
from protocol.messages import Envelope, Stopped
from protocol.words import StatusFlag

CHECK_WITHIN_US = 120_000_000
"""The longest check takes 10 s and the hand's acts. Engineering estimate."""
HAND_EXTRA_US = 900_000_000
"""What a person may take on top in one check."""
CADENCE_PERIOD_US = 10_000
"""The period of Needs.CADENCE."""
GIVE_UP_AFTER = 3
"""So many checks in a row that could not even begin, and the pen is left alone."""
STOPS = 25
LATE_US = 20_000
"""A computer that wakes the program later than this may itself let a lease lapse. A lease is 200 ms
and a grant due each 25 ms. Engineering estimate."""
TRIES = 3
BROKEN = (AssertionError, LookupError, StopIteration, ValueError, ArithmeticError, struct.error)
"""What a check raises on a pen that does not keep its rule: it may also answer what no check can
work with."""

LACKS = {
    Needs.DOSE_ON_CONTACT: "would dose with contact; runs on simulated pens in CI",
    Needs.QUICK_HAND: "needs a hand within 10 ms: a jig (--jig)",
    Needs.QUICK_POWER: "needs the supply cut while it moves: a jig (--jig)",
    Needs.CONTACT: "needs a hand",
    Needs.HAND: "needs a hand",
    Needs.POWER: "needs the power switch",
    Needs.LONG_STROKE: "needs a longer stroke than this pen's steps and flow allow",
    Needs.CADENCE: "needs a running needle of 100 Hz; this pen's shortest period is longer",
}
"""Reasons not to run a check, the one that is told first."""

Tell = Callable[[str, CheckSheet], None]


@dataclass
class Found:
    """What a run found so far."""

    sheets: list[tuple[Run, CheckSheet]] = field(default_factory=list)
    timings: list[tuple[str, Timings]] = field(default_factory=list)
    """What each check that was run has measured."""
    ended_early: str = ""
    interrupted: bool = False


def offers_of(hand: Needs, tap: Tap, envelope: Envelope) -> Needs:
    """What this run has for its checks."""
    found = hand
    if tap.guard.may_dose:
        found |= Needs.DOSE_ON_CONTACT
    if envelope.min_stroke_period_us <= CADENCE_PERIOD_US:
        found |= Needs.CADENCE
    wanted_us = long_pump_us(is_quick=tap.is_quick)
    if pump_us(envelope.max_steps, envelope) >= wanted_us:
        found |= Needs.LONG_STROKE
    return found


class Examiner:
    """One run on one pen. Ctrl-C, a lost line and a pen that doses end it, with the pen stopped."""

    def __init__(self, tap: Tap, offers: Needs, tell: Tell) -> None:
        self._tap = tap
        self._offers = offers
        self._tell = tell
        self._closed_doors = 0
        self.found = Found()

    def run(self, runs: Sequence[Run]) -> Found:
        """Put the pen to all of them."""
        try:
            self._go_through(runs)
        except KeyboardInterrupt:
            self.found.interrupted = True
            self._end(runs[-1], "interrupted by Ctrl-C")
            self._go_through(runs)
        return self.found

    def _go_through(self, runs: Sequence[Run]) -> None:
        """What is left of them."""
        done = len(self.found.sheets)
        for run, then in zip(runs[done:], [*runs[done + 1 :], None], strict=True):
            began_us = self._tap.now_us()
            sheet = self._sheet(run, then)
            duration_s = (self._tap.now_us() - began_us) / 1e6
            sheet = msgspec.structs.replace(sheet, duration_s=round(duration_s, 3))
            self.found.sheets.append((run, sheet))
            self._tell(run.check.rule, sheet)

    def _sheet(self, run: Run, then: Run | None) -> CheckSheet:
        lacks = [reason for need, reason in LACKS.items() if need & run.needs & ~self._offers]
        if lacks:
            return CheckSheet(run.name, Verdict.NOT_RUN, lacks[0])
        if self.found.ended_early:
            return CheckSheet(run.name, Verdict.UNFINISHED, self.found.ended_early)
        try:
            return self._fairly(run, then)
        except Dosed as error:
            self._end(run, str(error))
            return self._failed(run, error)
        except MicropenError as error:
            return self._end(run, error.what)

    def _end(self, run: Run, why: str) -> CheckSheet:
        stopped = "the pen was stopped" if self.stop() else "the pen does not echo a STOP"
        self._let_go()
        self.found.ended_early = f"{why}; {stopped}"
        return CheckSheet(run.name, Verdict.UNFINISHED, self.found.ended_early)

    def _fairly(self, run: Run, then: Run | None) -> CheckSheet:
        """A pen does not fail because this computer was late: then the check is made again."""
        for _ in range(TRIES):
            self._tap.late_us = 0
            sheet = self._put_to(run, then)
            if sheet.verdict is not Verdict.FAILED or self._tap.late_us <= LATE_US:
                return sheet
        late_ms = self._tap.late_us // 1_000
        why = f"this computer was up to {late_ms} ms late in each of {TRIES} tries: {sheet.reason}"
        return msgspec.structs.replace(sheet, verdict=Verdict.UNFINISHED, reason=why)

    def _put_to(self, run: Run, then: Run | None) -> CheckSheet:
        extra_us = 0 if self._tap.is_quick else HAND_EXTRA_US
        self._tap.deadline_us = self._tap.now_us() + CHECK_WITHIN_US + extra_us
        try:
            host = enter(self._tap)
        except BROKEN as error:
            return self._shut(run, error)
        self._closed_doors = 0
        sheet = self._judged(run, host)
        self._tap.deadline_us = self._tap.now_us() + CHECK_WITHIN_US + extra_us
        in_contact = bool(then and then.needs & Needs.CONTACT)
        try:
            leave(host, in_contact=in_contact)
        except BROKEN as error:
            if sheet.verdict is not Verdict.FAILED:
                sheet = self._failed(run, error, "afterwards the pen did not come back to rest: ")
        except NobodyActed as error:
            sheet = msgspec.structs.replace(sheet, reason=sheet.reason or f"afterwards: {error}")
        timings = host.timings if self._tap.late_us <= LATE_US else host.timings.of_the_pen
        self.found.timings.append((run.name, timings))
        return sheet

    def _shut(self, run: Run, error: Exception) -> CheckSheet:
        sheet = self._failed(run, error, "before the check: ")
        self._closed_doors += 1
        if self._closed_doors >= GIVE_UP_AFTER:
            self._end(run, f"the pen let {GIVE_UP_AFTER} checks in a row not even begin")
        return sheet

    def _judged(self, run: Run, host: RawHost) -> CheckSheet:
        loose = run.check.preloaded and not host.status.flags & StatusFlag.PRELOADED
        if loose and not self._offers & Needs.HAND:
            return CheckSheet(run.name, Verdict.NOT_RUN, "needs a hand: the play is not taken up")
        try:
            run(host)
        except BROKEN as error:
            return self._failed(run, error)
        except NobodyActed as error:
            return CheckSheet(run.name, Verdict.UNFINISHED, str(error))
        return CheckSheet(run.name, Verdict.PASSED, "")

    def _failed(self, run: Run, error: BaseException, when: str = "") -> CheckSheet:
        failure = failure_of(error, self._tap.spoken)
        return CheckSheet(run.name, Verdict.FAILED, f"{when}{failure.said}", failure=failure)

    def stop(self) -> bool:
        """Send STOP until its echo comes, whatever else is wrong. An open arm ends with it."""
        self._tap.deadline_us = None
        sent: set[int] = set()
        try:
            for _ in range(STOPS):
                sent.add(self._tap.stop_now())
                until_us = self._tap.now_us() + STOP_REPEAT_US
                while self._tap.now_us() < until_us:
                    self._tap.read(until_us)
                said = [each.said for each in self._tap.spoken]
                if any(isinstance(each, Stopped) and each.stop_id in sent for each in said):
                    return True
        except (MicropenError, Dosed):
            return False
        return False

    def _let_go(self) -> None:
        """Take a machine's hand off; a person has seen that it is over."""
        if self._tap.is_quick:
            with suppress(MicropenError):
                self._tap.hand.release()
                self._tap.hand.lift()
