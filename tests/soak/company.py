"""Tasks that stand beside the controller: a crash of it spares them, and they end in order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.support.post import Post
from tests.support.theatre import Theatre

Start = Callable[..., "asyncio.Task[Any]"]


class Household(set["asyncio.Task[Any]"]):
    """Tasks of the post: bystanders, and what they start is too. A fault's task is not of them.

    The post adopts whatever its own bystanders start; what a fault starts is a controller, mortal.
    """

    def __init__(self, bystanders: "set[asyncio.Task[Any]]") -> None:
        super().__init__()
        self._bystanders = bystanders

    def add(self, task: "asyncio.Task[Any]") -> None:
        super().add(task)
        self._bystanders.add(task)

    def discard(self, task: object) -> None:
        if isinstance(task, asyncio.Task):
            super().discard(task)
            self._bystanders.discard(task)


def this_task() -> "asyncio.Task[Any]":
    """The task that asks."""
    task = asyncio.current_task()
    assert task is not None
    return task


def raise_from(tasks: "list[asyncio.Task[Any]]") -> None:
    """Raise what any of these has ended by."""
    for task in tasks:
        if task.done() and not task.cancelled():
            task.result()


@asynccontextmanager
async def posted(post: Post) -> AsyncIterator[None]:
    """Telemetry and archive at work."""
    post.start()
    try:
        yield
    finally:
        await post.stop()


@asynccontextmanager
async def together(theatre: Theatre) -> AsyncIterator[Start]:
    """Tasks that a crash of the controller spares; they end with the `async with`."""
    tasks: list[asyncio.Task[Any]] = []

    def start(work: Any) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work, name="beside")
        theatre.bystanders.add(task)
        tasks.append(task)
        return task

    try:
        yield start
    finally:
        for task in tasks:
            task.cancel()
            await asyncio.wait({task})
            theatre.bystanders.discard(task)


@asynccontextmanager
async def beside(theatre: Theatre, work: Any) -> AsyncIterator[None]:
    """One such task."""
    async with together(theatre) as start:
        start(work)
        yield
