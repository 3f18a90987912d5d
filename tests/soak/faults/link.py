"""L1-L20: what happens between the host's port and the pen.

On the wire (L1-L15) `rate` is a share a frame, a byte or a bit's byte, and `value` the direction:
0 both ways, 1 to the pen, 2 to the host. At the port `value` is told at each class.
"""

from functools import partial
from typing import Any, ClassVar

from simulator.line import Effect, Wire
from tests.soak.catalogue import FaultId
from tests.soak.faults.common import BaseFault, once
from tests.support.bills import dosing, pen_for
from tests.support.tty import TTY_BUFFER_BYTES, Happening
from tests.support.virtual import advance

UNPLUGGED = (
    "the port was unplugged (EIO)",
    "the port was unplugged (ENODEV)",
    "the port hung up",
)
OTHER_PEN_SEED = 0xB0B
LINKED_WITHIN_S = 3.0


class Disturbance(BaseFault):
    """Lays other settings over the wire; counts what really happened while a port was open."""

    effect: ClassVar[Effect]
    rate_of: ClassVar[str] = ""

    async def begin(self) -> None:
        changes = self.changes()
        for wire in self.wires():
            self.later(wire.disturb(**changes))
            self.later(wire.ears.listen(self.effect, self.on_the_wire))

    def changes(self) -> dict[str, Any]:
        """The settings that make it."""
        return {self.rate_of: self.row.rate}

    def wires(self) -> list[Wire]:
        line = self.world.line
        return [[line.to_pen, line.to_host], [line.to_pen], [line.to_host]][int(self.row.value)]

    def on_the_wire(self) -> None:
        """Bytes that nobody could have received are no fault."""
        if self.theatre.cable.is_open:
            self.happened()


class DropFrame(Disturbance):
    id, effect, rate_of = FaultId.L1, Effect.LOST_FRAME, "lose_frame"


class DropByte(Disturbance):
    id, effect, rate_of = FaultId.L2, Effect.LOST_BYTE, "lose_byte"


class SingleBit(Disturbance):
    id, effect, rate_of = FaultId.L3, Effect.ONE_BIT, "flip_byte"


class FewBits(Disturbance):
    id, effect, rate_of = FaultId.L4, Effect.FEW_BITS, "few_bits_frame"


class Burst(Disturbance):
    id, effect, rate_of = FaultId.L5, Effect.BURST, "burst_frame"


class Duplicate(Disturbance):
    id, effect, rate_of = FaultId.L6, Effect.DUPLICATED, "duplicate_frame"


class Reorder(Disturbance):
    """Some frames are held back by 40 to 150 ms, and others overtake them."""

    id, effect = FaultId.L7, Effect.REORDERED

    def changes(self) -> dict[str, Any]:
        by_us = self.room.rng.randint(40_000, 150_000)
        return {"reorder_frame": self.row.rate, "reorder_by_us": by_us}


class Delay(Disturbance):
    """Some frames come after their sender has given them up: 80 ms to 2.5 s late."""

    id, effect = FaultId.L8, Effect.DELAYED

    def changes(self) -> dict[str, Any]:
        by_us = self.room.rng.randint(80_000, 2_500_000)
        return {"delay_frame": self.row.rate, "delay_us": by_us}


class Truncate(Disturbance):
    id, effect, rate_of = FaultId.L9, Effect.TRUNCATED, "truncate_frame"


class Merge(Disturbance):
    id, effect, rate_of = FaultId.L10, Effect.MERGED, "merge_frame"


class Garbage(Disturbance):
    id, effect, rate_of = FaultId.L11, Effect.GARBAGE, "garbage_frame"


class ByteAtATime(Disturbance):
    id, effect = FaultId.L12, Effect.BYTE_AT_A_TIME

    def changes(self) -> dict[str, Any]:
        return {"byte_at_a_time": True}


class LocalEcho(Disturbance):
    """The host hears its own bytes between those of the pen."""

    id, effect = FaultId.L13, Effect.ECHO

    async def begin(self) -> None:
        line = self.world.line
        self.later(line.disturb_echo())
        self.later(line.to_host.ears.listen(self.effect, self.on_the_wire))


class WrongBaud(Disturbance):
    id, effect = FaultId.L14, Effect.WRONG_BAUD

    def changes(self) -> dict[str, Any]:
        return {"garbles": True}


class HalfOpen(Disturbance):
    """Writes are accepted and nothing arrives."""

    id, effect = FaultId.L15, Effect.SWALLOWED

    def changes(self) -> dict[str, Any]:
        return {"swallows": True}


class WriteBlocks(BaseFault):
    """The tty takes no more bytes: its buffer fills and what does not fit is dropped.

    At the end all that it holds leaves at once. `value` is the buffer's size in bytes; 0 = drawn.
    """

    id = FaultId.L16

    async def begin(self) -> None:
        cable, drawn = self.theatre.cable, self.room.rng.choice([0, 100, TTY_BUFFER_BYTES])
        self.later(cable.ears.listen(Happening.BLOCKED, self.happened))
        self.later(cable.unblock)
        cable.block(int(self.row.value) or drawn)


class Unplug(BaseFault):
    """The cable is out for `lasts_s`; the host reads EIO, ENODEV or nothing."""

    id = FaultId.L17

    async def begin(self) -> None:
        theatre, told = self.theatre, once(self.happened)
        for happening in (Happening.LOST, Happening.MISSING):
            self.later(theatre.cable.ears.listen(happening, told))
        theatre.opener.unplug(self.room.rng.choice(UNPLUGGED))

    async def end(self) -> None:
        await super().end()
        self.theatre.replug()


class ReplugAsOtherTty(Unplug):
    """The cable comes back as another tty under the same path, which is missing for a while."""

    id = FaultId.L18

    async def begin(self) -> None:
        await super().begin()
        self.theatre.move_to_other_tty()


class AnotherPen(BaseFault):
    """Another pen is plugged in instead, and the first one comes back at the end.

    It takes effect when the host has linked the stranger; lent for longer, it may be armed too.
    It is the same one each time; with `value` 1 each is new.
    """

    id = FaultId.L19

    async def begin(self) -> None:
        theatre = self.theatre
        if self.row.value:
            self.later(partial(theatre.plug_in_again, theatre.stage))
            theatre.plug_in_other(pen_for(dosing()), seed=self.room.rng.getrandbits(31))
        else:
            self.later(theatre.plug_in_first_again)
            self._lend()
        stranger = theatre.stage.uid
        for _ in range(round(LINKED_WITHIN_S / 0.01)):
            if self._is_linked(stranger):
                self.happened()
                return
            await advance(0.01)

    def _lend(self) -> None:
        if len(self.theatre.stages) > 1:
            self.theatre.plug_in_first_again()
        else:
            self.theatre.plug_in_other(pen_for(dosing()), seed=OTHER_PEN_SEED)

    def _is_linked(self, uid: str) -> bool:
        if not self.theatre.is_running or self.theatre.engine.pen is None:
            return False
        return f"{self.theatre.engine.pen.uid:016x}" == uid


class StaleBytes(Unplug):
    """After a tug at the cable the adapter first delivers what was said before it, both ways."""

    id = FaultId.L20

    async def begin(self) -> None:
        cable, room = self.theatre.cable, self.room
        cable.recent = (bytearray(), bytearray())
        cable.ears.listen(Happening.STALE, self.happened)
        await advance(room.rng.uniform(0.05, 0.5))
        recent, cable.recent = cable.recent, None
        self.theatre.opener.unplug(room.rng.choice(UNPLUGGED))
        if recent is not None:
            cable.stale = (bytes(recent[0][-TTY_BUFFER_BYTES:]), bytes(recent[1]))

    async def end(self) -> None:
        """The cable is in again; the stale bytes come when the port is opened, perhaps later."""
        self.theatre.cable.recent = None
        self.theatre.replug()


LINK: dict[FaultId, type[BaseFault]] = {
    fault.id: fault
    for fault in (
        DropFrame,
        DropByte,
        SingleBit,
        FewBits,
        Burst,
        Duplicate,
        Reorder,
        Delay,
        Truncate,
        Merge,
        Garbage,
        ByteAtATime,
        LocalEcho,
        WrongBaud,
        HalfOpen,
        WriteBlocks,
        Unplug,
        ReplugAsOtherTty,
        AnotherPen,
        StaleBytes,
    )
}
