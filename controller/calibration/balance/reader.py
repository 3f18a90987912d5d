"""A balance at the end of an open line: which one it is, its stable weight, its tare and zero.

No balance secures its lines with a checksum. Therefore a weight counts when it was told several
times in a row, each time asked anew, and nothing strange came between; so bytes that were changed
on the way cost time and make no mass. Everything else becomes a numbered error.

Only what shows the weight of this moment is asked (SI, not S), so that no answer from before a
dose can still be under way.
"""

import asyncio
from collections.abc import Callable

from controller.calibration.balance import mt_sics, sbi
from controller.calibration.balance.detect import QUESTIONS, Identity, Make, Question, identify
from controller.calibration.balance.words import Answer, Discard, Heard, Parser, Reading, Why
from controller.calibration.errors import (
    BalanceDoubtful,
    BalanceGarbled,
    BalanceLost,
    BalanceNotZero,
    BalanceOverloaded,
    BalanceReportsError,
    BalanceSilent,
    BalanceTrouble,
    BalanceUnderloaded,
    BalanceUnit,
    BalanceUnknown,
    BalanceUnstable,
)
from controller.clock import Clock
from controller.link.port import BytePort

AGREEING = 4
"""So many answers in a row must agree: the same byte lost from all of them is beyond chance."""
AGREE_DIGITS = 2
"""A settled display goes up and down by one step of its last digit."""
ZERO_DIGITS = 5
"""What may stand on the display right after taring: water evaporates meanwhile."""
ASK_EVERY_S = 0.1
"""Balances renew their value about ten times a second."""
ANSWER_S = 1.0
"""No answer within it: ask again. Answers come within some ten milliseconds."""
TARE_S = 45.0
"""Balances wait up to 40 s for a stable weight before they refuse to tare."""
TRIES = 3
_QUIET_S = 0.5
"""SBI does not answer to taring; the next question would come while it is under way."""
_LASTING: dict[Why, type[BalanceTrouble]] = {
    Why.OVERLOAD: BalanceOverloaded,
    Why.UNDERLOAD: BalanceUnderloaded,
    Why.UNIT: BalanceUnit,
    Why.ERROR: BalanceReportsError,
}
"""What waiting does not mend."""


class Agreement:
    """Whether what a balance says can be believed: pure, fed with one answer after the other."""

    def __init__(self) -> None:
        self._same: list[Reading] = []
        self._wrong: list[Discard] = []
        self._last: Heard | None = None

    def add(self, heard: Heard) -> Reading | None:
        """The middle one of AGREEING stable readings in a row, once there are so many."""
        self._last = heard
        if isinstance(heard, Discard):
            self._same.clear()
            alike = self._wrong and self._wrong[-1].why is heard.why
            self._wrong = [*self._wrong, heard] if alike else [heard]
            return None
        self._wrong.clear()
        if not isinstance(heard, Reading) or not heard.stable:
            self._same.clear()
            return None
        self._same = [*self._same, heard] if self._agrees(heard) else [heard]
        if len(self._same) < AGREEING:
            return None
        return sorted(self._same, key=lambda each: each.mass_ug)[AGREEING // 2]

    def _agrees(self, heard: Reading) -> bool:
        return all(
            each.digit_ug == heard.digit_ug
            and abs(each.mass_ug - heard.mass_ug) <= AGREE_DIGITS * heard.digit_ug
            for each in self._same
        )

    def check(self) -> None:
        """Raises E7055 to E7058 once the same trouble was told AGREEING times in a row."""
        if len(self._wrong) >= AGREEING and (error := _LASTING.get(self._wrong[-1].why)):
            raise error(f"The balance says {_shown(self._wrong[-1].line)}.")

    def late(self) -> BalanceTrouble:
        """Why there is no weight although the time is over: E7053, E7054 or E7059."""
        last = self._last
        if last is None:
            return BalanceSilent("The balance did not answer.")
        if isinstance(last, Discard) and last.why not in {Why.UNSTABLE, Why.BUSY}:
            return BalanceGarbled(f"The balance's last line was {_shown(last.line)}.")
        return BalanceUnstable("The weight did not become stable in time.")


class Balance:
    """One balance on a port that is open; it is given the port for good. One call at a time.

    `live` is told everything that the balance says, moving weights included.
    """

    def __init__(
        self, port: BytePort, clock: Clock, live: Callable[[Heard], None] = lambda _heard: None
    ) -> None:
        self._port = port
        self._clock = clock
        self._live = live
        self._open = b""
        self._parser: Parser | None = None
        self._pending: list[Heard] = []
        self._news = asyncio.Event()
        self._bytes = 0
        self._lost: str | None = None
        self.identity: Identity | None = None
        port.start(self._on_bytes, self._on_lost)

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    def _on_bytes(self, data: bytes) -> None:
        self._bytes += len(data)
        if self._parser is None:
            self._open += data
        else:
            heard = self._parser.feed(data)
            self._pending += heard
            for each in heard:
                self._live(each)
        self._news.set()

    def _on_lost(self, reason: str) -> None:
        self._lost = reason
        self._news.set()

    # --- which one it is ---

    async def identify(self) -> Identity:
        """Ask each make for its serial number, twice; the same number twice counts.

        Takes up to 6 s. Raises BalanceUnknown (E7052) or BalanceLost (E7051).
        """
        for question in QUESTIONS * TRIES:
            first = await self._who(question)
            if first is not None and first == await self._who(question):
                self.identity = first
                self._parser = Parser(question.read_line)
                return first
        raise BalanceUnknown("Nothing on this port answers as a balance.")

    async def _who(self, question: Question) -> Identity | None:
        self._parser, self._open = None, b""
        self._port.write(question.ask)
        until_mono_s = self._clock.mono_s() + ANSWER_S
        while await self._hears(until_mono_s):
            whole = self._open[: max(self._open.rfind(b"\r"), self._open.rfind(b"\n")) + 1]
            found = identify(question, whole)
            if found is not None:
                return found
        return None

    async def _hears(self, until_mono_s: float) -> bool:
        """Wait for bytes; False when none came in time. Raises BalanceLost (E7051)."""
        self._news.clear()
        if self._lost is None:
            try:
                async with asyncio.timeout(until_mono_s - self._clock.mono_s()):
                    await self._news.wait()
            except TimeoutError:
                return False
        if self._lost is not None:
            raise BalanceLost(f"The line to the balance went away: {self._lost}.")
        return True

    # --- what it weighs ---

    async def stable_reading(self, deadline_mono_s: float) -> Reading:
        """The weight, once it is stable; asked for until `deadline_mono_s` of the clock.

        Raises BalanceUnknown (E7052) before `identify`, BalanceLost (E7051), the balance's own
        troubles (E7055 to E7058), or at the deadline BalanceSilent (E7053), BalanceUnstable
        (E7054) or BalanceGarbled (E7059). BalanceDoubtful (E7061) comes instead of a weight when
        an SBI balance left a question without any answer: set it to print without waiting.
        """
        return await self._read(deadline_mono_s, wary=True)

    async def _read(self, deadline_mono_s: float, *, wary: bool) -> Reading:
        ask = mt_sics.ASK_NOW if self._make() is Make.MT_SICS else sbi.ASK
        agreement, doubtful = Agreement(), False
        self._pending.clear()
        while (now_mono_s := self._clock.mono_s()) < deadline_mono_s:
            before = self._bytes
            self._port.write(ask)
            for each in await self._answers(min(now_mono_s + ANSWER_S, deadline_mono_s)):
                found = agreement.add(each)
                doubtful |= _may_have_tared(each)
                if found is not None and doubtful and wary:
                    raise BalanceDoubtful("The balance left a question without an answer.")
                if found is not None:
                    return found
            doubtful |= ask == sbi.ASK and self._bytes == before
            agreement.check()
            await asyncio.sleep(ASK_EVERY_S)
        raise agreement.late()

    async def _answers(self, until_mono_s: float) -> list[Heard]:
        """All that was heard since last time; of several readings the newest alone."""
        while not self._pending and await self._hears(until_mono_s):
            pass
        heard, self._pending = self._pending, []
        newest = [each for each in heard if isinstance(each, Reading)][-1:]
        return [each for each in heard if not isinstance(each, Reading)] + newest

    async def tare(self, deadline_mono_s: float) -> Reading:
        """Tare; returns the reading after it. Raises as `stable_reading`, and E7060."""
        return await self._to_zero(
            mt_sics.TARE if self._make() is Make.MT_SICS else sbi.TARE, deadline_mono_s
        )

    async def zero(self, deadline_mono_s: float) -> Reading:
        """Set zero; returns the reading after it. Raises as `stable_reading`, and E7060."""
        return await self._to_zero(
            mt_sics.ZERO if self._make() is Make.MT_SICS else sbi.ZERO, deadline_mono_s
        )

    async def _to_zero(self, command: bytes, deadline_mono_s: float) -> Reading:
        done = False
        try:
            for _ in range(TRIES):
                await self._tell(command, deadline_mono_s)
                reading = await self._read(deadline_mono_s, wary=False)
                done = abs(reading.mass_ug) <= ZERO_DIGITS * reading.digit_ug
                if done:
                    return reading
        finally:
            if not done and self._make() is Make.MT_SICS:
                self._port.write(mt_sics.CANCEL)  # or it might tare later, between two readings
        raise BalanceNotZero(f"The balance still shows {reading.mass_ug / 1000:g} mg.")

    async def _tell(self, command: bytes, deadline_mono_s: float) -> None:
        """Have a command done: MT-SICS says when it is, SBI never does."""
        self._pending.clear()
        self._port.write(command)
        patience_s = TARE_S if self._make() is Make.MT_SICS else _QUIET_S
        until_mono_s = min(self._clock.mono_s() + patience_s, deadline_mono_s)
        while all(isinstance(each, Reading) for each in self._pending):
            self._pending.clear()
            if not await self._hears(until_mono_s):
                return

    def _make(self) -> Make:
        if self.identity is None:
            raise BalanceUnknown("It is not known yet which balance this is.")
        return self.identity.make


def _may_have_tared(heard: Heard) -> bool:
    """Whether this is what MT-SICS says to taring, or the rest of it."""
    if isinstance(heard, Answer):
        return heard.command in {"T", "Z"}
    return isinstance(heard, Discard) and heard.line[:1] in {b"T", b"Z"}


def _shown(line: bytes) -> str:
    return repr(line.decode("ascii", "backslashreplace").strip())
