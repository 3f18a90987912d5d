"""What a disk holds after a power cut: the pure model under `SimDisk`, in memory.

An honest disk: what was synced survives. Of the rest each 512-byte sector ends at any of the
states it went through since the last sync, in any order over sectors and files; a length may
survive without its data (zeros). A name that was made or removed counts only once its folder was
synced: a file whose name does not survive is gone with all that was synced in it.
"""

from random import Random
from typing import Final

SECTOR: Final = 512
TRUNCATED: Final = None

Pending = tuple[int, bytes | None]
"""Offset and data of a write, or new length and TRUNCATED."""
Fates = dict[int, int]
"""Sector -> the last pending operation that reached the disk there."""

_SHARE_ALL_LOST: Final = 0.15
_SHARE_ALL_KEPT: Final = 0.15
_SHARE_PREFIX: Final = 0.3
_SHARE_LENGTH_FIRST: Final = 0.2


class Inode:
    """One file, whatever it is called: what is on the disk, and what was written since."""

    __slots__ = ("durable", "is_forgotten", "pending")

    def __init__(self, durable: bytes = b"") -> None:
        self.durable = bytearray(durable)
        self.pending: list[Pending] = []
        self.is_forgotten = False

    def sync(self) -> None:
        """All that was written is on the disk now."""
        for offset, data in self.pending:
            _apply(self.durable, offset, data)
        self.pending.clear()

    def lose(self, rng: Random) -> None:
        """A failed fsync: the kernel forgets what was dirty, and no later fsync tries it again.

        Any part of it may have reached the disk; programs go on seeing all of it in the cache.
        """
        self.durable = bytearray(self.outcome(rng))
        self.pending.clear()
        self.is_forgotten = True

    def seen(self) -> bytes:
        """The content as the disk gives it back while the power is on."""
        data = bytearray(self.durable)
        for offset, written in self.pending:
            _apply(data, offset, written)
        return bytes(data)

    def outcome(self, rng: Random) -> bytes:
        """One of the contents that are possible after a power cut."""
        if not self.pending:
            return bytes(self.durable)
        style = rng.random()
        if style < _SHARE_ALL_LOST:
            return bytes(self.durable)
        if style < _SHARE_ALL_LOST + _SHARE_ALL_KEPT:
            return self.seen()
        if style < _SHARE_ALL_LOST + _SHARE_ALL_KEPT + _SHARE_PREFIX:
            fates = self._prefix(rng)
        else:
            fates = self._scattered(rng)
        data = self._assembled(fates, rng)
        if rng.random() < _SHARE_LENGTH_FIRST:
            data.extend(bytes(max(0, len(self.seen()) - len(data))))
        return bytes(data)

    def _prefix(self, rng: Random) -> Fates:
        """In order up to some operation, which is torn."""
        fates: Fates = {}
        whole = rng.randrange(len(self.pending))
        for number, (offset, data) in enumerate(self.pending[:whole]):
            fates.update(dict.fromkeys(_sectors(offset, data), number))
        sectors = _sectors(*self.pending[whole])
        fates.update(dict.fromkeys(sectors[: rng.randint(0, len(sectors))], whole))
        return fates

    def _scattered(self, rng: Random) -> Fates:
        """Each operation wholly, in part or not at all, whatever became of the others."""
        fates: Fates = {}
        kept = rng.random()
        for number, (offset, data) in enumerate(self.pending):
            draw = rng.random()
            sectors = _sectors(offset, data)
            if draw < kept / 2:
                fates.update(dict.fromkeys(sectors, number))
            elif draw < kept:
                fates.update((s, number) for s in sectors if rng.random() < kept)
        return fates

    def _assembled(self, fates: Fates, rng: Random) -> bytearray:
        data = bytearray(self.durable)
        for number, (offset, written) in enumerate(self.pending):
            if written is TRUNCATED:
                if rng.getrandbits(1):
                    _apply(data, offset, written)
                continue
            for start, end in _runs(offset, len(written), fates, number):
                _apply(data, start, written[start - offset : end - offset])
        return data


class Platter:
    """All files of a disk, by path. Names that were never seen to be made are on the disk."""

    def __init__(self) -> None:
        self.files: dict[str, Inode] = {}
        self._durable: dict[str, Inode] = {}
        self._renamed: list[tuple[str, Inode | None]] = []

    def adopt(self, path: str, content: bytes) -> Inode:
        """A file that was there before."""
        inode = self.files[path] = self._durable[path] = Inode(content)
        return inode

    def create(self, path: str) -> Inode:
        """A new name and an empty file."""
        inode = self.files[path] = Inode()
        self._renamed.append((path, inode))
        return inode

    def replace(self, path: str, old: Inode, new: Inode) -> None:
        """Put another object in the place of a file that was just adopted or created."""
        self.files[path] = new
        if self._durable.get(path) is old:
            self._durable[path] = new
        else:
            self._renamed[-1] = (path, new)

    def delete(self, path: str) -> None:
        """The name goes; the file too, once its folder is synced."""
        self.files.pop(path, None)
        self._renamed.append((path, None))

    def sync_folder(self, folder: str) -> None:
        """What was made and removed in the folder is so on the disk."""
        waiting, self._renamed = self._renamed, []
        for path, inode in waiting:
            if folder_of(path) == folder:
                _rename(self._durable, path, inode)
            else:
                self._renamed.append((path, inode))

    def outcome(self, rng: Random) -> dict[str, bytes]:
        """Path -> content after a power cut; draws, and changes nothing."""
        names = dict(self._durable)
        stuck: set[str] = set()
        for path, inode in self._renamed:  # a name goes through its own states in order
            if path not in stuck and rng.getrandbits(1):
                _rename(names, path, inode)
            else:
                stuck.add(path)
        return {path: inode.outcome(rng) for path, inode in names.items()}

    @property
    def unsynced(self) -> int:
        """Operations that a power cut could take back."""
        return len(self._renamed) + sum(len(i.pending) for i in self.files.values())


def folder_of(path: str) -> str:
    """The path before the last slash."""
    return path.rpartition("/")[0]


def _rename(names: dict[str, Inode], path: str, inode: Inode | None) -> None:
    if inode is None:
        names.pop(path, None)
    else:
        names[path] = inode


def _sectors(offset: int, data: bytes | None) -> range:
    if data is TRUNCATED:
        return range(0)
    return range(offset // SECTOR, (offset + len(data) + SECTOR - 1) // SECTOR)


def _runs(offset: int, length: int, fates: Fates, number: int) -> list[tuple[int, int]]:
    """The parts of a write that are in the sectors' final state: whole sectors, joined."""
    runs: list[tuple[int, int]] = []
    end = offset + length
    for sector in range(offset // SECTOR, (end + SECTOR - 1) // SECTOR):
        if fates.get(sector, -1) < number:
            continue
        start, stop = max(offset, sector * SECTOR), min(end, (sector + 1) * SECTOR)
        if runs and runs[-1][1] == start:
            runs[-1] = (runs[-1][0], stop)
        else:
            runs.append((start, stop))
    return runs


def _apply(data: bytearray, offset: int, written: bytes | None) -> None:
    """A write, or a truncation; a hole is zeros."""
    if written is TRUNCATED:
        del data[offset:]
        data.extend(bytes(offset - len(data)))
        return
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(written)] = written
