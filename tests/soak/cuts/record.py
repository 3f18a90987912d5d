"""What a disk was told, operation by operation, with what the journal promised in between.

A record is played again on a fresh platter up to any operation; what a power cut leaves there is
then drawn as often as one likes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

from tests.support.platter import Inode, Pending, Platter

Said = tuple[str, bytes | None]
"""Kind and body of an entry that was handed in; a body of None is one that the journal makes."""
MADE_BY_THE_JOURNAL: Final[Said] = ("journal_opened", None)
Held = tuple[int, str]
"""Sequence number and hash of an entry."""


@dataclass(frozen=True, slots=True)
class Change:
    """One operation on the disk; `file` numbers the files in the order of their first use."""

    what: Literal["adopt", "create", "write", "sync", "lose", "delete", "sync_folder"]
    file: int = -1
    path: str = ""
    content: bytes = b""
    op: Pending = (0, None)


@dataclass(frozen=True, slots=True)
class Offer:
    """From here on these entries may be on the disk, all of them or none."""

    entries: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Ack:
    """From here on these entries must be on the disk: somebody was told so."""

    entries: tuple[Held, ...]


Event = Change | Offer | Ack


@dataclass
class Promise:
    """What the disk must hold, and what it may hold beyond that."""

    acked: list[str] = field(default_factory=list)
    offered: list[tuple[Said, ...]] = field(default_factory=list)

    def copy(self) -> "Promise":
        return Promise(list(self.acked), list(self.offered))

    def take(self, event: Offer | Ack) -> None:
        """Something was handed in, or confirmed."""
        if isinstance(event, Offer):
            self.offered.append(event.entries)
            return
        self.offered.clear()
        for seq, own_hash in event.entries:
            if seq <= len(self.acked):
                assert self.acked[seq - 1] == own_hash, f"entry {seq} was confirmed differently"
            else:
                assert seq == len(self.acked) + 1, f"entry {seq} confirmed, {len(self.acked)} held"
                self.acked.append(own_hash)


class Recorder(Platter):
    """A platter that writes down what is done to it; a `SimDisk` works on it as on any other."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self._files = 0

    def adopt(self, path: str, content: bytes) -> Inode:
        inode = super().adopt(path, content)
        return self._watched(Change("adopt", self._files, path, content), inode)

    def create(self, path: str) -> Inode:
        return self._watched(Change("create", self._files, path), super().create(path))

    def delete(self, path: str) -> None:
        self.events.append(Change("delete", path=path))
        super().delete(path)

    def sync_folder(self, folder: str) -> None:
        self.events.append(Change("sync_folder", path=folder))
        super().sync_folder(folder)

    def _watched(self, change: Change, plain: Inode) -> Inode:
        """The same file, but telling; in the places where the plain one was put."""
        inode = _Telling(self.events, self._files, bytes(plain.durable))
        self._files += 1
        self.events.append(change)
        self.replace(change.path, plain, inode)
        return inode


class _Telling(Inode):
    __slots__ = ("_events", "_number")

    def __init__(self, events: list[Event], number: int, content: bytes) -> None:
        super().__init__(content)
        self._events, self._number = events, number
        self.pending = _TellingList(events, number)

    def sync(self) -> None:
        self._events.append(Change("sync", self._number))
        super().sync()

    def lose(self, rng: Random) -> None:
        super().lose(rng)
        self._events.append(Change("lose", self._number, content=bytes(self.durable)))


class _TellingList(list[Pending]):
    def __init__(self, events: list[Event], number: int) -> None:
        super().__init__()
        self._events, self._number = events, number

    def append(self, op: Pending) -> None:
        self._events.append(Change("write", self._number, op=op))
        super().append(op)


class Replay:
    """A platter to which the changes of a record are done again, one by one."""

    def __init__(self) -> None:
        self.platter = Platter()
        self._files: list[Inode] = []

    def do(self, change: Change) -> None:
        """One more."""
        match change.what:
            case "adopt":
                self._files.append(self.platter.adopt(change.path, change.content))
            case "create":
                self._files.append(self.platter.create(change.path))
            case "delete":
                self.platter.delete(change.path)
            case "sync_folder":
                self.platter.sync_folder(change.path)
            case "write":
                self._files[change.file].pending.append(change.op)
            case "sync":
                self._files[change.file].sync()
            case "lose":
                lost = self._files[change.file]
                lost.durable = bytearray(change.content)
                lost.pending.clear()


def changes(events: Sequence[Event]) -> list[int]:
    """Where in a record the operations are at which a power cut can strike."""
    return [
        at for at, event in enumerate(events) if isinstance(event, Change) and event.what != "adopt"
    ]
