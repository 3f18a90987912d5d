"""A certificate ends by date, hours, doses, punctures and by change; each says what to do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controller.session.findings import Findings, blocks
from controller.session.validity import (
    Built,
    check_built,
    check_certificate,
    check_in_force,
    ends_of,
)
from controller.session.wear import Wear
from tests.unit.test_certificate import certificate

HOUR_US = 3_600_000_000
ISSUED = datetime(2026, 1, 1, tzinfo=UTC)
BUILT = Built("1.4.2", 7, "head A")
LIMITED: dict[str, Any] = {
    "valid_until_doses": 11_000,
    "valid_until_running_us": 60 * HOUR_US,
    "valid_until_punctures": 50_000,
    "measured_at": {"punctures": 40_000, "doses": 1_000, "running_us": 10 * HOUR_US},
    "firmware": "1.4.2",
    "cartridge_type": 7,
    "pump_head": "head A",
}


def told(found: Findings) -> list[tuple[str, str]]:
    return [(each.severity, each.code) for each in found]


@pytest.mark.hazard("H25")
@pytest.mark.parametrize(
    ("wear", "expected"),
    [
        (Wear(40_000, 1_000, 10 * HOUR_US), []),
        (Wear(40_000, 9_999, 10 * HOUR_US), []),
        (Wear(40_000, 10_000, 10 * HOUR_US), [("warn", "CERTIFICATE_NEAR_END")]),
        (Wear(40_000, 11_000, 10 * HOUR_US), [("warn", "CERTIFICATE_NEAR_END")]),
        (Wear(40_000, 11_001, 10 * HOUR_US), [("block", "CERTIFICATE_WORN_OUT")]),
        (Wear(40_000, 1_000, 55 * HOUR_US - 1), []),
        (Wear(40_000, 1_000, 55 * HOUR_US), [("warn", "CERTIFICATE_NEAR_END")]),
        (Wear(40_000, 1_000, 60 * HOUR_US), [("warn", "CERTIFICATE_NEAR_END")]),
        (Wear(40_000, 1_000, 60 * HOUR_US + 1), [("block", "CERTIFICATE_WORN_OUT")]),
        (Wear(48_999, 1_000, 10 * HOUR_US), []),
        (Wear(50_000, 1_000, 10 * HOUR_US), [("warn", "CERTIFICATE_NEAR_END")]),
        (Wear(50_001, 1_000, 10 * HOUR_US), [("block", "CERTIFICATE_WORN_OUT")]),
    ],
)
def test_each_count_ends_it_and_is_told_before(wear: Wear, expected: list[tuple[str, str]]) -> None:
    found = check_in_force(certificate(**LIMITED), ISSUED, wear)
    assert told(found) == expected
    assert all("micropen calibrate" in each.sentence for each in found if each.severity == "block")


@pytest.mark.hazard("H25")
@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(microseconds=-1), [("block", "CERTIFICATE_EXPIRED")]),
        (timedelta(0), []),
        (timedelta(days=23, microseconds=-1), []),
        (timedelta(days=23), [("warn", "CERTIFICATE_NEAR_END")]),
        (timedelta(days=30), [("warn", "CERTIFICATE_NEAR_END")]),
        (timedelta(days=30, microseconds=1), [("block", "CERTIFICATE_EXPIRED")]),
        (timedelta(days=-365), [("block", "CERTIFICATE_EXPIRED")]),
    ],
)
def test_the_date_ends_it_and_is_told_a_week_before(
    after: timedelta, expected: list[tuple[str, str]]
) -> None:
    assert told(check_in_force(certificate(), ISSUED + after)) == expected


@pytest.mark.hazard("H25")
def test_a_clock_set_back_does_not_make_it_last() -> None:
    worn = Wear(0, 11_001, 0)
    assert blocks(check_in_force(certificate(**LIMITED), ISSUED, worn))


@pytest.mark.hazard("H25")
@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"firmware": "1.4.3"}, "CERTIFICATE_FIRMWARE_CHANGED", "with firmware 1.4.2; it is 1.4.3"),
        ({"cartridge_type": 8}, "CERTIFICATE_CARTRIDGE_CHANGED", "cartridge type 7; it is 8"),
        (
            {"pump_head": "head B"},
            "CERTIFICATE_PUMP_HEAD_CHANGED",
            "pump head head A; it is head B",
        ),
    ],
)
def test_another_firmware_cartridge_or_pump_head_ends_it(
    change: dict[str, Any], code: str, sentence: str
) -> None:
    built: dict[str, Any] = {"firmware": "1.4.2", "cartridge_type": 7, "pump_head": "head A"}
    (found,) = check_built(certificate(**LIMITED), Built(**(built | change)))
    assert (found.severity, found.code) == ("block", code)
    assert sentence in found.sentence
    assert "micropen calibrate dose" in found.sentence


def test_the_same_pen_is_no_finding_and_an_old_certificate_names_nothing() -> None:
    assert check_built(certificate(**LIMITED), BUILT) == ()
    assert check_built(certificate(), BUILT) == ()


def test_the_higher_of_counter_and_books_counts() -> None:
    for pen_punctures, wear in ((50_001, Wear()), (0, Wear(punctures=50_001))):
        found = check_certificate(
            certificate(**LIMITED),
            pen_uid=0x0A,
            pen_punctures=pen_punctures,
            now_wall=ISSUED,
            realm="treatment",
            accept_provisional=False,
            wear=wear,
            built=BUILT,
        )
        assert told(found) == [("block", "CERTIFICATE_WORN_OUT")]


def test_what_is_left_is_told_in_its_own_unit() -> None:
    doses, hours, punctures = ends_of(certificate(**LIMITED), Wear(40_000, 1_000, 10 * HOUR_US))
    assert [each.shown(each.left) for each in (doses, hours, punctures)] == [
        "10000 doses",
        "50.0 h",
        "10000 punctures",
    ]
    assert ends_of(certificate(), Wear()) == ()
