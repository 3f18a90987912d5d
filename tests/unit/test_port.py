"""The serial port over a real pty: what it delivers, how it is lost, how it fails to open."""

import asyncio
import errno
import os
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from controller.errors import NotAPort, PortBusy, PortDenied, PortFailed, PortMissing
from controller.link.port import LineSettings, SerialOpener, SerialPort

PTY = pytest.mark.real_time("a pty does not know virtual time")


class Far:
    """The other end of a pty, and what the port told."""

    def __init__(self) -> None:
        self.fd, near = os.openpty()
        self.path = os.ttyname(near)
        os.close(near)
        self.got = bytearray()
        self.arrived = asyncio.Event()
        self.lost: list[str] = []

    def on_bytes(self, data: bytes) -> None:
        self.got += data
        self.arrived.set()

    def on_lost(self, reason: str) -> None:
        self.lost.append(reason)
        self.arrived.set()

    async def open(self) -> SerialPort:
        port = await SerialOpener(self.path).open()
        port.start(self.on_bytes, self.on_lost)
        return port

    async def wait(self) -> None:
        async with asyncio.timeout(5):
            await self.arrived.wait()
        self.arrived.clear()

    def hang_up(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


@pytest.fixture
def far() -> Iterator[Far]:
    end = Far()
    yield end
    end.hang_up()


@PTY
async def test_bytes_pass_both_ways_unchanged(far: Far) -> None:
    every = bytes(range(256))
    port = await far.open()
    port.write(every)
    assert os.read(far.fd, 512) == every
    os.write(far.fd, every)
    while len(far.got) < 256:
        await far.wait()
    assert far.got == every
    port.close()


@PTY
async def test_bytes_from_before_the_opening_are_flushed(far: Far) -> None:
    near = os.open(far.path, os.O_RDWR | os.O_NOCTTY)
    os.write(far.fd, b"stale\n")
    port = await far.open()
    os.write(far.fd, b"fresh")
    await far.wait()
    assert far.got == b"fresh"
    port.close()
    os.close(near)


@PTY
async def test_the_other_end_going_away_is_a_loss_told_once(far: Far) -> None:
    port = await far.open()
    far.hang_up()
    await far.wait()
    port.write(b"into the void")
    port.close()
    await asyncio.sleep(0)
    assert far.lost in (["the port hung up"], ["the port was unplugged (EIO)"])


@PTY
async def test_a_write_that_fails_is_a_loss_even_if_nothing_is_read(far: Far) -> None:
    port = await SerialOpener(far.path).open()
    told: list[str] = []
    os.close(far.fd)
    far.fd = -1
    port._on_lost = told.append
    port.write(b"x")
    assert told == []
    await asyncio.sleep(0)
    assert len(told) == 1
    assert port.dropped_bytes == 1


@PTY
async def test_a_full_line_drops_the_rest_and_never_blocks(far: Far) -> None:
    port = await far.open()
    for _ in range(200):
        port.write(bytes(1_000))
    assert port.dropped_bytes > 0
    assert port.dropped_bytes + len(os.read(far.fd, 200_000)) <= 200_000
    await asyncio.sleep(0)
    assert not far.lost
    port.close()


@PTY
async def test_after_close_a_late_writer_hits_no_other_file(far: Far, tmp_path: Path) -> None:
    port = await far.open()
    port.close()
    victims = [os.open(tmp_path / str(n), os.O_CREAT | os.O_RDWR) for n in range(10)]
    port.write(b"STOP")
    assert all(os.pread(fd, 10, 0) == b"" for fd in victims)
    for fd in victims:
        os.close(fd)


@PTY
async def test_nothing_is_delivered_after_close_and_the_port_is_free_again(far: Far) -> None:
    first = await far.open()
    first.close()
    first.close()
    assert not asyncio.get_running_loop().remove_reader(first._fd)
    os.write(far.fd, b"nobody")
    second = await far.open()
    os.write(far.fd, b"second")
    await far.wait()
    assert far.got == b"second"
    second.close()


@PTY
async def test_a_busy_port_names_its_holder(far: Far) -> None:
    port = await far.open()
    with pytest.raises(PortBusy, match=f"process {os.getpid()}") as caught:
        await SerialOpener(far.path).open()
    assert far.path in str(caught.value)
    port.close()


async def test_a_missing_port(tmp_path: Path) -> None:
    with pytest.raises(PortMissing, match=r"E2001 There is no serial port at .*/none"):
        await SerialOpener(str(tmp_path / "none")).open()


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, os.mkfifo])
async def test_a_path_that_is_no_port(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "thing")
    with pytest.raises(NotAPort, match=r"E2004 .*thing"):
        await SerialOpener(str(tmp_path / "thing")).open()


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.EACCES, PortDenied),
        (errno.EBUSY, PortBusy),
        (errno.ENODEV, PortMissing),
        (errno.EMFILE, PortFailed),
    ],
)
async def test_what_the_system_says_at_opening(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int, error: type[Exception]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(number, "refused")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(error, match=str(tmp_path)):
        await SerialOpener(str(tmp_path)).open()


@PTY
async def test_out_of_files_at_opening(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "dup", refuse)
    with pytest.raises(PortFailed, match="Too many open files"):
        await SerialOpener(far.path).open()


@PTY
async def test_a_line_is_set_up_as_its_other_end_has_it(
    far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pty keeps the rate and the stop bits; bits and parity are seen on the way to it."""
    made: list[tuple[object, ...]] = []
    real = serial.Serial

    def spied(*words: object, **options: object) -> serial.Serial:
        made.append(words)
        return real(*words, **options)

    monkeypatch.setattr(serial, "Serial", spied)
    port = await SerialOpener(far.path, 1_200, 7, "O", 2).open()
    settings = termios.tcgetattr(far.fd)
    assert settings[5] == termios.B1200
    assert settings[2] & termios.CSTOPB
    assert made == [(far.path, 1_200, 7, "O", 2)]
    port.close()


def test_line_settings_are_written_as_people_do() -> None:
    assert str(LineSettings()) == "115200 baud 8N1"
    assert str(LineSettings(1_200, 7, "O", 2)) == "1200 baud 7O2"
