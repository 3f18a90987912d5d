"""What every change of an installation stands on: one at a time, by whom, and what lies around the
environments.

May be done again at any time: it makes what is missing and keeps what people wrote.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controller.service.appliance import files, units
from controller.service.appliance.accounts import make_accounts
from controller.service.appliance.errors import InstallerBusy
from controller.service.appliance.layout import Layout
from controller.service.appliance.machine import Machine, Say
from controller.service.appliance.placing import SYSUSERS, make_state_folders, put_system_files
from controller.service.appliance.settings_seed import make_config


def lay_ground(machine: Machine, shipped: Path, say: Say) -> None:
    """Accounts, folders of the record, config: what a program needs to be asked anything.

    shipped: the wheel's data of an environment.

    Raises StepFailed, AccountMissing, OSError.
    """
    make_accounts(machine, shipped / SYSUSERS)
    make_state_folders(machine, say)
    if make_config(machine, shipped / "config"):
        say(f"{machine.layout.config} was made, for training.")
    else:
        say(f"{machine.layout.config} stays as it is.")


def prepare(machine: Machine, shipped: Path, say: Say) -> None:
    """The ground, and the files of the system: units, rules, settings.

    Raises StepFailed, AccountMissing, OSError.
    """
    lay_ground(machine, shipped, say)
    put_system_files(machine.layout, shipped, say)
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
