"""How much volume a weighed mass is: densities of water and air, and the factor Z.

Values that people read or type are integers with their unit in the name; inside of a formula, and
in everything computed from it, they are floats. The last step back to an integer is `curve`'s.

Sources: water after Jones and Harris (J. Res. NIST 1992, 97, 335), air after the simplified formula
of CIPM-2007, and Z as in ISO 8655-6 with the weights' reference density of 8,000 kg/m3 and no
expansion of the instrument. Of the formulas for water it is this one that gives every published
cell of Z to half of its last digit; that of Tanaka et al. (Metrologia 2001) lies within 5e-6 of it.
"""

import math
from dataclasses import dataclass

from controller.calibration.errors import LiquidTemperature, OutsideMethod

WEIGHTS_KG_M3 = 8_000.0
"""The density by convention of the weights that a balance is adjusted with."""
KELVIN_AT_ZERO_C = 273.15
TEMPERATURE_MDEGC = (10_000, 40_000)
"""The formula for water holds from 5 to 40 C; nothing is calibrated below 10 C."""
PRESSURE_PA = (60_000, 110_000)
"""CIPM-2007 holds from 600 to 1,100 hPa. The published cells of Z reach from 80 to 105 kPa."""
HUMIDITY_PERMILLE = (0, 1_000)
DENSITY_G_M3 = (500_000, 3_000_000)
"""A density beyond was typed in another unit: no injectable is half as light or twice as heavy."""
SAME_TEMPERATURE_MDEGC = 500
"""ISO 8655-6 pattern: the temperature is stable within 0.5 C."""


@dataclass(frozen=True, slots=True)
class Air:
    """The air around the balance. Raises OutsideMethod (E7001) where the formulas do not hold."""

    temperature_mdegc: int
    pressure_pa: int
    humidity_permille: int

    def __post_init__(self) -> None:
        _within("air temperature", self.temperature_mdegc, TEMPERATURE_MDEGC, "mdegC")
        _within("air pressure", self.pressure_pa, PRESSURE_PA, "Pa")
        _within("humidity", self.humidity_permille, HUMIDITY_PERMILLE, "permille")

    @property
    def density_kg_m3(self) -> float:
        """CIPM-2007, simplified: about 1.2 kg/m3 at sea level."""
        return air_kg_m3(
            self.temperature_mdegc / 1_000, self.pressure_pa / 100, self.humidity_permille / 10
        )


@dataclass(frozen=True, slots=True)
class Water:
    """Distilled water; its density follows from its temperature."""

    name: str = "water"

    def density_kg_m3(self, temperature_mdegc: int) -> float:
        """Jones and Harris 1992, 10 to 40 C. Raises OutsideMethod (E7001)."""
        _within("water temperature", temperature_mdegc, TEMPERATURE_MDEGC, "mdegC")
        return water_kg_m3(temperature_mdegc / 1_000)


@dataclass(frozen=True, slots=True)
class Liquid:
    """Another liquid, such as saline or the diluent itself, by the density that was measured.

    density_g_m3: grams a cubic metre (0.9 % saline: about 1,004,600). It holds within 0.5 C of the
    temperature it was measured at. uncertainty_g_m3 is the expanded one (k = 2) of its certificate.
    """

    name: str
    density_g_m3: int
    measured_at_mdegc: int
    uncertainty_g_m3: int

    def __post_init__(self) -> None:
        _within("density", self.density_g_m3, DENSITY_G_M3, "g/m3")
        _within("temperature of the density", self.measured_at_mdegc, TEMPERATURE_MDEGC, "mdegC")
        _within("uncertainty of the density", self.uncertainty_g_m3, (0, 500_000), "g/m3")

    def density_kg_m3(self, temperature_mdegc: int) -> float:
        """The measured density. Raises LiquidTemperature (E7002) at another temperature."""
        if abs(temperature_mdegc - self.measured_at_mdegc) > SAME_TEMPERATURE_MDEGC:
            raise LiquidTemperature(
                f"The density of {self.name} is known at {self.measured_at_mdegc / 1000:.2f} C; "
                f"the liquid has {temperature_mdegc / 1000:.2f} C."
            )
        return self.density_g_m3 / 1_000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was weighed, how warm it was, and the air around it."""

    liquid: Water | Liquid
    liquid_mdegc: int
    air: Air

    @property
    def z_ul_mg(self) -> float:
        """Microlitres a milligram as weighed in air; also nanolitres a microgram."""
        return z_of(self.liquid.density_kg_m3(self.liquid_mdegc), self.air.density_kg_m3)


def water_kg_m3(celsius: float) -> float:
    """The density of air-free water from 5 to 40 C, on the temperature scale ITS-90."""
    t = celsius
    bend = ((-3.821_216e-7 * t + 6.943_248e-5) * t - 8.523_829e-3) * t + 6.326_93e-2
    return 999.853_08 + bend * t


def air_kg_m3(celsius: float, hectopascals: float, percent: float) -> float:
    """The density of moist air; `percent` is the relative humidity."""
    vapour = 0.009 * percent * math.exp(0.061 * celsius)
    return (0.348_48 * hectopascals - vapour) / (KELVIN_AT_ZERO_C + celsius)


def z_of(liquid_kg_m3: float, air_kg_m3: float) -> float:
    """Z = (1 - air/weights) / (liquid - air), in ul/mg."""
    return 1_000 * (1 - air_kg_m3 / WEIGHTS_KG_M3) / (liquid_kg_m3 - air_kg_m3)


def _within(what: str, value: int, span: tuple[int, int], unit: str) -> None:
    low, high = span
    if not low <= value <= high:
        raise OutsideMethod(f"The {what} is {value} {unit}; it must be {low} to {high} {unit}.")
