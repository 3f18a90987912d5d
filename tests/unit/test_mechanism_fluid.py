"""The fluid in numbers of the domain page: lag, bubble, back-pressure, blockage, drool."""

import math

import pytest

from simulator.syringe import Fluid, FluidSettings, Outlet

TAU_US = 24_000  # 0.8 kPa s/uL x 0.03 uL/kPa


def test_pressure_decays_with_resistance_times_compliance() -> None:
    fluid = Fluid(FluidSettings())
    fluid.stored_nl = 300.0
    out_nl = fluid.flow(TAU_US, 0.0, Outlet.AIR)
    assert out_nl == pytest.approx(300.0 * (1.0 - math.exp(-1.0)), rel=1e-9)
    assert fluid.pressure_kpa() == pytest.approx(10.0 * math.exp(-1.0), rel=1e-9)


def test_steady_flow_needs_resistance_times_flow() -> None:
    fluid = Fluid(FluidSettings())
    out_nl = fluid.flow(1_000_000, 10_000.0, Outlet.AIR)
    assert fluid.pressure_kpa() == pytest.approx(8.0, rel=1e-6)
    assert out_nl == pytest.approx(10_000.0 - 240.0, rel=1e-6)


def test_cutting_a_span_into_pieces_changes_nothing() -> None:
    whole, pieces = Fluid(FluidSettings()), Fluid(FluidSettings())
    out_whole = whole.flow(100_000, 2_000.0, Outlet.AIR)
    out_pieces = sum(pieces.flow(10_000, 200.0, Outlet.AIR) for _ in range(10))
    assert out_pieces == pytest.approx(out_whole, rel=1e-9)


def test_skin_holds_back_until_its_pressure_is_passed() -> None:
    fluid = Fluid(FluidSettings(skin_kpa=15.0))
    assert fluid.flow(10_000, 449.0, Outlet.SKIN) == 0.0
    assert fluid.flow(10_000, 100.0, Outlet.SKIN) > 0.0
    assert fluid.flow(10 * TAU_US, 0.0, Outlet.SKIN) > 0.0
    assert fluid.pressure_kpa() == pytest.approx(15.0, abs=0.01)


def test_what_the_skin_held_back_drips_in_air() -> None:
    fluid = Fluid(FluidSettings(skin_kpa=15.0))
    fluid.flow(1_000_000, 5_000.0, Outlet.SKIN)
    fluid.flow(10 * TAU_US, 0.0, Outlet.SKIN)
    assert fluid.flow(20 * TAU_US, 0.0, Outlet.AIR) == pytest.approx(450.0, abs=0.1)


def test_skin_pressure_grows_with_the_deposit() -> None:
    fluid = Fluid(FluidSettings(skin_kpa=15.0, skin_kpa_ul=0.15))
    fluid.flow(5_000_000, 50_000.0, Outlet.SKIN)
    fluid.flow(20 * TAU_US, 0.0, Outlet.SKIN)
    assert fluid.pressure_kpa() == pytest.approx(15.0 + 0.15 * fluid.deposit_nl / 1_000, abs=0.01)


def test_skin_never_flows_back() -> None:
    fluid = Fluid(FluidSettings(skin_kpa=15.0))
    fluid.stored_nl = 600.0
    assert fluid.flow(50_000, -3_000.0, Outlet.SKIN) > 0.0
    assert fluid.flow(50_000, -3_000.0, Outlet.SKIN) == 0.0


@pytest.mark.parametrize(("kpa", "lost_nl"), [(50.0, 1_656.0), (101.0, 2_500.0)])
def test_bubble_of_5_ul_swallows_what_the_domain_page_says(kpa: float, lost_nl: float) -> None:
    fluid = Fluid(FluidSettings(bubble_nl=5_000.0))
    fluid.stored_nl = 30.0 * kpa + lost_nl
    assert fluid.pressure_kpa() == pytest.approx(kpa, rel=0.001)


def test_blockage_builds_330_kpa_in_a_second_at_10_ul_s() -> None:
    fluid = Fluid(FluidSettings())
    fluid.blocked = True
    assert fluid.flow(1_000_000, 10_000.0, Outlet.AIR) == 0.0
    assert fluid.pressure_kpa() == pytest.approx(333.3, abs=0.1)
    fluid.blocked = False
    assert fluid.flow(20 * TAU_US, 0.0, Outlet.AIR) == pytest.approx(10_000.0, rel=0.001)


def test_dead_volume_is_filled_before_anything_leaves() -> None:
    fluid = Fluid(FluidSettings(unprimed_nl=3_000.0))
    assert fluid.flow(1_000_000, 2_900.0, Outlet.AIR) == 0.0
    fluid.flow(1_000_000, 2_900.0, Outlet.AIR)
    assert fluid.gap_nl == 0.0
    assert fluid.flow(1_000_000, 1_000.0, Outlet.AIR) > 900.0


def test_pulling_back_in_air_sucks_air_that_must_be_filled_again() -> None:
    fluid = Fluid(FluidSettings())
    fluid.flow(1_000_000, -800.0, Outlet.AIR)
    assert fluid.gap_nl == pytest.approx(800.0, rel=0.03)


def test_leak_takes_its_share() -> None:
    fluid = Fluid(FluidSettings())
    fluid.leak_share = 0.1
    fluid.flow(1_000_000, 1_000.0, Outlet.AIR)
    assert fluid.leaked_nl == pytest.approx(100.0)
