"""What a plan can say at all, its digest, and the two plans that ship."""

from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from controller.session.plan import Plan, load_plan
from tests.support.inputs import CONFIG, plan, stamping, zone


def test_the_shipped_micro_dosing_plan_is_the_published_protocol() -> None:
    shipped = load_plan(CONFIG / "plans" / "lower_face_one_side.toml")
    punctures = sum(each.punctures for each in shipped.zones)
    assert 100 <= punctures <= 120
    assert all(8_300 <= each.dose_nl <= 10_000 for each in shipped.zones)
    assert shipped.total_nl == 993_600
    assert shipped.dispenses


def test_the_shipped_stamping_plan_keeps_its_density_and_cadence() -> None:
    shipped = load_plan(CONFIG / "plans" / "collagen_induction.toml")
    for each in shipped.zones:
        assert each.area_mm2 is not None
        assert 250 <= each.punctures * 12 * 100 / each.area_mm2 <= 300
        assert each.cadence_hz == 110
    assert shipped.total_nl == 0
    assert not shipped.dispenses


def test_the_period_never_makes_the_pen_faster_than_written() -> None:
    each = plan(zone(cadence_hz="1.5")).zones[0]
    assert each.stroke_period_us == 666_667
    assert plan(zone(cadence_hz=2)).zones[0].stroke_period_us == 500_000


def test_the_digest_survives_the_journal_and_knows_every_change() -> None:
    first = plan(zone(cadence_hz=Fraction(3, 2)))
    again = Plan.model_validate(first.model_dump(mode="json"))
    assert again == first
    assert again.digest == first.digest
    assert len(first.digest) == 64
    others = {
        plan(zone(cadence_hz=Fraction(3, 2)), patient="p-2").digest,
        plan(zone(cadence_hz=Fraction(3, 2), dose_nl=10_001)).digest,
        plan(zone(cadence_hz=Fraction(5, 2))).digest,
    }
    assert first.digest not in others
    assert len(others) == 3


def test_the_digest_does_not_depend_on_where_the_file_lies() -> None:
    shipped = load_plan(CONFIG / "plans" / "lower_face_one_side.toml")
    assert Plan.model_validate(shipped.model_dump()).digest == shipped.digest


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("dose_nl", 100, 50_000),
        ("protrusion_um", 1, 3_000),
        ("punctures", 1, 1_000_000),
        ("dwell_us", 0, 10_000_000),
    ],
)
def test_zone_numbers_are_accepted_up_to_their_ends_and_not_beyond(
    field: str, low: int, high: int
) -> None:
    for value in (low, high):
        assert getattr(plan(zone(**{field: value})).zones[0], field) == value
    for value in (low - 1, high + 1):
        with pytest.raises(ValidationError):
            plan(zone(**{field: value}))


@pytest.mark.parametrize(
    ("make", "cadence", "fits"),
    [
        (plan, "0.49", False),
        (plan, "0.5", True),
        (plan, "10", True),
        (plan, "10.01", False),
        (stamping, "49.9", False),
        (stamping, "50", True),
        (stamping, "150", True),
        (stamping, "150.1", False),
    ],
)
def test_each_kind_has_its_range_of_cadence(make: Any, cadence: str, fits: bool) -> None:
    changes: dict[str, Any] = {"cadence_hz": cadence}
    if make is stamping:
        changes |= {"dose_nl": 0, "area_mm2": 1_000}
    if fits:
        assert make(zone(**changes)).zones[0].cadence_hz == Fraction(cadence)
    else:
        with pytest.raises(ValidationError, match="runs at"):
            make(zone(**changes))


@pytest.mark.parametrize("value", ["0", "-1", "1/0", "nan", "inf", 1.5, True, None])
def test_a_cadence_that_is_no_exact_positive_number_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        plan(zone(cadence_hz=value))


@pytest.mark.parametrize("value", ["9200", 9200.0, True])
def test_a_dose_is_a_whole_number_and_nothing_that_looks_like_one(value: object) -> None:
    with pytest.raises(ValidationError):
        plan(zone(dose_nl=value))


@pytest.mark.parametrize("patient", ["Anna Smith", "p_1", "", "P-1", "-p", "p" * 41])
def test_a_patient_is_a_pseudonym(patient: str) -> None:
    with pytest.raises(ValidationError, match="patient"):
        plan(patient=patient)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"product": "mix"}, "dispenses nothing"),
        ({"syringe_fill_nl": 1}, "dispenses nothing"),
        ({"prime_nl": 1}, "dispenses nothing"),
    ],
)
def test_collagen_induction_dispenses_nothing(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        stamping(**changes)


@pytest.mark.parametrize(
    "changes", [{"dose_nl": 100}, {"dwell_us": 1}, {"area_mm2": None}], ids=str
)
def test_a_stamping_zone_has_no_dose_and_an_area(changes: dict[str, Any]) -> None:
    base = {"dose_nl": 0, "cadence_hz": 100, "area_mm2": 1_000}
    with pytest.raises(ValidationError, match="collagen induction"):
        stamping(zone(**(base | changes)))


def test_two_zones_cannot_share_a_name() -> None:
    with pytest.raises(ValidationError, match="named twice"):
        plan(zone(), zone())


def test_a_plan_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        plan().patient = "other"  # type: ignore[misc]  # the point of the test
