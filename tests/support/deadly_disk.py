"""A real process that is killed by SIGKILL at a chosen operation of its journal's disk.

    python -m tests.support.deadly_disk writer FOLDER        every operation of a journal writer
    python -m tests.support.deadly_disk run NTH ACKS WORDS   `micropen WORDS`, killed at the NTH

The first forks a process for each operation, dead before or after it, until one outlives its work;
each works in FOLDER/<nth>-<when>. What was acknowledged is written down with one write each, so
that it is known after the death: `seq hash` in the file `acks`, and in ACKS.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal
from unittest.mock import patch

import apsw

from controller.clock import SystemClock
from controller.record import store
from controller.record.entry import Entry
from controller.record.journal import Journal
from controller.record.writer import JournalWriter
from tests.support.journals import whole_session

When = Literal["before", "after"]
WHEN: Final[tuple[When, When]] = ("before", "after")
MOST_OPERATIONS: Final = 1_000
CHECKPOINT_PAGES: Final = 12
"""Small, so that a short session has some."""
UNIX: Final = "unix"


class Fate:
    """Counts operations, and dies at one of them."""

    def __init__(self, nth: int, when: When) -> None:
        self._left = nth
        self._when = when

    def at(self, operation: Callable[[], None]) -> None:
        """Do an operation, unless this is the one before which it ends; it may end after it."""
        self._left -= 1
        if self._left == 0 and self._when == "before":
            _die()
        operation()
        if self._left == 0:
            _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _File(apsw.VFSFile):
    def __init__(self, fate: Fate, name: Any, flags: list[int]) -> None:
        self._fate = fate
        super().__init__(UNIX, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        write = super().xWrite
        self._fate.at(lambda: write(data, offset))

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        sync = super().xSync
        self._fate.at(lambda: sync(flags))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's name
        truncate = super().xTruncate
        self._fate.at(lambda: truncate(newsize))


class DeadlyVfs(apsw.VFS):
    """The default VFS of a process from now on."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate
        super().__init__("deadly", UNIX, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        return _File(self._fate, name, flags)

    def xDelete(self, name: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's name
        delete = super().xDelete
        self._fate.at(lambda: delete(name, syncdir))


class Witness:
    """Writes down what was acknowledged; a process that dies leaves whole lines."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def hear(self, entries: Sequence[Entry]) -> None:
        os.write(self._fd, "".join(f"{e.seq} {e.hash}\n" for e in entries).encode())


def acknowledged(path: Path) -> dict[int, str]:
    """What a witness wrote: hash by sequence number."""
    if not path.exists():
        return {}
    lines = (line.split() for line in path.read_text().splitlines())
    return {int(seq): own_hash for seq, own_hash in lines}


async def write_session(folder: Path, witness: Witness) -> None:
    """A session through the real writer and its thread: groups, a restart, a successor."""
    groups = list(whole_session(batches=6))
    journal = open_here(folder)
    await _commit(journal, groups[:6], witness)
    journal.close()
    journal = open_here(folder)
    await _commit(journal, groups[6:9], witness)
    successor = journal.start_successor(SystemClock())
    journal.close()
    await _commit(successor, groups[9:], witness)
    successor.close()


def open_here(folder: Path) -> Journal:
    """The real journal, on a disk that need not be large."""
    return Journal.open(folder, SystemClock(), realm="training", min_free_bytes=0)


async def _commit(journal: Journal, groups: Sequence[Any], witness: Witness) -> None:
    """Two at a time, so that some share a transaction."""
    writer = JournalWriter(journal)
    for at in range(0, len(groups), 2):
        waiting = [writer.submit(drafts) for drafts in groups[at : at + 2]]
        for future in waiting:
            witness.hear(await future)
    await writer.close()


def every_operation(folder: Path) -> int:
    """How many operations there are; a process died at each of them, once before, once after."""
    for nth in range(1, MOST_OPERATIONS):
        if [_dies(folder / f"{nth}-{when}", nth, when) for when in WHEN] != [True, True]:
            return nth - 1
    return MOST_OPERATIONS


def _dies(folder: Path, nth: int, when: When) -> bool:
    folder.mkdir(parents=True)
    child = os.fork()
    if child == 0:
        vfs = DeadlyVfs(Fate(nth, when))
        with patch.object(store, "CHECKPOINT_PAGES", CHECKPOINT_PAGES):
            asyncio.run(write_session(folder / "journal", Witness(folder / "acks")))
        vfs.unregister()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def run(nth: int, acks: Path, words: Sequence[str]) -> None:
    """The real command line on a deadly disk."""
    from controller.service.cli import main  # noqa: PLC0415 - the writer needs none of it

    vfs = DeadlyVfs(Fate(nth, WHEN[nth % 2]))
    witness, real = Witness(acks), Journal.append

    def append(journal: Journal, drafts: Any) -> list[Entry]:
        entries = real(journal, drafts)
        witness.hear(entries)
        return entries

    sys.argv = ["micropen", *words]
    with patch.object(Journal, "append", append):
        main()
    vfs.unregister()


if __name__ == "__main__":
    if sys.argv[1] == "writer":
        sys.stdout.write(f"{every_operation(Path(sys.argv[2]))}\n")
    else:
        run(int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
