"""The self-test of STOP: sent to a pen at rest, echoed, cleared, and recorded each time.

The screen sends its STOP as every STOP of a page goes, and times it from the request; when a test
may be made, and what follows, is the same for all.

Only outside of sessions, calibrations and arms: a test must never be what stops a treatment.
"""

from typing import Final

from controller.errors import SessionError
from controller.link.stopline import StopLine
from controller.record.console_events import StopTested
from controller.record.events import Actor
from controller.session.act_errors import NoPen
from controller.session.acts import Acts
from controller.session.engine import Engine
from protocol.words import StatusFlag

REASON: Final = "self-test"
ECHO_WITHIN_S: Final = 1.0
"""Fifty repeats of a STOP; what takes longer is no echo (engineering estimate)."""
MOST_ROUNDS: Final = 100


class NoTestNow(SessionError):
    """The self-test of STOP cannot be made now."""

    number = 4041
    cause = "A session, a calibration or an arm is open, the pen moves, or a stop is latched."
    action = "Close what is open, clear what is latched, then test again."


class StopTest:
    """Tests the way of a STOP to the linked pen and back."""

    def __init__(self, engine: Engine, acts: Acts, line: StopLine) -> None:
        self._engine = engine
        self._acts = acts
        self._line = line

    async def run(self, actor: Actor, rounds: int) -> list[int | None]:
        """Microseconds from request to echo of each round; ends at the first without an echo.

        `rounds`: 1 to 100. Raises NoTestNow, NoPen, and what CLEAR raises (PenError, LinkError,
        JournalError).
        """
        found: list[int | None] = []
        for _ in range(min(rounds, MOST_ROUNDS)):
            found.append(await self._round(actor))
            if found[-1] is None:
                break
        return found

    def require(self) -> None:
        """Raise NoTestNow or NoPen unless a STOP may be tested at this instant."""
        engine = self._engine
        if engine.book is not None or engine.arm_is_open:
            raise NoTestNow(f"{engine.session_id or 'An arm'} is open.")
        if engine.pen is None or not engine.reconciled:
            raise NoPen("No pen is connected whose record has been read.")
        if (why := self._why_not()) is not None:
            raise NoTestNow(why)

    async def conclude(self, actor: Actor, latency_us: int | None) -> None:
        """Record a test whose STOP is out, and clear its stop once it was confirmed.

        For who sends and times the STOP by a way of its own, after `require`. latency_us: None
        without an echo; the stop stays then. Raises what CLEAR raises, JournalError.
        """
        engine = self._engine
        await engine.commit(StopTested(latency_us=latency_us, actor=actor))
        if latency_us is not None:
            await engine.changes.until(lambda: engine.is_latched, ECHO_WITHIN_S)
            await self._acts.clear(actor)

    async def _round(self, actor: Actor) -> int | None:
        engine = self._engine
        if engine.book is None and not engine.arm_is_open:
            await engine.changes.until(lambda: self._why_not() is None, ECHO_WITHIN_S)
        self.require()
        latency_us = await self._echo(engine.stop(REASON, actor))
        await self.conclude(actor, latency_us)
        return latency_us

    async def _echo(self, stop_id: int) -> int | None:
        def heard() -> bool:
            last = self._line.last_confirmed
            return last is not None and last.stop_id == stop_id

        await self._engine.changes.until(heard, ECHO_WITHIN_S)
        last = self._line.last_confirmed
        return round(last.latency_s * 1_000_000) if last is not None and heard() else None

    def _why_not(self) -> str | None:
        """What forbids a test at this instant and may pass by itself."""
        engine = self._engine
        if engine.pen is None or not engine.reconciled:
            return "The pen's record has not been read."
        if engine.is_latched:
            return "A stop or a fault is latched in the pen."
        if not engine.pen.status.flags & StatusFlag.AT_REST:
            return "The pen is not at rest."
        return None
