"""`micropen rollback`: the program before the last update runs again.

Never silently over entries that it cannot read: then it says what would be missing, and how a
person goes back to the copy that was kept.
"""

from typing import Any

from controller.service.appliance.errors import NotInstalled, StepFailed
from controller.service.appliance.ground import only_one
from controller.service.appliance.machine import Machine, Say
from controller.service.appliance.programs import Program
from controller.service.appliance.switches import (
    current_slot,
    idle_slot,
    is_complete,
    note,
    release_facts,
)
from controller.service.appliance.takeover import TOO_NEW, Takeover, failure_of
from controller.service.appliance.update_errors import (
    JournalWentForward,
    NothingToGoBackTo,
    NotIdle,
    PreflightRefused,
)


def rollback(
    machine: Machine, say: Say, *, who: str, reason: str = "", takes_back: bool = False
) -> None:
    """Let the other environment's program run again.

    takes_back: have the present program undo its change of the journal, if it was not used since.

    Raises NotRoot, InstallerBusy, NotInstalled, NothingToGoBackTo, JournalWentForward, NotIdle,
    PreflightRefused, UpdateUndone, NeitherRuns, StepFailed, AccountMissing, OSError.
    """
    machine.require_root()
    layout = machine.layout
    with only_one(layout):
        before = current_slot(layout)
        if before is None:
            raise NotInstalled(f"{layout.current} names no program to go back from.")
        slot = idle_slot(layout)
        _require_program(machine, slot)
        look = Program(machine, slot).preflight()
        went_forward = look.figure("journal", "error") == TOO_NEW
        if went_forward:
            _require_way_back(machine, before, slot, takes_back=takes_back)
        why = f"rollback: {reason}" if reason else "rollback"
        going = Takeover(machine, slot, say, who=who, why=why)
        try:
            going.run(is_rescue=True, takes_back=went_forward)
        except (NotIdle, PreflightRefused, StepFailed) as error:
            note(layout, before, before, who, f"{why}, refused: {error.what}")
            raise


def _require_program(machine: Machine, slot: str) -> None:
    place = machine.layout.slot(slot)
    if not is_complete(place):
        raise NothingToGoBackTo(f"{place} holds no complete program.")
    failure = failure_of(place)
    if failure is not None:
        version = release_facts(place).get("version")
        raise NothingToGoBackTo(
            f"micropen {version} in {place} failed on {failure['wall']}: {failure['why']}"
        )


def _require_way_back(machine: Machine, before: str, slot: str, *, takes_back: bool) -> None:
    """Raises JournalWentForward unless nothing is missed and a person said so."""
    way = Program(machine, before).way_back()
    if takes_back and way["newer"] and not way["used"]:
        return
    raise JournalWentForward(_told(machine, way, slot))


def _told(machine: Machine, way: dict[str, Any], slot: str) -> str:
    """What is the matter, what would be missing, and how to go back all the same."""
    version = release_facts(machine.layout.slot(slot)).get("version")
    head = f"micropen {version} cannot read the journal that the present program goes on with."
    if way["newer"] and not way["used"]:
        return (
            f"{head}\nNothing was recorded since but the service's own start. To put that aside "
            f"and go back:\n    micropen rollback --undo-migration"
        )
    if way["kept"] is None:
        return f"{head}\nNo copy from before is here; a backup of that time can be restored."
    used = ", ".join(f"{times} {kind}" for kind, times in way["used"].items())
    sessions = ", ".join(way["sessions"]) or "none"
    return (
        f"{head}\nThe copy from before is {way['kept']}. Missing from it, since "
        f"{way['since_wall']}: {used}.\nSessions and calibrations among them: {sessions}.\n"
        f'To go back to it all the same, read docs/operations.md, "Update and go back".'
    )
