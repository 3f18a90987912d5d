"""`micropen update`: a release beside the program that runs, then in its place, or not at all."""

from pathlib import Path

from controller.errors import MicropenError
from controller.service.appliance.environments import Builder, build
from controller.service.appliance.errors import NotInstalled, StepFailed
from controller.service.appliance.ground import only_one
from controller.service.appliance.machine import Machine, Say
from controller.service.appliance.programs import Program, unnumbered
from controller.service.appliance.releases import checked_release
from controller.service.appliance.switches import current_slot, idle_slot
from controller.service.appliance.takeover import Takeover, refuse
from controller.service.appliance.update_errors import NotIdle, PreflightRefused


def update(
    machine: Machine,
    path: Path,
    say: Say,
    *,
    who: str,
    restart: bool = True,
    fill: Builder | None = None,
) -> None:
    """Check a release, build it into the idle environment, and let it take over.

    fill: see `environments.build`.

    Raises NotRoot, InstallerBusy, NotInstalled, NotARelease, ReleaseDamaged, NotIdle,
    PreflightRefused, UpdateUndone, NeitherRuns, StepFailed, AccountMissing, OSError.
    """
    machine.require_root()
    layout = machine.layout
    with only_one(layout):
        before = current_slot(layout)
        if before is None:
            raise NotInstalled(f"{layout.current} names no program to update.")
        release = checked_release(path)
        require_idle(machine, before)
        slot = idle_slot(layout)
        say(f"Building micropen {release.version} in {layout.slot(slot)}. This takes some minutes.")
        build(machine, slot, release, fill)
        take_over(machine, slot, say, who=who, why="update", restart=restart)


def take_over(
    machine: Machine, slot: str, say: Say, *, who: str, why: str, restart: bool = True
) -> None:
    """Let a newly built environment run; mark it when it may not. The caller holds the lock.

    Raises what `Takeover.run` raises.
    """
    try:
        Takeover(machine, slot, say, who=who, why=why, restart=restart).run()
    except NotIdle:
        raise  # nothing is wrong with the release
    except (PreflightRefused, StepFailed) as error:
        refuse(machine.layout, slot, who, error.what)
        raise


def require_idle(machine: Machine, slot: str) -> None:
    """Before disk and processor are kept busy for minutes. Raises NotIdle.

    A program that cannot say is no obstacle: the new one is asked too, before anything is stopped.
    """
    try:
        idle = Program(machine, slot).preflight().line("idle")
    except MicropenError:
        return
    if idle["state"] == "red":
        raise NotIdle(unnumbered(idle))
