"""The pen under the hands of a calibration: made ready, fired, and asked what it really did.

Whatever comes between - a stop, a pulled cable, a refusal - is told, waited out, and what was done
before it is summed up from the books. Nothing here knows what is measured.
"""

import itertools
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from controller.calibration.face import Face, Kind, Question
from controller.errors import ConditionNotReached, JournalError, LinkError, MicropenError
from controller.record.calibration_events import (
    CalibrationPrimed,
    CalibrationRun,
    CalibrationWeighed,
)
from controller.record.events import Actor, hex_id
from controller.session.act_errors import DosingBlocked, NoPen, NotForBench
from controller.session.acts import Acts
from controller.session.bench import Bench, Ran
from controller.session.engine import Engine
from controller.session.recovery import PenUnsettled
from controller.session.states import State, WrongState
from protocol.messages import StrokeSettings

T = TypeVar("T")
AGAIN_AFTER_S = 0.3
NO_VOLUME_PL = 1_000
"""What a step is booked for in strokes that pump none."""
FRUITLESS = 3
"""So many arms in a row without a stroke, and a person is asked."""
PAUSED = "disarmed"
"""How an arm ends that this host ended: when all is given, or before."""
_PASSING = (LinkError, ConditionNotReached, PenUnsettled, NoPen, WrongState)
_NAMES_ARMS = (CalibrationWeighed, CalibrationPrimed, CalibrationRun)
_ENDS = {
    "stop": "STOP was pressed",
    "fault": "the pen reports a fault",
    "boot": "the pen lost its power",
    "lapse": "the pen did not hear from this program in time",
    "new_link": "the cable was pulled",
    "no_grant": "the record fell behind",
    "disarmed": "the arm was ended",
}


class Rig:
    """One pen, hanging over a vessel or under an indicator. `actor` answers for every arm."""

    def __init__(
        self,
        engine: Engine,
        acts: Acts,
        bench: Bench,
        face: Face,
        actor: Actor,
    ) -> None:
        self.engine = engine
        self.bench = bench
        self.actor = actor
        self.face = face
        self._acts = acts

    # --- what the books say -------------------------------------------------------------------

    def unread(self, purpose: str) -> list[Ran]:
        """Ended arms of a purpose that no reading names yet, oldest first."""
        book = self.bench.book
        named = {
            arm_id
            for body, _wall in book.readings
            if isinstance(body, _NAMES_ARMS)
            for arm_id in body.arm_ids
        }
        arms = self.engine.books.ledger.of_session(book.session_id)
        ended = [
            self.bench.ran(each.opened.arm_id)
            for each in arms
            if each.opened.purpose == purpose and each.opened.arm_id not in named
        ]
        return [each for each in ended if each is not None]

    # --- ready --------------------------------------------------------------------------------

    async def until_ready(self) -> None:
        """Wait until the pen may be armed; says what is missing, and asks before it clears a stop.

        Raises what nothing but a person's work on pen or record can mend: DosingBlocked, and what
        recovery found against the pen.
        """
        engine, told = self.engine, ""
        while True:
            self._refuse_what_stays()
            if engine.reconciled and engine.state is State.LATCHED:
                await self._clear()
                continue
            missing = self._missing()
            if missing is None:
                return
            if missing != told:
                self.face.tell(missing)
            told = missing
            await engine.changes.until(lambda: False, AGAIN_AFTER_S)

    def _refuse_what_stays(self) -> None:
        engine = self.engine
        if engine.recorder.failed:
            raise DosingBlocked("The record cannot be written; nothing can be measured.")
        if engine.pen is not None and engine.link_error is not None:
            raise engine.link_error
        if engine.state is State.BLOCKED and not engine.is_reconciling and engine.pen is not None:
            reasons = [alarm.cause for alarm in engine.alarms.active.values()]
            raise DosingBlocked(" ".join(reasons) or "Pen and record do not agree.")

    def _missing(self) -> str | None:
        engine, opened = self.engine, self.bench.book.opened
        if engine.pen is None:
            return "The pen is not connected. Plug it in; what was measured stays."
        if hex_id(engine.pen.uid) != opened.pen_uid:
            return f"This is another pen. Plug pen {opened.pen_uid} in again."
        if not engine.reconciled or engine.state is not State.READY:
            return "The pen's own record is being read."
        return None

    async def _clear(self) -> None:
        await self.face.ask(
            Question(Kind.CLEAR, "The pen is stopped. Find the reason, then clear the stop.")
        )
        try:
            await self._acts.clear(self.actor)
        except JournalError:
            raise
        except MicropenError as error:
            self.face.tell(str(error))
            await self.engine.changes.until(lambda: False, AGAIN_AFTER_S)

    def stop(self, reason: str) -> None:
        """STOP, now."""
        self.engine.stop(reason, self.actor)

    async def at_rest(self) -> None:
        """Wait until no arm is open any more, or the pen is lost."""
        await self.engine.changes.until(lambda: not self.engine.arm_is_open)

    # --- what it does -------------------------------------------------------------------------

    async def burst(self, settings: StrokeSettings, steps: int, picolitres_a_step: int) -> None:
        """Whole doses, until `steps` were counted since the last reading or none would fit.

        Doses that were given before an interruption count. Raises as `until_ready`.
        """
        fruitless = 0
        while self._doses_left(settings.steps, steps):
            await self.until_ready()
            doses = self._doses_left(settings.steps, steps)
            if not doses:
                return
            stroke = partial(self.bench.stroke, settings, doses, picolitres_a_step, self.actor)
            ran = await self._try(stroke)
            if ran is not None:
                fruitless = 0 if ran.punctures else fruitless + 1
            self._say_if_short(ran, doses)
            await self._ask_if_paused(ran, doses)
            if fruitless >= FRUITLESS:
                fruitless = 0
                await self._ask_again("The pen was armed, and no dose came.")

    def _doses_left(self, steps_a_dose: int, steps: int) -> int:
        arms = self.unread("bench")
        if not all(each.is_proven for each in arms):
            return 0
        doses, rest = divmod(steps - sum(each.steps for each in arms), steps_a_dose)
        return 0 if rest else max(0, doses)

    async def prime(self, steps: int, picolitres_a_step: int) -> list[Ran]:
        """Prime by `steps` after the preload; returns the arms, those from before included."""
        while (missing := steps - sum(each.steps for each in self.unread("prime"))) > 0:
            await self.until_ready()
            prime = partial(self.bench.prime, missing, picolitres_a_step, self.actor)
            ran = await self._try(prime)
            if ran is not None and ran.end_reason == PAUSED and ran.steps < missing:
                await self._ask_again("The priming was paused.")
        return self.unread("prime")

    async def run(self, settings: StrokeSettings, strokes: int) -> Ran:
        """One arm with all of its strokes, taken again until it is whole."""
        for tries in itertools.count(1):
            await self.until_ready()
            stroke = partial(self.bench.stroke, settings, strokes, NO_VOLUME_PL, self.actor)
            ran = await self._try(stroke)
            if ran is not None and ran.punctures == len(ran.strokes) == strokes:
                return ran
            self._say_if_short(ran, strokes)
            await self._ask_if_paused(ran, strokes)
            if tries % FRUITLESS == 0:
                await self._ask_again("The strokes have to come in one go.")
        raise AssertionError("counting has no end")

    async def place(self, protrusion_um: int, stroke_period_us: int) -> None:
        """Let the depth axis come to a protrusion, needle in."""
        done = False
        while not done:
            await self.until_ready()
            done = bool(await self._try(partial(self._placed, protrusion_um, stroke_period_us)))

    async def _placed(self, protrusion_um: int, stroke_period_us: int) -> bool:
        await self.bench.place(protrusion_um, stroke_period_us)
        return True

    async def _try(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """Do it; None when something came between, which is told. Raises JournalError."""
        try:
            return await work()
        except JournalError:
            raise
        except MicropenError as error:
            passes = self.engine.state is not State.READY and not isinstance(error, NotForBench)
            if not passes and not isinstance(error, _PASSING):
                await self._ask_again(str(error))
                return None
            self.face.tell(error.what)
            await self.engine.changes.until(lambda: False, AGAIN_AFTER_S)
            return None

    async def _ask_again(self, what: str) -> None:
        await self.face.ask(Question(Kind.TRY_AGAIN, what))

    async def _ask_if_paused(self, ran: Ran | None, wanted: int) -> None:
        """Whoever ended an arm early, nobody arms the next one for them."""
        if ran is not None and ran.end_reason == PAUSED and ran.punctures < wanted:
            await self._ask_again("The strokes were paused.")

    def _say_if_short(self, ran: Ran | None, wanted: int) -> None:
        if ran is None or ran.punctures == wanted:
            return
        why = _ENDS.get(ran.end_reason, ran.end_reason)
        if any(each.contact for each in ran.strokes):
            why = "the pen feels contact; hang it so that nothing touches its tip"
        self.face.tell(f"{ran.punctures} of {wanted} strokes came: {why}.")
