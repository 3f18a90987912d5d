"""`make release`: a release folder out of the sources, for `micropen install` and `update`.

    python3 -B -m controller.service.appliance.packing FOLDER [--wheelhouse]

Needs Python and pip alone. The wheel is built from a copy, so that nothing of this tree changes.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from controller.errors import MicropenError
from controller.record.entry import SCHEMA_VERSION
from controller.service.appliance.environments import PIP
from controller.service.appliance.errors import StepFailed
from controller.service.appliance.layout import (
    CHECKSUMS_FILE,
    LOCK_FILE,
    RELEASE_FILE,
    WHEELHOUSE,
    Layout,
)
from controller.service.appliance.machine import Machine, Say
from protocol.limits import PROTOCOL_VERSION

SOURCES: Final = Path(__file__).resolve().parents[3]
WHAT_A_WHEEL_IS_MADE_OF: Final = (
    *("controller", "protocol", "simulator", "config"),
    *("pyproject.toml", "README.md", "LICENSE"),
)


def pack(sources: Path, folder: Path, say: Say, *, wheelhouse: bool = False) -> None:
    """Make the release folder anew; it has its name only when it is complete.

    wheelhouse: bring every package of the lock along, for a machine without internet. They are
    those of the system and Python that this runs on.

    Raises StepFailed, OSError.
    """
    machine = Machine(Layout())
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        made = Path(work) / "release"
        made.mkdir()
        python = _builder(machine, sources, Path(work))
        say("Building the wheel")
        machine.run(python, *_wheel(_copied(sources, Path(work) / "sources"), made))
        shutil.copy(sources / "requirements" / LOCK_FILE, made / LOCK_FILE)
        if wheelhouse:
            say("Fetching the packages of the lock")
            pip = (python, "-m", "pip", "--disable-pip-version-check", "download", "--quiet")
            lock = made / LOCK_FILE
            machine.run(*pip, "--require-hashes", "-r", lock, "-d", made / WHEELHOUSE)
        _describe(made, _commit(machine, sources))
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    _give_back(folder)


def _builder(machine: Machine, sources: Path, work: Path) -> Path:
    """A Python with the locked setuptools."""
    machine.run(Path(sys.executable).resolve(), "-m", "venv", work / "builder")
    python = work / "builder" / "bin" / "python"
    lock = sources / "requirements" / "build.txt"
    machine.run(python, *PIP, "--require-hashes", "-r", lock)
    return python


def _copied(sources: Path, target: Path) -> Path:
    target.mkdir()
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in WHAT_A_WHEEL_IS_MADE_OF:
        source = sources / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=unwanted)
        else:
            shutil.copy(source, target / name)
    return target


def _wheel(sources: Path, target: Path) -> list[str]:
    pip = ["-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
    return [*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", str(target), str(sources)]


def _describe(made: Path, commit: str | None) -> None:
    (wheel,) = made.glob("micropen-*.whl")
    project = tomllib.loads((SOURCES / "pyproject.toml").read_text("utf-8"))["project"]
    facts = {
        "version": project["version"],
        "commit": commit,
        "built_wall": datetime.now(UTC).isoformat(timespec="seconds"),
        "wheel_sha256": _digest(wheel),
        "lock_sha256": _digest(made / LOCK_FILE),
        "journal_layout": SCHEMA_VERSION,
        "protocol_version": PROTOCOL_VERSION,
    }
    (made / RELEASE_FILE).write_text(f"{json.dumps(facts, indent=1)}\n", "utf-8")
    paths = sorted(path for path in made.rglob("*") if path.is_file())
    sums = "".join(f"{_digest(path)}  {path.relative_to(made)}\n" for path in paths)
    (made / CHECKSUMS_FILE).write_text(sums, "utf-8")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _commit(machine: Machine, sources: Path) -> str | None:
    """The commit of the sources, with "+" when they were changed since; None without git."""
    git = ["git", "-c", f"safe.directory={sources}", "-C", str(sources)]  # root asks for a user's
    try:
        commit = machine.run(*git, "rev-parse", "HEAD").strip()
        changed = machine.run(*git, "status", "--porcelain", *WHAT_A_WHEEL_IS_MADE_OF)
    except StepFailed:
        return None
    return f"{commit}+" if changed.strip() else commit


def _give_back(folder: Path) -> None:
    """What sudo made in a person's checkout is the person's."""
    owner = (int(os.environ.get("SUDO_UID", "-1")), int(os.environ.get("SUDO_GID", "-1")))
    for path in (folder.parent, folder, *folder.rglob("*")):
        os.chown(path, *owner)


def main(arguments: list[str]) -> int:
    """Exit code 0, or the error's own with its sentence."""
    parser = argparse.ArgumentParser(prog="packing")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--wheelhouse", action="store_true")
    given = parser.parse_args(arguments)
    try:
        pack(SOURCES, given.folder.absolute(), _say, wheelhouse=given.wheelhouse)
    except MicropenError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    _say(f"{given.folder} is a release.")
    return 0


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
