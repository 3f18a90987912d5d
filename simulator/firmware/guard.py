"""Watches the sensors and names the fault they show; knows when a cause is gone (faults.py)."""

from protocol.faults import fault_number
from protocol.limits import ARM_RING_FREE_RECORDS
from protocol.words import Mode
from simulator.firmware.core import Core
from simulator.firmware.diary import TRAVEL_UM

PUMP_POLL_US = 10_000
MOVE_POLL_US = 50_000
IDLE_POLL_US = 100_000
PLAUSIBLE_DC = (-400, 1_250)
"""Range of the grip sensor in tenths of a degree; readings outside are a broken sensor."""


class Guard:
    """Polls more often the more there is to break."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._polled_us = core.now_us
        self._over_since_us: int | None = None

    @property
    def due_us(self) -> int:
        """When to look next."""
        arm = self._core.arm
        if arm is not None and (arm.drive.is_pumping or self._over_since_us is not None):
            return self._polled_us + PUMP_POLL_US
        moving = arm is not None and arm.drive.is_moving
        return self._polled_us + (MOVE_POLL_US if moving else IDLE_POLL_US)

    def poll(self) -> None:
        """Look at every sensor now and latch what is wrong."""
        self._polled_us = self._core.now_us
        name = self._find()
        if name is not None:
            self._core.raise_fault(name)

    def _find(self) -> str | None:
        core, mechanics = self._core, self._core.mechanics
        celsius_dc = mechanics.grip_temperature_dc()
        if not _is_plausible(celsius_dc):
            return "TEMPERATURE_SENSOR"
        if celsius_dc >= core.spec.stop_temperature_dc:
            return "OVER_TEMPERATURE"
        if mechanics.battery_mv() < core.spec.critical_battery_mv:
            return "BATTERY_CRITICAL"
        return self._find_in_arm() if core.arm is not None else None

    def _find_in_arm(self) -> str | None:
        core, mechanics = self._core, self._core.mechanics
        if core.is_moving and mechanics.motor_jammed():
            return "MOTOR_JAM"
        if self._is_occluded(mechanics.pressure_kpa()):
            return "OCCLUSION"
        if core.is_moving and self._is_empty():
            return "RESERVOIR_EMPTY"
        if not core.is_homed:
            return "HOME_LOST"
        return "CONTACT_SENSOR" if core.senses.is_chattering(core.now_us) else None

    def _is_empty(self) -> bool:
        arm = self._core.arm
        is_forward = arm is not None and arm.drive.is_pumping and arm.mode is not Mode.RELOAD
        return is_forward and self._core.mechanics.plunger_at_end()

    def _is_occluded(self, pressure_kpa: int) -> bool:
        spec, now_us = self._core.spec, self._core.now_us
        if pressure_kpa < spec.trip_pressure_kpa:
            self._over_since_us = None
            return False
        if self._over_since_us is None:
            self._over_since_us = now_us
        return now_us - self._over_since_us >= spec.trip_hold_us

    def cause_persists(self, fault: int) -> bool:
        """Whether the cause of a latched fault is still there, so that CLEAR must refuse.

        A needle without a home may not look for it on the skin. An empty reservoir refuses nothing:
        only a RELOAD arm, which no latched fault allows, brings the plunger back.
        """
        core, mechanics = self._core, self._core.mechanics
        if fault == fault_number("NVM_FAULT"):
            return True
        if not core.is_homed and core.senses.raw_contact:
            return True
        causes = {
            "DEPTH_SENSOR": mechanics.reading().protrusion_um > TRAVEL_UM,
            "OCCLUSION": mechanics.pressure_kpa() >= core.spec.trip_pressure_kpa,
            "CARTRIDGE_REMOVED": mechanics.chip() is None,
            "BATTERY_CRITICAL": mechanics.battery_mv() < core.spec.arm_battery_mv,
            "TEMPERATURE_SENSOR": not _is_plausible(mechanics.grip_temperature_dc()),
            "OVER_TEMPERATURE": mechanics.grip_temperature_dc() > core.spec.cool_temperature_dc,
            "RING_FULL": core.ring.free < ARM_RING_FREE_RECORDS,
            "CONTACT_SENSOR": core.senses.is_chattering(core.now_us),
            "TRIGGER_STUCK": core.senses.trigger,
        }
        return any(is_on and fault_number(name) == fault for name, is_on in causes.items())


def _is_plausible(celsius_dc: int) -> bool:
    return PLAUSIBLE_DC[0] <= celsius_dc <= PLAUSIBLE_DC[1]
