"""A machine to install on: a folder for its root, accounts in its passwd, nothing ever started."""

import json
import os
import shutil
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any

from controller.service.appliance.environments import Release
from controller.service.appliance.files import digest
from controller.service.appliance.install import install
from controller.service.appliance.layout import CHECKSUMS_FILE, LOCK_FILE, RELEASE_FILE, Layout
from controller.service.appliance.machine import Machine
from controller.service.appliance.placing import SHIPPED
from controller.service.appliance.units import CONTROLLER

REPO = Path(__file__).parents[2]
SYSTEM = ("systemd-sysusers", "systemd-tmpfiles", "systemctl", "udevadm")


class Image(Machine):
    """Remembers what was run. Every account has this process's own numbers, so nobody need be root.

    programs: what the machine has of SYSTEM. boots: whether its systemd runs.
    """

    def __init__(self, root: Path, programs: tuple[str, ...] = SYSTEM, *, boots: bool = False):
        super().__init__(Layout(root))
        self.ran: list[str] = []
        self._programs = programs
        self._boots = boots
        self._runs = ""
        (root / "etc").mkdir(parents=True, exist_ok=True)
        self._know("etc/passwd", "root", os.getuid())
        self._know("etc/group", "root", os.getgid())

    @property
    def runs_systemd(self) -> bool:
        return self._boots

    def require_root(self) -> None:
        """Whoever runs the tests may."""

    def has(self, program: str) -> bool:
        return program in self._programs

    def run(self, *words: str | Path, accept: Container[int] = (0,)) -> str:
        line = [str(word) for word in words]
        self.ran.append(" ".join(line))
        if line[0] == "systemctl" and CONTROLLER in line:
            starts = line[1] == "restart"
            self._runs = self.layout.current_program.read_text() if starts else ""
        made = {
            "useradd": ("etc/passwd", os.getuid()),
            "groupadd": ("etc/group", os.getgid()),
        }
        if line[0] in made:
            self._know(made[line[0]][0], line[-1], made[line[0]][1])
        if line[0] == "systemd-sysusers":
            self._know_all(Path(line[-1]))
        return self._said(line)

    def _said(self, line: list[str]) -> str:
        """What the programs of the environments print: nothing is red, and the new one runs."""
        if "preflight" in line:
            journal = {"served": bool(self._runs), "started": self._runs}
            lines = {"journal": journal, "idle": {}}
            return json.dumps([_green(name, figures) for name, figures in lines.items()])
        return json.dumps({"kept": None}) if "migrate" in line else ""

    def _know_all(self, listing: Path) -> None:
        for words in map(str.split, listing.read_text().splitlines()):
            if words and words[0] == "u":
                self._know("etc/passwd", words[1], os.getuid())
            if words and words[0] == "g":
                self._know("etc/group", words[1], os.getgid())

    def _know(self, table: str, name: str, number: int) -> None:
        path = self.layout.at(table)
        text = path.read_text() if path.exists() else ""
        if f"{name}:" not in text:
            path.write_text(f"{text}{name}:x:{number}:\n")


def _green(name: str, figures: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "state": "green", "sentence": "", "action": "", "figures": figures}


def release(folder: Path, version: str = "1.0.0") -> Path:
    """A release folder whose wheel is no wheel."""
    folder.mkdir(parents=True)
    wheel, lock = folder / f"micropen-{version}-py3-none-any.whl", folder / LOCK_FILE
    wheel.write_text(f"wheel of {version}")
    lock.write_text("# the lock\n")
    facts = {"version": version, "commit": "c" * 40, "wheel_sha256": digest(wheel)}
    facts["lock_sha256"] = digest(lock)
    (folder / RELEASE_FILE).write_text(json.dumps(facts))
    sums = "".join(f"{digest(path)}  {path.name}\n" for path in sorted(folder.iterdir()))
    (folder / CHECKSUMS_FILE).write_text(sums)
    return folder


def fill(machine: Machine, slot: str, made: Release) -> None:
    """What pip would bring: a program that names its version, and the wheel's data."""
    place = machine.layout.slot(slot)
    (place / "bin").mkdir()
    (place / "bin" / "micropen").write_text(made.version)
    shutil.copytree(REPO / "config", place / SHIPPED / "config")
    for name in ("systemd", "system"):
        (place / SHIPPED / "config" / name).rename(place / SHIPPED / name)


def installed(
    machine: Machine, folder: Path, version: str = "1.0.0", say: Callable[[str], None] | None = None
) -> list[str]:
    """Install a new release, and give back what was said."""
    said: list[str] = []
    install(machine, release(folder / f"release-{version}", version), say or said.append, fill)
    return said
