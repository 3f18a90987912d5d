"""Bytes in and out of a serial port: the only module that imports pyserial.

pyserial opens, locks and configures the port; from then on its descriptor is read by the event
loop and written directly, from any thread and without a lock, so that a STOP never waits for the
loop (hazard H34).
"""

import asyncio
import contextlib
import errno
import fcntl
import grp
import os
import stat
import termios
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

import serial

from controller.errors import LinkError, NotAPort, PortBusy, PortDenied, PortFailed, PortMissing
from controller.link.holders import describe_holders, holders_of

BAUD: Final = 115_200
"""Design section 5, C1: the line that the bandwidth budget is made for."""
Parity = Literal["N", "E", "O"]
_READ_BYTES: Final = 4096
_PTY_MAJORS: Final = range(136, 144)
"""Device majors of Unix98 pty slaves (Linux, Documentation/admin-guide/devices.txt)."""

OnBytes = Callable[[bytes], None]
OnLost = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LineSettings:
    """How bytes are sent over a line; the other end must have the same. The pen's by default."""

    baud: int = BAUD
    bytesize: Literal[7, 8] = 8
    parity: Parity = "N"
    stopbits: Literal[1, 2] = 1

    def __str__(self) -> str:
        return f"{self.baud} baud {self.bytesize}{self.parity}{self.stopbits}"


class BytePort(Protocol):
    """An open line to one pen. Usable once: after `close` or a loss it stays silent."""

    def start(self, on_bytes: OnBytes, on_lost: OnLost) -> None:
        """Begin to deliver; both callbacks run on the event loop, `on_lost` at most once."""
        ...

    def write(self, data: bytes) -> None:
        """Send at once. Never blocks or raises; what the line does not take is dropped."""
        ...

    def close(self) -> None:
        """End delivery and give the line back. Harmless when repeated."""
        ...


class PortOpener(Protocol):
    """Where a line comes from; asked again after each loss."""

    async def open(self) -> BytePort:
        """An open line. Raises PortMissing, PortBusy, PortDenied, NotAPort or PortFailed."""
        ...


class SerialPort:
    """An open, exclusively held tty. Owns `fd`, which must be non-blocking."""

    def __init__(self, fd: int, loop: asyncio.AbstractEventLoop) -> None:
        self._fd = fd
        self._open = False
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._loop = loop
        self._on_bytes: OnBytes = _ignore
        self._on_lost: OnLost = _ignore
        self._open = True
        self.dropped_bytes = 0

    def start(self, on_bytes: OnBytes, on_lost: OnLost) -> None:
        """Deliver what arrives from now on."""
        self._on_bytes, self._on_lost = on_bytes, on_lost
        self._loop.add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(_reason(error))
            return
        if data:
            self._on_bytes(data)
        else:
            self._lose("the port hung up")

    def write(self, data: bytes) -> None:
        """One `write` call. `dropped_bytes` counts what a full buffer or a dead port refused."""
        try:
            written = os.write(self._fd, data)
        except BlockingIOError:
            written = 0
        except OSError as error:
            written = 0
            self._lose_later(_reason(error))
        self.dropped_bytes += len(data) - written

    def _lose_later(self, reason: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(self._lose, reason)

    def _lose(self, reason: str) -> None:
        on_lost = self._on_lost
        if self._open:
            self.close()
            on_lost(reason)

    def close(self) -> None:
        """Give the tty back.

        The descriptor's number stays taken, by /dev/null, until nobody refers to this object:
        another thread may be between looking it up and writing, and must never hit another file.
        """
        if not self._open:
            return
        self._open = False
        self._on_bytes = self._on_lost = _ignore
        self._loop.remove_reader(self._fd)
        _release(self._fd)
        os.dup2(self._null, self._fd, inheritable=False)
        os.close(self._null)

    def __del__(self) -> None:
        os.close(self._fd)
        if self._open:
            os.close(self._null)


def check_port(path: str) -> None:
    """Whether a pen could be here, without opening: opening moves a line that some pens reset on.

    Raises PortMissing, NotAPort, PortDenied, or PortBusy naming who holds it.
    """
    try:
        found = Path(path).stat()
    except OSError as error:
        raise PortMissing(f"There is no serial port at {path}.{_present()}") from error
    if not stat.S_ISCHR(found.st_mode) or _is_known_otherwise(found):
        raise NotAPort(f"{path} is a file, folder or device, not a serial port.{_present()}")
    if not os.access(path, os.R_OK | os.W_OK):
        raise PortDenied(f"{path} may not be opened by this user.{_group(path)}")
    if _is_pty(found) and not _is_locked(path):
        return  # whoever plays the pen holds its end open
    holders = holders_of(path)
    if holders:
        raise PortBusy(f"{path} is in use by {', '.join(holders)}.")


class SerialOpener:
    """Opens one tty by its path; a pty's path will do (it has no line settings)."""

    def __init__(
        self,
        path: str,
        baud: int = BAUD,
        bytesize: Literal[7, 8] = 8,
        parity: Parity = "N",
        stopbits: Literal[1, 2] = 1,
    ) -> None:
        self.path = path
        self.line = LineSettings(baud, bytesize, parity, stopbits)

    async def open(self) -> SerialPort:
        """The port, exclusively held, with all bytes of earlier times flushed away.

        Opening is done on the loop: it takes well under a millisecond and no pen is linked then.
        """
        return SerialPort(self.claim(), asyncio.get_running_loop())

    def claim(self) -> int:
        """The same port as a non-blocking descriptor, for programs without a loop.

        It belongs to the caller, who gives it to `release`. Raises as `open` does.
        """
        try:
            return self._claim()
        except serial.SerialException as error:
            raise _explain(self.path, error) from error
        except (ValueError, termios.error) as error:
            raise NotAPort(f"{self.path} cannot be set up as a serial port: {error}.") from error
        except OSError as error:
            raise PortFailed(f"{self.path} cannot be opened: {error.strerror}.") from error

    def _claim(self) -> int:
        line = self.line
        with serial.Serial(
            self.path,
            line.baud,
            line.bytesize,
            line.parity,
            line.stopbits,
            timeout=0,
            exclusive=True,
        ) as opened:
            _hold(opened.fileno())
            termios.tcflush(opened.fileno(), termios.TCIOFLUSH)
            return os.dup(opened.fileno())


def _is_pty(found: os.stat_result) -> bool:
    return os.major(found.st_rdev) in _PTY_MAJORS


def _is_known_otherwise(found: os.stat_result) -> bool:
    """Whether the kernel lists a character device as something else than a tty (ptys: nowhere)."""
    number = f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"
    subsystem = Path("/sys/dev/char") / number / "subsystem"
    return subsystem.exists() and subsystem.resolve().name != "tty"


def _is_locked(path: str) -> bool:
    """Whether a program like this one holds a pty; opening one changes nothing."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _hold(fd: int) -> None:
    """Keep programs out that do not look at the lock.

    Not on a pty: there the mark outlives a killed holder and would lock out its successor.
    """
    if not _is_pty(os.fstat(fd)):
        fcntl.ioctl(fd, termios.TIOCEXCL)


def release(fd: int) -> None:
    """Give back a descriptor of `SerialOpener.claim`."""
    _release(fd)
    os.close(fd)


def _release(fd: int) -> None:
    with contextlib.suppress(OSError):  # an unplugged tty has nothing left to release
        fcntl.ioctl(fd, termios.TIOCNXCL)


def _ignore(_: object) -> None:
    """Take the place of the callbacks before `start` and after `close`."""


def _reason(error: OSError) -> str:
    if error.errno in {errno.EIO, errno.ENODEV, errno.ENXIO, errno.EBADF}:
        return f"the port was unplugged ({errno.errorcode[error.errno]})"
    return f"the port failed: {error.strerror}"


def _explain(path: str, error: serial.SerialException) -> LinkError:
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO | errno.EIO:
            return PortMissing(f"There is no serial port at {path}.{_present()}")
        case errno.EBUSY | errno.EAGAIN:
            return PortBusy(f"{path} is in use by {describe_holders(path)}.")
        case errno.EACCES | errno.EPERM:
            return PortDenied(f"{path} may not be opened by this user.{_group(path)}")
        case None | errno.ENOTTY | errno.EISDIR | errno.EINVAL:
            return NotAPort(f"{path} is a file, folder or device, but not a serial port.")
        case number:
            return PortFailed(f"{path} cannot be opened: {os.strerror(number)}.")


def _present() -> str:
    found = sorted(str(port) for port in Path("/dev/serial/by-id").glob("*"))
    return f" Present now: {', '.join(found)}." if found else ""


def _group(path: str) -> str:
    try:
        name = grp.getgrgid(Path(path).stat().st_gid).gr_name
    except (OSError, KeyError):
        return ""
    return f" It belongs to the group {name!r}."
