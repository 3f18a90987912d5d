"""Checks a journal from its own bytes, by the published format and not by the writer's code.

Why: a checker that shares the writer's hash function shares its mistakes. The format is the one of
docs/journal.md. CPU-heavy on a long journal: run it in a process of its own. Reads only.
"""

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from controller.errors import JournalError, JournalMissing, JournalTooNew
from controller.record.calibration_events import ALL_BODIES
from controller.record.events import Body, JournalOpened
from controller.record.folder import journal_files
from controller.record.store import Beat, RawRow, StoreError, is_unborn, raw_rows

_GENESIS: Final = b"0" * 64
_BODY: Final = 10
BEAT_ROWS: Final = 10_000
"""0.2 s of a server's core, about 1 s of a Pi's."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was found. `first_bad_seq` is None exactly when `problem` is.

    `disowned` counts entries at the end of a failed file that its successor does not continue:
    the writer never confirmed them. They are no error.
    """

    files: int
    head_seq: int
    head_hash: str
    disowned: int = 0
    first_bad_seq: int | None = None
    problem: str | None = None

    @property
    def ok(self) -> bool:
        """True when every entry is what was written."""
        return self.problem is None


class _Bad(Exception):
    """The first thing that is wrong."""


class _Chain:
    """How far the chain holds."""

    def __init__(self) -> None:
        self.seq = 0
        self.hash = _GENESIS
        self.opened: JournalOpened | None = None

    def take(self, row: RawRow, *, first_of_file: bool) -> None:
        """Accept the next row, or raise what is wrong with it."""
        if row[0] != str(self.seq + 1).encode():
            raise _Bad("an entry is missing or out of order")
        if row[1] != self.hash:
            raise _Bad("it does not follow the entry before it")
        if row[2] != documented_hash(row):
            raise _Bad("its content is not what was hashed")
        self._check_opening(_body(row), first_of_file)
        self.seq, self.hash = self.seq + 1, row[2] or b""

    def _check_opening(self, body: Body, first_of_file: bool) -> None:
        """The first entry of a file, and no other, opens it and names the file before it."""
        if isinstance(body, JournalOpened) != first_of_file:
            raise _Bad("a file must begin with its opening entry, and have no other")
        if not isinstance(body, JournalOpened):
            return
        before = (body.predecessor_id, body.predecessor_seq, body.predecessor_hash)
        if self.opened is None and before != (None, None, None):
            raise _Bad("the file before this one is missing")
        if self.opened is not None:
            if before != (self.opened.journal_id, self.seq, self.hash.decode()):
                raise _Bad("the file does not go on where the one before it ends")
            if body.realm != self.opened.realm:
                raise _Bad("the realm changed")
        self.opened = body


def documented_hash(row: RawRow) -> bytes:
    """The hash of a row, 64 hex digits, worked out as docs/journal.md says.

    `row` is the eleven columns as stored text in bytes, NULL as None. The hash itself (the third)
    is left out; each of the others is preceded by its length in four bytes, and NULL is the length
    FF FF FF FF alone.
    """
    message = bytearray(b"micropen-journal-1\n")
    for column, value in enumerate(row):
        if column == 2:
            continue
        if value is None:
            message += b"\xff" * 4
        else:
            message += len(value).to_bytes(4, "big") + value
    return hashlib.sha256(message).hexdigest().encode("ascii")


def verify(
    path: Path, *, expected_head: tuple[int, str] | None = None, beat: Beat = lambda: None
) -> VerifyReport:
    """Check every entry of a folder's chain, or of one file that begins a chain.

    Args:
        path: the journal's folder, or a file.
        expected_head: sequence number and hash noted elsewhere (an archive's receipt, a report);
            the chain must contain that entry. Without it, entries cut off the end go unseen.
        beat: called each BEAT_ROWS entries.

    Raises:
        JournalMissing: E5001. JournalTooNew: E5002.
    """
    files = [path] if path.is_file() else journal_files(path) if path.is_dir() else []
    if not files:
        raise JournalMissing(f"There is no journal in {path}.")
    chain = _Chain()
    disowned = 0
    problem = None
    try:
        if len(files) > 1 and is_unborn(files[-1]):
            files.pop()  # a full disk or a crash cut the making of a successor short
        for file, successor in pairwise([*files, None]):
            end = _named_end(successor)
            disowned += _take_file(chain, file or path, end, expected_head, beat)
        if expected_head is not None and chain.seq < expected_head[0]:
            raise _Bad("entries are missing at the end")
    except JournalTooNew:
        raise
    except (_Bad, StoreError, JournalError) as error:
        said = error.what if isinstance(error, JournalError) else f"{error}."
        problem = f"Entry {chain.seq + 1}: {said}"
    first_bad_seq = None if problem is None else chain.seq + 1
    return VerifyReport(
        len(files), chain.seq, chain.hash.decode(), disowned, first_bad_seq, problem
    )


def _take_file(
    chain: _Chain,
    file: Path,
    end: int | None,
    expected_head: tuple[int, str] | None,
    beat: Beat,
) -> int:
    """Take the file's rows up to `end`; gives the number of rows after it."""
    disowned = 0
    first_of_file = True
    for number, row in enumerate(raw_rows(file)):
        if number % BEAT_ROWS == 0:
            beat()
        if end is not None and chain.seq >= end:
            disowned += 1
            continue
        chain.take(row, first_of_file=first_of_file)
        first_of_file = False
        if expected_head is not None and chain.seq == expected_head[0]:
            _compare_head(chain, expected_head[1])
    if first_of_file:
        raise _Bad(f"{file.name} is empty")
    return disowned


def _compare_head(chain: _Chain, expected: str) -> None:
    if chain.hash.decode() != expected:
        chain.seq -= 1
        raise _Bad("its hash is not the one that was noted elsewhere")


def _named_end(successor: Path | None) -> int | None:
    """Where a successor says that the file before it ends; proven when its own entry is taken."""
    if successor is None:
        return None
    for row in raw_rows(successor):
        body = _body(row)
        return body.predecessor_seq if isinstance(body, JournalOpened) else None
    return None


def _body(row: RawRow) -> Body:
    try:
        return ALL_BODIES[(row[9] or b"").decode()].model_validate_json(row[_BODY] or b"")
    except (KeyError, UnicodeDecodeError, ValidationError) as error:
        raise _Bad("its body does not fit its kind") from error
