"""Commits without making the loop wait: one thread, one transaction for all that is waiting.

Why: an fsync takes as long as the disk likes, and the loop must go on granting and listening.
Touches the journal it was given; the loop hears of results through futures only.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Final, Protocol

from controller.clock import Clock
from controller.errors import JournalWriteFailed
from controller.record.entry import Draft, Entry
from controller.record.journal import Journal

Waiting = asyncio.Future[list[Entry]]
_Job = tuple[Sequence[Draft], Waiting]
_CLOSE: Final = None


class Writer(Protocol):
    """What the session engine sees of the journal."""

    journal: Journal

    @property
    def failed(self) -> JournalWriteFailed | None:
        """Set at the first error, for ever."""
        ...

    def submit(self, drafts: Sequence[Draft]) -> Waiting:
        """Ask for a commit. The future gives the entries once they are on the disk, or fails
        with JournalWriteFailed. Cancelling it cancels the waiting, not the commit."""
        ...

    def stuck_s(self) -> float:
        """Seconds that the commit under way has taken; 0 when idle, endless without a thread."""
        ...

    async def close(self) -> None:
        """Commit what is waiting, then stop. The journal itself stays open."""
        ...


def successor(journal: Journal, clock: Clock) -> Journal:
    """The file to go on with (record-only) after this one failed.

    Raises:
        JournalNotWritable: E5003, the disk takes no new file either.
    """
    return journal.start_successor(clock)


class JournalWriter:
    """Commits in a thread of its own. `submit` and `close` belong to the loop it was made in."""

    def __init__(
        self, journal: Journal, on_failed: Callable[[JournalWriteFailed], None] | None = None
    ) -> None:
        """Start the thread. `on_failed` is called once, in the loop, at the first error."""
        self.journal = journal
        self.slowest_commit_s = 0.0
        self._on_failed = on_failed
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._began_s: float | None = None
        self._stopped = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    @property
    def failed(self) -> JournalWriteFailed | None:
        """Set at the first error, for ever."""
        return self.journal.failed

    def submit(self, drafts: Sequence[Draft]) -> Waiting:
        """Ask for a commit; see `Writer`."""
        future: Waiting = self._loop.create_future()
        if self._closed:
            future.set_exception(JournalWriteFailed(f"{self.journal.path} is closed."))
        else:
            self._jobs.put((drafts, future))
        return future

    def stuck_s(self) -> float:
        """See `Writer`; a writer that was closed is idle."""
        if not self._thread.is_alive() and not self._closed:
            return inf
        began_s = self._began_s  # the thread may end the commit between two looks
        return 0.0 if began_s is None else perf_counter() - began_s

    async def close(self) -> None:
        """Commit what is waiting, then end the thread. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._jobs.put(_CLOSE)
        await asyncio.shield(self._stopped)
        self._thread.join()

    def _run(self) -> None:
        jobs: list[_Job] = []
        try:
            closing = False
            while not closing:
                jobs, closing = self._gather()
                if jobs:
                    self._commit(jobs)
                jobs = []
        finally:
            # Only a defect leaves jobs here; whoever waits for them must not wait for ever.
            if jobs:
                self._give_up(jobs)
            self._tell(self._end)

    def _give_up(self, jobs: list[_Job]) -> None:
        error = JournalWriteFailed("The journal's writer thread ended by a defect.")
        was_good = self.journal.failed is None
        self.journal.failed = self.journal.failed or error
        with suppress(Empty):
            while (job := self._jobs.get_nowait()) is not None:
                jobs.append(job)
        self._tell(self._fail, jobs, error, was_good)

    def _gather(self) -> tuple[list[_Job], bool]:
        """Wait for one job and take along all that came with it."""
        jobs: list[_Job] = []
        job = self._jobs.get()
        with suppress(Empty):
            while job is not None:
                jobs.append(job)
                job = self._jobs.get_nowait()
        return jobs, job is None

    def _commit(self, jobs: list[_Job]) -> None:
        drafts = [draft for batch, _ in jobs for draft in batch]
        was_good = self.failed is None
        self._began_s = began_s = perf_counter()
        try:
            entries = self.journal.append(drafts)
        except JournalWriteFailed as error:
            self._tell(self._fail, jobs, error, was_good)
            return
        finally:
            self._began_s = None
        self.slowest_commit_s = max(self.slowest_commit_s, perf_counter() - began_s)
        self._tell(_deliver, jobs, entries)

    def _fail(self, jobs: list[_Job], error: JournalWriteFailed, first: bool) -> None:
        _refuse(jobs, error)
        if first and self._on_failed is not None:
            self._on_failed(error)

    def _end(self) -> None:
        if not self._stopped.done():
            self._stopped.set_result(None)

    def _tell(self, callback: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is waiting any more
            self._loop.call_soon_threadsafe(callback, *arguments)


class InlineWriter:
    """The same surface without a thread, for virtual time.

    With `latency_s` above zero a batch is committed, and its future done, that much loop time
    after `submit`; always in order. Meant for tests and simulations on a fast disk.
    """

    def __init__(
        self,
        journal: Journal,
        on_failed: Callable[[JournalWriteFailed], None] | None = None,
        *,
        latency_s: float = 0.0,
    ) -> None:
        self.journal = journal
        self.latency_s = latency_s
        self._on_failed = on_failed
        self._loop = asyncio.get_running_loop()
        self._jobs: deque[_Job] = deque()
        self._closed = False

    @property
    def failed(self) -> JournalWriteFailed | None:
        """Set at the first error, for ever."""
        return self.journal.failed

    def submit(self, drafts: Sequence[Draft]) -> Waiting:
        """Ask for a commit; see `Writer`."""
        future: Waiting = self._loop.create_future()
        if self._closed:
            future.set_exception(JournalWriteFailed(f"{self.journal.path} is closed."))
            return future
        self._jobs.append((drafts, future))
        if self.latency_s > 0:
            self._loop.call_later(self.latency_s, self._commit_next)
        else:
            self._commit_all()
        return future

    def stuck_s(self) -> float:
        """See `Writer`: a commit here takes no time that anybody could look at."""
        return 0.0

    async def close(self) -> None:
        """Commit what is waiting at once. Safe to call twice."""
        self._closed = True
        self._commit_all()

    def _commit_all(self) -> None:
        while self._jobs:
            self._commit_next()

    def _commit_next(self) -> None:
        if not self._jobs:
            return
        job = self._jobs.popleft()
        was_good = self.failed is None
        try:
            entries = self.journal.append(job[0])
        except JournalWriteFailed as error:
            _refuse([job], error)
            if was_good and self._on_failed is not None:
                self._on_failed(error)
            return
        _deliver([job], entries)


def _deliver(jobs: list[_Job], entries: list[Entry]) -> None:
    """Give each waiter its own entries, in the order of the drafts."""
    start = 0
    for drafts, future in jobs:
        if not future.done():
            future.set_result(entries[start : start + len(drafts)])
        start += len(drafts)


def _refuse(jobs: list[_Job], error: JournalWriteFailed) -> None:
    for _, future in jobs:
        if not future.done():
            future.set_exception(error)
