"""The door of the screen and its commands: what ends it, what it refuses, who is let in."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from controller.console.console import Console
from controller.console.errors import DoorGone, DoorNotSafe
from controller.console.people import read_people
from controller.console.security import Address
from controller.errors import SystemRefused
from controller.service.commands.people import people_app
from controller.service.serving import Door, read_token
from tests.support.command_line import in_process

REAL = "a thread with a loop of its own has no virtual time"


class Room:
    """Remembers who pressed STOP."""

    def __init__(self) -> None:
        self.stops: list[str] = []

    def stop(self, reason: str, actor: object = None) -> int:
        self.stops.append(reason)
        return 1


class Closed:
    """A console that is nothing but its room."""

    def __init__(self) -> None:
        self.room = Room()

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
