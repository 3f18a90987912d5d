"""Fluid conserves volume, whatever is done to it, and needs no small time steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.plunger import Plunger, PlungerSettings
from simulator.syringe import Fluid, FluidSettings, Outlet

_SPANS = st.lists(
    st.tuples(
        st.integers(1, 5_000_000),
        st.floats(-5_000.0, 20_000.0),
        st.sampled_from(Outlet),
        st.booleans(),
    ),
    max_size=20,
)
_FLUIDS = st.builds(
    FluidSettings,
    compliance_nl_kpa=st.floats(10.0, 100.0),
    resistance_kpa_s_ul=st.floats(0.8, 13.0),
    skin_kpa=st.floats(0.0, 100.0),
    skin_kpa_ul=st.floats(0.0, 1.0),
    bubble_nl=st.sampled_from([0.0, 5_000.0, 30_000.0]),
    unprimed_nl=st.sampled_from([0.0, 3_000.0]),
)


@given(_FLUIDS, _SPANS)
def test_volume_in_is_volume_stored_filled_and_out(
    settings: FluidSettings, spans: list[tuple[int, float, Outlet, bool]]
) -> None:
    fluid = Fluid(settings)
    pushed_nl = out_nl = 0.0
    for dt_us, inflow_nl, outlet, blocked in spans:
        fluid.blocked = blocked
        pushed_nl += inflow_nl
        left_nl = fluid.flow(dt_us, inflow_nl, outlet)
        assert left_nl >= 0.0
        out_nl += left_nl
    filled_nl = settings.unprimed_nl - fluid.gap_nl
    assert fluid.stored_nl + out_nl + filled_nl == pytest.approx(pushed_nl, abs=0.01)


@given(_FLUIDS, st.floats(0.0, 10_000.0), st.integers(2, 50), st.sampled_from(Outlet))
def test_a_span_in_pieces_is_the_span(
    settings: FluidSettings, inflow_nl: float, pieces: int, outlet: Outlet
) -> None:
    plain = FluidSettings(
        compliance_nl_kpa=settings.compliance_nl_kpa,
        resistance_kpa_s_ul=settings.resistance_kpa_s_ul,
        skin_kpa=settings.skin_kpa,
        skin_kpa_ul=settings.skin_kpa_ul,
    )
    whole, cut = Fluid(plain), Fluid(plain)
    out_nl = whole.flow(200_000, inflow_nl, outlet)
    cut_nl = sum(cut.flow(200_000 / pieces, inflow_nl / pieces, outlet) for _ in range(pieces))
    assert cut_nl == pytest.approx(out_nl, rel=1e-6, abs=0.01)


@given(
    st.lists(
        st.tuples(st.integers(-300, 300), st.integers(1, 18_500), st.integers(0, 400_000)),
        max_size=30,
    )
)
def test_encoder_is_the_sum_of_the_steps_and_stays_in_the_syringe(
    moves: list[tuple[int, int, int]],
) -> None:
    settings = PlungerSettings(syringe_nl=2_000)
    plunger = Plunger(settings)
    now_us = made = 0
    for steps, steps_s, after_us in moves:
        plunger.command(now_us, steps, steps_s)
        now_us += after_us
        new = plunger.run_to(now_us)
        assert abs(new) <= abs(steps)
        made += new
        assert plunger.encoder_steps() == made
        assert 0 <= plunger.travel_left_steps <= settings.capacity_steps


@given(st.lists(st.floats(-2_000.0, 2_000.0), max_size=30))
def test_backlash_loses_nothing(moves_nl: list[float]) -> None:
    plunger = Plunger(PlungerSettings())
    slack_nl = plunger.slack_nl
    moved_nl = sum(plunger.take_up(move)[1] for move in moves_nl)
    assert moved_nl == pytest.approx(sum(moves_nl) - slack_nl + plunger.slack_nl, abs=1e-6)
