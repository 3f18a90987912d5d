"""A certificate is issued from what was measured, by two people, and says what it holds for."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from controller.calibration.certificate.errors import NotIssuable
from controller.calibration.certificate.issuing import Wish, issue
from controller.calibration.certificate.readiness import missing
from controller.calibration.certificate.report import CalibrationReport, Stage
from controller.record.calibration_events import CertificateIssued
from controller.record.events import Actor, ForeignMovement
from controller.session.books import Books, Issued
from controller.session.certificate import Certificate
from controller.session.certificates import CertificateDamaged, issued_certificate
from controller.session.validity import Built
from tests.support.arms import counters
from tests.support.measured import (
    APPROVER,
    BUILT,
    CLOSED_WALL,
    PEN,
    entries,
    measured,
    whole,
)
from tests.support.technician import (
    Hands,
    cadence_terms,
    dose_terms,
    instrument,
    protrusion_terms,
)

CLOSED = datetime.fromisoformat(CLOSED_WALL)
NOW = CLOSED + timedelta(days=1)
BEFORE_DUE = date(2029, 12, 30)


def wish(**changes: Any) -> Wish:
    fields: dict[str, Any] = {
        "certificate_id": "00000000000000a1",
        "journal_id": "j" * 16,
        "software_version": "0.1.0",
        "now_wall": NOW,
        "pen_uid": PEN,
        "built": Built(**BUILT),
        "approved_by": APPROVER,
        "remark": None,
    }
    return Wish(**(fields | changes))


def axis_and(*bodies: Any) -> Books:
    books = measured(Books(), "cal-axis", entries(protrusion_terms()))
    return measured(books, "cal-dose", bodies)


@pytest.fixture(scope="module")
def body() -> CertificateIssued:
    return issue(whole(), wish())


def test_it_says_what_was_measured_and_holds_for_that_alone(body: CertificateIssued) -> None:
    certificate = Certificate.model_validate(body.certificate)
    assert body.calibrations == ("cal-dose", "cal-axis", "cal-cadence")
    assert (body.measured_by.name, body.approved_by) == ("Ana", APPROVER)
    assert (certificate.firmware, certificate.cartridge_type, certificate.pump_head) == (
        "1.4.2",
        1,
        "head A",
    )
    # The pen gives 2.711 nl a step; the balance scatters by 1 %.
    assert abs(certificate.picolitres_for(5_000, 2_000_000) - 2_711) < 30
    assert abs(certificate.protrusion_offset_um - 41) <= 2
    assert not certificate.provisional


def test_it_holds_from_the_measurement_on_for_days_hours_and_doses(
    body: CertificateIssued,
) -> None:
    certificate = Certificate.model_validate(body.certificate)
    assert certificate.valid_until_wall == CLOSED + timedelta(days=30)
    assert certificate.valid_until_doses == 10_000
    assert certificate.valid_until_running_us == 50 * 3_600_000_000
    again = issue(whole(), wish(now_wall=NOW + timedelta(days=9)))
    assert Certificate.model_validate(again.certificate).valid_until_wall == (
        CLOSED + timedelta(days=30)
    )


def test_what_the_pen_did_before_and_since_the_measurement_counts() -> None:
    books = Books()
    moved = {"pen_uid": PEN, "before": counters(), "after": counters(punctures=700)}
    books.apply(ForeignMovement(**moved), None, "-")
    measured(books, "cal-dose", entries(dose_terms()))
    later = {"pen_uid": PEN, "before": counters(), "after": counters(punctures=900)}
    books.apply(ForeignMovement(**later), None, "-")
    measured(books, "cal-axis", entries(protrusion_terms()))
    made = Certificate.model_validate(issue(books, wish()).certificate)
    assert made.valid_until_doses == 700 + 10_000
    assert made.measured_at is not None
    assert made.measured_at.doses == 700


@pytest.mark.hazard("H05", "H26")
def test_its_report_is_the_one_that_it_names(body: CertificateIssued) -> None:
    report = CalibrationReport.model_validate(body.report)
    certificate = issued_certificate(Issued(body, CLOSED_WALL))
    assert certificate.report_digest == report.digest == body.report_digest
    assert {each.stage for each in report.series} == {Stage.AS_FOUND, Stage.AS_LEFT}
    assert report.approved_by is not None
    assert report.approved_by.person == APPROVER.name
    assert len(report.instruments) == 4
    assert len(report.cadences) == 2


@pytest.mark.hazard("H05")
@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("certificate", {"protrusion_offset_um": 40 ^ 8}),
        ("certificate", {"protrusion_offset_um": 3_000}),
        ("certificate", {"prime_picolitres_a_step": 2_710}),
        ("certificate", {"certificate_id": "00000000000000ff"}),
        ("certificate", {"pen_uid": "fff0000000000003"}),
        ("certificate", {"report_digest": "0" * 64}),
        ("certificate", {"valid_until_wall": "2031-01-30T00:00:00Z"}),
        ("certificate", {"valid_until_doses": 11_000}),
        ("certificate", {"valid_until_running_us": None}),
        ("certificate", {"valid_until_punctures": 5}),
        ("certificate", {"firmware": "1.4.3"}),
        ("certificate", {"cartridge_type": 2}),
        ("certificate", {"pump_head": "head B"}),
        ("certificate", {"provisional": True}),
        ("report", {"prime_picolitres_a_step": 9_000}),
        ("report", {"remark": "x"}),
    ],
)
def test_a_certificate_that_was_changed_is_refused(
    body: CertificateIssued, part: str, change: dict[str, Any]
) -> None:
    spoilt = body.model_copy(update={part: getattr(body, part) | change})
    with pytest.raises(CertificateDamaged):
        issued_certificate(Issued(spoilt, CLOSED_WALL))


@pytest.mark.hazard("H05")
@pytest.mark.parametrize(
    "key", ["dose_from_nl", "dose_to_nl", "cadence_from_hz", "cadence_to_hz", "picolitres_a_step"]
)
def test_no_range_of_a_certificate_can_change(body: CertificateIssued, key: str) -> None:
    first, *others = body.certificate["configurations"]
    shift = 1 if isinstance(first[key], int) else 0
    change = {key: first[key] + shift if shift else f"{first[key]}1"}
    spoilt = body.certificate | {"configurations": [first | change, *others]}
    with pytest.raises(CertificateDamaged):
        issued_certificate(Issued(body.model_copy(update={"certificate": spoilt}), CLOSED_WALL))


def test_the_next_one_supersedes_it_and_shows_what_was_found_before(
    body: CertificateIssued,
) -> None:
    books = whole()
    books.apply(body, None, CLOSED_WALL)
    later = issue(books, wish(certificate_id="00000000000000a2"))
    assert later.supersedes == "00000000000000a1"
    report = CalibrationReport.model_validate(later.report)
    assert {each.certificate_id for each in report.history} == {"00000000000000a1"}
    assert {each.stage for each in report.history} == {Stage.AS_FOUND, Stage.AS_LEFT}
    books.apply(later, None, CLOSED_WALL)
    assert list(books.certificates) == ["00000000000000a1", "00000000000000a2"]


# --- what is missing -----------------------------------------------------------------------------


def refused(books: Books, **changes: Any) -> str:
    with pytest.raises(NotIssuable) as error:
        issue(books, wish(**changes))
    return str(error.value)


@pytest.mark.hazard("H26")
def test_doses_and_protrusion_are_needed_and_the_cadence_is_not() -> None:
    said = refused(Books())
    assert "no calibration of the doses. Run `micropen calibrate dose`" in said
    assert "no calibration of the protrusion. Run `micropen calibrate protrusion`" in said
    books = axis_and(*entries(dose_terms()))
    assert missing(books, PEN, NOW, Built(**BUILT)) == []
    assert issue(books, wish()).calibrations == ("cal-dose", "cal-axis")
    assert "no calibration of the doses" in refused(books, pen_uid="fff0000000000002")


@pytest.mark.hazard("H25")
@pytest.mark.parametrize(
    ("days", "sentence"),
    [(30, None), (31, "is older than 30 days"), (-1, "clock stands before the calibration")],
)
def test_a_calibration_has_an_age(days: int, sentence: str | None) -> None:
    found = missing(whole(), PEN, CLOSED + timedelta(days=days), Built(**BUILT))
    assert bool(found) == (sentence is not None)
    assert all(sentence is None or sentence in each for each in found)


@pytest.mark.hazard("H25")
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"firmware": "1.5.0"}, "is of firmware 1.4.2; it is 1.5.0 now"),
        ({"cartridge_type": 2}, "is of cartridge type 1; it is 2 now"),
        ({"pump_head": "head B"}, "is of pump head head A; it is head B now"),
    ],
)
def test_a_pen_that_was_changed_since_is_measured_anew(
    change: dict[str, Any], sentence: str
) -> None:
    assert sentence in refused(whole(), built=Built(**(BUILT | change)))


def test_a_pump_head_that_nobody_named_is_asked_for() -> None:
    assert "Write `pump_head`" in refused(whole(), built=Built(**(BUILT | {"pump_head": None})))


def test_doses_and_protrusion_are_of_the_same_pen() -> None:
    books = measured(Books(), "cal-axis", entries(protrusion_terms(), cartridge_type=2))
    measured(books, "cal-dose", entries(dose_terms()))
    unknown = Built(BUILT["firmware"], None, BUILT["pump_head"])
    assert "is of cartridge type 2; it is 1 now" in refused(books, built=unknown)


@pytest.mark.hazard("H26")
def test_the_last_word_counts_also_when_it_is_a_refusal() -> None:
    books = whole()
    bad = entries(dose_terms(), closed={"outcome": "refused", "reason": "E7022 scattered."})
    measured(books, "cal-bad", bad)
    assert "was refused: E7022 scattered." in refused(books)
    measured(books, "cal-stopped", entries(dose_terms(), closed={"outcome": "aborted"}))
    assert "was refused" in refused(books)
    measured(books, "cal-good", entries(dose_terms()))
    assert issue(books, wish()).calibrations[0] == "cal-good"
    measured(books, "cal-slow", entries(cadence_terms(), closed={"outcome": "refused"}))
    assert "of the cadence was refused" in refused(books)


def test_an_open_calibration_is_closed_first() -> None:
    books = whole()
    measured(books, "cal-open", entries(dose_terms())[:5])
    assert "Calibration cal-open is still open." in refused(books)


# --- people and instruments ----------------------------------------------------------------------


@pytest.mark.hazard("H26")
@pytest.mark.parametrize("name", ["Ana", "ana", " ANA "])
def test_who_measured_cannot_approve(name: str) -> None:
    said = refused(whole(), approved_by=Actor(name=name, role="administrator"))
    assert "somebody else must approve" in said


@pytest.mark.hazard("H26")
def test_who_measured_a_part_of_it_cannot_approve() -> None:
    """Ana opened it, and was relieved before its end."""
    first, *readings, end = entries(dose_terms())
    last = readings[-1].model_copy(update={"actor": APPROVER})
    assert "somebody else must approve" in refused(axis_and(first, *readings[:-1], last, end))


@pytest.mark.hazard("H26")
def test_a_conditional_result_needs_a_reason() -> None:
    books = axis_and(*entries(dose_terms(), Hands(left_factor=0.945)))
    assert "no remark says why" in refused(books)
    assert "no remark says why" in refused(books, remark="  ")
    made = issue(books, wish(remark="Within what this product needs."))
    approved = CalibrationReport.model_validate(made.report).approved_by
    assert approved is not None
    assert approved.remark == "Within what this product needs."


@pytest.mark.hazard("H26")
def test_an_instrument_whose_own_certificate_had_ended_measures_nothing() -> None:
    late = instrument("thermometer", "T-9").model_copy(update={"due": BEFORE_DUE})
    terms = dose_terms().model_copy(update={"instruments": (late,)})
    said = refused(axis_and(*entries(terms)))
    assert "The certificate of the thermometer (bench, T-9) ended on 2029-12-30" in said


@pytest.mark.hazard("H26", "H47")
def test_simulated_instruments_certify_no_real_pen() -> None:
    real = "000000000000000a"
    books = whole(pen_uid=real)
    assert "with simulated instruments" in refused(books, pen_uid=real)
