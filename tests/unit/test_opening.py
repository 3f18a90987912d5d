"""From a plan file to terms: a mistake is told at once, and the attached pen has the last word."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import cast

import msgspec
import pytest

from controller.errors import InputRejected, NoVialFacts, PlanBlocked, UnknownName, WrongUsage
from controller.pen.driver import Pen
from controller.service.opening import (
    Wish,
    check_without_pen,
    new_session_id,
    terms_with_pen,
    vial_of,
    wish_of,
)
from controller.session.act_errors import NoPen
from controller.session.amounts import Amount
from controller.session.books import Books
from controller.session.catalogue import Catalogue
from tests.support import inputs
from tests.support.arms import closed, opened
from tests.support.bills import VIAL, dosing, stamping, wish_for
from tests.support.paper_pen import PaperPen
from tests.support.sessions import WALL, book
from tests.support.virtual import VirtualClock


def pen(**changes: int) -> Pen:
    """A pen like the shipped model, with the shipped certificate."""
    paper = PaperPen()
    catalogue = Catalogue(inputs.CONFIG)
    model = catalogue.pen(catalogue.settings.planning.pen)
    paper.envelope = msgspec.structs.replace(model.envelope(), **changes)
    certificate = catalogue.certificate(catalogue.settings.planning.certificate)
    paper.certificate_id = certificate.wire_id
    return cast("Pen", paper)


async def test_the_terms_are_those_of_files_and_pen(clock: VirtualClock) -> None:
    wish = wish_for(dosing(4))
    check_without_pen(wish, Books(), clock)
    terms = terms_with_pen(wish, Books(), clock, pen())
    assert terms.plan == wish.plan
    assert terms.product == wish.product
    assert terms.certificate is not None
    assert terms.certificate.wire_id == pen().identity.certificate_id
    assert terms.cartridge.name == "single_32g"
    assert terms.config_digest == wish.catalogue.digest


async def test_without_a_pen_there_are_no_terms(clock: VirtualClock) -> None:
    with pytest.raises(NoPen):
        terms_with_pen(wish_for(dosing(4)), Books(), clock, None)


async def test_collagen_induction_needs_no_product(clock: VirtualClock) -> None:
    terms = terms_with_pen(wish_for(stamping()), Books(), clock, pen())
    assert terms.product is None


@pytest.mark.hazard("H05", "H43")
async def test_the_attached_pens_own_envelope_counts(clock: VirtualClock) -> None:
    wish = wish_for(dosing(4))
    with pytest.raises(PlanBlocked, match="must be at least"):
        terms_with_pen(wish, Books(), clock, pen(min_stroke_period_us=250_000))


@pytest.mark.hazard("H25")
async def test_a_pen_whose_certificate_nobody_has(clock: VirtualClock) -> None:
    unknown = pen()
    cast("PaperPen", unknown).certificate_id = 0xBAD
    with pytest.raises(UnknownName):
        terms_with_pen(wish_for(dosing(4)), Books(), clock, unknown)


@pytest.mark.hazard("H27")
async def test_a_vial_past_its_use_by_is_refused_before_any_pen(clock: VirtualClock) -> None:
    clock.step_wall(48 * 3600)
    with pytest.raises(PlanBlocked, match="use-by"):
        check_without_pen(wish_for(dosing(4)), Books(), clock)


@pytest.mark.hazard("H01")
async def test_what_the_course_holds_already_counts(clock: VirtualClock) -> None:
    wish = wish_for(dosing(4))
    limit_nl = terms_with_pen(wish, Books(), clock, pen()).limits.max_course_nl
    for room_nl, allowed in ((4 * 2_010, True), (4 * 1_990, False)):
        books = _with_course(wish, clock, limit_nl - room_nl)
        if allowed:
            check_without_pen(wish, books, clock)
            continue
        with pytest.raises(PlanBlocked, match="course"):
            check_without_pen(wish, books, clock)


def _with_course(wish: Wish, clock: VirtualClock, used_nl: int) -> Books:
    given = terms_with_pen(wish, Books(), clock, pen())
    arm = opened(1, steps=1)
    done = Amount(1, dose_steps=used_nl)
    return book(Books(), given.opened(arm.actor), arm, closed(arm, done), wall=WALL)


@pytest.mark.hazard("H26")
async def test_unsigned_limits_are_for_training_only(clock: VirtualClock) -> None:
    wish = wish_for(dosing(4))
    with pytest.raises(PlanBlocked, match="approved"):
        check_without_pen(msgspec.structs.replace(wish, realm="treatment"), Books(), clock)


# --- what was typed -----------------------------------------------------------------------------


def test_the_vials_facts_come_together_or_not_at_all() -> None:
    assert vial_of(None, None, None) is None
    found = vial_of("L7", "2027-06-30", "2026-01-15T09:30+01:00")
    assert found is not None
    assert (found.lot, found.expiry_wall) == ("L7", date(2027, 6, 30))
    assert found.reconstituted_at_wall == datetime(2026, 1, 15, 8, 30, tzinfo=UTC)
    for given in (("L7", None, None), ("L7", "2027-06-30", None), (None, "2027-06-30", "x")):
        with pytest.raises(NoVialFacts, match="only a part"):
            vial_of(*given)


@pytest.mark.parametrize(
    ("expiry", "mixed"), [("30.6.2027", "2026-01-15T09:30"), ("2027-06-30", "this morning")]
)
def test_dates_that_are_none(expiry: str, mixed: str) -> None:
    with pytest.raises(NoVialFacts, match="ISO 8601"):
        vial_of("L7", expiry, mixed)


def test_a_time_without_a_zone_is_local_time() -> None:
    found = vial_of("L7", "2027-06-30", "2026-01-15T09:30")
    assert found is not None
    assert found.reconstituted_at_wall == datetime(2026, 1, 15, 9, 30).astimezone()


def test_a_plan_file_with_everything_it_names(tmp_path: Path) -> None:
    folder = inputs.folder(tmp_path)
    plan_file = folder / "plans" / "short_check.toml"
    catalogue = Catalogue(folder)
    found = wish_of(plan_file, catalogue, patient="p-77", vial=VIAL, realm="training")
    assert found.plan.patient == "p-77"
    assert found.product is None or found.product.lot == "T1"
    same = wish_of(plan_file, catalogue, patient=None, vial=VIAL, realm="training")
    assert same.plan.patient != "p-77"
    with pytest.raises(WrongUsage, match="'John Smith!' is not accepted"):
        wish_of(plan_file, catalogue, patient="John Smith!", vial=VIAL, realm="training")


def test_a_product_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = inputs.folder(tmp_path)
    plan_file = folder / "plans" / "lower_face_one_side.toml"
    inputs.spoil(plan_file, 'product = "', 'product = "no_')
    with pytest.raises((UnknownName, InputRejected), match="no_"):
        wish_of(plan_file, Catalogue(folder), patient=None, vial=VIAL, realm="training")


async def test_session_ids_are_unique_and_fit_for_topics(clock: VirtualClock) -> None:
    ids = {new_session_id(clock) for _ in range(50)}
    assert len(ids) == 50
    assert all(set(each) <= set("0123456789abcdef-") for each in ids)
    assert all(each.startswith("20300101-000000-") for each in ids)
