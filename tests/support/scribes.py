"""A journal writer without a disk: commits at once, or when the test says so, or never."""

import asyncio
from collections.abc import Sequence

from controller.errors import JournalWriteFailed
from controller.record.entry import Draft, Entry
from controller.record.events import Body

Waiting = asyncio.Future[list[Entry]]
WALL = "2030-01-01T00:00:00.000000Z"


class Scribe:
    """Fits the recorder's `Writer`. While `holds`, batches wait for `commit_next` or `fail`."""

    def __init__(self) -> None:
        self.holds = False
        self.broken: JournalWriteFailed | None = None
        self.drafts: list[Draft] = []
        self.waiting: list[tuple[Sequence[Draft], Waiting]] = []

    @property
    def bodies(self) -> list[Body]:
        """All bodies that are durable, oldest first."""
        return [draft.body for draft in self.drafts]

    def all(self, kind: type[Body]) -> list[Body]:
        """The durable bodies of one kind."""
        return [body for body in self.bodies if isinstance(body, kind)]

    def submit(self, drafts: Sequence[Draft]) -> Waiting:
        future: Waiting = asyncio.get_running_loop().create_future()
        self.waiting.append((drafts, future))
        if self.broken is not None:
            self.fail()
        elif not self.holds:
            self.commit_next()
        return future

    def commit_next(self) -> None:
        """Make the oldest waiting batch durable."""
        drafts, future = self.waiting.pop(0)
        self.drafts += drafts
        future.set_result([_entry(len(self.drafts), draft) for draft in drafts])

    def commit_all(self) -> None:
        """Make all waiting batches durable and hold nothing more."""
        self.holds = False
        while self.waiting:
            self.commit_next()

    def fail(self) -> None:
        """The disk fails: what waits, and everything from now on."""
        self.broken = self.broken or JournalWriteFailed("The test's disk failed.")
        while self.waiting:
            self.waiting.pop(0)[1].set_exception(self.broken)


def _entry(seq: int, draft: Draft) -> Entry:
    body = draft.body
    data = body.model_dump_json().encode()
    return Entry(
        seq,
        "",
        "",
        "boot",
        0,
        WALL,
        None,
        draft.session_id,
        draft.pen_uid,
        body.kind,
        data,
    )
