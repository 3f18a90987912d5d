"""Numbered pen faults: what latches, how urgent it is, and what the operator reads.

Priorities follow the scheme of IEC 60601-1-8 as proposed in domain.md 6.1; a clinician sets the
final ones. Numbers are for ever; 0 on the wire means "no fault latched".
"""

from enum import IntEnum

import msgspec


class Priority(IntEnum):
    """Alarm priority after IEC 60601-1-8; higher is more urgent."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


class Fault(msgspec.Struct, frozen=True):
    """One catalogue row. `sentence` says what happened, `action` what the operator does next."""

    number: int
    name: str
    priority: Priority
    sentence: str
    action: str


_H, _M, _L = Priority.HIGH, Priority.MEDIUM, Priority.LOW

_ROWS: tuple[tuple[int, str, Priority, str, str], ...] = (
    (
        10,
        "MOTOR_JAM",
        _H,
        "The needle motor is jammed.",
        "Fit a new cartridge, then clear the fault.",
    ),
    (
        11,
        "DRIVE_FAULT",
        _H,
        "The needle drive reports an electrical fault.",
        "Take the pen out of use and call service.",
    ),
    (
        12,
        "CADENCE_DEVIATION",
        _M,
        "The pen ran more than 10 % off the set cadence for 2 s.",
        "Press more lightly; if it returns, call service.",
    ),
    (
        20,
        "DEPTH_FAULT",
        _H,
        "The needle missed the set protrusion in two strokes running.",
        "Fit a new cartridge; if it returns, recalibrate the protrusion.",
    ),
    (
        21,
        "HOME_LOST",
        _H,
        "The needle lost its home position.",
        "Lift the pen off the skin and clear the fault so that it homes again.",
    ),
    (
        22,
        "DEPTH_SENSOR",
        _H,
        "The protrusion sensor gives no plausible reading.",
        "Take the pen out of use and call service.",
    ),
    (
        30,
        "OCCLUSION",
        _H,
        "The needle or line is blocked; the pump stopped.",
        "Lift the pen off the skin, fit a new cartridge, clear the fault and prime again.",
    ),
    (
        31,
        "RESERVOIR_EMPTY",
        _M,
        "The plunger is at the end of the syringe.",
        "Swap the syringe and prime again.",
    ),
    (
        33,
        "PUMP_FAULT",
        _H,
        "The pump did not make the steps it was told to make.",
        "Take the pen out of use and call service.",
    ),
    (
        40,
        "CARTRIDGE_REMOVED",
        _M,
        "The cartridge was taken off while armed.",
        "Fit a new, unused cartridge and clear the fault.",
    ),
    (
        41,
        "CARTRIDGE_UNREADABLE",
        _M,
        "The cartridge cannot be read.",
        "Fit another cartridge and clear the fault.",
    ),
    (
        50,
        "BATTERY_CRITICAL",
        _H,
        "The battery fell under 3.3 V under load; the pen stopped.",
        "Charge the pen, then clear the fault.",
    ),
    (
        51,
        "OVER_TEMPERATURE",
        _H,
        "The grip is over 43 degrees Celsius; the pen stopped.",
        "Let the pen cool, then clear the fault.",
    ),
    (
        52,
        "TEMPERATURE_SENSOR",
        _M,
        "The temperature sensor gives no plausible reading.",
        "Take the pen out of use and call service.",
    ),
    (
        60,
        "NVM_FAULT",
        _H,
        "The pen's counter memory cannot be written or read back.",
        "Take the pen out of use and call service; its counters must be re-enrolled.",
    ),
    (
        62,
        "RING_FULL",
        _M,
        "The pen's event ring is full; the host did not read it.",
        "Reconnect the host, let it catch up, then clear the fault.",
    ),
    (
        63,
        "BROWN_OUT",
        _M,
        "The supply collapsed and the pen restarted.",
        "Check battery and cable, then clear the fault.",
    ),
    (
        64,
        "FIRMWARE",
        _H,
        "The pen's firmware found itself in an impossible state.",
        "Send the support bundle to the maker; take the pen out of use.",
    ),
    (
        70,
        "CONTACT_SENSOR",
        _M,
        "The contact sensor gives no plausible reading.",
        "Wipe the cartridge face dry; if it returns, call service.",
    ),
    (
        71,
        "TRIGGER_STUCK",
        _M,
        "The trigger was pressed when the pen started.",
        "Let go of the trigger, then clear the fault.",
    ),
)

FAULTS: dict[int, Fault] = {row[0]: Fault(*row) for row in _ROWS}
_NUMBERS = {row.name: row.number for row in FAULTS.values()}
NO_FAULT = 0


def fault_number(name: str) -> int:
    """The wire number of a catalogue name such as "OCCLUSION". Raises KeyError for other names."""
    return _NUMBERS[name]


def describe_fault(number: int) -> Fault:
    """The row of a wire number; a number outside the catalogue gets a HIGH "unknown fault" row."""
    known = FAULTS.get(number)
    if known is not None:
        return known
    text = f"The pen reports fault {number}, which this program does not know."
    return Fault(
        number, f"UNKNOWN_{number}", Priority.HIGH, text, "Update this program or call service."
    )
