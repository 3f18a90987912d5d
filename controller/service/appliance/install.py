"""`micropen install`: a release onto this machine, or into an image; a second time as an update.

Each step may be cut short: the same command again goes on. Nothing that a person wrote is replaced,
and nothing of the record is touched.
"""

from pathlib import Path

from controller.service.appliance import units
from controller.service.appliance.environments import Builder, build
from controller.service.appliance.ground import lay_ground, only_one, prepare, who
from controller.service.appliance.layout import Layout
from controller.service.appliance.machine import Machine, Say
from controller.service.appliance.placing import SHIPPED
from controller.service.appliance.releases import checked_release
from controller.service.appliance.switches import current_slot, idle_slot, switch
from controller.service.appliance.update import update


def install(machine: Machine, folder: Path, say: Say, fill: Builder | None = None) -> None:
    """Put a release onto a machine, or in the place of the one that is there.

    fill: see `environments.build`.

    Raises NotRoot, InstallerBusy, NotARelease, ReleaseDamaged, StepFailed, AccountMissing, OSError;
    on a machine that has one also what `update` raises.
    """
    machine.require_root()
    if current_slot(machine.layout) is None:
        _install_first(machine, folder, say, fill)
    else:
        _install_again(machine, folder, say, fill)


def _install_first(machine: Machine, folder: Path, say: Say, fill: Builder | None) -> None:
    layout, release = machine.layout, checked_release(folder)
    with only_one(layout):
        slot = idle_slot(layout)
        say(f"Building micropen {release.version} in {layout.slot(slot)}. This takes some minutes.")
        shipped = build(machine, slot, release, fill) / SHIPPED
        prepare(machine, shipped, say)
        switch(layout, slot, who(), "install")
        say(f"{layout.current} is {slot}: micropen {release.version}.")
        units.enable(machine, say)
        units.restart(machine, say)
    say(next_steps(layout))


def _install_again(machine: Machine, folder: Path, say: Say, fill: Builder | None) -> None:
    """An update, on ground that is made whole again first: what somebody removed is put back."""
    with only_one(machine.layout):
        lay_ground(machine, machine.layout.current / SHIPPED, _unsaid)  # update says it again
    update(machine, folder, say, who=who(), fill=fill)
    units.enable(machine, say)


def _unsaid(_: str) -> None:
    """Swallow a sentence."""


def next_steps(layout: Layout) -> str:
    """What a person does after the first installation."""
    return f"""
What to do next:
  1. Open http://127.0.0.1:8080/ on this machine: training with a simulated pen works now.
  2. sudo micropen people add NAME --role administrator   who may log in there, with a PIN.
  3. sudo micropen doctor                                 what is not in order, and what to do.
  4. Put your pen's ids into {layout.udev_rule}.
  5. Before treatment: in {layout.config}/limits copy a file, let the clinician set and sign its
     limits, and name it in {layout.config}/controller.toml, with realm and state_folder.
More: docs/install.md, docs/operations.md."""
