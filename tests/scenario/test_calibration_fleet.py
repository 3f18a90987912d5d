"""A slice of the fleet: what its certificates say is so, and pens that are broken get none.

The whole fleet: `python -m tests.fleet --pens 200 --seed 1`.
"""

from dataclasses import replace

import pytest

from tests.fleet.__main__ import fleet_of
from tests.fleet.draw import BAD, Kind
from tests.fleet.tally import Share, Tally
from tests.fleet.trial import BETWEEN_NL, DOSES_NL, Found, trial

SEED = 11
GOOD = 24
TWO_OF_EACH = 2


@pytest.fixture(scope="module")
def tally() -> Tally:
    return Tally(tuple(trial(*one) for one in fleet_of(SEED, GOOD, TWO_OF_EACH)))


def test_after_its_calibration_every_certified_pen_is_within_the_table(tally: Tally) -> None:
    assert tally.outside == ()
    certified = [each for each in tally.good if each.is_certified]
    assert all({truth.dose_nl for truth in each.doses} == set(DOSES_NL) for each in certified)
    assert any(each.was_outside for each in certified)
    assert all(tally.worst_share(dose_nl) <= 0.6 for dose_nl in DOSES_NL)
    assert all(0.0 < tally.worst_between(dose_nl) <= 0.6 for dose_nl in BETWEEN_NL)


def test_the_stated_uncertainties_hold_the_truth_as_often_as_they_say(tally: Tally) -> None:
    assert tally.covered.of >= 5 * (GOOD - 4)
    assert tally.covered.value >= 0.93
    assert tally.in_interval.value >= 0.95
    assert tally.axis_covered.value >= 0.93
    assert tally.problems == []


def test_hardly_a_sound_pen_is_refused(tally: Tally) -> None:
    assert len(tally.false_fails) <= GOOD // 10


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind is not Kind.JUST_OVER])
def test_a_pen_that_is_broken_is_refused(tally: Tally, kind: Kind) -> None:
    assert [each.is_refused for each in tally.of(kind)] == [True] * TWO_OF_EACH


def test_a_pen_is_the_same_for_the_same_seed() -> None:
    one, other = (trial(Kind.GOOD, "same") for _ in range(2))
    assert replace(one, cpu_s=0.0) == replace(other, cpu_s=0.0)


def test_the_tally_sees_a_certificate_that_is_not_so(tally: Tally) -> None:
    """What is counted as wrong, on a pen whose truth was falsified."""
    pen = next(each for each in tally.good if each.is_certified)
    off = tuple(replace(each, true_nl=1.3 * each.dose_nl) for each in pen.doses)
    broken = Tally((replace(pen, doses=off),))
    assert broken.outside == broken.fleet
    assert broken.covered == Share(0, len(DOSES_NL))
    assert len(broken.problems) == 2
    passed = Tally((replace(pen, kind=Kind.LEAKING),))
    assert passed.false_passes == passed.fleet
    assert passed.problems == [f"{pen.seed}: leaking was not refused"]
    refused: Found = replace(pen, doses_verdict="refused")
    assert Tally((refused,)).false_fails == (refused,)
