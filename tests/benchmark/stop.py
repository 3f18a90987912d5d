"""STOP from its call to its bytes on the pty: `python -m tests.benchmark.stop`.

The whole controller runs in this process on a simulated pen; `relay.py` notes when each STOP
arrives. Measured idle, at 150 Hz, and at 150 Hz while the loop is blocked 10 ms at a time.
"""

import argparse
import asyncio
import os
import random
import select
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from controller.clock import SystemClock
from controller.logs import set_up_logs
from controller.service.app import Service, Wanted, running
from controller.service.opening import new_session_id, terms_with_pen, wish_of
from controller.service.program import PROGRAM, ProgramOperator
from controller.session.catalogue import Catalogue
from controller.session.states import State
from protocol.codec import encode_payload
from protocol.framing import Frame, encode_frame
from protocol.messages import Stop
from tests.benchmark.figures import pause, percentile, show
from tests.benchmark.stage import CONFIG, PLAN, Stage

BLOCKED_S: Final = 0.010
BREATH_S: Final = 0.002
BETWEEN_S: Final = (0.015, 0.035)
GONE_S: Final = 5.0


class Arrivals:
    """What the relay saw, by stop id."""

    def __init__(self, relay: subprocess.Popen[str]) -> None:
        self._lines = relay.stdout
        self.ns: dict[int, int] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._lines or ():
            stop_id, at_ns = line.split()
            self.ns[int(stop_id)] = int(at_ns)

    def latencies_us(self, sent_ns: dict[int, int]) -> list[float]:
        """From each sending to its arrival; waits for the last one."""
        while not sent_ns.keys() <= self.ns.keys():
            pause(0.01)
        return [(self.ns[stop_id] - at_ns) / 1000 for stop_id, at_ns in sent_ns.items()]


def stop_often(service: Service, count: int) -> dict[int, int]:
    """Stop `count` times from this thread; gives when each was called. Runs in a thread."""
    called_ns = {}
    chance = random.Random(1)
    for _ in range(count):
        at_ns = time.monotonic_ns()
        called_ns[service.line.stop("benchmark")] = at_ns
        deadline_mono_s = time.monotonic() + GONE_S
        while service.line.stop_line.active is not None:
            if time.monotonic() > deadline_mono_s:
                raise RuntimeError("the stop was never echoed")
            pause(0.001)
        pause(chance.uniform(*BETWEEN_S))
    return called_ns


def write_often(path: str, count: int) -> dict[int, int]:
    """The floor: a bare write of a STOP frame that is ready, by a process that does nothing."""
    written_ns = {}
    chance = random.Random(2)
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    for _ in range(count):
        stop = Stop(chance.getrandbits(64) | 1)
        frame = encode_frame(Frame(Stop.KIND, 0, 0, encode_payload(stop)))
        written_ns[stop.stop_id] = time.monotonic_ns()
        os.write(fd, frame)
        pause(chance.uniform(*BETWEEN_S))
        with suppress(BlockingIOError):  # the pen talks meanwhile
            os.read(fd, 4096)
    os.close(fd)
    return written_ns


async def measure(service: Service, arrivals: Arrivals, count: int) -> list[float]:
    """Microseconds from call to arrival."""
    called_ns = await asyncio.to_thread(stop_often, service, count)
    return await asyncio.to_thread(arrivals.latencies_us, called_ns)


@asynccontextmanager
async def blocked_loop() -> AsyncIterator[None]:
    """Block the loop in a system call, 10 ms at a time."""
    loop = asyncio.get_running_loop()
    handle: list[asyncio.TimerHandle] = []

    def block() -> None:
        select.select([], [], [], BLOCKED_S)
        handle[:] = [loop.call_later(BREATH_S, block)]

    block()
    try:
        yield
    finally:
        handle[0].cancel()


async def run(pen_path: str, folder: Path, arrivals: Arrivals, count: int) -> list[list[float]]:
    """At 150 Hz, at 150 Hz with a blocked loop, linked and idle.

    Idle comes last: the pen knows nothing of these stops and would refuse the next arm.
    """
    wanted = Wanted(pen_path, folder, "training")
    async with running(wanted) as service:
        engine, found = service.engine, []
        await engine.changes.until(lambda: engine.reconciled)
        wish = wish_of(PLAN, Catalogue(CONFIG), patient=None, vial=None, realm="training")
        terms = terms_with_pen(wish, engine.books, SystemClock(), engine.pen)
        await service.acts.open(new_session_id(SystemClock()), terms, PROGRAM)
        operator = asyncio.create_task(ProgramOperator(engine, service.acts).run())
        await engine.changes.until(lambda: engine.state is State.RUNNING)
        await asyncio.to_thread(pause, 3.0)
        for condition in (nullcontext(), blocked_loop()):
            async with condition:
                found.append(await measure(service, arrivals, count))
            if engine.state is not State.RUNNING:
                raise RuntimeError(f"the pen did not run on: {engine.state}")
        operator.cancel()
        await asyncio.gather(operator, return_exceptions=True)
        await service.acts.pause(PROGRAM)
        await engine.changes.until(lambda: engine.state is State.READY)
        found.append(await measure(service, arrivals, count))
    return found


def main() -> None:
    """Measure and show p50 and p99."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark.stop")
    parser.add_argument("--stops", type=int, default=300, help="in each condition, <= 400")
    given = parser.parse_args()
    set_up_logs(as_json=True, quiet=True)
    with TemporaryDirectory(prefix="micropen-bench-") as name, Stage(Path(name)) as stage:
        stage.start_pen()
        command = [sys.executable, "-m", "tests.benchmark.relay", str(stage.pen_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as relay:
            assert relay.stdout is not None
            path = relay.stdout.readline().strip()
            arrivals = Arrivals(relay)
            found = [arrivals.latencies_us(write_often(path, given.stops))]
            found += asyncio.run(run(path, stage.journal, arrivals, given.stops))
            relay.terminate()
    names = (
        "floor: bare write, idle",
        "at 150 Hz",
        "at 150 Hz, loop blocked 10 ms at a time",
        "idle",
    )
    show(
        f"STOP, call to bytes on the pty, {given.stops} times each",
        ("", "p50 us", "p99 us", "worst us", "p50 / floor"),
        [
            (
                name,
                *[f"{figure:.0f}" for figure in (_p(us, 0.5), _p(us, 0.99), max(us))],
                f"{_p(us, 0.5) / _p(found[0], 0.5):.2f}",
            )
            for name, us in zip(names, found, strict=True)
        ],
    )


_p = percentile

if __name__ == "__main__":
    main()
