"""The key thread: STOP leaves from it, other keys reach the loop, a gone terminal is a STOP."""

import asyncio
import os
import sys
from collections.abc import Iterator
from typing import TextIO

import pytest

from controller.service.keys import GONE, KeyThread


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal as standard input; gives the end that a person types at."""
    master, slave = os.openpty()
    stdin: TextIO = os.fdopen(slave, "r")
    monkeypatch.setattr(sys, "stdin", stdin)
    yield master
    stdin.close()


@pytest.mark.real_time("a thread reads a terminal")
async def test_stop_keys_stop_and_other_keys_reach_the_loop(terminal: int) -> None:
    stops: list[str] = []
    keys: asyncio.Queue[str] = asyncio.Queue()
    thread = KeyThread(lambda: stops.append("stop"), keys)
    os.write(terminal, b"p s")
    assert await asyncio.wait_for(keys.get(), 5.0) == "p"
    os.write(terminal, b"c")
    assert await asyncio.wait_for(keys.get(), 5.0) == "c"
    assert stops == ["stop", "stop"]
    thread.close()
    os.close(terminal)


@pytest.mark.hazard("H34")
@pytest.mark.real_time("a thread reads a terminal")
async def test_a_terminal_that_is_gone_stops_the_pen_once(terminal: int) -> None:
    stops: list[str] = []
    keys: asyncio.Queue[str] = asyncio.Queue()
    thread = KeyThread(lambda: stops.append("stop"), keys)
    os.close(terminal)
    assert await asyncio.wait_for(keys.get(), 5.0) == GONE
    thread.close()
    assert stops == ["stop"]
