"""Controller and pen as processes of their own on a pty: what SIGKILL and a pulled cable mean.

The pen's process is asked for its oracle by SIGUSR2, and disturbed by SIGHUP and SIGUSR1.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from simulator.life import load_oracle
from simulator.oracle import Report
from tests.support.bills import CONFIG
from tests.support.command_line import command, environment
from tests.support.processes import until
from tests.support.referee import Referee

PATIENCE_S = 60.0
ANSWER_S = 10.0

SCENARIO = """
[pen]
certificate_id = 0xc0001

[cartridge]
type_code = 1
needles = 1
max_protrusion_um = 1_000

[body.skin]
bounce_us = 8_000

[hand]
reaction_us = 60_000
zone_pause_us = 100_000
touch_to_press_us = 40_000
scatter = 0.2

[cable]
replug_after_s = 0.3
"""
PLAN = """
name = "many_small_doses"
kind = "micro_dosing"
patient = "p-1"
operator = "Op"
product = "nutrients_plain"
cartridge = "single_32g"
syringe_fill_nl = 1_000_000
prime_nl = 5_000
"""
ZONE = """
[[zones]]
name = "zone-{number}"
region = "neck"
punctures = {punctures}
dose_nl = 500
protrusion_um = 700
cadence_hz = 8
"""


class PenProcess:
    """The simulator with its pty, its life and its oracle in one folder."""

    def __init__(self, child: asyncio.subprocess.Process, folder: Path) -> None:
        self._child = child
        self.port = folder / "pen"
        self._oracle = folder / "oracle.json"

    def pull_cable(self) -> None:
        """It is put back after 0.3 s."""
        self._child.send_signal(signal.SIGHUP)

    def reset(self) -> None:
        self._child.send_signal(signal.SIGUSR1)

    async def oracle(self) -> Report:
        """What really happened up to now."""
        before = _identity(self._oracle)
        self._child.send_signal(signal.SIGUSR2)
        await until(lambda: _identity(self._oracle) not in (None, before), ANSWER_S)
        return load_oracle(self._oracle)


def _identity(path: Path) -> tuple[int, int] | None:
    if not path.exists():
        return None
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


@asynccontextmanager
async def pen_process(folder: Path) -> AsyncIterator[PenProcess]:
    """A new pen, switched on and plugged in."""
    (folder / "scenario.toml").write_text(SCENARIO)
    files = {"--pty": "pen", "--scenario": "scenario.toml", "--oracle": "oracle.json"}
    line = [word for name, file in files.items() for word in (name, str(folder / file))]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", *line, env=environment(), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(ANSWER_S):
            assert b"pen" in await child.stdout.readline()
        yield PenProcess(child, folder)
    finally:
        child.terminate()
        await child.communicate()


def write_plan(folder: Path, *punctures: int) -> Path:
    """A plan of one zone a number, 0.5 uL a puncture at 8 Hz."""
    zones = (ZONE.format(number=at, punctures=count) for at, count in enumerate(punctures, 1))
    path = folder / "plan.toml"
    path.write_text(PLAN + "".join(zones))
    return path


def vial() -> tuple[str, ...]:
    """Facts of a vial that was mixed an hour ago."""
    now = datetime.now(UTC)
    mixed = (now - timedelta(hours=1)).isoformat(timespec="minutes")
    return ("--lot", "T1", "--expiry", f"{now + timedelta(days=9):%F}", "--reconstituted-at", mixed)


class ControllerProcess:
    """`micropen run`, and everything that it has said so far."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        self._heard_to = 0
        self.said = ""

    async def says(self, *words: str) -> None:
        """Return as soon as it says one of `words`, after those that it was waited for before."""
        assert self._child.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while (end := self._end_of_first(words)) is None:
                heard = (await self._child.stdout.read(4_096)).decode(errors="replace")
                assert heard, f"it ended without saying {words}:\n{self.said[-3_000:]}"
                self.said += heard
        self._heard_to = end

    def _end_of_first(self, words: tuple[str, ...]) -> int | None:
        found = [(self.said.find(word, self._heard_to), len(word)) for word in words]
        return min((at + length for at, length in found if at >= 0), default=None)

    async def works_for(self, seconds: float) -> bool:
        """Leave it alone for a while; whether it still runs."""
        ended = asyncio.ensure_future(self._child.wait())
        done, _ = await asyncio.wait({ended}, timeout=seconds)
        if not done:
            ended.cancel()
        return not done

    def kill(self) -> None:
        """SIGKILL."""
        self._child.kill()

    async def ended(self) -> int:
        """Its exit code, once it has ended."""
        assert self._child.stdout is not None
        async with asyncio.timeout(2 * PATIENCE_S):
            self.said += (await self._child.stdout.read()).decode(errors="replace")
            return await self._child.wait()


@asynccontextmanager
async def controller(
    pen: PenProcess, folder: Path, *words: str, terminal: int | None = None
) -> AsyncIterator[ControllerProcess]:
    """`micropen run` on the pen's pty, with the state in `folder`; killed at the end."""
    where = ("--port", str(pen.port), "--state", str(folder / "state"), "--config", str(CONFIG))
    child = await asyncio.create_subprocess_exec(
        *command("run", *where, *words),
        env=environment(),
        stdin=asyncio.subprocess.DEVNULL if terminal is None else terminal,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield ControllerProcess(child)
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


@dataclass(frozen=True)
class Aftermath:
    """What the pen did after its controller was gone."""

    rest_s: float
    punctures: int
    steps: int


async def aftermath(pen: PenProcess, within_s: float) -> Aftermath:
    """Watch the pen, from now on for `within_s` of its own time."""
    first = last = await pen.oracle()
    while last.world_us < first.world_us + within_s * 1_000_000:
        last = await pen.oracle()
    return Aftermath(
        max(0, last.moved_us - first.world_us) / 1_000_000,
        last.totals.punctures - first.totals.punctures,
        last.totals.forward_steps - first.totals.forward_steps,
    )


async def judged(pen: PenProcess, folder: Path) -> Referee:
    """The journal against the oracle of a pen that never lost its power (design section 2)."""
    referee, report = Referee(journal_of(folder)), await pen.oracle()
    assert referee.problems == []
    real = (report.totals.punctures, report.totals.forward_steps)
    for which in (0, 1):
        certain = sum(arm.certain[which] for arm in referee.arms.values())
        possible = sum(arm.possible[which] for arm in referee.arms.values())
        assert certain <= real[which] <= possible
    return referee


def journal_of(folder: Path) -> Path:
    """The training journal of a state folder."""
    (found,) = {path.parent for path in (folder / "state").rglob("journal.db")}
    return found


def press(terminal: int, key: str) -> None:
    """Press a key at a terminal."""
    os.write(terminal, key.encode())
