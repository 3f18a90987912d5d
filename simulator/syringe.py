"""The fluid: pressure in line and syringe, needle resistance, skin, blockage, bubble, drool.

One linear first-order system a segment, solved in closed form, so that any length of time costs
the same. Units: nL, kPa, us. Volume is conserved exactly: what the plunger displaces is stored,
fills a gap of air, or leaves (the property tests hold it to that).
"""

import math
from enum import Enum

import msgspec

from simulator.bounds import NotNegative, Positive

ATMOSPHERE_KPA = 101.0


class FluidSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Line, needle and skin. Sources: domain.md 5.3.

    Compliance 0.01-0.1 uL/kPa; resistance of water 0.8 kPa s/uL (30 G / 13 mm) to 13 (34 G);
    back-pressure of skin 15 kPa + 0.15 kPa/uL; unprimed dead volume 3 to 60 uL; bubble 0-30 uL.
    """

    compliance_nl_kpa: Positive = 30.0
    resistance_kpa_s_ul: Positive = 0.8
    skin_kpa: NotNegative = 0.0
    skin_kpa_ul: NotNegative = 0.0
    bubble_nl: NotNegative = 0.0
    unprimed_nl: NotNegative = 0.0


class Outlet(Enum):
    """Where the needle's tip is."""

    AIR = 1
    SKIN = 2


class Fluid:
    """State: stored volume (over atmospheric), air gap in the needle, deposit of this puncture."""

    def __init__(self, settings: FluidSettings) -> None:
        self.settings = settings
        self.stored_nl = 0.0
        self.gap_nl = settings.unprimed_nl
        self.bubble_nl = settings.bubble_nl
        self.deposit_nl = 0.0
        self.resistance_factor = 1.0
        self.blocked = False
        self.leak_share = 0.0
        self.leaked_nl = 0.0

    def pressure_kpa(self) -> float:
        """Pressure over atmospheric; with a bubble the positive root of its gas law."""
        c = self.settings.compliance_nl_kpa
        if not self.bubble_nl:
            return self.stored_nl / c
        half = (c * ATMOSPHERE_KPA + self.bubble_nl - self.stored_nl) / (2.0 * c)
        root = math.sqrt(half * half + self.stored_nl * ATMOSPHERE_KPA / c)
        return root - half

    def is_still(self) -> bool:
        """Whether no flow worth a nanolitre can come without the pump."""
        return -0.01 < self.stored_nl < 0.01

    def flow(self, dt_us: float, inflow_nl: float, outlet: Outlet) -> float:
        """Let `dt_us` pass while the plunger displaces `inflow_nl` evenly; returns nL out."""
        if self.leak_share:
            lost = inflow_nl * self.leak_share
            self.leaked_nl += lost
            inflow_nl -= lost
        if dt_us <= 0.0 or self.blocked:
            self.stored_nl += inflow_nl
            return 0.0
        out = self._out(dt_us, inflow_nl / dt_us, outlet)
        self.stored_nl += inflow_nl - out
        return self._past_gap(out, outlet)

    def _out(self, dt_us: float, rate: float, outlet: Outlet) -> float:
        compliance = self._compliance()
        resistance = self.settings.resistance_kpa_s_ul * 1_000.0 * self.resistance_factor
        if outlet is Outlet.AIR:
            return _Segment(self.stored_nl, rate, compliance, resistance, 0.0, 0.0).out(dt_us)
        slope = self.settings.skin_kpa_ul / 1_000.0
        back = self.settings.skin_kpa + slope * self.deposit_nl
        segment = _Segment(self.stored_nl, rate, compliance, resistance, back, slope)
        return segment.out_one_way(dt_us)

    def _compliance(self) -> float:
        c = self.settings.compliance_nl_kpa
        if not self.bubble_nl:
            return c
        return c + self.bubble_nl / (ATMOSPHERE_KPA + self.pressure_kpa())

    def _past_gap(self, out_nl: float, outlet: Outlet) -> float:
        if out_nl <= 0.0:
            self.gap_nl -= out_nl
            return 0.0
        filled = min(self.gap_nl, out_nl)
        self.gap_nl -= filled
        left = out_nl - filled
        if outlet is Outlet.SKIN:
            self.deposit_nl += left
        return left


class _Segment(msgspec.Struct, gc=False):
    """Constant inflow `rate` into `compliance`, out through `resistance` against
    `back + slope * v`: dv/dt = (K + Q t - g v) / R with g = 1/C + slope, v(0) = 0.
    """

    stored: float
    rate: float
    compliance: float
    resistance: float
    back: float
    slope: float

    def _solution(self) -> tuple[float, float, float]:
        """(alpha, beta, lambda) of v(t) = alpha (1 - exp(-lambda t)) + beta t."""
        g = 1.0 / self.compliance + self.slope
        beta = self.rate / (self.compliance * g)
        alpha = (self.stored / self.compliance - self.back - beta * self.resistance) / g
        return alpha, beta, g / self.resistance

    def out(self, dt_us: float) -> float:
        """Volume out, either way."""
        alpha, beta, speed = self._solution()
        return -alpha * math.expm1(-speed * dt_us) + beta * dt_us

    def out_one_way(self, dt_us: float) -> float:
        """Volume out where nothing can flow back: closed while the pressure is under `back`."""
        lacking = self.back * self.compliance - self.stored
        if lacking > 0.0:
            if self.rate <= 0.0 or lacking >= self.rate * dt_us:
                return 0.0
            self.stored += lacking
            return self.out_one_way(dt_us - lacking / self.rate)
        alpha, beta, speed = self._solution()
        return max(0.0, self.out(min(dt_us, _turn_us(alpha, beta, speed, dt_us))))


def _turn_us(alpha: float, beta: float, speed: float, dt_us: float) -> float:
    """When the outflow of a falling solution reaches zero; `dt_us` when it does not."""
    if beta >= 0.0 or alpha <= 0.0:
        return dt_us
    ratio = alpha * speed / -beta
    return math.log(ratio) / speed if ratio > 1.0 else 0.0
