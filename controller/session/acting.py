"""What every act that opens an arm shares: one at a time, on a pen that may be armed at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from controller.pen.driver import Pen
from controller.pen.identity import realm_of
from controller.record.events import Actor
from controller.session.act_errors import NoPen, NotAllowed
from controller.session.engine import Engine
from controller.session.fitness import check_books
from controller.session.opener import Opener
from controller.session.states import Act, State, after


class OneAtATime(asyncio.Lock):
    """A lock that knows for how long it has been held."""

    def __init__(self) -> None:
        super().__init__()
        self._since_mono_s: float | None = None

    @property
    def held_s(self) -> float:
        """Seconds since whoever holds it got it; 0 when nobody does."""
        since_mono_s = self._since_mono_s
        return 0.0 if since_mono_s is None else asyncio.get_running_loop().time() - since_mono_s

    async def acquire(self) -> Literal[True]:
        """As any lock."""
        await super().acquire()
        self._since_mono_s = asyncio.get_running_loop().time()
        return True

    def release(self) -> None:
        """As any lock."""
        self._since_mono_s = None
        super().release()


class Acting:
    """The lock and the opener of an engine. A program acts for nobody but a simulated pen (C4)."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.one_at_a_time = OneAtATime()
        self.opener = Opener(engine)

    @asynccontextmanager
    async def arming(self, actor: Actor) -> AsyncIterator[Pen]:
        """Hold the lock with a pen that the books have nothing against.

        Raises WrongState unless ready, NoPen, NotAllowed, DosingBlocked.
        """
        async with self.one_at_a_time:
            self.require(State.READY)
            pen = self.linked()
            if actor.role == "program" and realm_of(pen.uid) != "training":
                raise NotAllowed("A program may arm nothing but a simulated pen.")
            check_books(self.engine)
            await self.opener.adopt_foreign()
            yield pen

    def linked(self) -> Pen:
        """The pen whose record has been read. Raises NoPen."""
        if self.engine.pen is None or not self.engine.reconciled:
            raise NoPen("No pen is ready.")
        return self.engine.pen

    def require(self, state: State) -> None:
        """Raise WrongState, as an arm would, unless the engine is in `state`."""
        if self.engine.state is not state:
            after(self.engine.state, Act.ARM)
