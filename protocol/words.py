"""The enumerations of the wire. Each number is for ever: never reused, never renumbered."""

from enum import IntEnum, IntFlag


class Mode(IntEnum):
    """What an arm may do (C3, C12)."""

    DOSE = 1
    NO_DISPENSE = 2
    PRIME = 3
    RELOAD = 4
    BENCH = 5


class PenState(IntEnum):
    """The pen's state machine. Only RUNNING and BRAKING move a needle or plunger forward."""

    BOOT = 0
    IDLE = 1
    ARMED = 2
    RUNNING = 3
    BRAKING = 4
    LATCHED = 5


class StatusFlag(IntFlag):
    """Bits of `Status.flags`; bit 7 is spare and must be zero."""

    TRIGGER = 0x01
    CONTACT = 0x02
    AT_REST = 0x04
    HOMED = 0x08
    PRELOADED = 0x10
    HOLDING = 0x20
    STOP_LATCHED = 0x40


class EventKind(IntEnum):
    """What one event record counts (C8)."""

    PUNCTURE = 1
    PRIME = 2
    BENCH = 3
    PRELOAD = 4
    REVERSE = 5


class EventFlag(IntFlag):
    """Bits 3-6 of `EventRecord.kind_flags`; bit 7 is spare and must be zero."""

    CONTACT = 0x08
    PARTIAL = 0x10
    LOAD_TRIP = 0x20
    DEPTH_MISS = 0x40


class EndReason(IntEnum):
    """Why an arm ended (C4)."""

    OPEN = 0
    DISARMED = 1
    STOP = 2
    FAULT = 3
    BOOT = 4
    LAPSE = 5
    NEW_LINK = 6
    NO_GRANT = 7
    SPENT = 8


class RecordState(IntEnum):
    """What the pen knows of an arm id (C9)."""

    NOT_KEPT = 0
    NEVER = 1
    OPEN = 2
    ENDING = 3
    FINAL = 4


class QueryTopic(IntEnum):
    """What QUERY asks for. No query changes anything in the pen (C13)."""

    IDENTITY = 1
    ENVELOPE = 2
    CARTRIDGE = 3
    ARM_RECORD = 4
    LAST_ARM_OF_HOST = 5


class Result(IntEnum):
    """The answer to a request, or the reason a grant was refused. OK is zero."""

    OK = 0
    # configure
    ARMED_NOW = 1
    NOT_AT_REST = 2
    PROTRUSION_OVER_CEILING = 3
    PERIOD_TOO_SHORT = 4
    STEPS_OVER_CEILING = 5
    STROKE_DOES_NOT_FIT = 6
    FIELD_NOT_FOR_MODE = 7
    # arm
    NO_CONFIGURATION = 20
    CONFIGURATION_MISMATCH = 21
    CARTRIDGE_MISSING = 22
    CARTRIDGE_MISMATCH = 23
    CERTIFICATE_MISMATCH = 24
    COUNTERS_MISMATCH = 25
    STOP_ID_MISMATCH = 26
    STOP_LATCHED = 27
    FAULT_LATCHED = 28
    ARM_ID_SPENT = 29
    ARM_ID_REUSED = 30
    ANOTHER_ARM_OPEN = 31
    NOT_PRELOADED = 32
    BATTERY_LOW = 33
    NOT_HOMED = 34
    RING_FULL = 35
    ENDED = 36
    # clear
    NOT_THAT_STOP = 50
    NOT_THAT_FAULT = 51
    CONDITION_PERSISTS = 52
    # grant
    NOT_ARMED = 60
    WRONG_ARM = 61
    WRONG_BOOT = 62
    IN_THE_PAST = 63
    TOO_FAR_AHEAD = 64


RESULT_SENTENCES: dict[Result, str] = {
    Result.OK: "done",
    Result.ARMED_NOW: "the pen is armed; disarm it first",
    Result.NOT_AT_REST: "the pen is still moving; wait until it rests",
    Result.PROTRUSION_OVER_CEILING: "protrusion is over the pen's or the cartridge's ceiling",
    Result.PERIOD_TOO_SHORT: "cadence is over the pen's ceiling",
    Result.STEPS_OVER_CEILING: "steps a puncture are over the pen's ceiling",
    Result.STROKE_DOES_NOT_FIT: "the dose does not fit into the stroke period",
    Result.FIELD_NOT_FOR_MODE: "a field has a value that this mode does not allow",
    Result.NO_CONFIGURATION: "the pen has no configuration since its boot",
    Result.CONFIGURATION_MISMATCH: "the pen decoded another configuration",
    Result.CARTRIDGE_MISSING: "no cartridge is fitted",
    Result.CARTRIDGE_MISMATCH: "another cartridge is fitted",
    Result.CERTIFICATE_MISMATCH: "the pen stores another certificate id",
    Result.COUNTERS_MISMATCH: "the pen's counters are not the expected ones",
    Result.STOP_ID_MISMATCH: "the pen has seen another stop since",
    Result.STOP_LATCHED: "a stop is latched; clear it",
    Result.FAULT_LATCHED: "a fault is latched; clear it",
    Result.ARM_ID_SPENT: "this arm id, or a higher one, was used before",
    Result.ARM_ID_REUSED: "this arm id is open with other contents",
    Result.ANOTHER_ARM_OPEN: "another arm is open",
    Result.NOT_PRELOADED: "the plunger went back and has not been preloaded; prime first",
    Result.BATTERY_LOW: "the battery is under the arming threshold; charge the pen",
    Result.NOT_HOMED: "the needle has no home position; the pen needs service",
    Result.RING_FULL: "the pen's event ring is full; let the host read it first",
    Result.ENDED: "this arm has ended; it cannot be opened again",
    Result.NOT_THAT_STOP: "another stop is latched",
    Result.NOT_THAT_FAULT: "another fault is latched",
    Result.CONDITION_PERSISTS: "the cause is still present",
    Result.NOT_ARMED: "no arm is open",
    Result.WRONG_ARM: "the grant names another arm",
    Result.WRONG_BOOT: "the frame names another boot of the pen",
    Result.IN_THE_PAST: "the grant's end lies in the past",
    Result.TOO_FAR_AHEAD: "the grant's end lies too far ahead",
}
