"""The simulated balance: what the needle lets go of, as an instrument on the bench would show it.

A pure state machine over time, like `world.World`: it looks at the shared drop once a tick and
knows neither pen nor firmware. How it is asked over a serial line is `balance_talk.py`. Inside it
masses are floats in micrograms and times world microseconds; what it shows are integers.
"""

import math
from collections import deque
from collections.abc import Callable
from enum import Enum
from random import Random
from typing import Annotated, Literal

import msgspec

from simulator.bounds import AtLeastOne, Count, NotNegative, Positive, Share

TICK_US = 100_000
"""Ten values a second, as laboratory balances give; an estimate."""
ZERO_SHARE = 0.02
"""Zero can be set within 2 % of the capacity to either side (OIML R 76: 4 % in all)."""
OVER_DIGITS = 9
"""Overload is shown from nine digits above the capacity on (OIML R 76)."""
_HOUR_US = 3_600_000_000
_WEIGHTS_KG_M3 = 8_000.0
"""The density that masses in air are stated for by convention (domain.md 4.2)."""


class BalanceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One balance, its vessel and the room. Masses in ug, rates in ug an hour, times in us.

    220 g by 0.1 mg is the balance of users.md section 3. Everything that follows is an estimate:
    no source gives it. Noise of 0.4 digits keeps a settled display within its last digit; filter
    and window settle 40 mg in 3 s, as analytical balances do; an open vessel of water loses 0.2 mg
    in a cycle of 30 s, which makes the correction of domain.md 4.2 worth its while below 50 ul.
    Draughts and static are off; one of each is about as large as a dose. `warm_up_ug` is the drift
    still to come when the world begins. `liquid_kg_m3` 0 = water of that temperature.
    """

    speaks: Literal["mt_sics", "sbi"] = "mt_sics"
    serial: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Z]{4,10}$")] = "B200000001"
    with_word: bool = False
    unit: Literal["g", "mg", "kg", "ct"] = "g"
    resolution_ug: AtLeastOne = 100
    capacity_ug: AtLeastOne = 220_000_000
    vessel_ug: Count = 3_000_000
    water_ug: Count = 500_000
    liquid_c: Annotated[float, msgspec.Meta(ge=5.0, le=40.0)] = 20.0
    liquid_kg_m3: NotNegative = 0.0
    air_c: Annotated[float, msgspec.Meta(ge=5.0, le=40.0)] = 20.0
    air_hpa: Positive = 1_013.0
    air_humidity: Share = 0.5
    evaporation_ug_h: NotNegative = 24_000.0
    noise_ug: NotNegative = 40.0
    drift_ug_h: float = 0.0
    warm_up_ug: float = 0.0
    warm_up_us: AtLeastOne = 1_800_000_000
    static_h: NotNegative = 0.0
    static_ug: NotNegative = 5_000.0
    static_us: AtLeastOne = 20_000_000
    draught_h: NotNegative = 0.0
    draught_ug: NotNegative = 2_000.0
    draught_us: AtLeastOne = 4_000_000
    filter_us: AtLeastOne = 300_000
    window_us: AtLeastOne = 1_000_000
    stable_digits: AtLeastOne = 2
    patience_us: AtLeastOne = 10_000_000
    adjust_us: AtLeastOne = 60_000_000
    answer_us: AtLeastOne = 20_000


class State(Enum):
    """What the display says beside the number."""

    STABLE = 1
    DYNAMIC = 2
    OVERLOAD = 3
    UNDERLOAD = 4
    BUSY = 5


class Shown(msgspec.Struct, frozen=True):
    """What the display shows: net mass in micrograms, a multiple of the resolution."""

    mass_ug: int
    state: State


class Balance:
    """A balance whose vessel stands under the needle. `volume_nl` is all that ever left the tip.

    What leaves the tip while the vessel is off the pan is lost. Who calls `advance` later than at
    `next_wake_us` sees what left meanwhile arrive at the last tick, so that it has yet to settle.
    """

    def __init__(
        self, settings: BalanceSettings, volume_nl: Callable[[], float], rng: Random
    ) -> None:
        self.settings = settings
        self.vessel_on = True
        self.pan_on = True
        self.weights_ug = 0
        """Check weights on the pan."""
        self.liquid_ug = float(settings.water_ug)
        """What is in the vessel; emptied by setting it to 0."""
        self._volume_nl = volume_nl
        self._seen_nl = volume_nl()
        self._ug_nl = shown_ug_per_nl(settings)
        self._rng = rng
        self._now_us = self._ticked_us = 0
        self._filtered_ug = self._load_ug()
        self._static_ug = 0.0
        self._blows_until_us = self._adjusts_until_us = 0
        self._zero_ug = self._tare_ug = 0.0
        self._raw_ug = self._filtered_ug
        ticks = max(2, settings.window_us // TICK_US)
        self._window: deque[int] = deque(maxlen=ticks)

    # --- time ---

    def advance(self, now_us: int) -> None:
        """Let time pass up to `now_us`; an earlier time than the last changes nothing."""
        while self._ticked_us + TICK_US <= now_us:
            self._ticked_us += TICK_US
            if self._ticked_us + TICK_US > now_us:
                self._catch()
            self._tick()
        self._now_us = max(self._now_us, now_us)

    def next_wake_us(self) -> int:
        """The next tick."""
        return self._ticked_us + TICK_US

    def _catch(self) -> None:
        volume_nl = self._volume_nl()
        if self.vessel_on:
            self.liquid_ug += (volume_nl - self._seen_nl) * self._ug_nl
        self._seen_nl = volume_nl

    def _tick(self) -> None:
        given, now_us = self.settings, self._ticked_us
        self.liquid_ug = max(0.0, self.liquid_ug - given.evaporation_ug_h * TICK_US / _HOUR_US)
        if self._strikes(given.static_h):
            self.charge(self._rng.gauss(0.0, given.static_ug))
        if self._strikes(given.draught_h):
            self.blow(given.draught_us)
        self._static_ug *= math.exp(-TICK_US / given.static_us)
        share = -math.expm1(-TICK_US / given.filter_us)
        self._filtered_ug += (self._load_ug() + self._wind_ug() - self._filtered_ug) * share
        noise_ug = self._rng.gauss(0.0, given.noise_ug)
        self._raw_ug = self._filtered_ug + self._static_ug + self._drift_ug(now_us) + noise_ug
        self._window.append(self._digits(self._raw_ug))

    def _strikes(self, times_an_hour: float) -> bool:
        return times_an_hour > 0.0 and self._rng.random() < times_an_hour * TICK_US / _HOUR_US

    def _wind_ug(self) -> float:
        blows = self._ticked_us <= self._blows_until_us
        return self._rng.gauss(0.0, self.settings.draught_ug) if blows else 0.0

    def _drift_ug(self, now_us: int) -> float:
        given = self.settings
        warm = -math.expm1(-now_us / given.warm_up_us)
        return given.drift_ug_h * now_us / _HOUR_US + given.warm_up_ug * warm

    def _load_ug(self) -> float:
        """What rests on the cell; zero is the empty pan. A lifted pan is a twentieth of the max."""
        vessel_ug = self.settings.vessel_ug + self.liquid_ug if self.vessel_on else 0.0
        lifted_ug = 0.0 if self.pan_on else self.settings.capacity_ug / 20
        return vessel_ug + self.weights_ug - lifted_ug

    # --- what it shows ---

    def reading(self, now_us: int) -> Shown:
        """What the display shows at `now_us`."""
        self.advance(now_us)
        net_ug = self._raw_ug - self._zero_ug - self._tare_ug
        return Shown(self._digits(net_ug) * self.settings.resolution_ug, self._state())

    def _state(self) -> State:
        given, gross_ug = self.settings, self._raw_ug - self._zero_ug
        if self._now_us < self._adjusts_until_us:
            return State.BUSY
        if gross_ug > given.capacity_ug + OVER_DIGITS * given.resolution_ug:
            return State.OVERLOAD
        if gross_ug < -ZERO_SHARE * given.capacity_ug:
            return State.UNDERLOAD
        full = len(self._window) == self._window.maxlen
        calm = full and max(self._window) - min(self._window) <= given.stable_digits
        return State.STABLE if calm else State.DYNAMIC

    def _digits(self, mass_ug: float) -> int:
        return round(mass_ug / self.settings.resolution_ug)

    # --- its keys ---

    def zero(self) -> State:
        """Set zero if the load is stable and small; returns STABLE when done, or what is wrong."""
        state = self._state()
        if state is State.STABLE:
            if abs(self._raw_ug) > ZERO_SHARE * self.settings.capacity_ug:
                return State.OVERLOAD if self._raw_ug > 0 else State.UNDERLOAD
            self._zero_ug, self._tare_ug = self._raw_ug, 0.0
        return state

    def tare(self) -> State:
        """Tare if the load is stable; returns STABLE when done, or what is wrong."""
        state = self._state()
        if state is State.STABLE:
            self._tare_ug = self._raw_ug - self._zero_ug
        return state

    @property
    def tare_ug(self) -> int:
        """The tare, as it is shown."""
        return self._digits(self._tare_ug) * self.settings.resolution_ug

    # --- what people and the room may do ---

    def blow(self, for_us: int) -> None:
        """A door opens: air moves over the pan from now on."""
        self._blows_until_us = max(self._blows_until_us, self._ticked_us + for_us)

    def charge(self, jump_ug: float) -> None:
        """The vessel is charged: the display jumps, and comes back as the charge leaks away."""
        self._static_ug += jump_ug

    def adjust(self) -> None:
        """Begin the internal adjustment: busy until it is done."""
        self._adjusts_until_us = self._now_us + self.settings.adjust_us


def shown_ug_per_nl(settings: BalanceSettings) -> float:
    """What a nanolitre of the liquid adds to the display in this air, buoyancy included.

    Formulas of domain.md 4.2: water after Tanaka, air after CIPM simplified.
    """
    liquid = settings.liquid_kg_m3 or _water_kg_m3(settings.liquid_c)
    percent = settings.air_humidity * 100.0
    vapour = 0.009 * percent * math.exp(0.061 * settings.air_c)
    air = (0.34848 * settings.air_hpa - vapour) / (273.15 + settings.air_c)
    return (liquid - air) / (1.0 - air / _WEIGHTS_KG_M3) / 1_000.0


def _water_kg_m3(celsius: float) -> float:
    t = celsius
    bend = (t - 3.983035) ** 2 * (t + 301.797) / (522_528.9 * (t + 69.34881))
    return 999.974950 * (1.0 - bend)
