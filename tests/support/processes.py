"""Processes of ours that run beside a test until it has seen enough."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from tests.support.brokers import PATIENCE_S
from tests.support.command_line import environment

T = TypeVar("T")

_LOOK_AGAIN_S = 0.005
_ASK_AGAIN_S = 0.05


@asynccontextmanager
async def started(*line: str, ready: bytes) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that has written a line with `ready` in it, and is killed at the end."""
    child = await asyncio.create_subprocess_exec(
        *line,
        env=environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            while ready not in (line_read := await child.stdout.readline()):
                assert line_read, "it ended early"
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


@asynccontextmanager
async def simulated_pen(place: Path, scenario: Path) -> AsyncIterator[Path]:
    """The simulator as a process, and the path of its pty."""
    pen = place / "pen"
    where = ("--pty", str(pen), "--scenario", str(scenario))
    async with started(sys.executable, "-m", "simulator", *where, ready=bytes(pen)):
        yield pen


async def until(condition: Callable[[], bool], within_s: float) -> None:
    """Turns of the real loop until `condition`; TimeoutError after `within_s`.

    For what a process leaves without any event to wait for: a file, a link, a port.
    """
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(_LOOK_AGAIN_S)


async def until_answer(ask: Callable[[], Awaitable[T]], fits: Callable[[T], bool]) -> T:
    """Ask again, each 50 ms, until an answer fits; TimeoutError when it takes too long."""
    async with asyncio.timeout(PATIENCE_S):
        while not fits(answer := await ask()):  # noqa: ASYNC110 - as above
            await asyncio.sleep(_ASK_AGAIN_S)
    return answer
