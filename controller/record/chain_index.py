"""Which entries of a chain an archive holds, in whatever order they came. Pure."""

from enum import Enum, auto

from controller.record.entry import ZERO_HASH


class Offer(Enum):
    """What to do with an entry that arrived."""

    NEW = auto()
    REPEAT = auto()
    CONFLICT = auto()


class ChainIndex:
    """Everything up to `seq` is held without a gap; some entries beyond it may be held too.

    Of the entries before `seq` eight bytes of the hash are remembered: enough to tell a repeat
    from a contradiction, and 8 MB for a million entries.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.hash = ZERO_HASH
        self._known = bytearray()
        self._ahead: dict[int, tuple[str, str]] = {}

    def offer(self, seq: int, prev_hash: str, own_hash: str) -> Offer:
        """Say whether an entry is new, and if so hold it.

        An entry that contradicts one that is held, by its own hash or as its neighbour, is a
        conflict and is not held.
        """
        if 0 < seq <= self.seq:
            known = self._known[8 * (seq - 1) : 8 * seq].hex()
            return Offer.REPEAT if own_hash.startswith(known) else Offer.CONFLICT
        if seq in self._ahead:
            return Offer.REPEAT if self._ahead[seq][1] == own_hash else Offer.CONFLICT
        if not self._fits(seq, prev_hash, own_hash):
            return Offer.CONFLICT
        self._ahead[seq] = (prev_hash, own_hash)
        self._advance()
        return Offer.NEW

    def _fits(self, seq: int, prev_hash: str, own_hash: str) -> bool:
        """Whether its neighbours, as far as they are held, agree with it."""
        if seq < 1:
            return False
        before = self.hash if seq == self.seq + 1 else self._ahead.get(seq - 1, ("", prev_hash))[1]
        after = self._ahead.get(seq + 1, (own_hash, ""))[0]
        return before == prev_hash and after == own_hash

    def _advance(self) -> None:
        while (found := self._ahead.pop(self.seq + 1, None)) is not None:
            self.seq += 1
            self.hash = found[1]
            self._known += bytes.fromhex(self.hash[:16])
