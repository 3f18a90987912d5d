"""A journal writer in virtual time: a disk as slow as a test likes, a process that can be killed.

Commits as the real writer does: one transaction is on its way, all that came meanwhile goes
together in the next. Written with the real journal; only the thread is left out.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from controller.errors import JournalWriteFailed
from controller.record.entry import Draft, Entry
from controller.record.journal import Journal

Waiting = asyncio.Future[list[Entry]]
Job = tuple[Sequence[Draft], Waiting]


class Desk:
    """Fits `controller.record.writer.Writer`.

    `latency_s` says how long the next transaction takes; with `side_by_side` each submission has
    one of its own, as at `InlineWriter`. `before_commit` hears of every batch just before it is
    durable, `on_submit` of every draft when it is handed in.
    """

    def __init__(
        self,
        journal: Journal,
        latency_s: Callable[[], float],
        on_submit: Callable[[Sequence[Draft]], None],
        before_commit: Callable[[Sequence[Draft]], None],
        *,
        side_by_side: bool = False,
    ) -> None:
        self.journal = journal
        self._side_by_side = side_by_side
        self._latency_s = latency_s
        self._on_submit = on_submit
        self._before_commit = before_commit
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Job] = []
        self._under_way: list[Job] = []
        self._timer: asyncio.TimerHandle | None = None
        self._dead = False
        self._closed = False
        self._began_s = 0.0

    @property
    def failed(self) -> JournalWriteFailed | None:
        """Set at the first error, for ever."""
        return self.journal.failed

    def submit(self, drafts: Sequence[Draft]) -> Waiting:
        """Ask for a commit; nobody answers any more once the process is dead."""
        future: Waiting = self._loop.create_future()
        if self._closed:
            future.set_exception(JournalWriteFailed(f"{self.journal.path} is closed."))
        elif not self._dead:
            self._on_submit(drafts)
            self._take((drafts, future))
        return future

    def stuck_s(self) -> float:
        """Virtual seconds of the transaction under way."""
        return self._loop.time() - self._began_s if self._under_way else 0.0

    async def close(self) -> None:
        """Commit what is waiting."""
        self._closed = True
        self._land()
        self._land()

    def kill(self, *, written: bool, close: bool = True) -> None:
        """The process dies; the transaction that is on its way was `written`, or was not.

        Unless told to `close` it leaves the journal's file open.
        """
        if written and self._under_way:
            with suppress(JournalWriteFailed):  # a dead process hears of no error
                self._append(self._under_way)
        self._dead = True
        self._waiting, self._under_way = [], []
        if self._timer is not None:
            self._timer.cancel()
        if close:
            self.journal.close()

    def _take(self, job: Job) -> None:
        self._waiting.append(job)
        if self._side_by_side:
            self._loop.call_later(self._latency_s(), self._land_first)
        else:
            self._begin()

    def _land_first(self) -> None:
        if self._waiting:
            self._tell([self._waiting.pop(0)])

    def _begin(self) -> None:
        if self._under_way or not self._waiting:
            return
        self._under_way, self._waiting = self._waiting, []
        self._began_s = self._loop.time()
        self._timer = self._loop.call_later(self._latency_s(), self._land)

    def _land(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        jobs, self._under_way = self._under_way, []
        if jobs:
            self._tell(jobs)
        self._begin()

    def _tell(self, jobs: list[Job]) -> None:
        try:
            entries = self._append(jobs)
        except JournalWriteFailed as error:
            for _, future in jobs:
                future.set_exception(error)
            return
        for drafts, future in jobs:
            mine, entries = entries[: len(drafts)], entries[len(drafts) :]
            future.set_result(mine)

    def _append(self, jobs: list[Job]) -> list[Entry]:
        drafts = [draft for batch, _ in jobs for draft in batch]
        self._before_commit(drafts)
        return self.journal.append(drafts)
