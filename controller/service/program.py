"""A program at the operator's place: for demos, tests and training on simulated pens only.

It does what the terminal lets a person do, by the same acts. The engine refuses it any arm of a
real pen (rule C4), so nothing here needs to ask what kind of pen is connected.
"""

from controller.errors import ConditionNotReached, LinkError, PenRefused, SessionError
from controller.record.events import Actor
from controller.session.act_errors import NoPen
from controller.session.acts import Acts
from controller.session.engine import Engine
from controller.session.recovery import PenUnsettled
from controller.session.states import State, WrongState

PROGRAM = Actor(name="program", role="program")
REARM_AFTER_S = 0.3
_NOT_NOW = (LinkError, ConditionNotReached, PenRefused, PenUnsettled, NoPen, WrongState)
"""What passes by itself: the line, the pen or a STOP came between the look and the act."""


class ProgramOperator:
    """Primes, treats zone after zone, clears and goes on after every interruption, closes."""

    def __init__(self, engine: Engine, acts: Acts) -> None:
        self._engine = engine
        self._acts = acts
        self.rearms = 0

    async def run(self) -> None:
        """Bring the open session to its end.

        Raises SessionError when dosing is blocked or a limit leaves nothing to give.
        """
        engine = self._engine
        while engine.book is not None:
            await engine.changes.until(self._may_act)
            if engine.state is State.BLOCKED and engine.link_error is not None:
                raise engine.link_error
            await self._step()

    def _may_act(self) -> bool:
        engine = self._engine
        if engine.recorder.failed or engine.state is State.BLOCKED:
            return True
        return engine.reconciled and engine.state in (State.READY, State.LATCHED)

    async def _step(self) -> None:
        try:
            await self._act()
        except _NOT_NOW as error:
            # Look again after a moment, like a person would.
            self.rearms += 1
            self._engine.link_error = error
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
