"""Faults of the host's disk, H6-H9 and H13: the power goes, it is full, it fails, it is slow.

What the disk did is told by the disk: `SimDisk.on_effect` speaks when an operation is refused or
the power is really gone, never when a fault is ordered.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import ClassVar, Final

from controller.errors import MicropenError
from tests.soak.catalogue import FaultId
from tests.soak.fault import Fault, Room
from tests.soak.script import FaultRow
from tests.support.sim_disk import Kind
from tests.support.virtual import advance

FSYNC_S: Final = 5.0
"""H13 unless the row's `value` says otherwise."""

MOST_CHANGES_BEFORE_DARK: Final = 24
"""A commit makes about a dozen changes on the disk: the power goes before, within or after it."""

BOOT_TRIES: Final = 3
BOOT_AGAIN_S: Final = 0.5

_HAPPENED: Final = {
    "power_cut": FaultId.H6,
    "full": FaultId.H7,
    "eio_sync": FaultId.H8,
    "read_only": FaultId.H9,
}


def _listen(room: Room) -> None:
    """Let the disk say what it does; whichever row asked, the room is the same."""

    def tell(kind: str) -> None:
        if kind in _HAPPENED:
            room.happened(_HAPPENED[kind])

    room.disk.on_effect = tell


class PowerCut:
    """The host loses its power in the middle of whatever the disk is doing; it boots at the end.

    A boot that fails (the disk is full, too) is tried again a few times; then a person does it.
    """

    id: ClassVar[FaultId] = FaultId.H6

    def __init__(self, room: Room, row: FaultRow) -> None:
        self._room = room

    async def begin(self) -> None:
        room = self._room
        _listen(room)
        room.disk.power_goes_after(room.rng.randrange(MOST_CHANGES_BEFORE_DARK))
        await room.theatre.power_cut(room.disk)

    async def end(self) -> None:
        for _ in range(BOOT_TRIES):
            if self._room.theatre.is_running:
                return
            with suppress(MicropenError):
                await self._room.theatre.start()
                return
            await advance(BOOT_AGAIN_S)


class _RefusingDisk:
    """Refuses operations of a kind while it lasts."""

    kind: ClassVar[Kind]

    def __init__(self, room: Room, row: FaultRow) -> None:
        self._room = room
        self._once = row.value == 1

    async def begin(self) -> None:
        _listen(self._room)
        self._room.disk.fail(self.kind, once=self._once)

    async def end(self) -> None:
        if self._room.disk.fault == self.kind:  # another row may have made it fail otherwise
            self._room.disk.heal()


class DiskFull(_RefusingDisk):
    """No file grows any more; with `value` 1 just once, and then there is room again."""

    id: ClassVar[FaultId] = FaultId.H7
    kind: ClassVar[Kind] = "full"


class FsyncError(_RefusingDisk):
    """EIO at fsync, and what was dirty is lost; with `value` 1 just once, as Linux reports it."""

    id: ClassVar[FaultId] = FaultId.H8
    kind: ClassVar[Kind] = "eio_sync"


class ReadOnly(_RefusingDisk):
    """The file system is mounted read-only."""

    id: ClassVar[FaultId] = FaultId.H9
    kind: ClassVar[Kind] = "read_only"


class _SlowDisk(tuple[float, float]):
    """A `Theatre.disk_s` which tells when a commit really takes its time from it."""

    room: Room
    before: tuple[float, float]

    def __iter__(self) -> Iterator[float]:
        self.room.happened(FaultId.H13)
        return super().__iter__()


class SlowFsync:
    """Each commit that begins now takes 5 s, or `value` seconds."""

    id: ClassVar[FaultId] = FaultId.H13

    def __init__(self, room: Room, row: FaultRow) -> None:
        self._theatre = room.theatre
        lasts_s = row.value or FSYNC_S
        self._slow = _SlowDisk((lasts_s, lasts_s))
        self._slow.room = room

    async def begin(self) -> None:
        now = self._theatre.disk_s
        self._slow.before = now.before if isinstance(now, _SlowDisk) else now
        self._theatre.disk_s = self._slow

    async def end(self) -> None:
        if self._theatre.disk_s is self._slow:
            self._theatre.disk_s = self._slow.before


DISK: dict[FaultId, type[Fault]] = {
    fault.id: fault for fault in (PowerCut, DiskFull, FsyncError, ReadOnly, SlowFsync)
}
