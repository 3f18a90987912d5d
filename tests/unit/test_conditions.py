"""The room's conditions before and after a series."""

from pathlib import Path

import pytest

from controller.calibration.acceptance import load_acceptance
from controller.calibration.conditions import check_blank, check_conditions, midway
from controller.calibration.density import Air, Liquid, Surroundings, Water
from controller.calibration.errors import NeedleDrips, OutsideMethod
from controller.calibration.uncertainty import Balance
from controller.calibration.weighing import Blank

METHOD = load_acceptance(Path(__file__).parents[2] / "config" / "calibration.toml").method
WATER = Water()
SALINE = Liquid("0.9 % saline", 1_004_600, 21_000, 100)


def room(
    liquid_mdegc: int = 21_000, humidity_permille: int = 500, liquid: Water | Liquid = WATER
) -> Surroundings:
    return Surroundings(liquid, liquid_mdegc, Air(22_000, 100_000, humidity_permille))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (room(), room()),
        (room(15_000), room(15_500)),
        (room(29_500), room(30_000)),
        (room(humidity_permille=450), room(humidity_permille=1_000)),
        (room(liquid=SALINE), room(liquid=SALINE)),
    ],
)
def test_a_fit_room_passes(start: Surroundings, end: Surroundings) -> None:
    check_conditions(start, end, METHOD)
    check_conditions(end, start, METHOD)
    assert midway(start, end).liquid == start.liquid


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (room(14_999), r"had 15\.00 to 21\.00 C; the method allows 15 to 30 C"),
        (room(30_001), "the method allows 15 to 30 C"),
        (room(21_501), r"moved by 0\.50 C during the series; 0\.5 C are allowed"),
        (room(20_499), "moved by"),
        (room(humidity_permille=449), r"had 44\.9 % humidity; below 45 %"),
        (room(liquid=SALINE), "Begun with water, ended with 0.9 % saline"),
    ],
)
def test_an_unfit_room_is_named(end: Surroundings, words: str) -> None:
    with pytest.raises(OutsideMethod, match=words):
        check_conditions(room(), end, METHOD)
    with pytest.raises(OutsideMethod):
        check_conditions(end, room(), METHOD)


def test_a_series_is_computed_with_the_middle() -> None:
    start = Surroundings(Water(), 21_000, Air(22_000, 100_000, 500))
    end = Surroundings(Water(), 21_400, Air(22_600, 100_200, 520))
    assert midway(start, end) == Surroundings(Water(), 21_200, Air(22_300, 100_100, 510))


@pytest.mark.parametrize(
    ("gained_ug", "drips"), [(-300, False), (0, False), (73, False), (74, True)]
)
def test_a_vessel_that_gains_mass_without_a_dose_has_a_needle_that_drips(
    gained_ug: int, drips: bool
) -> None:
    # 3 x root 2 x 15 ug of scatter and one step of 10 ug: 73.6 ug.
    balance = Balance(10, 15, 20, "its certificate")
    blank = Blank(1_000_000, 1_000_000 + gained_ug)
    if not drips:
        check_blank(blank, balance)
        return
    with pytest.raises(NeedleDrips, match=r"gained 74 ug .* up to 74 ug"):
        check_blank(blank, balance)
