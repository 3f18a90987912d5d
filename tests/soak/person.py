"""The people of a trial: who treats, presses STOP, restarts a service and ends the session.

Everything that they ask of the controller runs in tasks that a SIGKILL takes with it; they
themselves stand beside it, as people do.
"""

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

from controller.errors import MicropenError
from controller.record.events import Actor
from controller.service.program import PROGRAM, ProgramOperator
from controller.session.plan import Plan
from controller.session.states import State
from tests.soak.trace import Trace
from tests.support.theatre import Theatre
from tests.support.virtual import advance

TECHNICIAN = Actor(name="technician", role="technician")
LOOK_S = 0.05
THINK_S = 0.5
SUPERVISOR_S = 5.0
ARMED_WITHIN_S = 5.0
"""Late telemetry keeps an arm waiting; nobody walks away from a pen that is about to run."""
BRIEF_S = 0.1
MOST_CLEARS = 5
"""A fault whose cause is still there stays latched; the session is closed over it."""
ENDING_WITHIN_S = 60.0
"""Virtual seconds in which a person ends the session once nothing is broken any more."""


class Person:
    """At work on one session. `life` is held by whoever starts, stops or kills the controller."""

    def __init__(
        self, theatre: Theatre, plan: Plan, trace: Trace, life: asyncio.Lock, sessions: int = 1
    ) -> None:
        self._theatre = theatre
        self._plan = plan
        self._trace = trace
        self.life = life
        self.opened_mono_s: float | None = None
        self.refusals: list[str] = []
        self._clears = 0
        self._more_sessions = sessions - 1
        self._is_brief = False
        self._acting: dict[asyncio.Task[Any], None] = {}

    @property
    def is_done(self) -> bool:
        """Whether a session was opened and none is open."""
        return self._theatre.is_running and self._was_opened and self._theatre.engine.book is None

    async def treat(self) -> None:
        """Open the session and bring it to its end, whatever comes between; and the next one."""
        while self._more_sessions or not self.is_done:
            try:
                await self._next()
            except MicropenError as error:
                self._refused(error)
                await advance(THINK_S)
            await advance(LOOK_S)

    async def press_stop(self, every_s: float, rng: Random) -> None:
        """Press STOP now and then, for ever."""
        while True:
            await advance(every_s * rng.uniform(0.5, 1.5))
            if self._theatre.is_running:
                self._theatre.engine.stop("a person pressed STOP")

    async def pause(self, every_s: float, rng: Random) -> None:
        """Pause what is running now and then, for ever."""
        while True:
            await advance(every_s * rng.uniform(0.5, 1.5))
            await self.pause_now()

    async def pause_now(self) -> None:
        """Pause what is running."""
        if self._state is State.RUNNING:
            try:
                await self.alone(self._theatre.acts.pause(PROGRAM))
            except MicropenError as error:
                self._refused(error)

    async def restart(self) -> None:
        """End the service in order and start it again, at last when nothing forbids it."""
        if self._theatre.is_running:
            self._say("ends the service")
            for task in list(self._acting):
                task.cancel()
            await self.alone(self._theatre.stop(), to_the_end=True)
        while not self._theatre.is_running:
            try:
                await self._start()
            except MicropenError as error:
                self._refused(error)
                await advance(LOOK_S)

    async def let_go(self) -> None:
        """Pause what is running or about to; a service that is down is started again."""
        if not self._theatre.is_running:
            await self._start()
        deadline_mono_s = self._theatre.clock.mono_s() + ARMED_WITHIN_S
        while self._state is State.ARMING and self._theatre.clock.mono_s() < deadline_mono_s:
            await advance(LOOK_S)
        if self._state is State.RUNNING:
            await self.alone(self._theatre.acts.pause(PROGRAM))

    async def end(self) -> None:
        """Clear, seal, restart, close: what a person does with whatever the faults left.

        Raises AssertionError when the session cannot be ended.
        """
        deadline_mono_s = self._theatre.clock.mono_s() + ENDING_WITHIN_S
        while self._theatre.engine.book is not None or self._theatre.engine.recorder.failed:
            assert self._theatre.clock.mono_s() < deadline_mono_s, (
                f"nobody can end the session: {self._standing()}, refused: {self.refusals[-3:]}"
            )
            try:
                await self._end_once()
            except MicropenError as error:
                self._refused(error)
                await advance(THINK_S)
            await advance(LOOK_S)

    # --- inside ------------------------------------------------------------------------------

    @property
    def _state(self) -> State | None:
        return self._theatre.engine.state if self._theatre.is_running else None

    @property
    def _was_opened(self) -> bool:
        return bool(self._theatre.engine.books.sessions)

    async def _next(self) -> None:
        theatre = self._theatre
        if not theatre.is_running:
            await self._start_later()
        elif theatre.engine.recorder.failed:
            await self._restart()
        elif not self._was_opened:
            await self.alone(theatre.begin(self._plan))
        elif not self.is_done:
            self._note_opened()
            await self.alone(self._at_work())
        elif theatre.engine.state is State.NONE:
            self._more_sessions -= 1
            self._is_brief = True
            await self.alone(theatre.begin(self._plan))

    async def _at_work(self) -> None:
        """The first session is played; in the others nobody is treated."""
        theatre = self._theatre
        if self._is_brief:
            await advance(BRIEF_S)
            await theatre.acts.close(PROGRAM)
        else:
            await ProgramOperator(theatre.engine, theatre.acts).run()

    async def _end_once(self) -> None:
        theatre, engine = self._theatre, self._theatre.engine
        if engine.recorder.failed:
            await self._restart()
        elif engine.is_latched and engine.reconciled and self._clears < MOST_CLEARS:
            self._clears += 1
            self._say("clears")
            await self.alone(theatre.acts.clear(PROGRAM))
        elif arms := engine.books.ledger.open_intervals():
            self._say(f"seals {arms[0].opened.arm_id}")
            await self.alone(theatre.acts.seal(arms[0].opened.arm_id, TECHNICIAN, "trial"))
        else:
            self._say("closes")
            await self.alone(theatre.acts.close(PROGRAM))

    async def _restart(self) -> None:
        self._say("restarts the service")
        async with self.life:
            if self._theatre.is_running:
                await self.alone(self._theatre.stop(), to_the_end=True)
            await self.alone(self._theatre.start(), to_the_end=True)

    async def _start_later(self) -> None:
        """A service that nobody has started for long: a fault took it down, and is over."""
        deadline_mono_s = self._theatre.clock.mono_s() + SUPERVISOR_S
        while not self._theatre.is_running:
            await advance(LOOK_S)
            if self._theatre.clock.mono_s() > deadline_mono_s:
                await self._start()

    async def _start(self) -> None:
        self._say("starts the service")
        async with self.life:
            if not self._theatre.is_running:
                await self.alone(self._theatre.start(), to_the_end=True)

    async def alone(self, work: Coroutine[Any, Any, Any], *, to_the_end: bool = False) -> None:
        """Run it where a crash can end it; its own errors are raised here.

        Who is called away leaves it half done, unless it goes `to_the_end`.
        """
        task = asyncio.create_task(work, name="act")
        self._acting[task] = None
        try:
            await asyncio.wait({task})
        finally:
            if not to_the_end:
                task.cancel()
            await asyncio.wait({task})
            del self._acting[task]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, MicropenError):
            raise error
        if error is not None:
            await self._theatre.operator_failed(error)

    def _note_opened(self) -> None:
        if self.opened_mono_s is None:
            self.opened_mono_s = self._theatre.clock.mono_s()

    def _refused(self, error: MicropenError) -> None:
        self.refusals.append(f"{type(error).__name__}: {error.what}")
        self._say(f"is refused by {type(error).__name__}")

    def _standing(self) -> str:
        engine = self._theatre.engine
        return f"state {engine.state}, link error {engine.link_error}"

    def _say(self, what: str) -> None:
        self._trace.say(self._theatre.clock.mono_s(), f"a person {what}")
