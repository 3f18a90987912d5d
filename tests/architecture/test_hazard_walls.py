"""No way from the network to the serial port: by what each program can reach through its imports.

Reads the sources only; an import inside a function counts as well.
"""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from tests.architecture import repo

NETWORK = {"aiomqtt", "paho", "amqtt", "socket", "socketserver", "http", "ssl", "urllib", "asyncio"}
SERIAL = {"serial", "termios", "fcntl", "pty", "tty"}


@cache
def modules() -> dict[str, Path]:
    """Every module of the three packages by its dotted name."""
    found = {}
    for path in repo.python_files(*repo.PRODUCTION):
        parts = path.with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(module: str) -> set[str]:
    """What a module imports, as dotted names, of ours and of others."""
    found = set()
    for node in ast.walk(repo.tree(modules()[module])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def reached_from(*starts: str) -> set[str]:
    """All names that can be reached through imports, the packages on the way included."""
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in modules():
            waiting += imports_of(name)
            waiting += [name.rpartition(".")[0]] if "." in name else []
    return seen


def in_any(names: Iterable[str], rooms: Iterable[str]) -> set[str]:
    return {name for name in names for room in rooms if name == room or name.startswith(room + ".")}


@pytest.mark.hazard("H38")
@pytest.mark.parametrize("start", ["controller.record.telemetry", "controller.record.mqtt"])
def test_whoever_speaks_mqtt_cannot_reach_the_pen(start: str) -> None:
    reached = reached_from(start)
    drive = ("controller.link", "controller.pen", "controller.session", "simulator", "serial")
    assert in_any(reached, drive) == set()


@pytest.mark.hazard("H38")
def test_the_drive_cannot_reach_the_network() -> None:
    """Pen line, session and journal import no network library, not even by way of others."""
    reached = reached_from(
        *(name for name in modules() if in_any([name], ["controller.link", "controller.pen"])),
        *(name for name in modules() if in_any([name], ["controller.session"])),
        "controller.record.journal",
        "controller.record.writer",
    )
    assert in_any(reached, NETWORK - {"asyncio"}) == set()
    assert in_any(reached, ["controller.record.telemetry", "controller.record.mqtt"]) == set()


@pytest.mark.hazard("H38")
def test_the_running_service_opens_no_door_to_the_network() -> None:
    """No socket and no server in the code that drives the pen."""
    doors = {"start_server", "start_unix_server", "create_server", "create_unix_server", "listen"}
    doors |= {"create_connection", "open_connection", "create_datagram_endpoint"}
    drive = [
        path
        for name, path in modules().items()
        if in_any([name], ["controller.link", "controller.pen", "controller.session"])
        or name == "controller.service.app"
    ]
    found = {
        (str(path), node.func.attr)
        for path in drive
        for node in ast.walk(repo.tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in doors
    }
    assert found == set()
    assert len(drive) > 30


@pytest.mark.hazard("H38", "H34")
def test_one_module_alone_holds_the_serial_port() -> None:
    holders = {name for name in modules() if in_any(imports_of(name), ["serial"])}
    assert {name for name in holders if name.startswith("controller")} == {"controller.link.port"}


@pytest.mark.hazard("H47")
def test_the_controller_knows_no_simulator() -> None:
    """It cannot be switched to a simulated pen from inside: a pen is a port, and says its uid."""
    ours = [name for name in modules() if name.startswith("controller") and "demo" not in name]
    users = {name for name in ours if in_any(imports_of(name), ["simulator"])}
    assert users == set()


def test_the_walls_are_looked_at_from_both_sides() -> None:
    assert "aiomqtt" in reached_from("controller.record.mqtt")
    assert "serial" in in_any(reached_from("controller.service.app"), SERIAL)
