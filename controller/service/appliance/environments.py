"""One environment, built from a release into the slot that does not run.

`release.json` is written last, when everything else is on the disk: a slot without it is scrap. The
other slot is never touched, so whatever fails here, the program that runs goes on running.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from controller.service.appliance import files
from controller.service.appliance.errors import NotARelease
from controller.service.appliance.layout import LOCK_FILE, RELEASE_FILE, WHEELHOUSE
from controller.service.appliance.machine import Machine
from controller.service.appliance.switches import current_slot

PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet")


@dataclass(frozen=True)
class Release:
    """A release folder whose wheel and lock are what its release.json says."""

    folder: Path
    wheel: Path
    facts: dict[str, Any]

    @property
    def lock(self) -> Path:
        """Every package with its version and hashes."""
        return self.folder / LOCK_FILE

    @property
    def version(self) -> str:
        """The version of the wheel."""
        return str(self.facts["version"])

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Raises NotARelease."""
        try:
            facts = json.loads((folder / RELEASE_FILE).read_text("utf-8"))
            (wheel,) = folder.glob("micropen-*.whl")
            wanted = {wheel: facts["wheel_sha256"], folder / LOCK_FILE: facts["lock_sha256"]}
            facts["version"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotARelease(f"{folder} is no release: {error}.") from error
        for path, digest in wanted.items():
            if files.digest(path) != digest:
                raise NotARelease(f"{path} is not the file that {RELEASE_FILE} describes.")
        return cls(folder, wheel, facts)


Builder = Callable[[Machine, str, Release], None]
"""What fills an empty slot; tests give one that needs no pip."""


def build(machine: Machine, slot: str, release: Release, fill: "Builder | None" = None) -> Path:
    """Build the environment and return its folder.

    Raises ValueError: the slot runs. StepFailed, OSError: it was not built, and is not complete.
    """
    if slot == current_slot(machine.layout):
        raise ValueError(f"environment {slot} runs")
    place = machine.layout.slot(slot)
    (place / RELEASE_FILE).unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    files.make_folders(place)
    (fill or fill_slot)(machine, slot, release)
    os.sync()
    files.put(place / RELEASE_FILE, (release.folder / RELEASE_FILE).read_bytes())
    return place


def fill_slot(machine: Machine, slot: str, release: Release) -> None:
    """A virtual environment with the locked packages and the wheel; its program must start.

    Raises StepFailed, OSError.
    """
    layout = machine.layout
    place = layout.seen_inside(layout.slot(slot))
    source = _brought_inside(machine, release) if machine.is_image else release.folder
    python = place / "bin" / "python"
    from_where = [] if not (release.folder / WHEELHOUSE).is_dir() else _offline(source)
    machine.run_inside(_base_python(machine), "-m", "venv", place)
    machine.run_inside(python, *PIP, *from_where, "--require-hashes", "-r", source / LOCK_FILE)
    machine.run_inside(python, *PIP, "--no-index", "--no-deps", source / release.wheel.name)
    machine.run_inside(python, "-m", "pip", "check")
    config = place / "share" / "micropen" / "config"
    machine.run_inside(place / "bin" / "micropen", "config", "check", "--config", config)
    if machine.is_image:
        shutil.rmtree(layout.at(source))


def _offline(source: Path) -> list[str]:
    return ["--no-index", "-f", str(source / WHEELHOUSE)]


def _base_python(machine: Machine) -> str:
    """The Python that an environment is made from: never that of another environment."""
    return "/usr/bin/python3" if machine.is_image else str(Path(sys.executable).resolve())


def _brought_inside(machine: Machine, release: Release) -> Path:
    """An image's own Python cannot read a folder outside of it."""
    target = machine.layout.programs / "incoming"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(release.folder, target)
    return machine.layout.seen_inside(target)
