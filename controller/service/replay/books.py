"""The record of a replay: books as they stood when the recording began, and a journal in memory.

Nothing is written to any disk. Entries come from a bundle's extract or from a journal file.
"""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from controller.clock import Clock
from controller.errors import SessionError
from controller.record.calibration_events import ALL_BODIES
from controller.record.entry import ZERO_HASH, Draft, Entry
from controller.record.events import Body
from controller.service.flight.recording import RecordingUnreadable
from controller.session.books import Books

COMMIT_S: Final = 0.004
"""How long a commit takes here: the middle of what a card needs (measured: 4 ms)."""


class Recorded(msgspec.Struct, frozen=True):
    """An entry of the recorded journal, with the recorded host's clock."""

    seq: int
    host_boot_id: str
    mono_ns: int
    wall: str
    session_id: str | None
    pen_uid: str | None
    kind: str
    body: dict[str, Any] | None

    @property
    def mono_s(self) -> float:
        """Monotonic seconds of its commit."""
        return self.mono_ns / 1e9

    def typed(self) -> Body:
        """The typed body. Raises KeyError, ValidationError."""
        return ALL_BODIES[self.kind].model_validate_json(json.dumps(self.body))


def read_extract(data: bytes, name: str) -> list[Recorded]:
    """The entries of a bundle's extract. Raises RecordingUnreadable."""
    try:
        return [msgspec.json.decode(line, type=Recorded) for line in data.splitlines()]
    except msgspec.MsgspecError as error:
        raise RecordingUnreadable(f"{name} is no extract of a journal: {error}.") from error


def of_entries(entries: Iterable[Entry]) -> list[Recorded]:
    """The same, from a journal."""
    return [
        Recorded(
            each.seq,
            each.host_boot_id,
            each.mono_ns,
            each.wall,
            each.session_id,
            each.pen_uid,
            each.kind,
            json.loads(each.body_json),
        )
        for each in entries
    ]


def seeded(before: Iterable[Recorded]) -> tuple[Books, int]:
    """The books of these entries, and how many of them could not be booked.

    An extract lacks old strokes, so what contradicts is passed by, and counted.
    """
    books, passed = Books(), 0
    for each in before:
        try:
            books.apply(each.typed(), each.session_id, each.wall)
        except (SessionError, LookupError, ValueError, TypeError, ValidationError):
            passed += 1
    return books, passed


class MemoryWriter:
    """A journal writer that keeps what it is given, with its time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self.written: list[tuple[float, Draft]] = []

    def submit(self, drafts: Sequence[Draft]) -> asyncio.Future[list[Entry]]:
        """Ask for a commit; done after COMMIT_S, in order."""
        future: asyncio.Future[list[Entry]] = self._loop.create_future()
        self._loop.call_later(COMMIT_S, self._commit, list(drafts), future)
        return future

    def _commit(self, drafts: list[Draft], future: asyncio.Future[list[Entry]]) -> None:
        mono_s, wall = self._clock.mono_s(), self._clock.now_wall().isoformat()
        entries = []
        for draft in drafts:
            self.written.append((mono_s, draft))
            body = draft.body.model_dump_json().encode()
            owner = (draft.session_id, draft.pen_uid)
            stamp = ("replay", round(mono_s * 1e9), wall, None)
            seq = len(self.written)
            entries.append(Entry(seq, ZERO_HASH, ZERO_HASH, *stamp, *owner, draft.body.kind, body))
        if not future.done():
            future.set_result(entries)
