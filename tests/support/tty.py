"""The host's end of the cable: a tty between controller and simulated pen, and what ails it.

A write that a full buffer does not take is dropped in part or whole, as by `SerialPort`; bytes of
an earlier link may lie in the adapter and come first when the port is opened again.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum

from controller.link.port import BytePort, OnBytes, OnLost
from simulator.ears import Ears

OnTraffic = Callable[[float, str, bytes], None]
"""Gets loop time, `to_pen` or `to_host`, and the bytes."""


TTY_BUFFER_BYTES = 4_096
"""A Linux tty keeps a page for who reads it (N_TTY_BUF_SIZE), and takes one from who writes."""


class Happening(StrEnum):
    """What really happened at the host's end."""

    OPENED = "opened"
    MISSING = "missing"
    NO_DESCRIPTOR = "no_descriptor"
    LOST = "lost"
    BLOCKED = "blocked"
    STALE = "stale"


class Cable:
    """Outlives the ports that are opened on it. `on_bytes` sees all that passes, both ways."""

    def __init__(self) -> None:
        self.on_bytes: OnTraffic | None = None
        self.ears: Ears[Happening] = Ears()
        self.room_bytes: int | None = None
        self.stale: tuple[bytes, bytes] = (b"", b"")
        self.crowded_s: float | None = None
        self.recent: tuple[bytearray, bytearray] | None = None
        self._held = bytearray()
        self._tty: Tty | None = None

    @property
    def is_open(self) -> bool:
        """Whether a process holds the port."""
        return self._tty is not None and self._tty.is_open

    def around(self, port: BytePort) -> "Tty":
        """The tty that the controller gets; the driver's own buffers begin empty."""
        self._held.clear()
        self._tty = Tty(self, port)
        self.ears.tell(Happening.OPENED)
        return self._tty

    def block(self, room_bytes: int) -> None:
        """From now on nothing leaves; the driver's buffer takes `room_bytes` and drops the rest."""
        self.room_bytes = room_bytes

    def unblock(self) -> None:
        """All that the buffer holds leaves at once."""
        self.room_bytes = None
        held, self._held = bytes(self._held), bytearray()
        if held and self._tty is not None:
            self._tty.pass_on(held)

    def was_not_read(self) -> None:
        """The process stood still until now: a page of what came is there, the rest is lost."""
        self.crowded_s = asyncio.get_running_loop().time()

    def hold(self, data: bytes) -> None:
        """Take what fits into the buffer."""
        assert self.room_bytes is not None
        self._held += data[: max(0, self.room_bytes - len(self._held))]
        self.ears.tell(Happening.BLOCKED)

    def passed(self, way: str, data: bytes) -> None:
        """Bytes went through."""
        if self.on_bytes is not None:
            self.on_bytes(asyncio.get_running_loop().time(), way, data)
        if self.recent is not None:
            self.recent[way == "to_host"].extend(data)


class Tty:
    """One opening of the port; fits `BytePort`."""

    def __init__(self, cable: Cable, port: BytePort) -> None:
        self._cable = cable
        self._port = port
        self.is_open = True
        self._crowd_bytes = 0
        self._on_bytes: OnBytes = lambda _: None
        self._on_lost: OnLost = lambda _: None

    def start(self, on_bytes: OnBytes, on_lost: OnLost) -> None:
        self._on_bytes, self._on_lost = on_bytes, on_lost
        self._port.start(self._arrived, self._lost)
        to_pen, to_host = self._cable.stale
        self._cable.stale = (b"", b"")
        if to_pen:
            self.pass_on(to_pen)
        if to_host:
            asyncio.get_running_loop().call_soon(self._arrived, to_host)
        if to_pen or to_host:
            self._cable.ears.tell(Happening.STALE)

    def _arrived(self, data: bytes) -> None:
        if self._cable.crowded_s is not None:
            data = self._what_fits(data)
        self._cable.passed("to_host", data)
        self._on_bytes(data)

    def _what_fits(self, data: bytes) -> bytes:
        if self._cable.crowded_s != asyncio.get_running_loop().time():
            self._cable.crowded_s, self._crowd_bytes = None, 0
            return data
        data = data[: TTY_BUFFER_BYTES - self._crowd_bytes]
        self._crowd_bytes += len(data)
        return data

    def _lost(self, reason: str) -> None:
        self._cable.ears.tell(Happening.LOST)
        self.is_open = False
        self._on_lost(reason)

    def write(self, data: bytes) -> None:
        if self._cable.room_bytes is None:
            self.pass_on(data)
        else:
            self._cable.hold(data)

    def pass_on(self, data: bytes) -> None:
        """Put bytes on the wire."""
        self._cable.passed("to_pen", data)
        self._port.write(data)

    def close(self) -> None:
        self.is_open = False
        self._port.close()
