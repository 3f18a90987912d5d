"""What the memory of a theatre's pen says, and another past for it."""

from typing import Any

import msgspec

from simulator.firmware.nvm import Memory, pack_slot, unpack_slot
from tests.support.theatre import Theatre


def memory_of(theatre: Theatre) -> Memory:
    """The newest valid contents."""
    return _newest(theatre)[1]


def rewrite_memory(theatre: Theatre, **fields: Any) -> None:
    """Give the memory other contents; the pen loses its power and finds them as it boots."""
    generation, memory = _newest(theatre)
    changed = msgspec.structs.replace(memory, **fields)
    theatre.stage.world.nvm.slots[:] = [pack_slot(changed, generation + 1), b""]
    theatre.reset_pen()


def _newest(theatre: Theatre) -> tuple[int, Memory]:
    slots = map(unpack_slot, theatre.stage.world.nvm.slots)
    return max((slot for slot in slots if slot is not None), key=lambda slot: slot[0])
