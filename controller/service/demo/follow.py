"""Follows a session from outside, by the journal alone, as telemetry does."""

from pathlib import Path

from controller.errors import JournalMissing
from controller.record.events import (
    AlarmCleared,
    AlarmRaised,
    HealthSeen,
    LinkUp,
    Strokes,
)
from controller.record.reader import JournalReader
from controller.session.books import Books, SessionBook
from controller.session.progress import Progress
from controller.session.terms import terms_of

RECENT = 20


class Follower:
    """The newest session of a journal folder, kept up to date by `read`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reader: JournalReader | None = None
        self._next_seq = 1
        self.books = Books()
        self.health: HealthSeen | None = None
        self.alarms: dict[str, AlarmRaised] = {}
        self.history: list[AlarmRaised] = []
        self.first_link_mono_s: float | None = None
        self.newest_mono_s = 0.0
        self.seen: set[tuple[int, str]] = set()
        self._recent_ticks: list[int] = []

    @property
    def entries(self) -> int:
        """How many entries were read."""
        return self._next_seq - 1

    @property
    def book(self) -> SessionBook | None:
        """The newest session."""
        return next(reversed(self.books.sessions.values()), None)

    @property
    def progress(self) -> Progress | None:
        """The newest session against its plan."""
        if self.book is None:
            return None
        return Progress(terms_of(self.book.opened), self.book, self.books)

    @property
    def cadence_hz(self) -> float:
        """Punctures a second over the last events, from the pen's own ticks; 0 when unknown."""
        if len(self._recent_ticks) < 2:
            return 0.0
        span_us = self._recent_ticks[-1] - self._recent_ticks[0]
        return (len(self._recent_ticks) - 1) * 1_000_000 / span_us if span_us > 0 else 0.0

    def read(self) -> None:
        """Take in what was committed since the last call; nothing while there is no journal."""
        if self._reader is None:
            try:
                self._reader = JournalReader(self._folder)
            except JournalMissing:  # not made yet, or its first entry is not committed yet
                return
        for entry in self._reader.entries(self._next_seq):
            self._next_seq = entry.seq + 1
            self.seen.add((entry.seq, entry.hash))
            self.newest_mono_s = entry.mono_ns / 1e9
            self.books.apply_entry(entry)
            self._take(entry.body())

    def close(self) -> None:
        """Let go of the journal."""
        if self._reader is not None:
            self._reader.close()

    def _take(self, body: object) -> None:
        match body:
            case HealthSeen():
                self.health = body
            case AlarmRaised():
                self.alarms[body.alarm_id] = body
                self.history.append(body)
            case AlarmCleared():
                self.alarms.pop(body.alarm_id, None)
            case Strokes():
                ticks = [each.pen_ticks for each in body.strokes if each.kind == "puncture"]
                self._recent_ticks = (self._recent_ticks + ticks)[-RECENT:]
            case LinkUp() if self.first_link_mono_s is None:
                self.first_link_mono_s = self.newest_mono_s
            case _:
                pass
