"""What happens at power-on, before the pen answers anybody (C9, C13 of the hazards: P2-P6)."""

from enum import Enum

from protocol.faults import fault_number
from simulator.firmware.core import Core
from simulator.firmware.records import LAST_ARM_ID


class ResetCause(Enum):
    """What the reset register says."""

    POWER_ON = "power_on"
    BROWN_OUT = "brown_out"
    WATCHDOG = "watchdog"


_CAUSE_FAULT = {ResetCause.BROWN_OUT: "BROWN_OUT", ResetCause.WATCHDOG: "FIRMWARE"}


def start_up(core: Core, cause: ResetCause) -> None:
    """Count the boot in NVM, close the arm that was cut, latch boot faults, home the needle."""
    memory = core.memory
    if core.store.was_lost:
        # Refuses every ARM, and never claims that an arm was not.
        memory.highest_arm_id = LAST_ARM_ID
        memory.hosts_forgotten = True
        memory.fault = fault_number("NVM_FAULT")
    else:
        _resume(core, cause)
    core.mechanics.pump_stop(core.now_us)
    core.mechanics.brake(core.now_us)
    core.home()


def _resume(core: Core, cause: ResetCause) -> None:
    memory = core.memory
    memory.boot_id += 1
    core.cut_by_boot = core.book.close_after_boot()
    memory.proven = memory.reserved
    fault = _CAUSE_FAULT.get(cause)
    if fault is None and core.senses.trigger:
        fault = "TRIGGER_STUCK"
    if fault is not None and memory.fault == 0:
        memory.fault = fault_number(fault)
    if not core.store.save() and memory.fault == 0:
        memory.fault = fault_number("NVM_FAULT")
