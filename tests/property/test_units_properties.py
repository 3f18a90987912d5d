"""Conversions are exact, monotone and never in the unsafe direction, for all numbers."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from controller.session.certificate import Configuration
from controller.session.measures import shortest_period_us
from controller.session.units import nl_of, period_us, pumping_us, rounded, steps_for
from controller.settings.positions import key_lines
from controller.settings.scalars import exact_text, to_fraction
from tests.support.inputs import bench, envelope, plan, recipe, zone

DOSES = st.integers(1, 50_000)
PICOLITRES = st.integers(1_000, 20_000)
CADENCES = st.fractions(Fraction(1, 10), 200, max_denominator=10_000)


@given(DOSES, PICOLITRES)
def test_steps_are_the_nearest_whole_number(dose_nl: int, picolitres: int) -> None:
    steps = steps_for(dose_nl, picolitres)
    miss = abs(nl_of(steps, picolitres) - dose_nl)
    assert 2 * miss <= Fraction(picolitres, 1_000)
    assert all(abs(nl_of(near, picolitres) - dose_nl) >= miss for near in (steps - 1, steps + 1))


@given(DOSES, DOSES, PICOLITRES)
def test_a_larger_dose_never_takes_fewer_steps(one: int, other: int, picolitres: int) -> None:
    low, high = sorted((one, other))
    assert steps_for(low, picolitres) <= steps_for(high, picolitres)


@given(CADENCES)
def test_a_period_is_never_faster_than_its_cadence(cadence: Fraction) -> None:
    period = period_us(cadence)
    assert period * cadence >= 1_000_000
    assert (period - 1) * cadence < 1_000_000


@given(st.integers(0, 65_535), st.integers(1, 1_000_000))
def test_pumping_time_always_suffices_for_its_steps(steps: int, rate: int) -> None:
    duration = pumping_us(steps, rate)
    assert Fraction(duration * rate, 1_000_000) >= steps
    assert duration == 0 or Fraction((duration - 1) * rate, 1_000_000) < steps


@given(st.integers(0, 60_000), st.integers(1, 100_000), st.integers(0, 10_000_000))
def test_the_fitting_rule_is_the_contracts_formula(steps: int, rate: int, dwell_us: int) -> None:
    pen = envelope(max_flow_steps_s=rate)
    exact = 5_000 + dwell_us + Fraction(steps * 1_000_000, rate)
    assert exact <= shortest_period_us(pen, steps, dwell_us) < exact + 1


@given(st.fractions())
def test_exact_text_reads_back_as_the_same_number(value: Fraction) -> None:
    assert to_fraction(exact_text(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9)))
def test_a_decimal_of_a_file_stays_exact(value: Decimal) -> None:
    assert to_fraction(value) == Fraction(value)
    assert "/" not in exact_text(to_fraction(value))


@given(st.fractions(-(10**6), 10**6), st.integers(0, 6))
def test_display_is_within_half_of_its_last_digit(value: Fraction, digits: int) -> None:
    assert abs(Fraction(rounded(value, digits)) - value) <= Fraction(1, 2 * 10**digits)


@given(DOSES.filter(lambda nl: nl >= 100), st.integers(1, 200), PICOLITRES)
def test_a_session_counts_at_least_what_is_asked_and_what_steps_make(
    dose_nl: int, punctures: int, picolitres: int
) -> None:
    given_plan = plan(zone(dose_nl=dose_nl, punctures=punctures))
    total = bench(given_plan, picolitres_a_step={"one": picolitres}).session_nl()
    made = nl_of(steps_for(dose_nl, picolitres), picolitres) * punctures
    assert total == max(made, Fraction(dose_nl * punctures))


@given(st.fractions(0, 10**9), st.fractions(0, 10**9))
def test_units_add_up_exactly(one: Fraction, other: Fraction) -> None:
    mix = recipe()
    assert mix.units_of(one) + mix.units_of(other) == mix.units_of(one + other)
    assert sum(mix.components_of(one).values()) == one / 2


@given(CADENCES, CADENCES)
def test_both_ends_of_a_certified_cadence_range_are_covered(one: Fraction, other: Fraction) -> None:
    low, high = sorted((one, other))
    covered = Configuration.model_validate(
        {
            "dose_from_nl": 1,
            "dose_to_nl": 10,
            "cadence_from_hz": low,
            "cadence_to_hz": high,
            "picolitres_a_step": 2_711,
        }
    )
    for cadence in (low, high, (low + high) / 2):
        assert covered.covers(5, period_us(cadence))


@given(st.text())
def test_looking_for_lines_never_fails_or_hangs_on_any_text(text: str) -> None:
    lines = key_lines(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
