"""Z, and the densities behind it, against every published cell that is at hand.

The cells are printed with four digits, so a true value may differ from its cell by half of the last
digit, 5e-5. The tables do not say for which humidity they were computed; 50 % is the usual one.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.calibration.density import Air, Liquid, Surroundings, Water, water_kg_m3, z_of
from controller.calibration.errors import LiquidTemperature, OutsideMethod

# Published by a calibration application for 101.3 kPa.
AT_101_3_KPA = {
    15: 1.0020, 16: 1.0021, 17: 1.0023, 18: 1.0025, 19: 1.0027, 20: 1.0029, 21: 1.0031,
    22: 1.0033, 23: 1.0035, 24: 1.0038, 25: 1.0040, 26: 1.0043, 27: 1.0045, 28: 1.0048,
    29: 1.0051, 30: 1.0054,
}  # fmt: skip
KILOPASCALS = (80.0, 85.0, 90.0, 95.0, 100.0, 101.3, 105.0)
BY_PRESSURE = {
    15: (1.0017, 1.0018, 1.0019, 1.0019, 1.0020, 1.0020, 1.0020),
    18: (1.0022, 1.0023, 1.0023, 1.0024, 1.0025, 1.0025, 1.0025),
    20: (1.0026, 1.0027, 1.0027, 1.0028, 1.0028, 1.0029, 1.0029),
    22: (1.0031, 1.0031, 1.0032, 1.0032, 1.0033, 1.0033, 1.0033),
    25: (1.0038, 1.0038, 1.0039, 1.0039, 1.0040, 1.0040, 1.0040),
    28: (1.0046, 1.0046, 1.0047, 1.0047, 1.0048, 1.0048, 1.0048),
    30: (1.0052, 1.0052, 1.0053, 1.0053, 1.0054, 1.0054, 1.0054),
}
# Printed in the manuals of two makers of pipettes.
MAKERS_KILOPASCALS = (95.0, 100.0, 101.3, 105.0)
MAKERS = {
    20.0: (1.0028, 1.0028, 1.0029, 1.0029),
    20.5: (1.0029, 1.0029, 1.0030, 1.0030),
    21.0: (1.0030, 1.0031, 1.0031, 1.0031),
    21.5: (1.0031, 1.0032, 1.0032, 1.0032),
    22.0: (1.0032, 1.0033, 1.0033, 1.0033),
    22.5: (1.0033, 1.0034, 1.0034, 1.0034),
    23.0: (1.0034, 1.0035, 1.0035, 1.0036),
    23.5: (1.0036, 1.0036, 1.0036, 1.0037),
}
CELLS: list[tuple[float, float, float]] = [(t, 101.3, z) for t, z in AT_101_3_KPA.items()]
CELLS += [
    (t, p, z) for t, row in BY_PRESSURE.items() for p, z in zip(KILOPASCALS, row, strict=True)
]
CELLS += [
    (t, p, z) for t, row in MAKERS.items() for p, z in zip(MAKERS_KILOPASCALS, row, strict=True)
]
HALF_OF_THE_LAST_DIGIT = 5.0e-5
TABLE_HUMIDITY_PERMILLE = 500


def z(
    celsius: float, kilopascals: float, humidity_permille: int = TABLE_HUMIDITY_PERMILLE
) -> float:
    temperature_mdegc = round(celsius * 1_000)
    air = Air(temperature_mdegc, round(kilopascals * 1_000), humidity_permille)
    return Surroundings(Water(), temperature_mdegc, air).z_ul_mg


@pytest.mark.parametrize(("celsius", "kilopascals", "cell"), CELLS)
def test_z_is_that_of_every_published_cell(celsius: float, kilopascals: float, cell: float) -> None:
    assert abs(z(celsius, kilopascals) - cell) <= HALF_OF_THE_LAST_DIGIT


@pytest.mark.parametrize(
    ("celsius", "kilopascals", "humidity_permille", "certified"),
    [(19.35, 98.4, 634, 1.00267), (18.75, 98.6, 593, 1.00258), (22.0, 100.8, 500, 1.0033)],
)
def test_z_is_that_of_accredited_certificates(
    celsius: float, kilopascals: float, humidity_permille: int, certified: float
) -> None:
    found = z(celsius, kilopascals, humidity_permille)
    assert abs(found - certified) <= HALF_OF_THE_LAST_DIGIT


def test_water_weighs_998_2_at_20_c() -> None:
    # By hand at 20 C: 999.85308 + 0.0632693 * 20 - 0.008523829 * 400 + 0.00006943248 * 8000
    # - 0.0000003821216 * 160000 = 999.85308 + 1.265386 - 3.4095316 + 0.55545984 - 0.061139456
    # = 998.203254784.
    assert water_kg_m3(20.0) == pytest.approx(998.203_254_784, abs=1e-9)


def tanaka_kg_m3(celsius: float) -> float:
    """The newer formula, as an independent witness: Metrologia 2001, 38, 301."""
    above = celsius - 3.983_035
    bend = above**2 * (celsius + 301.797) / (522_528.9 * (celsius + 69.348_81))
    return 999.974_950 * (1 - bend)


@pytest.mark.parametrize("celsius", range(10, 41))
def test_two_formulas_for_water_agree(celsius: int) -> None:
    assert water_kg_m3(celsius) == pytest.approx(tanaka_kg_m3(celsius), rel=5e-6)


def test_air_weighs_1_2_kg_a_cubic_metre() -> None:
    # By hand: e^(0.061 * 20) = 3.38719; (0.34848 * 1013.25 - 0.009 * 50 * 3.38719) / 293.15
    # = (353.09736 - 1.52423) / 293.15 = 1.199294.
    assert Air(20_000, 101_325, 500).density_kg_m3 == pytest.approx(1.199_294, abs=1e-6)


def test_z_by_hand() -> None:
    # (1 - 1.2 / 8000) / (998.2 - 1.2) * 1000 = 0.99985 / 0.997 = 1.0028586.
    assert z_of(998.2, 1.2) == pytest.approx(1.002_858_6, abs=1e-7)


def test_saline_takes_less_room_than_water() -> None:
    # 0.9 % saline weighs 1.0046 g/ml at 20 C, water 0.9982; Z shrinks as
    # (998.2033 - 1.1992) / (1004.6 - 1.1992), which is 0.993641 against 0.993634 without the air.
    air = Air(20_000, 101_300, 500)
    saline = Liquid("0.9 % saline", 1_004_600, 20_000, 100)
    found = Surroundings(saline, 20_400, air).z_ul_mg
    assert found == pytest.approx(z(20.0, 101.3) * 998.2033 / 1_004.6, rel=1e-5)


def test_a_density_holds_only_near_its_temperature() -> None:
    saline = Liquid("0.9 % saline", 1_004_600, 20_000, 100)
    assert saline.density_kg_m3(20_500) == 1_004.6
    with pytest.raises(LiquidTemperature, match=r"known at 20\.00 C; the liquid has 20\.50 C"):
        saline.density_kg_m3(20_501)


@pytest.mark.parametrize(
    ("temperature_mdegc", "pressure_pa", "humidity_permille"),
    [
        (9_999, 101_300, 500),
        (40_001, 101_300, 500),
        (20_000, 59_999, 500),
        (20_000, 110_001, 500),
        (20_000, 1_013, 500),
        (20_000, 101_300, -1),
        (20_000, 101_300, 1_001),
        (293, 101_300, 500),
    ],
)
def test_outside_of_the_formulas_nothing_is_computed(
    temperature_mdegc: int, pressure_pa: int, humidity_permille: int
) -> None:
    with pytest.raises(OutsideMethod, match="must be"):
        Air(temperature_mdegc, pressure_pa, humidity_permille)


@pytest.mark.parametrize("temperature_mdegc", [9_999, 40_001])
def test_water_outside_of_tanaka_is_refused(temperature_mdegc: int) -> None:
    with pytest.raises(OutsideMethod, match="10000 to 40000 mdegC"):
        Water().density_kg_m3(temperature_mdegc)
    assert Water().density_kg_m3(10_000) > Water().density_kg_m3(40_000)


@pytest.mark.parametrize(
    ("density_g_m3", "measured_at_mdegc", "uncertainty_g_m3"),
    [(1_005, 20_000, 1), (3_000_001, 20_000, 1), (1_004_600, 50_000, 1), (1_004_600, 20_000, -1)],
)
def test_a_density_in_another_unit_is_refused(
    density_g_m3: int, measured_at_mdegc: int, uncertainty_g_m3: int
) -> None:
    with pytest.raises(OutsideMethod):
        Liquid("saline", density_g_m3, measured_at_mdegc, uncertainty_g_m3)


@given(
    celsius=st.integers(15_000, 29_900),
    pressure=st.integers(80_000, 104_000),
    humidity=st.integers(0, 1_000),
)
def test_z_rises_with_temperature_and_pressure(celsius: int, pressure: int, humidity: int) -> None:
    def at(temperature_mdegc: int, pressure_pa: int) -> float:
        air = Air(temperature_mdegc, pressure_pa, humidity)
        return Surroundings(Water(), temperature_mdegc, air).z_ul_mg

    # dZ/dT is about 2e-4 a kelvin, dZ/dp about 1e-5 a kilopascal.
    assert 1e-5 < at(celsius + 100, pressure) - at(celsius, pressure) < 4e-5
    assert 0.9e-5 < at(celsius, pressure + 1_000) - at(celsius, pressure) < 1.2e-5
