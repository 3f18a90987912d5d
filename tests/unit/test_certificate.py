"""What a certificate covers, for whom, and until when."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from controller.errors import NotCertified
from controller.session.certificate import Certificate, load_certificate
from controller.session.units import period_us
from protocol.limits import SIMULATED_UID_MIN
from tests.support.inputs import CONFIG, plan, stamping, zone

RANGE = {
    "dose_from_nl": 5_000,
    "dose_to_nl": 20_000,
    "cadence_from_hz": "1.5",
    "cadence_to_hz": 3,
    "picolitres_a_step": 2_700,
}
LARGE = RANGE | {"dose_from_nl": 20_001, "dose_to_nl": 50_000, "picolitres_a_step": 2_650}


def certificate(**changes: Any) -> Certificate:
    """Two ranges of dose for the pen 00..0a, valid in 2026."""
    fields: dict[str, Any] = {
        "certificate_id": "00000000000000c1",
        "pen_uid": "000000000000000a",
        "provisional": False,
        "source": "weighings of the test",
        "issued_wall": datetime(2026, 1, 1, tzinfo=UTC),
        "valid_until_wall": datetime(2026, 1, 31, tzinfo=UTC),
        "protrusion_offset_um": 20,
        "prime_picolitres_a_step": 2_700,
        "configurations": (RANGE, LARGE),
    }
    return Certificate.model_validate(fields | changes)


def test_the_shipped_certificate_is_provisional_and_for_simulated_pens_only() -> None:
    shipped = load_certificate(CONFIG / "certificates" / "simulated_provisional.toml")
    assert shipped.provisional
    assert shipped.is_for(SIMULATED_UID_MIN)
    assert not shipped.is_for(SIMULATED_UID_MIN - 1)
    assert shipped.picolitres_for(9_200, 500_000) == 2_711
    assert shipped.wire_id != 0


@pytest.mark.parametrize(
    ("dose_nl", "expected"), [(5_000, 2_700), (20_000, 2_700), (20_001, 2_650), (50_000, 2_650)]
)
def test_ends_of_a_dose_range_are_covered(dose_nl: int, expected: int) -> None:
    assert certificate().picolitres_for(dose_nl, 500_000) == expected


@pytest.mark.parametrize(
    ("dose_nl", "period"),
    [(4_999, 500_000), (50_001, 500_000), (9_000, 333_333), (9_000, 666_668)],
)
def test_beyond_the_ends_nothing_is_extrapolated(dose_nl: int, period: int) -> None:
    with pytest.raises(NotCertified, match="not covered"):
        certificate().picolitres_for(dose_nl, period)


def test_a_cadence_at_the_very_end_of_its_range_is_covered_after_rounding() -> None:
    for cadence in ("1.5", "3"):
        each = plan(zone(cadence_hz=cadence)).zones[0]
        assert certificate().picolitres_for(each.dose_nl, each.stroke_period_us) == 2_700
    assert period_us(plan(zone(cadence_hz=3)).zones[0].cadence_hz) == 333_334


def test_each_zone_of_a_dosing_plan_gets_its_own_step() -> None:
    given = plan(zone(cadence_hz=2), zone(name="two", dose_nl=30_000, cadence_hz=2))
    assert certificate().picolitres_by_zone(given) == {"one": 2_700, "two": 2_650}
    assert certificate().picolitres_by_zone(stamping()) == {}


def test_it_is_for_one_pen() -> None:
    assert certificate().is_for(0x0A)
    assert not certificate().is_for(0x0B)


@pytest.mark.hazard("H25")
@pytest.mark.parametrize(
    ("now", "valid"),
    [
        (datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 1, 1, tzinfo=UTC), True),
        (datetime(2026, 1, 31, tzinfo=UTC), True),
        (datetime(2026, 1, 31, 0, 0, 1, tzinfo=UTC), False),
        (datetime(1970, 1, 1, tzinfo=UTC), False),
    ],
)
def test_it_holds_from_issue_to_end(now: datetime, valid: bool) -> None:
    assert certificate().is_valid_at(now) is valid


def test_the_offset_is_taken_off_the_wanted_protrusion() -> None:
    assert certificate().set_protrusion_um(700) == 680


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"certificate_id": "0" * 16}, "no certificate"),
        ({"valid_until_wall": datetime(2026, 1, 1, tzinfo=UTC)}, "after issued_wall"),
        ({"configurations": (RANGE, RANGE | {"dose_from_nl": 20_000})}, "ambiguous"),
        ({"configurations": (RANGE | {"dose_to_nl": 4_999},)}, "above its to"),
        ({"configurations": ()}, "configurations"),
        ({"pen_uid": "pen"}, "pen_uid"),
        ({"protrusion_offset_um": 201}, "protrusion_offset_um"),
    ],
)
def test_a_certificate_that_contradicts_itself_is_refused(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        certificate(**changes)


@pytest.mark.hazard("H26")
@pytest.mark.parametrize("picolitres", [999, 20_001])
def test_coefficients_no_drive_has_are_refused(picolitres: int) -> None:
    with pytest.raises(ValidationError, match="picolitres_a_step"):
        certificate(configurations=(RANGE | {"picolitres_a_step": picolitres},))
