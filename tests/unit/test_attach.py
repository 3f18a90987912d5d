"""The three ways to a simulated pen: in-process in virtual time, pty, TCP; and the process."""

import asyncio
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from protocol.codec import decode_payload, encode_payload
from protocol.framing import Decoder, Frame, encode_frame
from protocol.messages import Hello, HelloReply, Message, StatusPush
from simulator.attach import InProcessOpener, InProcessPort, PtyAttachment, TcpAttachment
from simulator.driver import Driver
from simulator.life import load_life, load_oracle
from simulator.line import LineSettings, WireSettings
from simulator.runner import Runner, RunOptions
from simulator.scenario import CableSettings, Scenario
from simulator.world import World
from tests.support.processes import until
from tests.support.virtual import VirtualLoop, advance

PATIENCE_S = 10.0
HELLO = encode_frame(Frame(Hello.KIND, 0, 0, encode_payload(Hello(0xABC, 1))))


class Ear:
    """Collects messages and wakes whoever waits for one."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.lost: list[str] = []
        self._decoder = Decoder()
        self._heard = asyncio.Event()

    def on_bytes(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            message = decode_payload(frame) if isinstance(frame, Frame) else None
            if isinstance(message, Message):
                self.messages.append(message)
        self._heard.set()

    def on_lost(self, reason: str) -> None:
        self.lost.append(reason)

    async def reply(self) -> HelloReply:
        """The first HELLO_REPLY."""
        while True:
            for message in self.messages:
                if isinstance(message, HelloReply):
                    return message
            self._heard.clear()
            await asyncio.wait_for(self._heard.wait(), PATIENCE_S)


def _pen(scenario: Scenario | None = None) -> Driver:
    return Driver(World(scenario or Scenario()))


async def _opened(driver: Driver) -> tuple[InProcessOpener, InProcessPort, Ear]:
    opener = InProcessOpener(driver)
    port, ear = await opener.open(), Ear()
    port.start(ear.on_bytes, ear.on_lost)
    return opener, port, ear


async def test_in_process_pen_runs_in_virtual_time() -> None:
    assert isinstance(asyncio.get_running_loop(), VirtualLoop)
    pen = _pen()
    _, port, ear = await _opened(pen)
    await advance(600.05)
    assert sum(isinstance(message, StatusPush) for message in ear.messages) == 6_000
    pen.stop()
    port.close()


async def test_bytes_arrive_in_a_later_turn_never_inside_write() -> None:
    pen = _pen()
    await advance(2.0)
    _, port, ear = await _opened(pen)
    port.write(HELLO)
    assert ear.messages == []
    assert (await ear.reply()).nonce == 0xABC
    pen.stop()


async def test_line_delay_is_kept_to_the_microsecond() -> None:
    line = LineSettings(WireSettings(latency_us=3_000), WireSettings(latency_us=4_000))
    pen = _pen(Scenario(line=line))
    await advance(2.0)
    _, port, ear = await _opened(pen)
    start_s = asyncio.get_running_loop().time()
    port.write(HELLO)
    await ear.reply()
    passed_us = round((asyncio.get_running_loop().time() - start_s) * 1e6)
    assert passed_us == 7_000
    pen.stop()


async def test_unplugged_port_is_lost_and_cannot_be_opened_until_replugged() -> None:
    pen = _pen()
    opener, port, ear = await _opened(pen)
    opener.unplug("pulled")
    await asyncio.sleep(0)
    assert ear.lost == ["pulled"]
    port.write(HELLO)
    with pytest.raises(ConnectionRefusedError):
        await opener.open()
    opener.replug()
    again = await opener.open()
    ear = Ear()
    again.start(ear.on_bytes, ear.on_lost)
    port.close()
    again.write(HELLO)
    await ear.reply()
    pen.stop()


async def test_second_open_takes_the_port_from_the_first() -> None:
    pen = _pen()
    opener, _, first = await _opened(pen)
    port, second = await opener.open(), Ear()
    port.start(second.on_bytes, second.on_lost)
    port.write(HELLO)
    await second.reply()
    assert len(first.lost) == 1
    assert first.messages == []
    pen.stop()


async def test_write_from_another_thread_arrives() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    pen = _pen()
    await advance(2.0)
    _, port, ear = await _opened(pen)
    with loop.wait_for_real():
        thread = threading.Thread(target=port.write, args=(HELLO,))
        thread.start()
        thread.join()
    assert (await ear.reply()).nonce == 0xABC
    pen.stop()


async def test_stopped_driver_leaves_no_timer() -> None:
    pen = _pen()
    await advance(1.0)
    pen.stop()
    before = pen.world.mechanism.oracle.totals
    pen.host_sends(HELLO)
    await advance(5.0)
    assert pen.world.mechanism.oracle.totals == before
    assert pen.world.next_for_host_us() is None


# --- pty ---


async def _hello_over_fd(path: Path) -> HelloReply:
    loop, ear = asyncio.get_running_loop(), Ear()
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    loop.add_reader(fd, lambda: ear.on_bytes(os.read(fd, 4_096)))
    try:
        os.write(fd, HELLO)
        return await ear.reply()
    finally:
        loop.remove_reader(fd)
        os.close(fd)


@pytest.mark.real_time("a pty does not know virtual time")
async def test_pty_speaks_and_comes_back_at_the_same_path(tmp_path: Path) -> None:
    path = tmp_path / "pen"
    pen = _pen()
    pty = PtyAttachment(pen, path, asyncio.get_running_loop())
    pty.plug()
    assert (await _hello_over_fd(path)).nonce == 0xABC
    pty.unplug()
    assert not path.is_symlink()
    pty.plug()
    assert (await _hello_over_fd(path)).nonce == 0xABC
    pty.unplug()
    pen.stop()


@pytest.mark.real_time("a pty does not know virtual time")
async def test_pulling_the_pty_hangs_up_the_host(tmp_path: Path) -> None:
    path, pen = tmp_path / "pen", _pen()
    pty = PtyAttachment(pen, path, asyncio.get_running_loop())
    pty.plug()
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    pty.unplug()
    assert os.read(fd, 1) == b""
    with pytest.raises(OSError, match="Input/output error"):
        os.write(fd, b"x")
    os.close(fd)
    pen.stop()


@pytest.mark.real_time("a pty does not know virtual time")
async def test_host_that_does_not_read_costs_bytes_not_the_pen(tmp_path: Path) -> None:
    pen = _pen()
    pty = PtyAttachment(pen, tmp_path / "pen", asyncio.get_running_loop())
    pty.plug()
    for _ in range(2_000):
        pen.world.line.pen_sends(0, HELLO)
    pen.run()
    assert pty.dropped_bytes > 0
    pty.unplug()
    pen.stop()


@pytest.mark.real_time("a pty does not know virtual time")
async def test_pty_never_replaces_a_file_of_somebody_else(tmp_path: Path) -> None:
    path, pen = tmp_path / "pen", _pen()
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="not a symlink"):
        PtyAttachment(pen, path, asyncio.get_running_loop()).plug()
    assert path.read_text() == "precious"
    pen.stop()


# --- TCP ---


async def _hello_over_tcp(port: int) -> HelloReply:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ear = Ear()
    writer.write(HELLO)
    while not any(isinstance(message, HelloReply) for message in ear.messages):
        ear.on_bytes(await asyncio.wait_for(reader.read(4_096), PATIENCE_S))
    writer.close()
    await writer.wait_closed()
    return await ear.reply()


@pytest.mark.real_time("a socket does not know virtual time")
async def test_tcp_speaks_and_the_next_host_takes_over() -> None:
    pen = _pen()
    tcp = TcpAttachment(pen, "127.0.0.1", 0)
    port = await tcp.plug()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await asyncio.wait_for(reader.read(1), PATIENCE_S) == b"\x00"
    assert (await _hello_over_tcp(port)).nonce == 0xABC
    with suppress(ConnectionResetError):  # cut either way; without a cut this times out
        await asyncio.wait_for(reader.read(-1), PATIENCE_S)
    writer.close()
    with suppress(ConnectionResetError):
        await writer.wait_closed()
    tcp.unplug()
    pen.stop()


# --- the process ---


@pytest.mark.real_time("signals and a pty do not know virtual time")
async def test_signals_of_the_runner(tmp_path: Path) -> None:
    path, oracle, life = tmp_path / "pen", tmp_path / "oracle.json", tmp_path / "life.json"
    scenario = Scenario(cable=CableSettings(replug_after_s=0.02))
    runner = Runner(scenario, RunOptions(1, pty=path, life_file=life, oracle_file=oracle))
    running = asyncio.create_task(runner.run())
    await until(path.is_symlink, PATIENCE_S)
    assert (await _hello_over_fd(path)).boot_id == 1

    os.kill(os.getpid(), signal.SIGUSR1)
    await until(lambda: runner.world.device is None, PATIENCE_S)
    await until(lambda: runner.world.device is not None, PATIENCE_S)
    assert (await _hello_over_fd(path)).boot_id == 2

    held = os.open(path, os.O_RDWR | os.O_NOCTTY)
    os.kill(os.getpid(), signal.SIGHUP)
    await until(lambda: not path.is_symlink(), PATIENCE_S)
    await until(path.is_symlink, PATIENCE_S)
    os.close(held)
    assert (await _hello_over_fd(path)).boot_id == 2

    os.kill(os.getpid(), signal.SIGUSR2)
    await until(oracle.exists, PATIENCE_S)
    assert load_oracle(oracle).uid == runner.world.spec.uid
    os.kill(os.getpid(), signal.SIGTERM)
    await running
    assert not path.is_symlink()
    kept = load_life(life)
    assert kept is not None
    assert kept.slots == runner.world.nvm.slots


@pytest.mark.real_time("a child process does not know virtual time")
async def test_killed_process_is_the_same_pen_when_started_again(tmp_path: Path) -> None:
    replies = [await _one_life(tmp_path, kill=kill) for kill in (True, False, True)]
    assert [reply.boot_id for reply in replies] == [1, 2, 3]
    assert len({reply.uid for reply in replies}) == 1


async def _one_life(folder: Path, *, kill: bool) -> HelloReply:
    path = folder / "pen"
    path.unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "simulator",
            "--pty",
            str(path),
            "--nvm",
            str(folder / "life.json"),
        ),
    )
    await until(path.is_symlink, PATIENCE_S)
    reply = await _hello_over_fd(path)
    process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
    assert await process.wait() == (-signal.SIGKILL if kill else 0)
    return reply


@pytest.mark.real_time("a child process does not know virtual time")
async def test_bad_scenario_is_refused_in_one_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("colour = 1")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator", "--tcp", ":0", "--scenario", str(bad)),
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await process.communicate()
    assert process.returncode == 2
    assert stderr.decode().startswith(f"simulator: {bad}: ")
    assert len(stderr.splitlines()) == 1


@pytest.mark.real_time("a child process does not know virtual time")
async def test_process_says_where_its_pen_is_reached() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator", "--tcp", "127.0.0.1:0"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
    port = int(line.decode().rpartition(":")[2])
    assert (await _hello_over_tcp(port)).nonce == 0xABC
    process.terminate()
    assert await process.wait() == 0
