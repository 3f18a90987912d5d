"""The config folder of a new installation: the one that came with the program, with this machine's
paths in it.

Made once. From then on it is the clinic's, and no install or update writes to it.
"""

import re
import shutil
from pathlib import Path
from typing import Final

from controller.service.appliance import files
from controller.service.appliance.accounts import CONTROLLER
from controller.service.appliance.layout import Layout
from controller.service.appliance.machine import Machine

SETTINGS: Final = "controller.toml"


def make_config(machine: Machine, shipped: Path) -> bool:
    """Make /etc/micropen from the shipped folder; False when it has settings already.

    What else lies there is kept. The settings come last: the next try completes half a folder.
    Raises AccountMissing, OSError.
    """
    target = machine.layout.config
    if (target / SETTINGS).exists():
        return False
    _make_folder(machine, target)
    for source in sorted(shipped.rglob("*.toml")):
        place = target / source.relative_to(shipped)
        _make_folder(machine, place.parent)
        if place.name != SETTINGS and not place.exists():
            _put(machine, place, source.read_bytes())
    text = (shipped / SETTINGS).read_text("utf-8")
    _put(machine, target / SETTINGS, settings_here(text, machine.layout).encode())
    return True


def settings_here(text: str, layout: Layout) -> str:
    """The shipped settings with the paths of an installation: training, until a person decides."""
    state = layout.seen_inside(layout.training_state)
    port = layout.seen_inside(layout.pen_port)
    text = re.sub(r'(?m)^state_folder = ".*"$', f'state_folder = "{state}"', text)
    return re.sub(r'(?ms)^(\[pen_port\]\n.*?^path = )".*?"$', rf'\g<1>"{port}"', text)


def _make_folder(machine: Machine, folder: Path) -> None:
    files.make_folders(folder)
    machine.give(folder, "root", CONTROLLER, 0o750)


def _put(machine: Machine, path: Path, data: bytes) -> None:
    """With its owner before it has its name: nobody meets a file that is not theirs to read."""
    part = path.with_name(f".{path.name}.part")
    files.put(part, data, 0o600)
    machine.give(part, "root", CONTROLLER, 0o640)
    shutil.move(part, path)
    files.sync_folder(path.parent)
