"""What is to be sent next, what is safe, and what must be sent again. No network, no loop.

Why the journal itself is the queue: a broker that is gone for a week costs no memory and slows
nobody. Touches the journal (reading) and the cursor's file.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import Final

import structlog

from controller.clock import Clock
from controller.record.cursor import CursorFile, Position
from controller.record.entry import Entry
from controller.record.messages import Receipt
from controller.record.reader import JournalReader

BATCH_ENTRIES: Final = 100
BATCH_BYTES: Final = 64 * 1024
"""Brokers in the cloud take 128 KiB a message; half of it leaves room for the heads."""

SEQ_MAX: Final = 2**63 - 1
"""SQLite's greatest integer; nothing greater can be looked up."""

SAVE_PERIOD_S: Final = 1.0
"""The cursor's file may lag by this much; a crash then costs that many seconds of repeats."""

RESEND_S: Final = 10.0
RESEND_MAX_S: Final = 300.0

log = structlog.get_logger(process="telemetry")


class Outbox:
    """Order of sending over one journal for one broker.

    Without an archive an entry is safe at the broker's PUBACK. With one it is safe at the
    archive's receipt; what stays without receipt is sent again, one batch at a time, and live
    entries go on beside it.
    """

    def __init__(
        self, reader: JournalReader, cursor: CursorFile, clock: Clock, *, archive: bool
    ) -> None:
        self._reader = reader
        self._file = cursor
        self._clock = clock
        self._archive = archive
        self.safe = self._start()
        self.next_seq = self.safe.seq + 1
        self._saved = self.safe
        self._save_mono_s = clock.mono_s()
        self._resend_mono_s = clock.mono_s() + RESEND_S
        self._resend_s = RESEND_S
        self._resent_up_to = 0
        self._repair_up_to = 0

    def _start(self) -> Position:
        """The cursor, if it fits this journal; else from the beginning: repeats, no loss."""
        found = self._file.load()
        if found is not None and self._fits(found):
            return found
        if found is not None:
            log.warning("cursor is of another journal, everything is sent again", seq=found.seq)
        return Position(self._reader.chain_id)

    def _fits(self, position: Position) -> bool:
        if position.chain_id != self._reader.chain_id:
            return False
        if position.seq == 0:
            return True
        if not 0 < position.seq <= SEQ_MAX:
            return False
        found = self._reader.chunk(position.seq, 1)
        return bool(found) and (found[0].seq, found[0].hash) == (position.seq, position.hash)

    def take(self) -> list[Entry]:
        """The next batch: entries of one session out of one file; empty when there is none."""
        again = self._take_again()
        return again or self._cut(self._reader.chunk(self.next_seq, BATCH_ENTRIES))

    def _take_again(self) -> list[Entry]:
        """What has waited for its receipt too long, as much as one batch."""
        unreceived = self.next_seq - 1 - self.safe.seq
        now = self._clock.mono_s()
        if not self._archive or unreceived <= 0 or now < self._resend_mono_s:
            return []
        self._resend_mono_s = now + self._resend_s
        self._resend_s = min(2 * self._resend_s, RESEND_MAX_S)
        entries = self._reader.chunk(self.safe.seq + 1, min(unreceived, BATCH_ENTRIES))
        batch = self._cut(entries)
        self._resent_up_to = batch[-1].seq if batch else 0
        self._repair_up_to = self._repair_up_to or self.next_seq - 1
        return batch

    @staticmethod
    def _cut(entries: list[Entry]) -> list[Entry]:
        if not entries:
            return []
        size = 0
        batch: list[Entry] = []
        owner = entries[0].session_id
        for entry in takewhile(lambda e: e.session_id == owner, entries):
            size += len(entry.body_json)
            if batch and size > BATCH_BYTES:
                break
            batch.append(entry)
        return batch

    def sent(self, batch: Sequence[Entry]) -> None:
        """The broker acknowledged the batch."""
        last = batch[-1]
        if last.seq >= self.next_seq:
            if self.next_seq == self.safe.seq + 1:
                self._wait_afresh(self._clock.mono_s() + RESEND_S)
            self.next_seq = last.seq + 1
        if not self._archive:
            self.safe = Position(self._reader.chain_id, last.seq, last.hash)

    def received(self, receipt: Receipt) -> None:
        """The archive has everything up to there on its disk.

        A lower receipt than before means that the archive lost something: sent again. A receipt
        that does not fit the journal is another journal's, or forged, and is ignored.
        """
        position = Position(receipt.chain_id, receipt.seq, receipt.hash)
        if not self._archive or position == self.safe or not self._fits(position):
            return
        self.safe = position
        self.next_seq = max(self.next_seq, position.seq + 1)
        now = self._clock.mono_s()
        # What was missing when sending again began goes out as fast as receipts come; what was
        # sent since is on its way, and has the usual time.
        answered = 0 < self._resent_up_to <= position.seq < self._repair_up_to
        if position.seq >= self._repair_up_to:
            self._repair_up_to = 0
        self._wait_afresh(now if answered else now + RESEND_S)

    def _wait_afresh(self, resend_mono_s: float) -> None:
        self._resend_mono_s = resend_mono_s
        self._resend_s = RESEND_S
        self._resent_up_to = 0

    def save(self, *, now: bool = False) -> None:
        """Write the cursor if it moved and is due, or at once.

        Raises:
            CursorNotWritable: E6004.
        """
        due = self._clock.mono_s() - self._save_mono_s >= SAVE_PERIOD_S
        if self.safe == self._saved or not (due or now):
            return
        self._file.save(self.safe)
        self._saved = self.safe
        self._save_mono_s = self._clock.mono_s()
