"""The real journal with nothing in it that is not from the seed: ids, boot id, clock state.

Played twice, a theatre writes the same entries with the same hashes, over successors too.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Self

from controller.clock import Clock
from controller.record.entry import Draft, Entry
from controller.record.journal import Journal
from controller.record.stamp import Stamper

Written = Callable[[Sequence[Entry]], None]


def seeded_id(rng: Random) -> str:
    """As `controller.record.journal.random_id`, from a seed."""
    return f"{rng.getrandbits(64) | 1:016x}"


class SeededJournal(Journal):
    """`written` hears of every batch once it is durable."""

    rng: Random
    written: Written

    @classmethod
    def open_with(
        cls,
        folder: Path,
        clock: Clock,
        rng: Random,
        written: Written,
        vfs: str | None = None,
        *,
        boot_id: str = "the boot of a test",
        synced: Callable[[], bool | None] = lambda: True,
    ) -> Self:
        """Open the folder in the training realm; raises as `Journal.open`."""
        stamper = Stamper(clock, boot_id=boot_id, synced=synced)
        journal = cls.open(
            folder,
            clock,
            realm="training",
            vfs=vfs,
            stamper=stamper,
            new_id=lambda: seeded_id(rng),
            min_free_bytes=0,
        )
        journal.rng, journal.written = rng, written
        return journal

    def append(self, drafts: Sequence[Draft]) -> list[Entry]:
        entries = super().append(drafts)
        self.written(entries)
        return entries

    def start_successor(self, clock: Clock, new_id: Callable[[], str] | None = None) -> Self:
        del new_id
        following = super().start_successor(clock, lambda: seeded_id(self.rng))
        following.rng, following.written = self.rng, self.written
        return following
