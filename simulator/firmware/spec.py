"""What kind of pen the firmware runs in: identity, hard ceilings (C11) and its own times.

Pure values. Sources are the sections of the project's domain page named at each field; one pump
step is 2.711 nL (1 mL syringe 17.35 uL/mm, 0.5 mm lead, 3,200 microsteps; domain 5.3).
"""

import msgspec

from protocol.limits import SIMULATED_UID_MIN


class PenSpec(msgspec.Struct, frozen=True):
    """One model of simulated pen. Every ceiling here beats every command from the wire."""

    uid: int = SIMULATED_UID_MIN + 1
    model: bytes = b"MICROPEN-SIM"
    firmware: bytes = b"1.0.0-SIM"

    # domain 5.1: stroke of 2.5 mm, cadence up to 150 Hz
    max_protrusion_um: int = 2_500
    min_stroke_period_us: int = 6_666
    insertion_us: int = 2_500
    retraction_us: int = 2_500
    # domain 5.3: 18,500 steps/s is 50 uL/s; 50 uL is the largest dose a puncture
    max_steps: int = 18_500
    max_flow_steps_s: int = 18_500
    # domain 5.3: backlash 30 um is 0.52 uL, 192 steps, rounded up
    preload_steps: int = 200
    # domain 5.3: bolus of 0.03 uL/kPa x 200 kPa = 6 uL, and the backlash
    relief_steps: int = 2_405
    trip_pressure_kpa: int = 200
    trip_hold_us: int = 100_000
    # design C8: at least 1,024 and twice the largest ceiling ahead (1 s at 150 Hz)
    ring_depth: int = 2_048
    # domain 5.4: at 10 % an arm may finish but none begins; 3.3 V stops the pen
    arm_battery_mv: int = 3_600
    critical_battery_mv: int = 3_300
    # domain 5.4: stop at 43 degrees Celsius at the grip, warning from 41
    stop_temperature_dc: int = 430
    cool_temperature_dc: int = 410
    # domain 5.2: cartridge tolerance 0.10 mm
    depth_tolerance_um: int = 100

    tick_at_boot: int = 0
    tick_drift_ppm: int = 0

    def dispense_us(self, steps: int) -> int:
        """Time that the pump needs for `steps`, rounded up, in us."""
        return -(-steps * 1_000_000 // self.max_flow_steps_s)


class TickClock:
    """World time <-> pen ticks of one boot. The crystal may be off by `tick_drift_ppm`."""

    def __init__(self, spec: PenSpec, boot_at_us: int) -> None:
        self._boot_us = boot_at_us
        self._first = spec.tick_at_boot
        self._rate = 1_000_000 + spec.tick_drift_ppm

    def ticks(self, now_us: int) -> int:
        """The pen's tick at a world time."""
        return self._first + (now_us - self._boot_us) * self._rate // 1_000_000

    def world_us(self, ticks: int) -> int:
        """The earliest world time at which the pen's tick has reached `ticks`."""
        return self._boot_us - (-(ticks - self._first) * 1_000_000 // self._rate)
