"""The uncertainty of a mean dose as a budget: each contribution with its name and its source.

After the GUM: standard uncertainties times sensitivities, combined as the root of the sum of
squares; effective degrees of freedom after Welch and Satterthwaite; expanded to 95 %. Floats in
nanolitres. The balance's scatter is in the weighings' scatter already and stands in the budget a
second time: that errs to the safe side.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from controller.calibration.density import WEIGHTS_KG_M3 as WEIGHTS
from controller.calibration.density import Liquid, Surroundings, Water, air_kg_m3, water_kg_m3
from controller.calibration.statistics import Spread, student_factor
from controller.calibration.weighing import Series

WATER_PPM = 10.0
"""Standard uncertainty of the water's density: the formula's (below 1) and the water's purity and
dissolved air (about 3). An engineering estimate, far below every other contribution."""
ROOT_3, ROOT_6, ROOT_12 = math.sqrt(3), math.sqrt(6), math.sqrt(12)
_STEP = 0.01
"""Step of the numerical slopes, in degrees, hectopascals and percent."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What a balance's certificate says, in micrograms; repeatability is a standard deviation."""

    resolution_ug: int
    repeatability_ug: int
    linearity_ug: int
    source: str


@dataclass(frozen=True, slots=True)
class Sensors:
    """Expanded uncertainties (k = 2) of thermometers, barometer and hygrometer."""

    liquid_mdegc: int
    air_mdegc: int
    pressure_pa: int
    humidity_permille: int
    source: str


@dataclass(frozen=True, slots=True)
class Contribution:
    """One line of a budget.

    standard: of the quantity, in its own unit. sensitivity: nanolitres of dose per that unit.
    random: from the scatter of the pen itself, so it shrinks with more weighings and does not
    repeat from one series to the next.
    """

    name: str
    source: str
    standard: float
    unit: str
    sensitivity: float
    dof: float = math.inf
    random: bool = False

    @property
    def nl(self) -> float:
        """Its share in nanolitres, as a standard uncertainty."""
        return abs(self.standard * self.sensitivity)


@dataclass(frozen=True, slots=True)
class Budget:
    """All contributions to one result."""

    contributions: tuple[Contribution, ...]

    @property
    def combined_nl(self) -> float:
        """The combined standard uncertainty."""
        return math.hypot(*(each.nl for each in self.contributions))

    @property
    def dof(self) -> float:
        """Effective degrees of freedom; infinite when no contribution has finite ones."""
        return effective_dof([(each.nl, each.dof) for each in self.contributions])

    @property
    def coverage(self) -> float:
        """The factor k for 95 %."""
        return student_factor(self.dof)

    @property
    def expanded_nl(self) -> float:
        """The expanded uncertainty U at 95 %."""
        return self.coverage * self.combined_nl

    @property
    def random_nl(self) -> float:
        """Standard uncertainty from the pen's own scatter."""
        return math.hypot(*(each.nl for each in self.contributions if each.random))

    @property
    def shared_nl(self) -> float:
        """Standard uncertainty from everything else: common to what was weighed alike."""
        return math.hypot(*(each.nl for each in self.contributions if not each.random))


def effective_dof(parts: Sequence[tuple[float, float]]) -> float:
    """Welch and Satterthwaite: of (standard uncertainty, degrees of freedom) of each part."""
    combined = math.hypot(*(size for size, _ in parts))
    below = sum(size**4 / dof for size, dof in parts)
    return combined**4 / below if below > 0 else math.inf


def dose_budget(
    series: Series, spread: Spread, around: Surroundings, balance: Balance, sensors: Sensors
) -> Budget:
    """The budget of the mean volume of one dose. Raises SeriesIncomplete (E7010)."""
    per_ug = around.z_ul_mg / spread.doses
    pen = Contribution(
        "repeatability of the pen",
        f"scatter of {spread.n} weighings",
        spread.sd_nl / math.sqrt(spread.n),
        "nl",
        1.0,
        dof=spread.n - 1,
        random=True,
    )
    weighing = _of_balance(balance, spread.n, per_ug)
    return Budget(
        (
            pen,
            *weighing,
            _evaporation(series, balance, per_ug),
            *_of_z(spread.mean_nl, around, sensors),
        )
    )


def _of_balance(balance: Balance, n: int, per_ug: float) -> tuple[Contribution, ...]:
    # A mass is the difference of two readings. Rounding and linearity do not average out: equal
    # doses may be rounded, and bent, alike.
    repeatability = math.sqrt(2 / n) * balance.repeatability_ug
    resolution, linearity = balance.resolution_ug / ROOT_6, balance.linearity_ug * math.sqrt(2 / 3)
    return (
        Contribution("balance: repeatability", balance.source, repeatability, "ug", per_ug),
        Contribution("balance: resolution", balance.source, resolution, "ug", per_ug),
        Contribution("balance: linearity", balance.source, linearity, "ug", per_ug),
    )


def _evaporation(series: Series, balance: Balance, per_ug: float) -> Contribution:
    # Between the two blanks the loss lay anywhere between theirs; each is a difference of readings.
    drift = series.blanks_differ_ug / 2 / ROOT_3
    standard = math.hypot(drift, balance.resolution_ug / ROOT_12)
    return Contribution("evaporation", "the two blanks", standard, "ug", per_ug)


def _of_z(mean_nl: float, around: Surroundings, sensors: Sensors) -> tuple[Contribution, ...]:
    air, liquid = around.air, around.liquid
    liquid_kg_m3, air_density = liquid.density_kg_m3(around.liquid_mdegc), air.density_kg_m3
    # Z = 1000 (1 - a/w) / (l - a), so dV/V = -dl / (l - a) and da / (l - a) - da / (w - a).
    per_liquid = mean_nl / (liquid_kg_m3 - air_density)
    per_air = mean_nl * (1 / (liquid_kg_m3 - air_density) - 1 / (WEIGHTS - air_density))
    celsius, hpa = air.temperature_mdegc / 1_000, air.pressure_pa / 100
    percent = air.humidity_permille / 10
    by_celsius = (air_kg_m3(celsius + _STEP, hpa, percent) - air_density) / _STEP
    by_hpa = (air_kg_m3(celsius, hpa + _STEP, percent) - air_density) / _STEP
    by_percent = (air_kg_m3(celsius, hpa, percent + _STEP) - air_density) / _STEP
    return (
        _temperature(around, sensors, per_liquid),
        _density(liquid, liquid_kg_m3, per_liquid),
        Contribution(
            "air buoyancy: temperature",
            sensors.source,
            sensors.air_mdegc / 2_000,
            "K",
            per_air * by_celsius,
        ),
        Contribution(
            "air buoyancy: pressure",
            sensors.source,
            sensors.pressure_pa / 200,
            "hPa",
            per_air * by_hpa,
        ),
        Contribution(
            "air buoyancy: humidity",
            sensors.source,
            sensors.humidity_permille / 20,
            "%",
            per_air * by_percent,
        ),
    )


def _temperature(around: Surroundings, sensors: Sensors, per_kg_m3: float) -> Contribution:
    # Other aqueous liquids expand about as water does.
    celsius = around.liquid_mdegc / 1_000
    slope = (water_kg_m3(celsius + _STEP) - water_kg_m3(celsius)) / _STEP
    standard = sensors.liquid_mdegc / 2_000
    return Contribution(
        "temperature of the liquid", sensors.source, standard, "K", -per_kg_m3 * slope
    )


def _density(liquid: Water | Liquid, liquid_kg_m3: float, per_kg_m3: float) -> Contribution:
    if isinstance(liquid, Liquid):
        standard, source = liquid.uncertainty_g_m3 / 2_000, f"measured density of {liquid.name}"
    else:
        standard, source = WATER_PPM * 1e-6 * liquid_kg_m3, "formula of Jones and Harris; purity"
    return Contribution("density of the liquid", source, standard, "kg/m3", -per_kg_m3)
