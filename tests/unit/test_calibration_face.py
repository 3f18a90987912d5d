"""What typed text means: every unit is said, every digit is there, nothing is guessed."""

from collections.abc import Callable

import pytest

from controller.calibration.face import (
    NotUnderstood,
    Room,
    mass_ug,
    micrometres,
    room_of,
    tachometer_mhz,
)


@pytest.mark.parametrize(
    ("text", "resolution_ug", "expected_ug"),
    [
        ("3.5412 g", 100, 3_541_200),
        ("3,5412 g", 100, 3_541_200),
        ("3541.2 mg", 100, 3_541_200),
        ("-0.0003 g", 100, -300),
        ("20.00000 g", 10, 20_000_000),
        ("12 mg", 1_000, 12_000),
    ],
)
def test_a_mass_is_read_with_its_unit(text: str, resolution_ug: int, expected_ug: int) -> None:
    assert mass_ug(text, resolution_ug) == expected_ug


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("3.5412", "has no unit"),
        ("3.5412 kg", "has no unit"),
        ("3.541 g", "has not the digits of a balance that shows 0.1 mg"),
        ("3.54125 g", "has not the digits"),
        ("3.5 412 g", "is no number"),
        ("1e8 g", "has not the digits"),
        ("nan g", "no number that an instrument shows"),
        ("1e999999999 g", "no number that an instrument shows"),
        ("", "has no unit"),
    ],
)
def test_a_mass_that_may_be_meant_otherwise_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        mass_ug(text, 100)
    assert sentence in refused.value.what


def test_the_room_is_four_numbers() -> None:
    assert room_of("21.4 22,1; 1012.4 52") == Room(21_400, 22_100, 101_240, 520)


def test_readings_of_indicator_and_tachometer() -> None:
    assert micrometres("1.023 mm") == micrometres("1023 um") == 1_023
    assert micrometres("-0.004 mm") == -4
    assert tachometer_mhz("99.74 0.1") == (99_740, 100)
    assert tachometer_mhz("-") is None


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (room_of, "21 22 1012"),
        (room_of, "70 75 1012 50"),
        (room_of, "21 22 29.9 50"),
        (room_of, "21 22 1012 0x32"),
        (room_of, "21 22 1012 101"),
        (micrometres, "1.0235 mm"),
        (micrometres, "1.023"),
        (micrometres, "0.04 inch"),
        (micrometres, "11 mm"),
        (tachometer_mhz, "99"),
        (tachometer_mhz, "0 0"),
        (tachometer_mhz, "10 11"),
        (tachometer_mhz, "inf 1"),
    ],
)
def test_what_cannot_be_is_refused(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(NotUnderstood):
        read(text)
