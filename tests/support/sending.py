"""A desk from which a journal is sent: journal, outbox, cursor and a clock by hand."""

from pathlib import Path

from controller.record.cursor import CursorFile
from controller.record.entry import ZERO_HASH, Entry
from controller.record.journal import Journal
from controller.record.messages import (
    Receipt,
)
from controller.record.outbox import Outbox
from controller.record.reader import JournalReader
from tests.support import journals
from tests.support.journals import open_journal, whole_session


class HandClock(journals.TickingClock):
    """A clock that only the test moves."""

    now_s = 50.0

    def mono_s(self) -> float:
        return self.now_s


class Desk:
    """A journal, its outbox and a clock."""

    def __init__(self, folder: Path, *, archive: bool = False) -> None:
        self.journal: Journal = open_journal(folder / "journal")
        self.cursor = CursorFile(folder / "cursor.json")
        self.clock = HandClock()
        self.reader = JournalReader(folder / "journal")
        self.archive = archive
        self.outbox = self.restarted()

    def restarted(self) -> Outbox:
        self.outbox = Outbox(self.reader, self.cursor, self.clock, archive=self.archive)
        return self.outbox

    def record_session(self) -> int:
        for drafts in whole_session():
            self.journal.append(drafts)
        return self.journal.head[0]

    def send_all(self) -> list[Entry]:
        sent: list[Entry] = []
        while batch := self.outbox.take():
            self.outbox.sent(batch)
            sent += batch
        return sent

    def receipt(self, seq: int) -> Receipt:
        own_hash = self.reader.chunk(seq, 1)[0].hash if seq else ZERO_HASH
        return Receipt(archive="a", chain_id=self.reader.chain_id, seq=seq, hash=own_hash, wall="w")

    def close(self) -> None:
        self.reader.close()
        self.journal.close()
