"""The battery: open-circuit curve, sag under load, charge used."""

from bisect import bisect_left

import msgspec

from simulator.bounds import AtLeastOne, Count, NotNegative

# Open-circuit voltage of one Li-ion cell, (percent, mV); domain.md 5.4.
OCV_MV = (
    (0, 3_000),
    (5, 3_450),
    (10, 3_600),
    (20, 3_700),
    (40, 3_790),
    (60, 3_870),
    (80, 4_020),
    (100, 4_200),
)
_WS_PER_MAH = 3.6 * 3.7


class PowerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cell and loads. Sources: domain.md 5.4 (800-1,200 mAh, 80-150 mOhm, 0.5 W + 0.5 W)."""

    capacity_mah: AtLeastOne = 800
    charge_percent: float = 100.0
    resistance_mohm: Count = 100
    motor_w: NotNegative = 0.5
    electronics_w: NotNegative = 0.5


class Battery:
    """Charge is used continuously and booked whenever the load changes or is read."""

    def __init__(self, settings: PowerSettings) -> None:
        self.settings = settings
        self.charge_percent = settings.charge_percent
        self.sag_mv = 0
        self._since_us = 0
        self._motor = False

    def load(self, now_us: int, *, motor: bool) -> None:
        """Book what was used so far; the motor draws (or not) from now on."""
        used_ws = self._watts() * (now_us - self._since_us) / 1e6
        share = used_ws / (self.settings.capacity_mah * _WS_PER_MAH)
        self.charge_percent = max(0.0, self.charge_percent - 100.0 * share)
        self._since_us, self._motor = now_us, motor

    def _watts(self) -> float:
        return self.settings.electronics_w + (self.settings.motor_w if self._motor else 0.0)

    def millivolts(self) -> int:
        """Voltage under the present load, in mV."""
        open_mv = _interpolate(self.charge_percent)
        sag_mv = self._watts() / 3.7 * self.settings.resistance_mohm
        return max(0, round(open_mv - sag_mv) - self.sag_mv)

    def percent(self) -> int:
        """State of charge, 0-100."""
        return round(self.charge_percent)


def _interpolate(percent: float) -> float:
    at = bisect_left([row[0] for row in OCV_MV], percent)
    if at == 0:
        return float(OCV_MV[0][1])
    (low, low_mv), (high, high_mv) = OCV_MV[at - 1], OCV_MV[at]
    return low_mv + (high_mv - low_mv) * (percent - low) / (high - low)
