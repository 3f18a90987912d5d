"""A program at the operator's place: for demos, tests and training on simulated pens only.

It does what the terminal lets a person do, by the same acts. The engine refuses it any arm of a
real pen (rule C4), so nothing here needs to ask what kind of pen is connected.
"""

from controller.errors import (
    ConditionNotReached,
    LinkError,
    MicropenError,
    PenRefused,
    SessionError,
)
from controller.record.events import Actor
from controller.session.act_errors import DosingBlocked, NoPen
from controller.session.acts import Acts
from controller.session.alarms import contradiction_alarms
from controller.session.engine import Engine
from controller.session.recovery import PenUnsettled
from controller.session.states import State, WrongState

PROGRAM = Actor(name="program", role="program")
REARM_AFTER_S = 0.3
_NOT_NOW = (LinkError, ConditionNotReached, PenRefused, PenUnsettled, NoPen, WrongState)
"""What passes by itself: the line, the pen or a STOP came between the look and the act."""


class ProgramOperator:
    """Primes, treats zone after zone, clears and goes on after every interruption, closes.

    `refusals` are the errors after which it looked again; they are nobody else's business.
    """

    def __init__(self, engine: Engine, acts: Acts) -> None:
        self._engine = engine
        self._acts = acts
        self.refusals: list[MicropenError] = []

    async def run(self) -> None:
        """Bring the open session to its end.

        Raises MicropenError when only a person can help: dosing is blocked, the connected pen is
        not to be used, or a limit leaves nothing to give.
        """
        engine = self._engine
        while engine.book is not None:
            await engine.changes.until(lambda: self._may_act() or self._is_barred())
            if self._is_barred() and not engine.recorder.failed:
                raise engine.link_error or _blocked(engine)
            await self._step()

    def _may_act(self) -> bool:
        engine = self._engine
        if engine.recorder.failed:
            return True
        return engine.reconciled and engine.state in (State.READY, State.LATCHED)

    def _is_barred(self) -> bool:
        # With a pen linked, only what recovery found against it is a link error.
        engine = self._engine
        refused = engine.pen is not None and engine.link_error is not None
        return refused or (engine.state is State.BLOCKED and not engine.is_reconciling)

    async def _step(self) -> None:
        try:
            await self._act()
        except _NOT_NOW as error:
            # Look again after a moment, like a person would.
            self.refusals.append(error)
            await self._engine.changes.until(lambda: False, REARM_AFTER_S)

    async def _act(self) -> None:
        acts, engine = self._acts, self._engine
        if engine.recorder.failed:
            raise SessionError("The record cannot be written; the session cannot go on here.")
        if engine.state is State.LATCHED:
            await acts.clear(PROGRAM)
        elif acts.progress.next_zone() is None:
            await acts.close(PROGRAM)
        elif acts.needs_prime:
            await acts.prime(PROGRAM)
        else:
            await acts.treat(PROGRAM)


def _blocked(engine: Engine) -> DosingBlocked:
    pen_uid = None if engine.pen is None else engine.pen.uid
    for alarm_id in contradiction_alarms(pen_uid):
        if (alarm := engine.alarms.active.get(alarm_id)) is not None:
            return DosingBlocked(alarm.cause, action=alarm.action)
    return DosingBlocked("The session is blocked, and no pen is connected that could resolve it.")
