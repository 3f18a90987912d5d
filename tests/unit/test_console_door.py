"""The door of the screen and its commands: what ends it, what it refuses, who is let in."""

import asyncio
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from typer.testing import CliRunner

from controller.clock import SystemClock
from controller.console.console import Console
from controller.console.errors import DoorGone, DoorNotSafe
from controller.console.people import read_people
from controller.console.room import Room as ConsoleRoom
from controller.console.security import Address
from controller.console.stopping import StopDoor
from controller.errors import SystemRefused
from controller.link.stopline import StopLine
from controller.link.wiretap import Wiretap
from controller.service.commands import serve
from controller.service.commands.people import people_app
from controller.service.serving import Door, Tls, read_token
from controller.session.changes import Changes
from tests.support.command_line import PATIENCE_S, in_process

REAL = "a thread with a loop of its own has no virtual time"


class Room:
    """Remembers why STOP was pressed; no pen is here to confirm it."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.stops: list[str] = []
        self.pressed = threading.Event()
        self.stop_line = StopLine(self.clock, Random(1), Wiretap())
        self.engine = SimpleNamespace(changes=Changes())

    def stop(self, reason: str, actor: object = None) -> int:
        self.stops.append(reason)
        self.pressed.set()
        return 1


class Closed:
    """A console that is nothing but its room and its STOP."""

    def __init__(self) -> None:
        self.room = Room()
        self.stop_door = StopDoor(cast("ConsoleRoom", self.room))
        self.logins = SimpleNamespace(who=lambda _: None)

    async def close(self) -> None:
        """Nothing to end."""


def door_of(console: Closed, address: Address) -> Door:
    return Door(cast("Console", console), address)


@pytest.mark.hazard("H34")
@pytest.mark.real_time(REAL)
async def test_a_screen_that_is_gone_stops_the_pen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(Door, "_serve", fail)
    console = Closed()
    door = door_of(console, Address(port=0))
    with pytest.raises(DoorGone):
        await door.open()
    with pytest.raises(DoorGone):
        await door.until_gone()
    await door.close()
    assert console.room.stops == ["the screen is gone"]


@pytest.mark.hazard("H34")
@pytest.mark.real_time(REAL)
async def test_stop_leaves_while_the_controllers_loop_is_blocked() -> None:
    """Real sockets and real threads: the loop stands still until STOP has come through."""
    console = Closed()
    door = door_of(console, Address(port=0))
    address = await door.open()
    url = f"http://127.0.0.1:{address.port}/api/stop"
    answers: list[dict[str, Any]] = []

    def press() -> None:
        answers.append(httpx.post(url, timeout=PATIENCE_S).json())

    pressing = threading.Thread(target=press)
    pressing.start()
    assert console.room.pressed.wait(PATIENCE_S)  # blocks this loop
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, pressing.join)
    await door.close()
    assert console.room.stops == ["STOP on the screen"]
    assert answers == [{"stop_id": "0000000000000001", "latency_ms": None}]


def self_signed(folder: Path) -> Tls:
    """A certificate of one day for 127.0.0.1, and its key."""
    made = Tls(folder / "certificate.pem", folder / "key.pem")
    what = "req -x509 -nodes -days 1 -subj /CN=screen -addext subjectAltName=IP:127.0.0.1"
    how = f"-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout {made.key}"
    command = ["openssl", *what.split(), *how.split(), "-out", str(made.certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
    return made


@pytest.mark.hazard("H38")
@pytest.mark.real_time(REAL)
async def test_tls_is_spoken_and_the_token_is_wanted_but_not_for_stop(tmp_path: Path) -> None:
    console, tls, token = Closed(), self_signed(tmp_path), "t" * 32
    door = Door(cast("Console", console), Address(port=0, tls=True, token=token), tls)
    address = await door.open()
    host = f"127.0.0.1:{address.port}"
    trusting = ssl.create_default_context(cafile=tls.certificate)
    async with httpx.AsyncClient(verify=trusting, timeout=PATIENCE_S) as browser:
        refused = await browser.get(f"https://{host}/api/nothing")
        shown = {"X-Micropen-Token": token}
        let_in = await browser.get(f"https://{host}/api/nothing", headers=shown)
        stopped = await browser.post(f"https://{host}/api/stop")
        with pytest.raises(httpx.TransportError):
            await browser.get(f"http://{host}/api/nothing")
    async with httpx.AsyncClient(timeout=PATIENCE_S) as stranger:
        with pytest.raises(httpx.ConnectError, match="self-signed"):
            await stranger.get(f"https://{host}/api/nothing")
    await door.close()
    assert (refused.status_code, let_in.status_code, stopped.status_code) == (401, 404, 200)
    assert console.room.stops == ["STOP on the screen"]


@pytest.mark.real_time(REAL)
async def test_a_unix_socket_is_served_beside_the_port(tmp_path: Path) -> None:
    console, path = Closed(), tmp_path / "screen"
    door = door_of(console, Address(port=0, path=str(path)))
    address = await door.open()
    over_file = httpx.AsyncHTTPTransport(uds=str(path))
    async with httpx.AsyncClient(transport=over_file, timeout=PATIENCE_S) as script:
        stopped = await script.post("http://localhost/api/stop")
        foreign = await script.post("http://evil.example/api/stop")
    async with httpx.AsyncClient(timeout=PATIENCE_S) as page:
        also = await page.post(f"http://127.0.0.1:{address.port}/api/stop")
    await door.close()
    assert (stopped.status_code, foreign.status_code, also.status_code) == (200, 403, 200)
    assert not path.exists()


@pytest.mark.real_time(REAL)
async def test_what_was_handed_over_is_served_and_its_thread_answers() -> None:
    console = Closed()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        door = Door(cast("Console", console), Address(port=1), None, [listening])
        assert (await door.open()).port == port
        assert door.turns == 0
        async with httpx.AsyncClient(timeout=PATIENCE_S) as page:
            for _ in range(3):
                door.nudge()
                answer = await page.post(f"http://127.0.0.1:{port}/api/stop")
                assert answer.status_code == 200
        await door.close()
    assert door.turns == 3
    door.nudge()  # nobody is there any more, and nothing is raised


@pytest.mark.real_time(REAL)
async def test_an_address_that_is_taken_is_told() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    console = Closed()
    with pytest.raises(SystemRefused):
        await door_of(console, Address(port=port)).open()
    server.close()
    await server.wait_closed()
    assert console.room.stops == []


def test_a_token_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t" * 32 + "\n", "utf-8")
    assert read_token(tmp_path / "token") == "t" * 32
    with pytest.raises(DoorNotSafe):
        read_token(tmp_path / "missing")


@pytest.mark.parametrize("listen", ["127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", ":-1"])
def test_an_address_needs_a_port(tmp_path: Path, listen: str) -> None:
    said = in_process("serve", "--state", tmp_path / "s", "--listen", listen)
    assert said.number == 1011


def test_an_address_is_not_typed_beside_sockets_that_were_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setattr(serve, "handed_over", lambda: [listening])
        said = in_process("serve", "--state", tmp_path / "s", "--listen", "127.0.0.1:1")
    assert said.number == 1011
    assert "handed over" in said.err
    with socket.create_server(("0.0.0.0", 0)) as open_to_all:
        monkeypatch.setattr(serve, "handed_over", lambda: [open_to_all])
        assert in_process("serve", "--state", tmp_path / "s").number == 8037
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("listen", ["0.0.0.0:8443", "[::]:8443", "192.0.2.7:8443", ":::8443"])
def test_the_network_is_refused_without_tls_and_token(tmp_path: Path, listen: str) -> None:
    token = tmp_path / "token"
    token.write_text("t" * 32, "utf-8")
    nothing: tuple[str | Path, ...] = ()
    for more in (nothing, ("--token-file", token)):
        said = in_process("serve", "--state", tmp_path / "s", "--listen", listen, *more)
        assert said.number == 8037
    assert not (tmp_path / "s").exists()


# --- micropen people -----------------------------------------------------------------------------


def test_people_are_entered_changed_listed_and_removed(tmp_path: Path) -> None:
    runner = CliRunner()
    state = ["--state", str(tmp_path)]
    pin = "246810\n246810\n"
    assert runner.invoke(people_app, ["add", "Olga", *state], input=pin).exit_code == 0
    technician = ["add", "Olga", "--role", "technician", *state]
    assert runner.invoke(people_app, technician, input=pin).exit_code == 0
    (olga,) = read_people(tmp_path).people
    assert (olga.name, olga.role) == ("Olga", "technician")
    assert olga.knows("246810")
    listed = runner.invoke(people_app, ["list", *state]).output
    assert "technician" in listed
    assert "246810" not in listed
    assert runner.invoke(people_app, ["remove", "Olga", *state]).exit_code == 0
    assert read_people(tmp_path).people == ()


def test_wrong_people_are_refused_by_number(tmp_path: Path) -> None:
    assert in_process("people", "remove", "Nobody", "--state", tmp_path).number == 8034
    (tmp_path / "people.json").write_text("{", "utf-8")
    assert in_process("people", "list", "--state", tmp_path).number == 8041
