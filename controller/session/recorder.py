"""The only way into the books: commit first, then apply to ledger and session books.

Whoever submits here gets a future that is done when the bodies are durable *and* booked, in the
order of submission. After the first failure the same file gets nothing more: the record may go on
in a successor, but nothing is armed any more.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from controller.record.entry import Draft, Entry
from controller.record.events import Body
from controller.session.books import Books


class Writer(Protocol):
    """What the recorder needs of a journal writer."""

    def submit(self, drafts: Sequence[Draft]) -> "asyncio.Future[list[Entry]]":
        """Commit drafts in one transaction; the future fails when they are not durable."""
        ...


class Recorder:
    """Commits bodies and folds them into the books."""

    def __init__(self, writer: Writer, books: Books, on_failed: Callable[[Exception], None]):
        self._writer = writer
        self._books = books
        self._on_failed = on_failed
        self.failed = False
        self.accepts = True

    def continue_in(self, writer: Writer) -> None:
        """Go on recording in a successor journal; `failed` stays set, so nothing is armed."""
        self._writer = writer
        self.accepts = True

    def submit(
        self, *bodies: Body, session_id: str | None = None, pen_uid: str | None = None
    ) -> "asyncio.Future[list[Entry]]":
        """Queue bodies for one transaction; callbacks added to the future run after booking."""
        drafts = [Draft(body, session_id, pen_uid) for body in bodies]
        future = self._writer.submit(drafts)
        future.add_done_callback(lambda done: self._book(done, drafts))
        return future

    async def commit(
        self, *bodies: Body, session_id: str | None = None, pen_uid: str | None = None
    ) -> list[Entry]:
        """Wait until the bodies are durable and booked.

        Cancelling the waiter does not cancel the commit. Raises JournalError when it failed.
        """
        return await asyncio.shield(self.submit(*bodies, session_id=session_id, pen_uid=pen_uid))

    def _book(self, done: "asyncio.Future[list[Entry]]", drafts: list[Draft]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            for draft, entry in zip(drafts, done.result(), strict=True):
                self._books.apply(draft.body, draft.session_id, entry.wall)
        elif not self.failed and isinstance(error, Exception):
            self.failed, self.accepts = True, False
            self._on_failed(error)
