"""Outbox and archive against a broker that loses, repeats and reorders anything at any time.

Both may be killed between any two steps, and the archive may lose its disk. Never is an entry safe
that the archive has not acknowledged; and once the broker is well, the archive has the journal.
"""

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from controller.record.archive_file import BatchView, ChainFile
from controller.record.incoming import read_message
from controller.record.messages import Receipt, batch_json
from controller.record.outbox import RESEND_MAX_S
from tests.support.journals import alarm, opened
from tests.support.sending import Desk

ROUNDS = 200
"""More than it may ever take to send the few entries of one run again."""

LOST = st.booleans()
SECONDS = st.sampled_from((0.1, 1.1, 11.0, 301.0))


class Room(RuleBasedStateMachine):
    """Telemetry's outbox, the archive's file, and what is on its way between them."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.desk = Desk(self.folder, archive=True)
        self.archive = ChainFile(self.folder / "archive.jsonl")
        self.batches: list[bytes] = []
        self.receipts: list[Receipt] = []
        self.acknowledged = 0

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        try:
            self.settle()
        finally:
            self.archive.close()
            self.desk.close()
            shutil.rmtree(self.folder)

    @rule(count=st.integers(1, 4), session=st.integers(1, 2))
    def write(self, count: int, session: int) -> None:
        drafts = [alarm(f"a-{session}-{number}") for number in range(count)]
        self.desk.journal.append([*drafts, opened(f"s-{session}")])

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.desk.clock.now_s += seconds

    @rule(lost=LOST, acked=st.booleans())
    def send(self, lost: bool, acked: bool) -> None:
        """One publish: lost or not, acknowledged or not, each without the other."""
        batch = self.desk.outbox.take()
        if not batch:
            return
        if not lost:
            reader = self.desk.reader
            payload = batch_json(
                batch,
                chain_id=reader.chain_id,
                journal_id=reader.journal_id(batch[0].seq),
                realm="training",
                simulated=True,
                sent_wall="w",
            )
            self.batches.append(payload)
        if acked:
            self.desk.outbox.sent(batch)

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), again=st.booleans(), lost=LOST)
    def deliver(self, data: st.DataObject, again: bool, lost: bool) -> None:
        """Any message that is on its way reaches the archive, and may stay on its way."""
        place = data.draw(st.integers(0, len(self.batches) - 1))
        payload = self.batches[place] if again else self.batches.pop(place)
        assert self.archive.keep(read_message(payload, BatchView)) == 0
        self.acknowledge(lost)

    @rule(lost=LOST)
    def acknowledge(self, lost: bool) -> None:
        index = self.archive.index
        chain_id = self.desk.reader.chain_id
        receipt = Receipt(archive="a", chain_id=chain_id, seq=index.seq, hash=index.hash, wall="w")
        if not lost:
            self.receipts.append(receipt)
            self.acknowledged = max(self.acknowledged, index.seq)

    @precondition(lambda self: self.receipts)
    @rule(data=st.data(), again=st.booleans())
    def receive(self, data: st.DataObject, again: bool) -> None:
        """Any receipt reaches telemetry, old ones too."""
        place = data.draw(st.integers(0, len(self.receipts) - 1))
        receipt = self.receipts[place] if again else self.receipts.pop(place)
        self.desk.outbox.received(receipt)

    @rule()
    def all_goes_well(self) -> None:
        """One batch there and its receipt back."""
        self.send(lost=False, acked=True)
        if self.batches:
            self.archive.keep(read_message(self.batches.pop(), BatchView))
        self.acknowledge(lost=False)
        self.desk.outbox.received(self.receipts.pop())

    @rule()
    def broker_forgets(self) -> None:
        self.batches.clear()
        self.receipts.clear()

    @rule(now=st.booleans())
    def save(self, now: bool) -> None:
        self.desk.outbox.save(now=now)

    @rule()
    def kill_telemetry(self) -> None:
        self.desk.restarted()

    @rule()
    def kill_archive(self) -> None:
        self.archive.close()
        with self.archive.path.open("ab") as file:
            file.write(b'{"journal_id":"torn')
        self.archive = ChainFile(self.archive.path)

    @rule()
    def archive_loses_its_disk(self) -> None:
        self.archive.close()
        self.archive.path.unlink()
        self.archive = ChainFile(self.archive.path)

    @invariant()
    def nothing_is_safe_that_was_not_acknowledged(self) -> None:
        if hasattr(self, "folder"):
            assert self.desk.outbox.safe.seq <= self.acknowledged

    def settle(self) -> None:
        """The broker is well from now on: everything arrives, in order, and once."""
        self.broker_forgets()
        head = self.desk.journal.head
        for _ in range(ROUNDS):
            self.acknowledge(lost=False)
            self.desk.outbox.received(self.receipts.pop())
            if (self.desk.outbox.safe.seq, self.archive.index.seq) == (head[0], head[0]):
                break
            self.send(lost=False, acked=True)
            while self.batches:
                self.archive.keep(read_message(self.batches.pop(0), BatchView))
            self.desk.clock.now_s += RESEND_MAX_S
        assert (self.archive.index.seq, self.archive.index.hash) == head
        assert (self.desk.outbox.safe.seq, self.desk.outbox.safe.hash) == head


TestRoom = Room.TestCase
TestRoom.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
