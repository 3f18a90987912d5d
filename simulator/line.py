"""The hostile wire: what a bad cable, hub or driver does to bytes, both ways and repeatably.

Pure over `now_us`: the same seed and the same calls give the same bytes in virtual and real time.
Covers L1-L15 of the fault catalogue; unplugging (L16-L20) is done where the port is
(`attach.py`, `runner.py`). A listener can hear of each effect at the moment it happens.
"""

from collections.abc import Callable
from enum import StrEnum
from heapq import heappop, heappush
from random import Random
from typing import Annotated, Any

import msgspec

from simulator.bounds import AtLeastOne, Count, Share
from simulator.ears import Ears

_DELIMITER = b"\x00"
_BITS_PER_BYTE = 10


class Effect(StrEnum):
    """What really happened to bytes on a wire."""

    LOST_FRAME = "lost_frame"
    LOST_BYTE = "lost_byte"
    ONE_BIT = "one_bit"
    FEW_BITS = "few_bits"
    BURST = "burst"
    DUPLICATED = "duplicated"
    REORDERED = "reordered"
    DELAYED = "delayed"
    TRUNCATED = "truncated"
    MERGED = "merged"
    GARBAGE = "garbage"
    BYTE_AT_A_TIME = "byte_at_a_time"
    ECHO = "echo"
    WRONG_BAUD = "wrong_baud"
    SWALLOWED = "swallowed"
    LATE = "late"


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A span of world time, `from_s` to `to_s`."""

    from_s: float
    to_s: float

    def holds(self, now_us: int) -> bool:
        """Whether `now_us` lies inside."""
        return self.from_s * 1e6 <= now_us < self.to_s * 1e6


class WireSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One direction. Shares are probabilities 0-1 a frame (byte and bit errors: a byte).

    Typical fault tests use 0-0.05 (domain.md 5.4). `baud` 0 = no transmission time.
    `few_bits_frame` flips 2 to 5 bits anywhere in a frame. `swallows` and `garbles` are the
    windows `dead` and `wrong_baud` without end.
    """

    baud: Count = 0
    latency_us: Count = 0
    latency_jitter_us: Count = 0
    lose_frame: Share = 0.0
    duplicate_frame: Share = 0.0
    reorder_frame: Share = 0.0
    reorder_by_us: Count = 20_000
    truncate_frame: Share = 0.0
    merge_frame: Share = 0.0
    burst_frame: Share = 0.0
    garbage_frame: Share = 0.0
    garbage_bytes: AtLeastOne = 40
    delay_frame: Share = 0.0
    delay_us: Count = 2_000_000
    few_bits_frame: Share = 0.0
    flip_byte: Share = 0.0
    flip_bits: Annotated[int, msgspec.Meta(ge=1, le=8)] = 1
    lose_byte: Share = 0.0
    byte_at_a_time: bool = False
    dead: tuple[Window, ...] = ()
    wrong_baud: tuple[Window, ...] = ()
    swallows: bool = False
    garbles: bool = False


_HARMLESS = {
    name: msgspec.structs.asdict(WireSettings())[name]
    for name in ("baud", "latency_us", "latency_jitter_us")
}
"""What delays bytes and does nothing else to them."""


class LineSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Both directions; `echo` hands the host its own bytes back (L13)."""

    to_pen: WireSettings = WireSettings()
    to_host: WireSettings = WireSettings()
    echo: bool = False


def split_frames(data: bytes) -> list[bytes]:
    """Cut `data` at delimiters; each piece keeps one before and after where it had them."""
    pieces = data.split(_DELIMITER)
    last = len(pieces) - 1
    return [
        (_DELIMITER if at else b"") + piece + (_DELIMITER if at < last else b"")
        for at, piece in enumerate(pieces)
        if piece
    ]


class Wire:
    """One direction. Its `ears` hear of all that really happens to the bytes."""

    def __init__(self, settings: WireSettings, rng: Random) -> None:
        self.extra_latency_us = 0
        self.ears: Ears[Effect] = Ears()
        self._rng = rng
        self._queue: list[tuple[int, int, bytes]] = []
        self._order = 0
        self._busy_until_us = 0
        self._newest_due_us = 0
        self._merging = False
        self._held_back_us: list[int] = []
        self._base = settings
        self._layers: list[dict[str, Any]] = []
        self._use()

    @property
    def settings(self) -> WireSettings:
        """What holds now, disturbances included; assigning changes what lies under them."""
        return self._settings

    @settings.setter
    def settings(self, settings: WireSettings) -> None:
        self._base = settings
        self._use()

    def disturb(self, **changes: Any) -> Callable[[], None]:
        """Lay other values over some settings until the returned function is called."""
        layer = dict(changes)
        self._layers.append(layer)
        self._use()

        def lift() -> None:
            self._layers = [each for each in self._layers if each is not layer]
            self._use()

        return lift

    def _use(self) -> None:
        settings = self._base
        for layer in self._layers:
            settings = msgspec.structs.replace(settings, **layer)
        self._settings = settings
        self._is_clean = settings == WireSettings()
        self._is_harmless = msgspec.structs.replace(settings, **_HARMLESS) == WireSettings()

    def send(self, now_us: int, data: bytes) -> None:
        """Put bytes on the wire at `now_us`."""
        if not data:
            return
        if self.extra_latency_us:
            self.ears.tell(Effect.LATE)
        if self._is_clean:
            self._put(now_us + self.extra_latency_us, data)
            return
        settings = self._settings
        if settings.swallows or any(window.holds(now_us) for window in settings.dead):
            self.ears.tell(Effect.SWALLOWED)
            return
        for frame in split_frames(data):
            if self._is_harmless and not self._merging:
                self._transmit(now_us, frame, 0)
            else:
                self._send_frame(now_us, frame)

    def _send_frame(self, now_us: int, frame: bytes) -> None:
        settings = self._settings
        if self._hit(settings.lose_frame):
            self.ears.tell(Effect.LOST_FRAME)
            return
        copies = 1
        if self._hit(settings.duplicate_frame):
            copies = 2
            self.ears.tell(Effect.DUPLICATED)
        for _ in range(copies):
            later_us = settings.reorder_by_us if self._hit(settings.reorder_frame) else 0
            if later_us:
                self._held_back_us.append(now_us + later_us)
            if self._hit(settings.delay_frame):
                later_us += settings.delay_us
                self.ears.tell(Effect.DELAYED)
            self._transmit(now_us, self._spoil(now_us, frame), later_us)

    def _spoil(self, now_us: int, frame: bytes) -> bytes:
        settings = self._settings
        if settings.garbles or any(window.holds(now_us) for window in settings.wrong_baud):
            self.ears.tell(Effect.WRONG_BAUD)
            return self._rng.randbytes(len(frame))
        if self._hit(settings.truncate_frame):
            frame = frame[: self._rng.randrange(len(frame))]
            self.ears.tell(Effect.TRUNCATED)
        frame = self._merge(frame)
        if self._hit(settings.burst_frame):
            frame = self._told(Effect.BURST, frame, self._burst(frame))
        if self._hit(settings.few_bits_frame):
            frame = self._told(Effect.FEW_BITS, frame, self._few_bits(frame))
        if settings.flip_byte or settings.lose_byte:
            frame = self._spoil_bytes(frame)
        if self._hit(settings.garbage_frame):
            frame += self._rng.randbytes(self._rng.randint(1, settings.garbage_bytes))
            self.ears.tell(Effect.GARBAGE)
        return frame

    def _told(self, effect: Effect, before: bytes, after: bytes) -> bytes:
        if before != after:
            self.ears.tell(effect)
        return after

    def _merge(self, frame: bytes) -> bytes:
        """Nothing is left between this frame and the one that the last call chose."""
        if self._merging and frame.strip(_DELIMITER):
            self._merging = False
            frame = frame.lstrip(_DELIMITER)
            self.ears.tell(Effect.MERGED)
        if self._hit(self._settings.merge_frame) and frame.strip(_DELIMITER):
            self._merging = True
            frame = frame.rstrip(_DELIMITER)
        return frame

    def _burst(self, frame: bytes) -> bytes:
        """Up to 32 bits in a row become noise."""
        if not frame:
            return frame
        at = self._rng.randrange(len(frame))
        size = min(self._rng.randint(1, 4), len(frame) - at)
        return frame[:at] + self._rng.randbytes(size) + frame[at + size :]

    def _few_bits(self, frame: bytes) -> bytes:
        if not frame:
            return frame
        out = bytearray(frame)
        for bit in self._rng.sample(range(8 * len(frame)), self._rng.randint(2, 5)):
            out[bit // 8] ^= 1 << bit % 8
        return bytes(out)

    def _spoil_bytes(self, frame: bytes) -> bytes:
        out = bytearray()
        for byte in frame:
            if self._hit(self._settings.lose_byte):
                self.ears.tell(Effect.LOST_BYTE)
                continue
            spoiled = byte
            if self._hit(self._settings.flip_byte):
                flip_bits = self._settings.flip_bits
                self.ears.tell(Effect.ONE_BIT if flip_bits == 1 else Effect.FEW_BITS)
                for bit in self._rng.sample(range(8), flip_bits):
                    spoiled ^= 1 << bit
            out.append(spoiled)
        return bytes(out)

    def _transmit(self, now_us: int, data: bytes, later_us: int) -> None:
        """Bytes leave one after the other at the line's speed; `later_us` lets others overtake."""
        settings = self._settings
        byte_us = _BITS_PER_BYTE * 1_000_000 / settings.baud if settings.baud else 0.0
        start_us = max(now_us, self._busy_until_us)
        latency_us = settings.latency_us + self.extra_latency_us + later_us
        if settings.latency_jitter_us:
            latency_us += self._rng.randrange(settings.latency_jitter_us)
        self._busy_until_us = start_us + round(len(data) * byte_us)
        if settings.byte_at_a_time:
            if len(data) > 1:
                self.ears.tell(Effect.BYTE_AT_A_TIME)
            for at in range(len(data)):
                due_us = start_us + round((at + 1) * byte_us) + latency_us
                self._put(due_us, data[at : at + 1], overtaken=later_us > 0)
        else:
            self._put(self._busy_until_us + latency_us, data, overtaken=later_us > 0)

    def _put(self, due_us: int, data: bytes, *, overtaken: bool = False) -> None:
        if not overtaken:  # jitter alone never changes the order of a serial stream
            due_us = self._newest_due_us = max(due_us, self._newest_due_us)
            if self._held_back_us:
                self._overtake(due_us)
        self._order += 1
        if data:
            heappush(self._queue, (due_us, self._order, data))

    def _overtake(self, due_us: int) -> None:
        if any(held_us > due_us for held_us in self._held_back_us):
            self.ears.tell(Effect.REORDERED)
        self._held_back_us.clear()

    def _hit(self, share: float) -> bool:
        return share > 0.0 and self._rng.random() < share

    def next_due_us(self) -> int | None:
        """When the next bytes arrive."""
        return self._queue[0][0] if self._queue else None

    def take(self, now_us: int) -> list[bytes]:
        """The pieces that have arrived by `now_us`, in the order of arrival."""
        pieces: list[bytes] = []
        while self._queue and self._queue[0][0] <= now_us:
            pieces.append(heappop(self._queue)[2])
        return pieces

    def drop_all(self) -> None:
        """The cable is pulled: what is under way is lost."""
        self._queue.clear()
        self._held_back_us.clear()
        self._merging = False
        self._busy_until_us = self._newest_due_us = 0


class HostileLine:
    """The pair of wires between one host and one pen."""

    def __init__(self, settings: LineSettings, rng: Random) -> None:
        self.to_pen = Wire(settings.to_pen, Random(rng.getrandbits(64)))
        self.to_host = Wire(settings.to_host, Random(rng.getrandbits(64)))
        self.echo = settings.echo

    def disturb_echo(self) -> Callable[[], None]:
        """Hand the host its own bytes back until the returned function is called."""
        before, self.echo = self.echo, True

        def lift() -> None:
            self.echo = before

        return lift

    def host_sends(self, now_us: int, data: bytes) -> None:
        """The host writes."""
        self.to_pen.send(now_us, data)
        if self.echo:
            self.to_host.ears.tell(Effect.ECHO)
            self.to_host.send(now_us, data)

    def pen_sends(self, now_us: int, data: bytes) -> None:
        """The pen writes."""
        self.to_host.send(now_us, data)

    def next_due_us(self) -> int | None:
        """When the next bytes arrive at either end."""
        dues = [
            due
            for due in (self.to_pen.next_due_us(), self.to_host.next_due_us())
            if due is not None
        ]
        return min(dues, default=None)

    def drop_all(self) -> None:
        """The cable is pulled."""
        self.to_pen.drop_all()
        self.to_host.drop_all()
