"""`micropen uninstall`: takes away what was installed, and nothing else.

The record, the config folder, the accounts that own them, and the list of switches stay.
"""

import shutil

from controller.service.appliance import files, units
from controller.service.appliance.errors import NotInstalled
from controller.service.appliance.ground import only_one, who
from controller.service.appliance.layout import SLOTS
from controller.service.appliance.machine import Machine, Say
from controller.service.appliance.manifest import Manifest
from controller.service.appliance.switches import current_slot, note


def uninstall(machine: Machine, say: Say) -> None:
    """Stop and remove the installation. Harmless when it was cut short and is typed again.

    Raises NotRoot, NotInstalled, InstallerBusy, StepFailed, OSError.
    """
    machine.require_root()
    layout = machine.layout
    if not layout.programs.is_dir() or not (layout.manifest.exists() or layout.current.exists()):
        raise NotInstalled(f"There is no installation below {layout.programs}.")
    with only_one(layout):
        units.stop_for_good(machine)
        _remove_system_files(machine, say)
        units.forget(machine)
        _remove_environments(machine)
    layout.lock.unlink(missing_ok=True)
    say("Stopped and removed: units, udev rule, settings of the system, both environments.")
    stays = [layout.state, layout.telemetry_state, layout.archive_state, layout.config]
    stays.append(layout.switches)
    there = ", ".join(str(path) for path in stays if path.exists())
    say(f"Left as they are, with the accounts that own them: {there}.")


def _remove_system_files(machine: Machine, say: Say) -> None:
    manifest = Manifest(machine.layout)
    for path in manifest.paths():
        if not manifest.remove(path):
            say(f"{path} was changed by a person and stays.")


def _remove_environments(machine: Machine) -> None:
    """The switch goes first: half an environment must not look like one that runs."""
    layout = machine.layout
    before = current_slot(layout)
    if before is not None:
        note(layout, before, None, who(), "uninstall")
        layout.current.unlink()
        files.sync_folder(layout.programs)
    for slot in SLOTS:
        shutil.rmtree(layout.slot(slot), ignore_errors=True)
    layout.manifest.unlink(missing_ok=True)
