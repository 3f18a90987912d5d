"""Named faults of the pen with triggers: classes P1-P17 of the fault catalogue, and their kin.

A fault waits for its time or stroke, then for its moment (`when`), then acts on a `Victim`. It
does only what physics, supply or memory chip could do; it never reaches into the firmware. P12
(counter wrap) is a state, not an event: `[pen] lifetime_counts` and `tick_at_boot`.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from simulator.bounds import Count, NotNegative, Share
from simulator.firmware.boot import ResetCause
from simulator.mechanism import Mechanism
from simulator.ports import Chip


class FaultName(StrEnum):
    """What a scenario may name. `value` and `lasts_s` are explained at `EFFECTS`."""

    REBOOT_IDLE = "P1_reboot_idle"
    REBOOT_MID_PUNCTURE = "P2_reboot_mid_puncture"
    REBOOT_BEFORE_NVM = "P3_reboot_before_nvm_write"
    BROWN_OUT_LOOP = "P4_brown_out_loop"
    NVM_TORN = "P5_nvm_torn"
    NVM_ERASED = "P6_nvm_erased"
    NVM_FAILS = "P6_nvm_write_fails"
    HANG = "P7_hang"
    TICK_DRIFT = "P8_tick_drift"
    MOTOR_STALL = "P9_motor_stall"
    DEPTH_STUCK = "P10_depth_stuck"
    DEPTH_SENSOR_STUCK = "P10_depth_sensor_stuck"
    CONTACT_STUCK = "P10_contact_stuck"
    CONTACT_CHATTER = "P10_contact_chatter"
    TRIGGER_STUCK = "P10_trigger_stuck"
    LATE_TELEMETRY = "P11_late_telemetry"
    OTHER_FIRMWARE = "P13_other_firmware"
    OVER_TEMPERATURE = "P14_over_temperature"
    OCCLUSION = "P15_occlusion"
    AIR = "P16_air"
    EMPTY = "P16_empty"
    CARTRIDGE_CHANGED = "P17_cartridge_changed"
    CARTRIDGE_REMOVED = "P17_cartridge_removed"
    HOME_LOST = "home_lost"
    BACKLASH_GROWTH = "backlash_growth"
    LEAK = "leak"
    STICTION = "stiction"
    PUMP_BLOCKED = "pump_blocked"
    ENCODER_DROPOUT = "encoder_dropout"
    BATTERY_CLIFF = "battery_cliff"


class Moment(StrEnum):
    """What the fault waits for once its time has come."""

    AT_ONCE = "at_once"
    AT_REST = "at_rest"
    MID_STROKE = "mid_stroke"
    PUMPING = "pumping"
    STROKE_END = "stroke_end"


class FaultSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of a scenario. Without `at_s`, `after_strokes` or `share` it waits from the start.

    `share` is a probability a stroke. `repeat` times in all, `every_s` apart; 0 = without end.
    """

    name: FaultName
    at_s: NotNegative = 0.0
    after_strokes: Count = 0
    share: Share = 0.0
    when: Moment | None = None
    repeat: Count = 1
    every_s: NotNegative = 0.0
    lasts_s: NotNegative = 0.0
    value: float = 0.0

    def moment(self) -> Moment:
        """`when`, or the moment that the name implies."""
        return self.when or _IMPLIED.get(self.name, Moment.AT_ONCE)


_IMPLIED = {
    FaultName.REBOOT_IDLE: Moment.AT_REST,
    FaultName.REBOOT_MID_PUNCTURE: Moment.MID_STROKE,
    FaultName.REBOOT_BEFORE_NVM: Moment.STROKE_END,
    FaultName.MOTOR_STALL: Moment.MID_STROKE,
}


class Victim(Protocol):
    """What a fault may touch: the world, never the firmware."""

    mechanism: Mechanism
    late_us: int

    def cut_power(self, now_us: int, off_us: int, cause: ResetCause = ...) -> None:
        """Take the supply away for `off_us`; the reset register will tell `cause`."""
        ...

    def hang(self, now_us: int, for_us: int) -> None:
        """The processor stands still until its watchdog cuts the power after `for_us`."""
        ...

    def break_nvm(self, *, erase: bool, torn_write: bool, fails: bool | None) -> None:
        """Lose the memory, tear the next write, or refuse all writes."""
        ...

    def at_next_boot(self, *, drift_ppm: int | None, firmware: str | None) -> None:
        """Another crystal or another firmware from the next boot on."""
        ...


Effect = Callable[[Victim, FaultSettings, int], None]

OFF_US = 50_000
"""How long a cut supply stays away unless `lasts_s` says otherwise."""
WATCHDOG_US = 5_000
"""A hang is ended by the pen's watchdog; 5 ms is under one stroke at 150 Hz (6.7 ms)."""


def _reboot(victim: Victim, fault: FaultSettings, now_us: int) -> None:
    victim.cut_power(now_us, round(fault.lasts_s * 1e6) or OFF_US)


def _brown_out(victim: Victim, fault: FaultSettings, now_us: int) -> None:
    victim.cut_power(now_us, round(fault.lasts_s * 1e6) or OFF_US, ResetCause.BROWN_OUT)


def _hang(victim: Victim, fault: FaultSettings, now_us: int) -> None:
    victim.hang(now_us, round(fault.lasts_s * 1e6) or WATCHDOG_US)


def _torn(victim: Victim, fault: FaultSettings, now_us: int) -> None:
    del fault, now_us
    victim.break_nvm(erase=False, torn_write=True, fails=None)


def _erase(victim: Victim, fault: FaultSettings, now_us: int) -> None:
    victim.break_nvm(erase=True, torn_write=False, fails=None)
    _reboot(victim, fault, now_us)


def _nvm_fails(on: bool) -> Effect:
    return lambda victim, _fault, _now: victim.break_nvm(erase=False, torn_write=False, fails=on)


def _drift(victim: Victim, fault: FaultSettings, now_us: int) -> None:
    del now_us
    victim.at_next_boot(drift_ppm=round(fault.value), firmware=None)


def _firmware(victim: Victim, fault: FaultSettings, now_us: int) -> None:
    victim.at_next_boot(drift_ppm=None, firmware="9.9.9-SIM")
    _reboot(victim, fault, now_us)


def _late(victim: Victim, fault: FaultSettings, now_us: int) -> None:
    del now_us
    victim.late_us = round(fault.value * 1_000)


def _on_time(victim: Victim, fault: FaultSettings, now_us: int) -> None:
    del fault, now_us
    victim.late_us = 0


def _body(act: Callable[[Mechanism, float, int], None]) -> Effect:
    return lambda victim, fault, now_us: act(victim.mechanism, fault.value, now_us)


def _set(part: str, name: str, value: object) -> Effect:
    def act(body: Mechanism, given: float, now_us: int) -> None:
        del given, now_us
        setattr(getattr(body, part) if part else body, name, value)

    return _body(act)


def _set_given(part: str, name: str, kind: Callable[[float], object]) -> Effect:
    def act(body: Mechanism, given: float, now_us: int) -> None:
        del now_us
        setattr(getattr(body, part) if part else body, name, kind(given))

    return _body(act)


def _occlude(body: Mechanism, factor: float, now_us: int) -> None:
    del now_us
    body.fluid.blocked = factor == 0.0
    body.fluid.resistance_factor = factor or 1.0


def _unblock(body: Mechanism, factor: float, now_us: int) -> None:
    del factor
    _occlude(body, 1.0, now_us)


def _air(body: Mechanism, bubble_nl: float, now_us: int) -> None:
    del now_us
    body.fluid.bubble_nl += bubble_nl


def _take_cartridge(body: Mechanism, value: float, now_us: int) -> None:
    del value, now_us
    body.chip_taken, body.chip_fitted = body.chip_fitted, None


def _other_cartridge(body: Mechanism, value: float, now_us: int) -> None:
    del value
    old = body.chip_fitted or body.chip_taken
    uid = (old.cartridge_uid if old else 0) + 1 + now_us
    body.chip_fitted = Chip(uid & (1 << 64) - 1, *_like(old), used=False)


def _like(old: Chip | None) -> tuple[int, int, int]:
    return (old.type_code, old.needles, old.max_protrusion_um) if old else (1, 1, 2_500)


_reboots: tuple[Effect, Effect | None] = (_reboot, None)

# name -> (effect, undo after `lasts_s` or None). `value` is given in the unit of the comment.
EFFECTS: dict[FaultName, tuple[Effect, Effect | None]] = {
    FaultName.REBOOT_IDLE: _reboots,
    FaultName.REBOOT_MID_PUNCTURE: _reboots,
    FaultName.REBOOT_BEFORE_NVM: _reboots,
    FaultName.BROWN_OUT_LOOP: (_brown_out, None),
    FaultName.NVM_TORN: (_torn, None),
    FaultName.NVM_ERASED: (_erase, None),
    FaultName.NVM_FAILS: (_nvm_fails(True), _nvm_fails(False)),
    FaultName.HANG: (_hang, None),
    FaultName.TICK_DRIFT: (_drift, None),  # ppm, from the next boot
    FaultName.MOTOR_STALL: (
        _body(lambda body, _value, now_us: body.needle.catch(now_us)),
        _body(lambda body, _value, _now: body.needle.free()),
    ),
    FaultName.DEPTH_STUCK: (_set("depth", "stuck", True), _set("depth", "stuck", False)),
    FaultName.DEPTH_SENSOR_STUCK: (  # um that it reads
        _set_given("depth", "sensor_reads_um", int),
        _set("depth", "sensor_reads_um", None),
    ),
    FaultName.CONTACT_STUCK: (  # 0 or 1
        _set_given("skin", "sensor_stuck", bool),
        _set("skin", "sensor_stuck", None),
    ),
    FaultName.CONTACT_CHATTER: (  # pairs of false changes within a second
        _body(lambda body, value, now_us: body.skin.chatter(now_us, int(value) or 5, 1_000_000)),
        None,
    ),
    FaultName.TRIGGER_STUCK: (  # 0 or 1
        _set_given("", "trigger_stuck", bool),
        _set("", "trigger_stuck", None),
    ),
    FaultName.LATE_TELEMETRY: (_late, _on_time),  # ms
    FaultName.OTHER_FIRMWARE: (_firmware, None),
    FaultName.OVER_TEMPERATURE: (  # K above what the motor makes
        _set_given("grip", "extra_k", float),
        _set("grip", "extra_k", 0.0),
    ),
    FaultName.OCCLUSION: (_body(_occlude), _body(_unblock)),  # x resistance; 0 = blocked
    FaultName.AIR: (_body(_air), None),  # nL of air
    FaultName.EMPTY: (_set("plunger", "travel_left_steps", 0), None),
    FaultName.CARTRIDGE_CHANGED: (_body(_other_cartridge), None),
    FaultName.CARTRIDGE_REMOVED: (_body(_take_cartridge), _body(_other_cartridge)),
    FaultName.HOME_LOST: (
        _body(lambda body, _value, _now: body.depth.lose_home()),
        None,
    ),
    FaultName.BACKLASH_GROWTH: (  # um
        _body(lambda body, value, _now: body.plunger.set_backlash_um(int(value))),
        None,
    ),
    FaultName.LEAK: (  # share of the flow
        _set_given("fluid", "leak_share", float),
        _set("fluid", "leak_share", 0.0),
    ),
    FaultName.STICTION: (_body(lambda body, _value, _now: body.plunger.stick()), None),
    FaultName.PUMP_BLOCKED: (_set("plunger", "blocked", True), _set("plunger", "blocked", False)),
    FaultName.ENCODER_DROPOUT: (  # share of steps not counted
        _set_given("plunger", "encoder_misses", float),
        _set("plunger", "encoder_misses", 0.0),
    ),
    FaultName.BATTERY_CLIFF: (  # mV of extra sag
        _set_given("battery", "sag_mv", int),
        _set("battery", "sag_mv", 0),
    ),
}
