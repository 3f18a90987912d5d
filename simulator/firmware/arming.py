"""Whether an ARM may open an arm: every precondition, in the contract's order (C4). Pure."""

import msgspec

from protocol.limits import ARM_RING_FREE_RECORDS
from protocol.messages import Arm, Counters
from protocol.words import Mode, Result
from simulator.firmware.nvm import ArmRow
from simulator.ports import Chip


class Facts(msgspec.Struct, frozen=True):
    """The pen as it stands when the ARM arrives. `open_order` is the open arm's own ARM."""

    open_order: Arm | None
    kept: ArmRow | None
    highest_arm_id: int
    stop_latched: bool
    fault_latched: bool
    at_rest: bool
    homed: bool
    mode: Mode | None
    settings_digest: int
    chip: Chip | None
    certificate_id: int
    counters: Counters
    last_stop_id: int
    preloaded: bool
    battery_ok: bool
    ring_free: int


def judge_arm(order: Arm, facts: Facts) -> Result:
    """OK when the arm may open or is open with the same contents, else the first reason not to."""
    known = _judge_id(order, facts)
    if known is not None:
        return known
    refusals = (
        (facts.stop_latched, Result.STOP_LATCHED),
        (facts.fault_latched, Result.FAULT_LATCHED),
        (not facts.at_rest, Result.NOT_AT_REST),
        (not facts.homed, Result.NOT_HOMED),
        (facts.mode is None, Result.NO_CONFIGURATION),
        (order.settings_digest != facts.settings_digest, Result.CONFIGURATION_MISMATCH),
        (_chip_is_missing(facts), Result.CARTRIDGE_MISSING),
        (_chip_differs(order, facts), Result.CARTRIDGE_MISMATCH),
        (order.certificate_id != facts.certificate_id, Result.CERTIFICATE_MISMATCH),
        (order.expected != facts.counters, Result.COUNTERS_MISMATCH),
        (order.last_stop_id != facts.last_stop_id, Result.STOP_ID_MISMATCH),
        (facts.mode is Mode.DOSE and not facts.preloaded, Result.NOT_PRELOADED),
        (not facts.battery_ok, Result.BATTERY_LOW),
        (facts.ring_free < ARM_RING_FREE_RECORDS, Result.RING_FULL),
    )
    return next((result for applies, result in refusals if applies), Result.OK)


def is_same_order(order: Arm, other: Arm) -> bool:
    """Whether two ARMs ask for the same thing; request ids do not count."""
    return msgspec.structs.replace(order, request_id=other.request_id) == other


def _judge_id(order: Arm, facts: Facts) -> Result | None:
    if facts.open_order is not None and order.arm_id == facts.open_order.arm_id:
        same = is_same_order(order, facts.open_order)
        return Result.OK if same else Result.ARM_ID_REUSED
    if order.arm_id <= facts.highest_arm_id:
        return Result.ENDED if facts.kept is not None else Result.ARM_ID_SPENT
    return Result.ANOTHER_ARM_OPEN if facts.open_order is not None else None


def _chip_is_missing(facts: Facts) -> bool:
    return facts.mode is not Mode.RELOAD and facts.chip is None


def _chip_differs(order: Arm, facts: Facts) -> bool:
    if facts.mode is Mode.RELOAD or facts.chip is None:
        return False
    return order.cartridge_uid != facts.chip.cartridge_uid
