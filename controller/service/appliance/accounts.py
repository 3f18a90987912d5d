"""Users and groups of the installation, from config/system/micropen.sysusers.

One list for systemd-sysusers and for machines without it. Makes what is missing; removes nothing:
the record's files belong to these accounts for ever.
"""

import shlex
from pathlib import Path
from typing import Final

from controller.service.appliance.machine import Machine

CONTROLLER: Final = "micropen"
READERS: Final = "micropen-record"
"""The group that may read the record."""
TELEMETRY: Final = "micropen-telemetry"
ARCHIVE: Final = "micropen-archive"


def make_accounts(machine: Machine, listing: Path) -> None:
    """Make the users and groups of a sysusers.d(5) file that are missing.

    Raises StepFailed.
    """
    if machine.has("systemd-sysusers"):
        machine.run("systemd-sysusers", f"--root={machine.layout.root}", listing)
        return
    rows = [shlex.split(line, comments=True) for line in listing.read_text("utf-8").splitlines()]
    for row in rows:
        if row:
            _make(machine, row)


def _make(machine: Machine, row: list[str]) -> None:
    """One line: `g NAME`, `u NAME -:GROUP "WHO IT IS"`, `m USER GROUP`."""
    root = ["--root", str(machine.layout.root)] if machine.is_image else []
    kind, name = row[:2]
    if kind == "g" and not machine.knows_group(name):
        machine.run("groupadd", *root, "--system", name)
    if kind == "u" and not machine.knows_user(name):
        group, who = row[2].removeprefix("-:"), row[3]
        shell = ["--shell", "/usr/sbin/nologin", "--home-dir", "/", "--no-create-home"]
        words = ["--system", *shell, "--gid", group, "--comment", who, name]
        machine.run("useradd", *root, *words)
    if kind == "m":
        machine.run("usermod", *root, "--append", "--groups", row[2], name)
