"""The only way into the books: commit first, then apply to ledger and session books.

Whoever submits here gets a future that is done when the bodies are durable *and* booked, in the
order of submission. After the first failure the same file gets nothing more: the record may go on
in a successor, but nothing is armed any more.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from controller.errors import JournalError, JournalWriteFailed, SessionError
from controller.record.entry import Draft, Entry
from controller.record.events import ArmClosed, Body
from controller.session.books import Books

Waiting = asyncio.Future[list[Entry]]


class ClosedAlready(SessionError):
    """The arm is closed in the books, or its closing entry is on its way to the disk."""

    number = 4015
    cause = "The pen's own record closed the arm while something else was about to, or the reverse."
    action = "Look at `micropen session show`; nothing more needs to be done for this arm."


class Writer(Protocol):
    """What the recorder needs of a journal writer."""

    def submit(self, drafts: Sequence[Draft]) -> Waiting:
        """Commit drafts in one transaction; the future fails when they are not durable."""
        ...


class Recorder:
    """Commits bodies and folds them into the books.

    `failed` is set for ever by the first error; `accepts` says whether there is a file to go on in.
    """

    def __init__(self, writer: Writer, books: Books, on_failed: Callable[[Exception], None]):
        self._writer = writer
        self._books = books
        self._on_failed = on_failed
        self._closing: set[tuple[str, int]] = set()
        self._ended = False
        self.failed = False
        self.accepts = True

    def continue_in(self, writer: Writer) -> None:
        """Go on recording in a successor journal; `failed` stays set, so nothing is armed."""
        self._writer = writer
        self.accepts = not self._ended

    def close(self) -> None:
        """Take nothing more: the service is ending, and whoever is late is not recorded."""
        self._ended = True
        self.accepts = False

    def submit(
        self, *bodies: Body, session_id: str | None = None, pen_uid: str | None = None
    ) -> Waiting:
        """Queue bodies for one transaction.

        The future gives their entries once they are booked. It fails with JournalError when they
        are not durable or the service is ending, with SessionError when they are durable but
        contradict the books, with any other error when the books' own code failed. Raises
        ClosedAlready, and queues nothing, when they would close an arm a second time.
        """
        if self._ended:
            return _refused()
        closing = self._begin_closing(bodies)
        drafts = [Draft(body, session_id, pen_uid) for body in bodies]
        writer = self._writer
        booked: Waiting = asyncio.get_running_loop().create_future()
        durable = writer.submit(drafts)
        durable.add_done_callback(lambda done: self._book(done, drafts, writer, booked))
        if closing:
            booked.add_done_callback(lambda done: self._end_closing(closing, done))
        return booked

    async def commit(
        self, *bodies: Body, session_id: str | None = None, pen_uid: str | None = None
    ) -> list[Entry]:
        """Wait until the bodies are durable and booked; raises as the future of `submit` does.

        Cancelling the waiter does not cancel the commit.
        """
        return await asyncio.shield(self.submit(*bodies, session_id=session_id, pen_uid=pen_uid))

    def _begin_closing(self, bodies: Sequence[Body]) -> set[tuple[str, int]]:
        # Two closing entries of one arm would be durable for ever, and no book could read them.
        closing = {(each.pen_uid, each.arm_id) for each in bodies if isinstance(each, ArmClosed)}
        for key in closing:
            interval = self._books.ledger.intervals.get(key)
            if key in self._closing or (interval is not None and not interval.is_open):
                raise ClosedAlready(f"Arm {key[1]} of pen {key[0]} has its closing entry already.")
        self._closing |= closing
        return closing

    def _end_closing(self, closing: set[tuple[str, int]], booked: Waiting) -> None:
        # Whatever is not certainly refused by the disk may be durable: it is not tried again.
        if not booked.cancelled() and isinstance(booked.exception(), JournalError):
            self._closing -= closing

    def _book(self, done: Waiting, drafts: list[Draft], writer: Writer, booked: Waiting) -> None:
        if done.cancelled():
            booked.cancel()
            return
        error = done.exception() or self._apply(drafts, done.result())
        if error is None:
            booked.set_result(done.result())
            return
        self._fail(writer, error)
        booked.set_exception(error)
        booked.exception()  # seen: whoever only notes something does not wait for it

    def _apply(self, drafts: list[Draft], entries: list[Entry]) -> Exception | None:
        try:
            for draft, entry in zip(drafts, entries, strict=True):
                self._books.apply(draft.body, draft.session_id, entry.wall)
        except (SessionError, LookupError, ValueError, TypeError) as error:
            return error  # no SessionError: a defect of the books' own code
        return None

    def _fail(self, writer: Writer, error: BaseException) -> None:
        self.failed = True
        if isinstance(error, JournalError):
            if writer is not self._writer or not self.accepts:
                return  # told already
            self.accepts = False
        if isinstance(error, Exception):
            self._on_failed(error)


def _refused() -> Waiting:
    refused: Waiting = asyncio.get_running_loop().create_future()
    refused.set_exception(JournalWriteFailed("The service is ending; nothing more is recorded."))
    refused.exception()  # seen: whoever only notes something does not wait for it
    return refused
