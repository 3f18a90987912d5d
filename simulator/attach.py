"""Ways to reach a simulated pen or balance: in-process for asyncio tests, a pty, TCP.

All reach one device through its `Driver`. Nothing here knows what the bytes mean.
"""

import asyncio
import os
import socket
import termios
import threading
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

_READ_BYTES = 4_096


class Driver(Protocol):
    """What an attachment needs of a device: `driver.Driver`, `bench.BalanceDriver`."""

    def plug(self, to_host: Callable[[bytes], None] | None) -> None:
        """Connect a host, or nobody."""
        ...

    def unplug(self, to_host: Callable[[bytes], None]) -> None:
        """Disconnect `to_host`, if it is the one that is connected."""
        ...

    def host_sends(self, data: bytes) -> None:
        """The host wrote `data`."""
        ...


class InProcessPort:
    """A host's end of a byte pair; fits the controller's BytePort structurally."""

    def __init__(self, driver: Driver, loop: asyncio.AbstractEventLoop) -> None:
        self._driver = driver
        self._loop = loop
        self._thread = threading.get_ident()
        self._on_bytes: Callable[[bytes], None] | None = None
        self._on_lost: Callable[[str], None] | None = None
        self._open = True

    def start(self, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None:
        """Begin delivery: bytes arrive in later turns of the loop, never inside a call."""
        self._on_bytes, self._on_lost = on_bytes, on_lost
        self._driver.plug(self._later)

    def _later(self, data: bytes) -> None:
        self._loop.call_soon(self._hand_over, data)

    def _hand_over(self, data: bytes) -> None:
        if self._open and self._on_bytes is not None:
            self._on_bytes(data)

    def write(self, data: bytes) -> None:
        """Send to the pen; from another thread it arrives in the loop's next turn."""
        if not self._open:
            return
        if threading.get_ident() == self._thread:
            self._driver.host_sends(data)
        else:
            self._loop.call_soon_threadsafe(self._driver.host_sends, data)

    def close(self) -> None:
        """Let go of the port."""
        if self._open:
            self._open = False
            self._driver.unplug(self._later)

    def lose(self, reason: str) -> None:
        """The cable was pulled: the host's port reports `reason` and is dead."""
        if self._open:
            self.close()
            if self._on_lost is not None:
                self._loop.call_soon(self._on_lost, reason)


class InProcessOpener:
    """Opens ports to one driver's pen; fits the controller's PortOpener structurally.

    While `unplugged`, `open` raises what `missing` makes.
    """

    def __init__(
        self, driver: Driver, missing: Callable[[], Exception] = ConnectionRefusedError
    ) -> None:
        self.driver = driver
        self.unplugged = False
        self._missing = missing
        self._port: InProcessPort | None = None

    async def open(self) -> InProcessPort:
        """A new port; an older one still open is lost first, as a stolen tty would be."""
        if self.unplugged:
            raise self._missing()
        if self._port is not None:
            self._port.lose("the port was opened again")
        self._port = InProcessPort(self.driver, asyncio.get_running_loop())
        return self._port

    def unplug(self, reason: str = "the cable was pulled") -> None:
        """Pull the cable: the open port is lost and none can be opened until `replug`."""
        self.unplugged = True
        self.hang_up(reason)

    def hang_up(self, reason: str) -> None:
        """The open port is lost; another can be opened at once, if the cable is in."""
        if self._port is not None:
            self._port.lose(reason)
            self._port = None

    def replug(self) -> None:
        """Put the cable back."""
        self.unplugged = False


class PtyAttachment:
    """A pseudo-terminal whose other end lies behind a symlink at a stable path."""

    def __init__(self, driver: Driver, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._driver = driver
        self._path = path
        self._loop = loop
        self._fds: tuple[int, int] | None = None
        self.dropped_bytes = 0

    def plug(self) -> None:
        """Create the pty and the symlink. Raises FileExistsError over what is no symlink."""
        if self._path.exists() and not self._path.is_symlink():
            raise FileExistsError(f"{self._path} exists and is not a symlink")
        master, slave = os.openpty()
        tty.setraw(slave, termios.TCSANOW)
        os.set_blocking(master, False)
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        beside.unlink(missing_ok=True)
        beside.symlink_to(os.ttyname(slave))
        beside.replace(self._path)
        self._fds = (master, slave)
        self._loop.add_reader(master, self._read)
        self._driver.plug(self._write)

    def unplug(self) -> None:
        """Pull the cable: the host's end hangs up, the path is gone."""
        if self._fds is None:
            return
        master, slave = self._fds
        self._fds = None
        self._driver.plug(None)
        self._loop.remove_reader(master)
        self._path.unlink(missing_ok=True)
        os.close(master)
        os.close(slave)

    def _read(self) -> None:
        if self._fds is None:
            return
        with suppress(BlockingIOError):
            self._driver.host_sends(os.read(self._fds[0], _READ_BYTES))

    def _write(self, data: bytes) -> None:
        """What a host that does not read leaves no room for is lost, as on a real UART."""
        if self._fds is None:
            return
        written = 0
        with suppress(BlockingIOError):
            written = os.write(self._fds[0], data)
        self.dropped_bytes += len(data) - written


class TcpAttachment:
    """A TCP port for one host at a time; a newcomer takes the pen over from the last."""

    def __init__(self, driver: Driver, host: str, port: int) -> None:
        self._driver = driver
        self._address = (host, port)
        self._server: asyncio.Server | None = None
        self._connection: _TcpConnection | None = None

    async def plug(self) -> int:
        """Listen; returns the port number (useful with port 0). Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._meet, *self._address)
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    def _meet(self) -> "_TcpConnection":
        if self._connection is not None:
            self._connection.cut()
        self._connection = _TcpConnection(self._driver)
        return self._connection

    def unplug(self) -> None:
        """Cut the connection and stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._connection is not None:
            self._connection.cut()
            self._connection = None


class _TcpConnection(asyncio.Protocol):
    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream transport is needed")
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._driver.plug(self._write)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self._transport is not None:
            self._driver.host_sends(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.cut()

    def cut(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        self._driver.unplug(self._write)
