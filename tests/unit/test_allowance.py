"""How much one arm may do: the tightest room binds, and says so."""

from fractions import Fraction

import pytest

from controller.session.allowance import (
    Allowance,
    Room,
    dose_allowance,
    prime_allowance,
    steps_within,
    stroke_allowance,
)


def dosing(*rooms: Room, steps: int = 10, left: int = 8) -> Allowance:
    return dose_allowance(
        punctures_left=left,
        steps_a_puncture=steps,
        picolitres_a_step=1_000,
        rooms=rooms,
        units_a_nl=Fraction(1, 50),
    )


def room(bound: int, used: int = 0, unit: str = "nl", name: str = "room") -> Room:
    return Room(name, Fraction(bound), Fraction(used), unit)


def test_the_plan_binds_when_every_room_is_wide() -> None:
    assert dosing(room(1_000)) == Allowance(8, 80, "plan")
    assert dosing(room(80)) == Allowance(8, 80, "plan")


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(("bound", "punctures"), [(29, 2), (30, 3), (31, 3), (9, 0), (0, 0)])
def test_only_whole_punctures_fit(bound: int, punctures: int) -> None:
    allowance = dosing(room(bound))
    assert (allowance.punctures, allowance.steps) == (punctures, punctures * 10)
    assert allowance.binding == "room"
    assert allowance.is_nothing is (punctures == 0)


def test_the_tightest_of_several_rooms_binds() -> None:
    rooms = room(70, name="zone"), room(500, 450, name="course"), room(60, name="syringe")
    assert dosing(*rooms) == Allowance(5, 50, "course")


def test_a_room_that_is_overdrawn_allows_nothing() -> None:
    assert room(10, 20).left == 0
    assert dosing(room(10, 20)) == Allowance(0, 0, "room")


@pytest.mark.hazard("H27")
def test_rooms_in_units_go_through_the_products_own_concentration() -> None:
    assert dosing(room(1, unit="units")) == Allowance(5, 50, "room")
    without = dose_allowance(
        punctures_left=8,
        steps_a_puncture=10,
        picolitres_a_step=1_000,
        rooms=[room(1, unit="units")],
        units_a_nl=None,
    )
    assert without == Allowance(0, 0, "room")


def test_a_dose_that_is_no_whole_step_allows_nothing() -> None:
    assert dosing(room(1_000), steps=0) == Allowance(0, 0, "certificate")


def test_a_room_is_in_nanolitres_unless_it_says_otherwise() -> None:
    assert dosing(Room("syringe", Fraction(30), Fraction(0))) == Allowance(3, 30, "syringe")


@pytest.mark.hazard("H27")
def test_units_without_a_concentration_allow_not_one_step() -> None:
    allowance = dose_allowance(
        punctures_left=8,
        steps_a_puncture=1,
        picolitres_a_step=1,
        rooms=[room(1, unit="units")],
        units_a_nl=None,
    )
    assert allowance.punctures == 0


@pytest.mark.parametrize(
    ("punctures", "steps", "is_nothing"), [(0, 0, True), (8, 0, False), (0, 9, False)]
)
def test_punctures_without_dose_and_a_prime_without_punctures_are_something(
    punctures: int, steps: int, is_nothing: bool
) -> None:
    assert Allowance(punctures, steps, "plan").is_nothing is is_nothing


def test_neither_a_room_nor_an_allowance_can_be_changed() -> None:
    with pytest.raises(AttributeError):
        room(1).used = Fraction(0)  # type: ignore[misc]  # what must not work
    with pytest.raises(AttributeError):
        Allowance(1, 1, "plan").steps = 2  # type: ignore[misc]  # what must not work


def test_without_dispense_punctures_are_counted() -> None:
    density = Room("hole density", Fraction(25, 2), Fraction(4), "punctures")
    assert stroke_allowance(20, [density]) == Allowance(8, 0, "hole density")
    assert stroke_allowance(8, [density]) == Allowance(8, 0, "plan")
    assert stroke_allowance(3, []) == Allowance(3, 0, "plan")


@pytest.mark.parametrize(
    ("held", "allowed"), [(99, (99, "syringe")), (100, (100, "plan")), (0, (0, "syringe"))]
)
def test_priming_stays_within_the_syringe(held: int, allowed: tuple[int, str]) -> None:
    assert prime_allowance(100, held) == Allowance(0, *allowed)


def test_whole_steps_within_a_volume() -> None:
    assert steps_within(Fraction(27_109, 1_000), 2_711) == 9
    assert steps_within(Fraction(27_110, 1_000), 2_711) == 10
    assert steps_within(Fraction(1, 2), 100) == 5
    assert steps_within(Fraction(-5), 1_000) == 0
    assert steps_within(Fraction(5), 0) == 0  # no certificate, no volume
