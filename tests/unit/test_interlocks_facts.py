"""Vial, approval, certificate, battery and cartridge at their boundaries."""

from datetime import date, timedelta
from typing import Any

import pytest

from controller.session.interlocks import (
    Findings,
    blocks,
    check_approval,
    check_battery,
    check_cartridge,
    check_certificate,
    check_product,
)
from protocol.messages import Cartridge
from tests.support.inputs import NOW, cartridge, envelope, limits, product
from tests.unit.test_certificate import certificate
from tests.unit.test_interlocks import codes


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(hours=20), []),
        (timedelta(hours=20, seconds=1), [("NEAR_USE_BY", "warn")]),
        (timedelta(hours=24), [("NEAR_USE_BY", "warn")]),
        (timedelta(hours=24, seconds=1), [("PAST_USE_BY", "block")]),
        (timedelta(seconds=-1), [("RECONSTITUTED_LATER", "block")]),
        (timedelta(0), []),
    ],
)
def test_a_vial_is_used_by_its_hour(after: timedelta, expected: list[tuple[str, str]]) -> None:
    found = check_product(product(), NOW + after)
    assert [(finding.code, finding.severity) for finding in found] == expected


@pytest.mark.parametrize(("expiry", "fits"), [(date(2026, 3, 1), True), (date(2026, 2, 28), False)])
def test_a_lot_is_used_up_to_its_last_day(expiry: date, fits: bool) -> None:
    found = check_product(product(expiry_wall=expiry), NOW)
    assert codes(found) == (set() if fits else {"PRODUCT_EXPIRED"})


@pytest.mark.hazard("H41")
def test_unapproved_limits_authorise_no_treatment() -> None:
    unsigned = limits()
    assert blocks(check_approval(unsigned, "treatment"))
    assert [finding.severity for finding in check_approval(unsigned, "training")] == ["warn"]
    signed = limits(approval={"by": "Dr A", "on": date(2026, 1, 1)})
    assert check_approval(signed, "treatment") == ()


def _certified(**changes: Any) -> Findings:
    facts: dict[str, Any] = {
        "pen_uid": 0x0A,
        "pen_punctures": 0,
        "now_wall": NOW.replace(month=1),
        "realm": "treatment",
        "accept_provisional": False,
    }
    fields = {key: changes.pop(key) for key in tuple(changes) if key not in facts}
    return check_certificate(certificate(**fields), **(facts | changes))


@pytest.mark.hazard("H25")
def test_a_certificate_must_be_this_pens_and_in_force() -> None:
    assert _certified() == ()
    assert codes(_certified(pen_uid=0x0B)) == {"CERTIFICATE_OF_ANOTHER_PEN"}
    assert codes(_certified(now_wall=NOW)) == {"CERTIFICATE_EXPIRED"}


@pytest.mark.hazard("H25")
@pytest.mark.parametrize(("punctures", "fits"), [(9_999, True), (10_000, True), (10_001, False)])
def test_a_certificate_wears_out(punctures: int, fits: bool) -> None:
    found = _certified(valid_until_punctures=10_000, pen_punctures=punctures)
    assert codes(found) == (set() if fits else {"CERTIFICATE_WORN_OUT"})


@pytest.mark.hazard("H26")
@pytest.mark.parametrize(
    ("realm", "accepted", "severity"),
    [
        ("training", False, None),
        ("training", True, None),
        ("treatment", False, "block"),
        ("treatment", True, "warn"),
    ],
)
def test_a_provisional_certificate_is_for_training(
    realm: str, accepted: bool, severity: str | None
) -> None:
    found = _certified(provisional=True, realm=realm, accept_provisional=accepted)
    assert [finding.severity for finding in found] == ([severity] if severity else [])


@pytest.mark.hazard("H32")
@pytest.mark.parametrize(
    ("battery_mv", "percent", "expected"),
    [
        (3_599, 50, ["BATTERY_LOW"]),
        (3_600, 50, []),
        (3_601, 20, []),
        (3_700, 19, ["BATTERY_NEAR"]),
    ],
)
def test_the_battery_at_its_boundaries(battery_mv: int, percent: int, expected: list[str]) -> None:
    found = check_battery(battery_mv, percent, envelope())
    assert [finding.code for finding in found] == expected


def _fitted(**changes: int) -> Cartridge:
    fields = {
        "request_id": 1,
        "present": 1,
        "used": 0,
        "cartridge_uid": 7,
        "type_code": 1,
        "needles": 1,
        "max_protrusion_um": 1_000,
    }
    return Cartridge(**(fields | changes))


@pytest.mark.hazard("H22")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"present": 0}, {"CARTRIDGE_MISSING"}),
        ({"type_code": 2}, {"CARTRIDGE_MISMATCH"}),
        ({"needles": 2}, {"CARTRIDGE_MISMATCH"}),
        ({"max_protrusion_um": 999}, {"CARTRIDGE_MISMATCH"}),
        ({"used": 1}, {"CARTRIDGE_USED"}),
    ],
)
def test_only_the_planned_and_fresh_cartridge_passes(
    changes: dict[str, int], expected: set[str]
) -> None:
    assert codes(check_cartridge(cartridge(), _fitted(**changes), armed_here=False)) == expected


@pytest.mark.hazard("H23")
def test_the_sessions_own_cartridge_may_go_on() -> None:
    assert check_cartridge(cartridge(), _fitted(used=1), armed_here=True) == ()
