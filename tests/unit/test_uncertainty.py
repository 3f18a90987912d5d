"""Mean, errors, Student's factor and the budget, worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.calibration.density import Air, Liquid, Surroundings, Water
from controller.calibration.errors import SeriesIncomplete
from controller.calibration.statistics import Spread, spread_of, student_factor
from controller.calibration.uncertainty import (
    Balance,
    Budget,
    Contribution,
    Sensors,
    dose_budget,
    effective_dof,
)
from tests.unit.test_weighing import weighed

BALANCE = Balance(10, 15, 20, "certificate of the balance")
SENSORS = Sensors(200, 400, 500, 50, "certificates of the sensors")
AIR = Air(20_000, 101_325, 500)
WATER = Surroundings(Water(), 20_000, AIR)


def budget_of(around: Surroundings = WATER) -> Budget:
    series = weighed()
    spread = spread_of(series.volumes_nl(around.z_ul_mg), 10_000, 1)
    return dose_budget(series, spread, around, BALANCE, SENSORS)


def line(budget: Budget, name: str) -> Contribution:
    (found,) = [each for each in budget.contributions if each.name == name]
    return found


def test_a_series_by_hand() -> None:
    # Masses 10,002 10,022 9,982 10,042 10,012 ug: mean 10,012; squares 100 + 100 + 900 + 900 + 0
    # = 2,000; / 4 = 500; root 22.36068. Times 1.003: mean 10,042.036, sd 22.42776.
    spread = spread_of(weighed().volumes_nl(1.003), 10_000, 1)
    assert spread.mean_nl == pytest.approx(10_042.036, abs=1e-6)
    assert spread.sd_nl == pytest.approx(22.427_76, abs=1e-4)
    assert spread.error_nl == pytest.approx(42.036, abs=1e-6)
    assert spread.error_percent == pytest.approx(0.420_36, abs=1e-6)
    assert spread.cv_percent == pytest.approx(0.223_339, abs=1e-5)  # 2,242.776 / 10,042.036
    assert spread.total_nl == pytest.approx(50_210.18, abs=1e-4)


def test_one_dose_scatters_more_than_the_mean_of_a_burst() -> None:
    # 100 independent doses: the mean's sd is a tenth of the dose's. CV = 100 * 10 * 2 / 400 = 5 %.
    spread = Spread(nominal_nl=400, n=10, doses=100, mean_nl=400.0, sd_nl=2.0)
    assert spread.dose_sd_nl == pytest.approx(20.0)
    assert spread.cv_percent == pytest.approx(5.0)
    assert spread.total_nl == pytest.approx(400_000.0)


def test_nothing_delivered_scatters_without_end() -> None:
    assert spread_of((0.0, 0.0), 400, 1).cv_percent == math.inf


def test_one_weighing_has_no_scatter() -> None:
    with pytest.raises(SeriesIncomplete):
        spread_of((400.0,), 400, 1)


@pytest.mark.parametrize(
    ("dof", "factor"),
    [
        (1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (6, 2.447), (7, 2.365),
        (8, 2.306), (9, 2.262), (10, 2.228), (15, 2.131), (20, 2.086), (30, 2.042), (40, 2.021),
        (60, 2.000), (120, 1.980), (1e9, 1.960), (math.inf, 1.960),
    ],
)  # fmt: skip
def test_students_factor_is_that_of_the_tables(dof: float, factor: float) -> None:
    assert student_factor(dof) == pytest.approx(factor, abs=5e-4)


@pytest.mark.parametrize(
    ("dof", "level", "factor"), [(9, 0.99, 3.250), (10, 0.90, 1.812), (3, 0.9545, 3.307)]
)
def test_students_factor_at_other_levels(dof: int, level: float, factor: float) -> None:
    assert student_factor(dof, level) == pytest.approx(factor, abs=5e-4)


def test_degrees_of_freedom_are_rounded_down_and_never_below_one() -> None:
    assert student_factor(9.99) == student_factor(9)
    assert student_factor(0.2) == student_factor(1)
    assert student_factor(999) > student_factor(1_000)


def test_welch_and_satterthwaite_by_hand() -> None:
    # u = 3 with 9 degrees, u = 4 with infinite: combined 5, 625 / (81 / 9) = 69.44.
    assert effective_dof([(3.0, 9), (4.0, math.inf)]) == pytest.approx(625 / 9)
    assert effective_dof([(4.0, math.inf)]) == math.inf


@given(
    st.lists(st.tuples(st.floats(0.01, 100), st.floats(1, 200)), min_size=1, max_size=8),
)
def test_effective_degrees_lie_between_the_least_and_the_sum(
    parts: list[tuple[float, float]],
) -> None:
    dof = effective_dof(parts)
    assert min(each for _, each in parts) * (1 - 1e-9) <= dof
    assert dof <= sum(each for _, each in parts) * (1 + 1e-9)


def test_the_budget_by_hand() -> None:
    budget = budget_of()
    z = WATER.z_ul_mg
    # Pen: 22.36068 / root 5 = 10. Balance: 15 * root(2/5) = 9.48683; 10 / root 6 = 4.08248;
    # 20 * root(2/3) = 16.32993. Evaporation: hypot(4 / 2 / root 3, 10 / root 12)
    # = hypot(1.15470, 2.88675) = 3.10913. All in ug, and Z nl a ug.
    assert line(budget, "repeatability of the pen").nl == pytest.approx(10.0 * z, rel=1e-6)
    assert line(budget, "balance: repeatability").nl == pytest.approx(9.486_83 * z, rel=1e-5)
    assert line(budget, "balance: resolution").nl == pytest.approx(4.082_48 * z, rel=1e-5)
    assert line(budget, "balance: linearity").nl == pytest.approx(16.329_93 * z, rel=1e-5)
    assert line(budget, "evaporation").nl == pytest.approx(3.109_13 * z, rel=1e-5)
    # Water at 20 C: slope 0.0632693 - 0.34095316 + 0.083318976 - 0.0122278912 = -0.20659 kg/m3/K;
    # 0.1 K * 0.20659 / (998.2033 - 1.1993) * 10,012 * Z = 0.20807 nl with Z = 1.00286.
    assert line(budget, "temperature of the liquid").nl == pytest.approx(0.208_07, rel=1e-3)
    # 10 ppm of the volume: 0.1004 nl.
    assert line(budget, "density of the liquid").nl == pytest.approx(0.100_5, rel=2e-3)
    # Root of 100 + 90 + 16.66667 + 266.66667 + 9.66667 = 483.0 -> 21.97726 ug, and the small ones.
    assert budget.combined_nl == pytest.approx(21.977_26 * z, rel=2e-4)
    # 483^2 / (100^2 / 4) = 93.3 degrees of freedom; the factor of 93 is 1.986.
    assert budget.dof == pytest.approx(93.3, rel=2e-3)
    assert budget.coverage == pytest.approx(1.986, abs=1e-3)
    assert budget.expanded_nl == pytest.approx(1.986 * 21.977_26 * z, rel=1e-3)


def test_air_hardly_counts() -> None:
    # dV/V = dairy / 997 * (1 - 997 / 7999); 5 hPa / 2 = 2.5 hPa -> 2.5 * 0.34848 / 293.15
    # = 0.00297184 kg/m3 -> 0.00297184 * (1 / 997.004 - 1 / 7998.8) * 10,040.6 = 0.026199 nl.
    budget = budget_of()
    assert line(budget, "air buoyancy: pressure").nl == pytest.approx(0.026_2, rel=2e-3)
    # 2.5 % RH: 2.5 * 0.009 * 3.38719 / 293.15 = 0.000259977 kg/m3 -> 0.0022919 nl.
    assert line(budget, "air buoyancy: humidity").nl == pytest.approx(0.002_292, rel=2e-3)
    # 0.2 K: (1.199294 / 293.15 + 0.061 * 1.524236 / 293.15) * 0.2 = 0.000881643 -> 0.0077724 nl.
    assert line(budget, "air buoyancy: temperature").nl == pytest.approx(0.007_77, rel=2e-3)


def test_random_and_shared_parts_make_the_whole() -> None:
    budget = budget_of()
    assert budget.random_nl == line(budget, "repeatability of the pen").nl
    assert math.hypot(budget.random_nl, budget.shared_nl) == pytest.approx(budget.combined_nl)


def test_every_contribution_names_its_source() -> None:
    lines = budget_of().contributions
    assert len({each.name for each in lines}) == len(lines) == 10
    assert all(each.source and each.unit and each.nl > 0 for each in lines)


def test_a_measured_density_brings_its_own_uncertainty() -> None:
    # 200 g/m3 with k = 2 is 0.1 kg/m3: 0.1 / (1,004.6 - 1.2) = 1.0e-4 of 9,976 nl = 0.994 nl.
    saline = Surroundings(Liquid("0.9 % saline", 1_004_600, 20_000, 200), 20_000, AIR)
    found = line(budget_of(saline), "density of the liquid")
    assert found.nl == pytest.approx(0.994, rel=2e-3)
    assert "0.9 % saline" in found.source


def test_in_a_burst_the_balance_counts_less() -> None:
    series = weighed((39_978, 40_178))
    single = spread_of(series.volumes_nl(1.0), 400, 1)
    burst = Spread(400, 2, 100, single.mean_nl / 100, single.sd_nl / 100)
    budget = dose_budget(series, burst, WATER, BALANCE, SENSORS)
    # 10 ug / root 6 over 100 doses: 0.0408 nl a dose.
    assert line(budget, "balance: resolution").nl == pytest.approx(0.040_94, rel=1e-3)
