"""When the rows of a script strike: each waits for its time and its moment, again and again."""

import asyncio
from collections.abc import Coroutine
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from controller.errors import MicropenError
from tests.soak.catalogue import FaultId, HostState
from tests.soak.descriptors import current
from tests.soak.fault import Fault
from tests.soak.room import RowRoom
from tests.soak.script import FaultRow
from tests.soak.watch import Watch
from tests.support.virtual import advance


@dataclass
class Cue:
    """One row at work. `life` lets one thing at a time happen to the controller's process."""

    row: FaultRow
    fault: Fault
    room: RowRoom
    watch: Watch
    opened: asyncio.Event
    life: asyncio.Lock
    strikes: int = 0
    begun: bool = False

    @property
    def in_lobby(self) -> bool:
        """Whether it strikes before a session is opened."""
        return self.row.host is HostState.NONE

    @property
    def in_aftermath(self) -> bool:
        """Whether it strikes after the session was closed."""
        return self.row.host is HostState.CLOSED

    @property
    def is_done(self) -> bool:
        """Whether it has struck as often as it was asked to."""
        return self.strikes == self.row.times and not self.begun

    async def run(self) -> None:
        """Strike `row.times`."""
        row = self.row
        if not self.in_lobby:
            await self.opened.wait()
        await advance(row.at_s)
        while not self.is_done:
            await self.watch.moment(row.host, row.pen, self.room.rng, row.after_s)
            began_mono_s = self.room.theatre.clock.mono_s()
            await self._strike()
            passed_s = self.room.theatre.clock.mono_s() - began_mono_s
            await advance(max(0.0, row.every_s - passed_s))

    async def stop(self) -> None:
        """The safety phase is over: take back what lasts."""
        if self.begun:
            async with self.life:
                await self._whole(self.fault.end())
            self.begun = False

    async def _strike(self) -> None:
        async with self.life:
            self.begun = True
            await self._whole(self.fault.begin())
        await advance(self.row.lasts_s)
        async with self.life:
            await self._whole(self.fault.end())
        self.begun = False
        self.strikes += 1

    async def _whole(self, work: Coroutine[Any, Any, None]) -> None:
        """To its end, also when the phase is over meanwhile: half a start of a process is none.

        A process that another fault does not let start is started later, by somebody.
        """
        with nullcontext() if self.row.fault is FaultId.H12 else current().lent():
            await self._to_its_end(work)

    async def _to_its_end(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="fault")
        self.room.theatre.bystanders.add(task)
        try:
            await asyncio.wait({task})
        finally:
            await asyncio.wait({task})
            self.room.theatre.bystanders.discard(task)
        if not isinstance(error := task.exception(), MicropenError | None):
            raise error
