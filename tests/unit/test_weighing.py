"""A series of weighings: evaporation, bursts, and weighings that were taken again."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.calibration.errors import RedoneWithoutReason, SeriesIncomplete
from controller.calibration.weighing import Attempt, Series, Setting, doses_needed

SINGLE = Setting(dose_nl=10_000, stroke_period_us=1_000_000, steps_a_dose=3_689, doses_a_weighing=1)
GAINS_UG = (9_980, 10_000, 9_960, 10_020, 9_990)


def exactly(*masses_ug: int | Fraction) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, masses_ug))


def weighed(gains_ug: tuple[int, ...] = GAINS_UG, setting: Setting = SINGLE) -> Series:
    """m00 = 1 g, m0 loses 20 ug; then the gains; the blank at the end loses 24 ug."""
    series = Series.begun(setting, len(gains_ug), 1_000_000, 999_980)
    for gain_ug in gains_ug:
        series = series.weighed(series.last_ug + gain_ug, setting.steps_a_weighing)
    return series.closed(series.last_ug - 24)


def test_the_blanks_are_added_to_every_mass() -> None:
    series = weighed()
    assert series.evaporation_ug == 22  # (20 + 24) / 2
    assert series.masses_ug == exactly(10_002, 10_022, 9_982, 10_042, 10_012)
    assert series.blanks_differ_ug == 4


def test_an_odd_evaporation_stays_exact() -> None:
    series = Series.begun(SINGLE, 1, 1_000, 995).weighed(11_000, 3_689).closed(10_990)
    assert series.evaporation_ug == Fraction(15, 2)  # (5 + 10) / 2
    assert series.masses_ug == exactly(Fraction(20_025, 2))  # 11,000 - 995 + 7.5


def test_a_volume_is_mass_times_z() -> None:
    # 10,002 ug * 1.003 ul/mg = 10,032.006 nl.
    assert weighed().volumes_nl(1.003)[0] == pytest.approx(10_032.006, abs=1e-9)


def test_a_burst_is_divided_by_its_doses() -> None:
    burst = Setting(dose_nl=400, stroke_period_us=500_000, steps_a_dose=148, doses_a_weighing=100)
    series = weighed((39_978, 40_178), burst)
    assert burst.steps_a_weighing == 14_800
    # (39,978 + 22) / 100 = 400 and (40,178 + 22) / 100 = 402 ug a dose.
    assert series.volumes_nl(1.0) == (400.0, 402.0)


@pytest.mark.parametrize(
    ("dose_nl", "resolution_ug", "doses"),
    [(400, 100, 100), (400, 1, 1), (399, 1, 2), (10_000, 10, 1), (10_000, 100, 4), (100, 100, 400)],
)
def test_a_weighing_holds_400_steps_of_the_balance(
    dose_nl: int, resolution_ug: int, doses: int
) -> None:
    assert doses_needed(dose_nl, resolution_ug) == doses


def test_a_weighing_taken_again_stays_with_its_reason() -> None:
    series = Series.begun(SINGLE, 2, 0, 0).weighed(10_000, 3_689).weighed(29_000, 3_689)
    assert series.next_place is None
    series = series.redone(1, " a drop fell beside ")
    assert series.next_place == 1
    series = series.weighed(39_010, 3_689).closed(39_010)
    assert series.masses_ug == exactly(10_000, 10_010)
    assert series.replicates[1].attempts == (
        Attempt(10_000, 29_000, 3_689, "a drop fell beside"),
        Attempt(29_000, 39_010, 3_689),
    )


def test_an_earlier_weighing_can_be_taken_again_later() -> None:
    series = Series.begun(SINGLE, 2, 0, 0).weighed(9_000, 3_689).weighed(19_000, 3_689)
    series = series.redone(0, "static").weighed(28_950, 3_689).closed(28_950)
    assert series.masses_ug == exactly(9_950, 10_000)


def test_a_weighing_with_too_few_steps_is_kept_and_does_not_count() -> None:
    series = Series.begun(SINGLE, 1, 0, 0).weighed(5_000, 1_800)
    assert series.next_place == 0
    (attempt,) = series.replicates[0].attempts
    assert attempt.discarded_because == "the pen counted 1800 steps instead of 3689"
    assert series.weighed(15_000, 3_689).closed(15_000).masses_ug == exactly(10_000)


def test_the_vessel_may_be_emptied_in_between() -> None:
    series = Series.begun(SINGLE, 2, 0, 0).weighed(10_000, 3_689)
    series = series.weighed(10_500, 3_689, before_ug=500).closed(10_480, before_ug=10_500)
    assert series.masses_ug == exactly(10_010, 10_010)  # evaporation (0 + 20) / 2


@pytest.mark.parametrize("reason", ["", "  "])
def test_no_weighing_is_taken_again_without_a_reason(reason: str) -> None:
    series = Series.begun(SINGLE, 1, 0, 0).weighed(10_000, 3_689)
    with pytest.raises(RedoneWithoutReason):
        series.redone(0, reason)


@pytest.mark.parametrize("place", [-1, 1, 2])
def test_what_was_not_weighed_cannot_be_taken_again(place: int) -> None:
    series = Series.begun(SINGLE, 2, 0, 0).weighed(10_000, 3_689)
    with pytest.raises(RedoneWithoutReason):
        series.redone(place, "static")


def test_a_series_ends_with_its_blank_and_not_before() -> None:
    series = Series.begun(SINGLE, 1, 0, 0)
    with pytest.raises(SeriesIncomplete, match="after the last weighing"):
        series.closed(0)
    series = series.weighed(10_000, 3_689)
    with pytest.raises(SeriesIncomplete, match="no blank at its end"):
        _ = series.masses_ug
    with pytest.raises(SeriesIncomplete, match="has all its weighings"):
        series.weighed(20_000, 3_689)
    closed = series.closed(10_000)
    with pytest.raises(SeriesIncomplete):
        closed.closed(10_000)
    with pytest.raises(RedoneWithoutReason):
        closed.redone(0, "too late")


@given(
    st.lists(st.tuples(st.integers(1, 60_000), st.booleans()), min_size=2, max_size=12),
    st.integers(0, 50),
    st.integers(0, 50),
)
def test_only_the_last_attempt_counts_and_none_is_lost(
    takes: list[tuple[int, bool]], first_loss_ug: int, last_loss_ug: int
) -> None:
    """Whatever was taken again: masses are those of the kept takes, attempts are all takes."""
    takes = [*takes[:-1], (takes[-1][0], False)]
    kept = [gain_ug for gain_ug, again in takes if not again]
    series = Series.begun(SINGLE, len(kept), 10**6, 10**6 - first_loss_ug)
    for gain_ug, again in takes:
        place = series.next_place
        assert place is not None
        series = series.weighed(series.last_ug + gain_ug, 3_689)
        if again:
            series = series.redone(place, "static")
    series = series.closed(series.last_ug - last_loss_ug)
    lost = Fraction(first_loss_ug + last_loss_ug, 2)
    assert series.masses_ug == tuple(gain_ug + lost for gain_ug in kept)
    assert sum(len(each.attempts) for each in series.replicates) == len(takes)
