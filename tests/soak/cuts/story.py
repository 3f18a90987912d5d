"""A reference session of the real journal, drawn from a seed, and the record of its disk.

Appends of all kinds alone and in groups, checkpoints, restarts, SIGKILL between commits and within
them, a reader beside the writer, disks that fail once or fill up, and the successor after that.
"""

from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

from controller.errors import JournalNotWritable, JournalWriteFailed
from controller.record import store
from controller.record.entry import Draft
from controller.record.journal import Journal
from controller.record.reader import JournalReader
from tests.soak.cuts.bodies import drawn
from tests.soak.cuts.record import MADE_BY_THE_JOURNAL, Ack, Event, Offer, Recorder, Said
from tests.support.journals import TickingClock, open_journal
from tests.support.sim_disk import Kind, SimDisk

STEPS = (1, 10)
CHECKPOINT_PAGES = (3, 40)
"""SQLite's own 1,000 would need megabytes of images to see one."""

MOST_TRIES = 40
"""Commits until one meets the failure: a full disk must wait until a file grows."""

FAILURES: Final[tuple[Kind, ...]] = ("eio_sync", "eio_sync", "full", "eio_write")


def said(drafts: list[Draft]) -> tuple[Said, ...]:
    """The drafts as an independent reader will find them."""
    return tuple((d.body.kind, d.body.model_dump_json().encode()) for d in drafts)


class Scribe:
    """Uses the journal as the service does, and writes down what it was told."""

    def __init__(self, folder: Path, vfs: str | None, recorder: Recorder, seq: int = 0) -> None:
        self._folder = folder
        self._vfs = vfs
        self._events = recorder.events
        self._seeds = count(seq + 1)
        self.seq = seq
        self._journal: Journal | None = None

    @property
    def journal(self) -> Journal:
        assert self._journal is not None, "the journal is closed"
        return self._journal

    def open(self) -> None:
        """Open the folder; whatever the journal holds for written is promised from now on."""
        self._offer((MADE_BY_THE_JOURNAL,))
        self._journal = open_journal(self._folder, vfs=self._vfs, seed=next(self._seeds))
        if self.journal.head[0] != self.seq:
            self._ack([(e.seq, e.hash) for e in self.journal.entries(self.seq + 1)])
        assert self.journal.head[0] == self.seq, "the head is not the last entry"

    def append(self, drafts: list[Draft]) -> None:
        """Commit; raises JournalWriteFailed."""
        self._offer(said(drafts))
        self._ack([(e.seq, e.hash) for e in self.journal.append(drafts)])

    def half_append(self, drafts: list[Draft], disk: SimDisk, operations: int) -> None:
        """SIGKILL in the middle of a commit: nobody hears of it any more."""
        self._offer(said(drafts))
        disk.power_goes_after(operations)
        with suppress(JournalWriteFailed):  # it cannot read back what it never wrote; it is dead
            self.journal.append(drafts)
        disk.power_left = None

    def go_on(self) -> None:
        """Begin the successor; raises JournalNotWritable."""
        self._offer((MADE_BY_THE_JOURNAL,))
        self._journal = self.journal.start_successor(TickingClock())
        (first,) = self.journal.entries(self.seq + 1)
        self._ack([(first.seq, first.hash)])

    def close(self) -> None:
        """An orderly end."""
        self.journal.close()

    def vanish(self) -> None:
        """What is left of a killed process: nothing, and its lock is free."""
        store.discard(self.journal._connection)
        self.journal.close()

    def drop(self) -> None:
        """What `vanish` does, if the journal was opened at all."""
        if self._journal is not None:
            self.vanish()

    def _offer(self, entries: tuple[Said, ...]) -> None:
        self._events.append(Offer(entries))

    def _ack(self, entries: list[tuple[int, str]]) -> None:
        self._events.append(Ack(tuple(entries)))
        self.seq = entries[-1][0] if entries else self.seq


class Story:
    """One session from its seed. `kinds` counts what was committed, `events` is the record."""

    def __init__(self, folder: Path, disk: SimDisk, rng: Random) -> None:
        self.steps = {"append": 0, "restart": 0, "kill": 0, "torn": 0, "fail": 0, "dead": 0}
        self._folder = folder
        self._disk = disk
        self._rng = rng
        self._kinds: list[str] = []
        self._recorder = Recorder()
        self._scribe = Scribe(folder, disk.vfs, self._recorder)
        self._reader: JournalReader | None = None

    def play(self) -> list[Event]:
        """The record of the whole session."""
        rng = self._rng
        self._disk.kill()
        self._disk.platter = self._recorder
        with ExitStack() as undo:
            self._scribe.open()
            undo.callback(self._scribe.close)
            undo.callback(self._close_reader)
            for _ in range(rng.randint(*STEPS)):
                self._step(rng.random())
        return self._recorder.events

    def _step(self, draw: float) -> None:
        if draw < 0.72:
            self._count("append").append(self._drafts())
        elif draw < 0.79:
            self._count("restart").close()
            self._scribe.open()
        elif draw < 0.84:
            self._count("kill")
            self._killed()
        elif draw < 0.90:
            self._count("torn")
            self._scribe.half_append(self._drafts(), self._disk, self._rng.randrange(12))
            self._killed()
        elif draw < 0.96:
            self._count("fail")
            self._failed()
        elif draw < 0.97:
            self._count("dead")
            self._dead_for_good()
        else:
            self._read_along()

    def _count(self, what: str) -> Scribe:
        self.steps[what] += 1
        return self._scribe

    def _drafts(self) -> list[Draft]:
        number = self._rng.choice((1, 1, 1, 2, 3, 6))
        return [drawn(self._rng, self._kinds) for _ in range(number)]

    def _killed(self) -> None:
        self._disk.kill()
        self._close_reader()
        self._scribe.vanish()
        self._scribe.open()

    def _break(self) -> None:
        self._disk.fail(self._rng.choice(FAILURES), once=True, skip=self._rng.randrange(3))
        with suppress(JournalWriteFailed):
            for _ in range(MOST_TRIES):
                if self._disk.fault is None:
                    break
                self._scribe.append(self._drafts())
        self._disk.heal()

    def _failed(self) -> None:
        """A commit fails, the disk heals, the service goes on in a successor."""
        self._break()
        if self._scribe.journal.failed is not None:
            self._scribe.go_on()

    def _dead_for_good(self) -> None:
        """The disk takes no successor either; later it works again, and the service is started."""
        self._break()
        if self._scribe.journal.failed is None:
            return
        self._disk.fail("eio_sync")
        try:
            self._scribe.go_on()
        except JournalNotWritable:
            self._disk.heal()
            self._scribe.close()
            self._scribe.open()
        self._disk.heal()

    def _read_along(self) -> None:
        """Telemetry comes, and stays until the next restart by force; or it goes."""
        if self._reader is None:
            self._reader = JournalReader(self._folder, vfs=self._disk.vfs, durable_only=True)
            list(self._reader.entries())
        else:
            self._close_reader()

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
