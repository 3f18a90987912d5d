"""`micropen install`: a release onto this machine, or into an image; a second time as an update.

Each step may be cut short: the same command again goes on. Nothing that a person wrote is replaced,
and nothing of the record is touched.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controller.service.appliance import files, units
from controller.service.appliance.accounts import make_accounts
from controller.service.appliance.environments import Builder, Release, build
from controller.service.appliance.errors import InstallerBusy
from controller.service.appliance.layout import Layout
from controller.service.appliance.machine import Machine, Say
from controller.service.appliance.placing import (
    SHIPPED,
    SYSUSERS,
    make_state_folders,
    put_system_files,
)
from controller.service.appliance.settings_seed import make_config
from controller.service.appliance.switches import current_slot, idle_slot, switch


def install(machine: Machine, folder: Path, say: Say, fill: Builder | None = None) -> None:
    """Build the idle environment from a release folder, put everything in place, switch, start.

    fill: see `environments.build`.

    Raises NotRoot, InstallerBusy, NotARelease, StepFailed, AccountMissing, OSError.
    """
    machine.require_root()
    release = Release.read(folder)
    layout = machine.layout
    with only_one(layout):
        slot = idle_slot(layout)
        say(f"Building micropen {release.version} in {layout.slot(slot)}. This takes some minutes.")
        shipped = build(machine, slot, release, fill) / SHIPPED
        prepare(machine, shipped, say)
        is_first = current_slot(layout) is None
        switch(layout, slot, who(), "install" if is_first else "install again")
        say(f"{layout.current} is {slot}: micropen {release.version}.")
        units.enable(machine, say)
        units.restart(machine, say)
    if is_first:
        say(next_steps(layout))


def prepare(machine: Machine, shipped: Path, say: Say) -> None:
    """Everything around the environments: accounts, folders, system files, config.

    Raises StepFailed, AccountMissing, OSError.
    """
    make_accounts(machine, shipped / SYSUSERS)
    make_state_folders(machine, say)
    put_system_files(machine.layout, shipped, say)
    made = make_config(machine, shipped / "config")
    config = machine.layout.config
    say(f"{config} was made, for training." if made else f"{config} is as it was.")
    units.take_note(machine, say)


@contextmanager
def only_one(layout: Layout) -> Iterator[None]:
    """Hold the lock of whoever changes the installation. Raises InstallerBusy, OSError."""
    files.make_folders(layout.programs)
    handle = os.open(layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise InstallerBusy(f"Somebody else changes {layout.programs} now.") from error
    finally:
        os.close(handle)


def who() -> str:
    """The person behind sudo, or the account itself."""
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or "root"


def next_steps(layout: Layout) -> str:
    """What a person does after the first installation."""
    return f"""
What to do next:
  1. Open http://127.0.0.1:8080/ on this machine: training with a simulated pen works now.
  2. sudo micropen doctor                      says what is not in order, and what to do.
  3. Before treatment: in {layout.config}/limits copy a file, let the clinician set and sign its
     limits, and name it in {layout.config}/controller.toml, with realm and state_folder.
  4. sudo micropen people add NAME ...         whoever may approve and calibrate.
  5. Your pen's ids go into {layout.udev_rule}.
Pages: docs/install.md, docs/operations.md."""
