"""A certificate is found by its id: the journal's own first, then the config folder's."""

from datetime import timedelta
from pathlib import Path

import pytest

from controller.calibration.certificate.issuing import issue
from controller.errors import PlanBlocked, UnknownName
from controller.record.calibration_events import CertificateStored
from controller.service.opening import check_without_pen
from controller.session.books import Books
from controller.session.catalogue import Catalogue
from controller.session.certificates import certificate_by_id, planned_certificate
from controller.session.validity import Built
from tests.support.bills import dosing, wish_for
from tests.support.inputs import CONFIG, folder, rewrite
from tests.support.measured import APPROVER, BUILT, PEN, entries, measured, whole
from tests.support.technician import dose_terms, protrusion_terms
from tests.support.virtual import VirtualClock
from tests.unit.test_issuing import NOW, wish

PROVISIONAL = 0x0C0001
CATALOGUE = Catalogue(CONFIG)
PLAN = dosing(2, dose_nl=5_000, cadence_hz=1)


def issued() -> Books:
    """Books with a certificate whose id is that of a file of the config folder."""
    books = whole()
    body = issue(books, wish(certificate_id=f"{PROVISIONAL:016x}"))
    books.apply(body, None, NOW.isoformat())
    return books


@pytest.mark.hazard("H26")
def test_the_journals_own_comes_first_and_then_the_file() -> None:
    assert certificate_by_id(Books(), CATALOGUE, PROVISIONAL).provisional
    found = certificate_by_id(issued(), CATALOGUE, PROVISIONAL)
    assert (found.provisional, found.pen_uid) == (False, PEN)
    with pytest.raises(UnknownName, match="00000000000c0002"):
        certificate_by_id(issued(), CATALOGUE, PROVISIONAL + 1)


def test_a_pen_without_one_is_told_so() -> None:
    with pytest.raises(UnknownName, match="stores no certificate") as error:
        certificate_by_id(Books(), CATALOGUE, 0)
    assert "micropen calibrate dose" in error.value.action


def test_a_plan_is_reckoned_with_the_newest_in_force() -> None:
    assert planned_certificate(Books(), CATALOGUE).provisional
    books = issued()
    assert not planned_certificate(books, CATALOGUE).provisional
    other = "00000000000000aa"
    books.apply(
        CertificateStored(pen_uid=PEN, certificate_id=other, actor=APPROVER), None, NOW.isoformat()
    )
    assert planned_certificate(books, CATALOGUE).provisional


def test_of_several_pens_the_one_whose_certificate_holds_is_reckoned_with() -> None:
    books = whole()
    first = issue(books, wish(certificate_id="00000000000000b1"))
    books.apply(first, None, NOW.isoformat())
    other = "fff0000000000002"
    for name, terms in (("dose-2", dose_terms()), ("axis-2", protrusion_terms())):
        measured(books, name, entries(terms, pen_uid=other), "2029-12-20T00:00:00.000000Z")
    second = issue(books, wish(certificate_id="00000000000000b2", pen_uid=other))
    books.apply(second, None, NOW.isoformat())

    def reckoned_after(days: int) -> str:
        now_wall = NOW + timedelta(days=days)
        return planned_certificate(books, CATALOGUE, now_wall).certificate_id

    assert [reckoned_after(days) for days in (0, 20, 40)] == [
        "00000000000000b2",
        "00000000000000b1",
        "00000000000000b2",
    ]


@pytest.mark.hazard("H25")
async def test_a_plan_is_checked_against_the_certificates_end_without_a_pen(
    tmp_path: Path, clock: VirtualClock
) -> None:
    head, config = CATALOGUE.pump_head, folder(tmp_path)
    doses = entries(dose_terms(periods_us=(2_000_000, 200_000)), pump_head=head)
    books = measured(Books(), "cal-dose", doses)
    measured(books, "cal-axis", entries(protrusion_terms(), pump_head=head))
    asked = wish(built=Built(**(BUILT | {"pump_head": head})), now_wall=clock.now_wall())
    books.apply(issue(books, asked), None, clock.now_wall().isoformat())
    check_without_pen(wish_for(PLAN, config), books, clock)
    spoilt = config / "pens" / "simulated.toml"
    rewrite(spoilt, "pump_head", 'pump_head = "another"')
    with pytest.raises(PlanBlocked, match="it is another now"):
        check_without_pen(wish_for(PLAN, config), books, clock)
    clock.step_wall(timedelta(days=40).total_seconds())
    with pytest.raises(PlanBlocked, match="The certificate does not hold"):
        check_without_pen(wish_for(PLAN), books, clock)
