"""Work that belongs to the linked pen: each piece a task that is watched and ends with the link."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from controller.turning import Turning


class Works:
    """The tasks of one engine. `on_error` gets the error of each that ended by one."""

    def __init__(self, on_error: Callable[[BaseException], None]) -> None:
        self._on_error = on_error
        self._tasks: dict[asyncio.Task[None], Turning[None]] = {}

    @property
    def under_way(self) -> tuple[Turning[None], ...]:
        """Each piece that has not ended; its turns tell whether it gets on."""
        return tuple(self._tasks.values())

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Have it done beside everything else."""
        turning = Turning(work)
        task = asyncio.get_running_loop().create_task(turning)
        self._tasks[task] = turning
        task.add_done_callback(self._finished)

    def cancel(self) -> None:
        """The pen is lost: cancel all of it."""
        for task in self._tasks:
            task.cancel()

    async def end(self) -> None:
        """Cancel all of it and wait until it has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        del self._tasks[task]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_error(error)
