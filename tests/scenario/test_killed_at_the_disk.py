"""SIGKILL at each write, sync and removal of the journal's files, in real processes."""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

import pytest

from tests.scenario.conftest import Figure, wanted
from tests.support.auditor import audit, journal_files
from tests.support.bills import CONFIG
from tests.support.command_line import environment
from tests.support.deadly_disk import WHEN, acknowledged, open_here
from tests.support.journals import alarm
from tests.support.real_room import (
    PATIENCE_S,
    PenProcess,
    controller,
    journal_of,
    judged,
    pen_process,
    vial,
    write_plan,
)

RAM = Path("/dev/shm")
LAUNCH = (sys.executable, "-m", "tests.support.deadly_disk")
AS_IF_KILLED = -9


def lost(folder: Path, promised: dict[int, str]) -> list[int]:
    """Acknowledged entries that are not in the chain; it must be whole."""
    if not promised and not journal_files(folder):
        return []
    found = audit(folder)
    assert found.problems == []
    kept = {entry.seq: entry.hash for entry in found.entries}
    return [seq for seq, own_hash in promised.items() if kept.get(seq) != own_hash]


@pytest.mark.hazard("H04")
@pytest.mark.hazard("H08")
def test_the_writer_is_killed_at_every_operation(figure: Figure) -> None:
    """Before it and after it; then the real journal goes on from what is there."""
    with tempfile.TemporaryDirectory(dir=RAM if RAM.is_dir() else None) as place:
        done = subprocess.run(
            [*LAUNCH, "writer", place],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        operations, entries = int(done.stdout), 0
        assert operations > 50
        for nth in range(1, operations + 1):
            for when in WHEN:
                home = Path(place) / f"{nth}-{when}"
                promised = acknowledged(home / "acks")
                entries = max(entries, len(promised))
                journal = open_here(home / "journal")
                promised |= {e.seq: e.hash for e in journal.append([alarm("a")])}
                journal.close()
                assert lost(home / "journal", promised) == [], f"operation {nth}, {when} it"
        assert entries > 10
    figure(f"{operations} operations, a process killed before and after each, none lost")


async def killed_at(pen: PenProcess, folder: Path, nth: int, words: tuple[str, ...]) -> bool:
    """`micropen run`, killed by its own disk at an operation; False when it ended before."""
    where = ("--port", str(pen.port), "--state", str(folder / "state"), "--config", str(CONFIG))
    child = await asyncio.create_subprocess_exec(
        *(*LAUNCH, "run", str(nth), str(folder / "acks"), "run", *where, "--program", *words),
        env=environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_S):
        said, _ = await child.communicate()
    assert child.returncode in (AS_IF_KILLED, 0), said.decode()[-3_000:]
    return child.returncode == AS_IF_KILLED


@pytest.mark.slow
@pytest.mark.real_time("processes on a pty")
@pytest.mark.hazard("H08")
async def test_a_whole_session_is_killed_by_its_disk_again_and_again(
    tmp_path: Path, figure: Figure
) -> None:
    kills, rng = wanted("MICROPEN_DISK_KILLS", 4), Random("disk kills")
    words: tuple[str, ...] = ("--plan", str(write_plan(tmp_path, 2 * kills, kills)), *vial())
    killed = 0
    async with pen_process(tmp_path) as pen:
        for _ in range(kills):
            killed += await killed_at(pen, tmp_path, rng.randint(20, 60), words)
            folder = journal_of(tmp_path)
            assert lost(folder, acknowledged(tmp_path / "acks")) == []
            opened = any(entry.kind == "session_opened" for entry in audit(folder).entries)
            words = ("--resume",) if opened else words
        async with controller(pen, tmp_path, "--program", "--json-log", "--resume") as process:
            assert await process.ended() == 0, process.said[-2_000:]
        referee = await judged(pen, tmp_path)
    assert killed == kills
    assert referee.open_arms == []
    assert [closed["outcome"] for closed in referee.all("session_closed")] == ["complete"]
    assert lost(folder, acknowledged(tmp_path / "acks")) == []
    figure(f"{killed} times killed by its disk, {len(referee.entries)} entries, none lost")
