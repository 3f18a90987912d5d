"""The pen's memory that survives a power cut: two slots, each with CRC and generation (C9).

`Nvm` is the chip: bytes and the ways in which they fail. `Store` is the firmware's use of it: it
always writes the older slot, so that a torn write leaves the other one. Touches nothing else.
"""

from collections.abc import Callable
from struct import Struct

import msgspec

from protocol.framing import crc32c
from protocol.messages import Counters

ZERO = Counters(0, 0, 0, 0, 0, 0)

_HEAD = Struct("<QI")
_CRC = Struct("<I")


class PowerLostError(Exception):
    """The supply failed during a write; the firmware that was running no longer exists."""


class ArmRow(msgspec.Struct):
    """What is kept of one arm. `end_reason` leaves OPEN only when the pen is at rest."""

    arm_id: int
    host_id: int
    boot_id: int
    mode: int
    end_reason: int
    first_index: int
    first: Counters
    proven: Counters
    reserved: Counters


class Memory(msgspec.Struct):
    """Everything that survives a boot. After a boot the counters resume at `reserved`."""

    boot_id: int = 0
    highest_arm_id: int = 0
    last_stop_id: int = 0
    stop_latched: bool = False
    fault: int = 0
    preloaded: bool = False
    certificate_id: int = 0
    proven: Counters = ZERO
    reserved: Counters = ZERO
    arms: list[ArmRow] = []
    hosts: list[ArmRow] = []
    hosts_forgotten: bool = False


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Memory)


def pack_slot(memory: Memory, generation: int) -> bytes:
    """The bytes of one slot: generation, length, contents, CRC-32C."""
    body = _ENCODER.encode(memory)
    data = _HEAD.pack(generation, len(body)) + body
    return data + _CRC.pack(crc32c(data))


def unpack_slot(data: bytes) -> tuple[int, Memory] | None:
    """Generation and contents, or None when the slot is torn, corrupt or empty."""
    if len(data) < _HEAD.size + _CRC.size:
        return None
    generation, length = _HEAD.unpack_from(data)
    end = _HEAD.size + length
    if len(data) < end + _CRC.size or _CRC.unpack_from(data, end)[0] != crc32c(data[:end]):
        return None
    try:
        return generation, _DECODER.decode(data[_HEAD.size : end])
    except msgspec.DecodeError:
        return None


class Nvm:
    """The memory chip. Lives on when the firmware object is dropped.

    Writes are numbered from 1. A write whose number is in `fail_at` changes nothing and reports
    failure. A write in `cut_at` stores that many bytes over the old ones and then the power goes:
    PowerLostError (0 = cut just before it; a huge number = cut just after it).
    """

    def __init__(self, memory: Memory | None = None) -> None:
        self.slots: list[bytes] = [pack_slot(memory or Memory(), 1), b""]
        self.writes = 0
        self.fail_at: set[int] = set()
        self.fails_always = False
        self.cut_at: dict[int, int] = {}
        self.on_spoiled: Callable[[], None] = _nobody
        """Called at each write that fails or is torn, before anybody else knows."""

    def write(self, slot: int, data: bytes) -> bool:
        """Replace a slot. False when the chip reports failure; raises PowerLostError."""
        self.writes += 1
        if self.fails_always or self.writes in self.fail_at:
            self.on_spoiled()
            return False
        kept = self.cut_at.get(self.writes)
        if kept is None:
            self.slots[slot] = data
            return True
        self.on_spoiled()
        self.slots[slot] = data[:kept] + self.slots[slot][min(kept, len(data)) :]
        raise PowerLostError

    def erase(self) -> None:
        """Lose both slots, as a dying chip would."""
        self.slots = [b"", b""]


def _nobody() -> None:
    """Nobody wants to know."""


class Store:
    """The firmware's view: one `memory`, saved as a whole into the older slot."""

    def __init__(self, nvm: Nvm) -> None:
        self._nvm = nvm
        found = [unpack_slot(slot) for slot in nvm.slots]
        good = [(entry[0], at, entry[1]) for at, entry in enumerate(found) if entry is not None]
        newest = max(good, key=lambda entry: entry[0], default=None)
        self.was_lost = newest is None
        self.is_sound = not self.was_lost
        self._generation, self._slot, self.memory = newest or (0, 1, Memory())

    def save(self) -> bool:
        """Write `memory`. False when the chip failed; the slot written before is still good.

        A lost memory is never written: a valid slot would pass for the record of this pen's life.
        """
        if self.was_lost:
            return False
        data = pack_slot(self.memory, self._generation + 1)
        if not self._nvm.write(1 - self._slot, data):
            self.is_sound = False
            return False
        self._generation += 1
        self._slot = 1 - self._slot
        return True
