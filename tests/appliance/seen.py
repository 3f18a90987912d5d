"""What several checkpoints do and look at, and the places of the machine that they do it on."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

from controller.service.appliance import units
from controller.service.appliance.layout import Layout
from tests.appliance.room import Room

PIN: Final = "4711"
CONTROLLER: Final = units.CONTROLLER
HERE: Final = Layout()
PYTHON: Final = HERE.current / "bin" / "python"
JOURNAL: Final = HERE.training_state / "journal"
VISIT: Final = "/src/tests/appliance/visit.py"
AS_TELEMETRY: Final = "setpriv --reuid=micropen-telemetry --regid=micropen-record --init-groups"
BITE_WITHIN_S: Final = 40.0
"""10 s of watchdog, then at most 15 s of TimeoutStopSec=, then the start."""

Checkpoint = Callable[[Room], str]


def visit(room: Room, *acts: str) -> dict[str, Any]:
    """Do acts at the screen; the last view."""
    view: dict[str, Any] = json.loads(room.run(PYTHON, VISIT, PIN, *acts))
    return view


def answers(room: Room) -> bool:
    """Whether the screen is served."""
    code = "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/api/state', timeout=5)"
    return "Error" not in room.run(PYTHON, "-c", code, code=None)


def running(room: Room) -> str:
    """The version that the newest start in the record names, while a service has it open."""
    lines = json.loads(room.run("micropen", "preflight", "--json", "--no-ask-pen"))
    figures = next(line["figures"] for line in lines if line["name"] == "journal")
    assert figures["served"], figures
    return str(figures["started"])


def entries(room: Room) -> int:
    """How many entries the record has, each hash recomputed."""
    said = room.run("micropen", "session", "verify")
    found = re.search(r"(\d+) entries .*all as they were written", said)
    assert found, said
    return int(found[1])


def restarts(room: Room) -> int:
    """How often systemd has restarted the controller by itself."""
    return int(room.show(CONTROLLER, "NRestarts"))


def make(room: Room, target: str, **variables: str) -> str:
    """`make TARGET` in the sources, as root."""
    more = " ".join(f"{name}={value}" for name, value in variables.items())
    return room.shell(f"cd /src && make {target} {more} 2>&1")


def release(room: Room, version: str, *, spoil: tuple[str, str, str] | None = None) -> None:
    """Build dist/release as another version; `spoil`: a file, a text in it, what replaces it."""
    project = room.sources / "pyproject.toml"
    project.write_text(
        re.sub(r'(?m)^version = ".*"', f'version = "{version}"', project.read_text())
    )
    if spoil is None:
        make(room, "release")
        return
    name, old, new = spoil
    path = room.sources / name
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
    try:
        make(room, "release")
    finally:
        path.write_text(before)
