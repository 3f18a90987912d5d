"""The grip's temperature: one time constant, heated by the needle motor."""

import math

import msgspec

from simulator.bounds import NotNegative, Positive


class ThermalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sources: domain.md 5.4 (time constant 120-300 s, 15-25 K at 150 Hz continuous).

    `ambient_c` is a treatment room's 22 degrees.
    """

    ambient_c: float = 22.0
    rise_at_150_hz_k: NotNegative = 18.0
    time_constant_s: Positive = 200.0


class Grip:
    """Temperature relaxes towards ambient plus a rise in proportion to the cadence."""

    def __init__(self, settings: ThermalSettings) -> None:
        self.settings = settings
        self.celsius = settings.ambient_c
        self.extra_k = 0.0
        self._since_us = 0
        self._cadence_hz = 0.0

    def heat(self, now_us: int, cadence_hz: float) -> None:
        """Book the time so far; the motor runs at `cadence_hz` from now on."""
        rise = self.settings.rise_at_150_hz_k * self._cadence_hz / 150.0
        goal = self.settings.ambient_c + rise
        share = math.exp(-(now_us - self._since_us) / 1e6 / self.settings.time_constant_s)
        self.celsius = goal + (self.celsius - goal) * share
        self._since_us, self._cadence_hz = now_us, cadence_hz

    def decicelsius(self) -> int:
        """Temperature at the grip in tenths of a degree Celsius."""
        return round((self.celsius + self.extra_k) * 10.0)
