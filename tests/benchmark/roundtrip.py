"""A request and its matching reply over a pty: `python -m tests.benchmark.roundtrip`.

Floor: add_reader and a future, bytes that are ready, whatever comes is the answer. Ours: COBS, CRC,
ranges, matched by id and kind, a deadline and retries.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import time
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from statistics import median

from controller.clock import SystemClock
from controller.errors import MicropenError
from controller.link.port import SerialOpener
from controller.pen.driver import Pen, PenLine
from controller.pen.strokes import PenStroke
from protocol.codec import encode_payload
from protocol.framing import Frame, encode_frame
from protocol.messages import Health, Query, Status, Stopped
from protocol.words import QueryTopic
from tests.benchmark.figures import percentile, show

QUERY = encode_frame(Frame(Query.KIND, 1, 0, encode_payload(Query(1, QueryTopic.CARTRIDGE, 0))))
Ask = Callable[[], Awaitable[object]]


class Listener:
    """Waits for the pen, hears nothing else."""

    def __init__(self) -> None:
        self.found: asyncio.Future[Pen] = asyncio.get_running_loop().create_future()

    def pen_up(self, pen: Pen) -> None:
        self.found.set_result(pen)

    def pen_failed(self, error: MicropenError) -> None:
        self.found.set_exception(error)

    def pen_lost(self, pen: Pen, reason: str) -> None: ...

    def pen_status(self, pen: Pen, status: Status) -> None: ...

    def pen_strokes(self, pen: Pen, arm_id: int, strokes: Sequence[PenStroke]) -> None: ...

    def pen_health(self, pen: Pen, health: Health) -> None: ...

    def pen_stopped(self, pen: Pen, stopped: Stopped) -> None: ...

    def pen_gap(self, pen: Pen, first_missing: int, first_present: int) -> None: ...


@asynccontextmanager
async def bare(path: str) -> AsyncIterator[Ask]:
    """The floor's way to ask."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(fd)
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Future[bytes]] = []

    def readable() -> None:
        data = os.read(fd, 4096)
        if waiting and not waiting[0].done():
            waiting[0].set_result(data)

    async def ask() -> bytes:
        waiting[:] = [loop.create_future()]
        os.write(fd, QUERY)
        return await waiting[0]

    loop.add_reader(fd, readable)
    try:
        yield ask
    finally:
        loop.remove_reader(fd)
        os.close(fd)


@asynccontextmanager
async def linked(path: str) -> AsyncIterator[Ask]:
    """The link's way to ask."""
    listener = Listener()
    line = PenLine(SerialOpener(path), SystemClock(), 1, listener, random.SystemRandom())
    driving = asyncio.create_task(line.run())
    try:
        pen = await listener.found
        yield pen.cartridge
    finally:
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)


async def times_us(ask: Ask, count: int) -> tuple[list[float], float]:
    """Each round trip, and the processor time of one in this process."""
    found = []
    for _ in range(50):
        await ask()
    cpu_s = time.process_time()
    for _ in range(count):
        begin_s = time.perf_counter()
        await ask()
        found.append((time.perf_counter() - begin_s) * 1e6)
    return found, (time.process_time() - cpu_s) / count * 1e6


async def measure(path: str, count: int) -> dict[str, tuple[float, float, float]]:
    """p50, p99 and processor time a round trip, floor first."""
    figures = {}
    for name, way in (("floor", bare), ("link", linked)):
        async with way(path) as ask:
            us, cpu_us = await times_us(ask, count)
        figures[name] = (percentile(us, 0.5), percentile(us, 0.99), cpu_us)
    return figures


def main() -> None:
    """Measure, interleaved, and show the medians."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark.roundtrip")
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    command = [sys.executable, "-m", "tests.benchmark.responder"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as responder:
        assert responder.stdout is not None
        path = responder.stdout.readline().strip()
        rounds = [asyncio.run(measure(path, given.count)) for _ in range(given.rounds)]
        responder.terminate()
    typical = {
        name: [median(each[name][at] for each in rounds) for at in range(3)] for name in rounds[0]
    }
    show(
        f"Request and reply over a pty, median of {given.rounds} x {given.count}",
        ("", "p50 us", "p99 us", "CPU us", "p50 / floor", "CPU / floor"),
        [
            (
                name,
                *[f"{figure:.0f}" for figure in found],
                f"{found[0] / typical['floor'][0]:.2f}",
                f"{found[2] / typical['floor'][2]:.2f}",
            )
            for name, found in typical.items()
        ],
    )


if __name__ == "__main__":
    main()
