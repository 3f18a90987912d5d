"""After every fault, what the recorder holds goes into the state folder; number and size bounded.

Never disturbs the drive: lines are made in slices of a fraction of a millisecond, the disk is
written by another thread without fsync, and an error there is a line in the log.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

from controller.errors import JournalWriteFailed
from controller.record.entry import Draft, Entry
from controller.record.events import AlarmRaised, Contradiction, LinkLost, StopSent
from controller.record.journal import Journal
from controller.record.opening import software_version
from controller.record.stamp import host_boot_id
from controller.record.writer import JournalWriter, Writer
from controller.service.flight.recorder import FlightRecorder
from controller.service.flight.recording import FORMAT, Header, chunk_lines, header_line
from controller.session.self_test import REASON as SELF_TEST

FOLDER: Final = "flight"
MOST_FILES: Final = 20
MOST_BYTES: Final = 64 * 1024 * 1024
AFTER_S: Final = 2.0
"""What the pen does after a fault belongs to it: a brake takes 0.15 s, a lost link shows in 1 s."""
APART_S: Final = 10.0
"""Faults come in swarms; a recording reaches 60 s back, so one stands for all of a swarm."""
SLICE: Final = 200
PAUSE_S: Final = 0.005
_OURS: Final = "given up by this host"

OnWritten = Callable[[Path], Awaitable[None]]

log = structlog.get_logger("flight")


def fault_in(drafts: Sequence[Draft]) -> str | None:
    """The first fault among what is to be recorded, as a short name; None when there is none."""
    bodies = [draft.body for draft in drafts]
    if any(isinstance(body, StopSent) and body.reason.startswith(SELF_TEST) for body in bodies):
        return None
    for body in bodies:
        match body:
            case AlarmRaised() if body.priority != "low":
                return body.alarm_id
            case Contradiction():
                return "contradiction"
            case LinkLost() if body.reason != _OURS:
                return "link-lost"
            case _:
                pass
    return None


class WatchedWriter:
    """A journal writer through which the box hears of every fault that is recorded."""

    def __init__(self, writer: Writer, box: "FlightBox") -> None:
        self.journal: Journal = writer.journal
        self._writer = writer
        self._box = box

    @property
    def failed(self) -> JournalWriteFailed | None:
        """Set at the first error, for ever."""
        return self._writer.failed

    def submit(self, drafts: Sequence[Draft]) -> asyncio.Future[list[Entry]]:
        """Ask for a commit; see `Writer`."""
        waiting = self._writer.submit(drafts)
        fault = fault_in(drafts)
        if fault is not None:
            self._box.fault(fault)
        return waiting

    def stuck_s(self) -> float:
        """See `Writer`."""
        return self._writer.stuck_s()

    async def close(self) -> None:
        """Commit what is waiting, then stop."""
        await self._writer.close()


async def _nothing(_: Path) -> None:
    """Take the place of whoever makes a bundle of it."""


class FlightBox:
    """Writes recordings of one service. Belongs to the loop."""

    def __init__(
        self,
        recorder: FlightRecorder,
        state: Path,
        journal: Journal,
        boot_id: str | None = None,
    ) -> None:
        self._recorder = recorder
        self._folder = state / FOLDER
        self._journal = journal
        self.on_written: OnWritten = _nothing
        self._boot_id = boot_id or host_boot_id()
        self._writing: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._last_mono_s = float("-inf")

    def watched(self, journal: Journal) -> Writer:
        """A writer of its journal through which this box hears of faults."""
        return WatchedWriter(JournalWriter(journal), self)

    def fault(self, reason: str) -> None:
        """Something is wrong: write a recording soon, unless one is on its way or just written."""
        now_mono_s = self._recorder.clock.mono_s()
        if self._writing is not None or now_mono_s - self._last_mono_s < APART_S:
            return
        self._last_mono_s = now_mono_s
        self._writing = asyncio.create_task(self._write(reason), name="flight recording")
        self._writing.add_done_callback(self._done)

    async def close(self) -> None:
        """Write at once what is on its way."""
        self._hurry.set()
        if self._writing is not None:
            await asyncio.wait({self._writing})

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._writing = None
        if not task.cancelled() and task.exception() is not None:
            log.error("no flight recording", exc_info=task.exception())

    async def _write(self, reason: str) -> None:
        try:
            async with asyncio.timeout(AFTER_S):
                await self._hurry.wait()
        except TimeoutError:
            pass
        text = await self._text(reason)
        try:
            path = await asyncio.to_thread(store, self._folder, reason, text)
        except OSError as error:
            log.error("no flight recording", error=str(error))
            return
        log.info("flight recording", path=str(path))
        await self.on_written(path)

    async def _text(self, reason: str) -> str:
        recorder, journal = self._recorder, self._journal
        header = Header(
            format=FORMAT,
            reason=reason,
            wall=recorder.clock.now_wall().isoformat(timespec="milliseconds"),
            mono_s=recorder.clock.mono_s(),
            host_boot_id=self._boot_id,
            realm=journal.realm,
            host_id=journal.origin.host_id,
            journal_id=journal.journal_id,
            head_seq=journal.head[0],
            software_version=software_version(),
        )
        chunks, parts = recorder.chunks(), [header_line(header)]
        for start in range(0, len(chunks), SLICE):
            parts.append(chunk_lines(chunks[start : start + SLICE]))
            await asyncio.sleep(PAUSE_S)
        return "".join(parts)


def recordings(folder: Path) -> list[Path]:
    """The recordings of a flight folder, oldest first; they are numbered, so no clock decides."""
    return sorted(folder.glob("flight-*.jsonl")) if folder.is_dir() else []


def store(folder: Path, reason: str, text: str) -> Path:
    """Write one more recording and remove the oldest beyond number and size. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = recordings(folder)
    number = 1 + max((_number(path) for path in before), default=0)
    word = re.sub(r"[^a-z0-9-]", "-", reason.lower())[:40]
    path = folder / f"flight-{number:06d}-{word}.jsonl"
    part = path.with_suffix(".part")
    part.write_text(text, encoding="ascii")
    part.replace(path)
    prune([*before, path], MOST_FILES, MOST_BYTES)
    return path


def _number(path: Path) -> int:
    word = path.name.split("-")[1]
    return int(word) if word.isdecimal() else 0


def prune(paths: Sequence[Path], most_files: int, most_bytes: int) -> None:
    """Remove the oldest files (first in `paths`) beyond number and size; the newest one stays."""
    kept_bytes = 0
    for place, path in enumerate(reversed(paths)):
        kept_bytes += path.stat().st_size
        if place and (place >= most_files or kept_bytes > most_bytes):
            path.unlink()
