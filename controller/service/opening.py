"""From a plan file to an opened session: everything is checked twice, without and with the pen.

The first check needs no pen and starts nothing, so that a mistake in a file is told at once; the
second one uses the attached pen's own envelope and the certificate that it stores.
"""

import secrets
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import msgspec
from pydantic import ValidationError

from controller.clock import Clock
from controller.errors import NoVialFacts, WrongUsage
from controller.pen.driver import Pen
from controller.session.act_errors import NoPen
from controller.session.books import Books
from controller.session.catalogue import Catalogue
from controller.session.certificate import Certificate
from controller.session.certificates import certificate_by_id, planned_certificate
from controller.session.course import Course, course_of
from controller.session.findings import Findings
from controller.session.fitness import check_pen_certificate
from controller.session.interlocks import (
    check_approval,
    check_bench,
    check_product,
)
from controller.session.measures import Bench
from controller.session.plan import Plan, load_plan
from controller.session.preparation import named_in, prepare
from controller.session.product import Product, Vial
from controller.session.terms import Terms
from controller.session.validity import Built, check_built, check_in_force
from controller.session.verdict import refuse_blocked
from controller.settings.service import Realm
from protocol.messages import Envelope


class Wish(msgspec.Struct, frozen=True):
    """What somebody wants to treat: a plan, the config folder, the vial in hand."""

    plan: Plan
    catalogue: Catalogue
    product: Product | None
    realm: Realm


def wish_of(
    plan_file: Path, catalogue: Catalogue, *, patient: str | None, vial: Vial | None, realm: Realm
) -> Wish:
    """Read a plan and what it names.

    `patient` is a pseudonym instead of the plan's. Raises InputError with file, line and key.
    """
    plan = load_plan(plan_file)
    if patient is not None:
        plan = for_patient(plan, patient)
    product = None
    if plan.product is not None:
        with named_in(plan, "product"):
            product = catalogue.product(plan.product, vial)
    return Wish(plan, catalogue, product, realm)


def for_patient(plan: Plan, patient: str) -> Plan:
    """The plan for another pseudonym. Raises WrongUsage for one that cannot be."""
    try:
        renamed = Plan.model_validate({**plan.model_dump(), "patient": patient})
    except ValidationError as error:
        why = error.errors()[0]["msg"]
        raise WrongUsage(f"The pseudonym '{patient}' is not accepted: {why}.") from error
    return renamed.written_at(plan.origin) if plan.origin else renamed


def vial_of(lot: str | None, expiry: str | None, reconstituted_at: str | None) -> Vial | None:
    """The vial's facts from the command line; None when none is given.

    Raises NoVialFacts when they are given in part or not in ISO 8601.
    """
    given = [lot, expiry, reconstituted_at]
    if not any(given):
        return None
    if not (lot and expiry and reconstituted_at):
        raise NoVialFacts("Of lot, expiry and reconstitution time, only a part was given.")
    try:
        mixed_wall = datetime.fromisoformat(reconstituted_at)
        return Vial(
            lot=lot,
            expiry_wall=date.fromisoformat(expiry),
            reconstituted_at_wall=mixed_wall if mixed_wall.tzinfo else mixed_wall.astimezone(UTC),
        )
    except (ValueError, OverflowError) as error:
        raise NoVialFacts(f"The vial's facts are not dates in ISO 8601: {error}.") from error


def check_without_pen(wish: Wish, books: Books, clock: Clock) -> None:
    """The check that `plan check` makes, and product and course too. Raises InputError."""
    catalogue = wish.catalogue
    envelope = catalogue.pen(catalogue.settings.planning.pen).envelope()
    certificate = planned_certificate(books, catalogue, clock.now_wall())
    found = planned_findings(wish.plan, catalogue, certificate, books, clock)
    _checked(wish, books, clock, envelope, certificate, found)


def planned_findings(
    plan: Plan, catalogue: Catalogue, certificate: Certificate, books: Books, clock: Clock
) -> Findings:
    """What can be known of a certificate while its pen is not attached. Raises UnknownName."""
    with named_in(plan, "cartridge"):
        cartridge = catalogue.cartridge(plan.cartridge)
    built = Built(cartridge_type=cartridge.type_code, pump_head=catalogue.pump_head)
    wear = books.wear.of(certificate.pen_uid)
    in_force = check_in_force(certificate, clock.now_wall(), wear)
    return (*in_force, *check_built(certificate, built))


def terms_with_pen(wish: Wish, books: Books, clock: Clock, pen: Pen | None) -> Terms:
    """The terms for the attached pen. Raises NoPen, or InputError when something forbids it."""
    if pen is None:
        raise NoPen("No pen is connected.")
    certificate = certificate_by_id(books, wish.catalogue, pen.identity.certificate_id)
    found = certificate_findings(wish, certificate, books, clock, pen)
    bench = _checked(wish, books, clock, pen.envelope, certificate, found)
    return Terms(
        plan=wish.plan,
        product=wish.product,
        limits=bench.limits,
        certificate=certificate,
        cartridge=bench.cartridge,
        config_digest=wish.catalogue.digest,
        accept_provisional=wish.catalogue.settings.policy.accept_provisional,
    )


def certificate_findings(
    wish: Wish, certificate: Certificate, books: Books, clock: Clock, pen: Pen
) -> Findings:
    """Everything about the attached pen's certificate: what forbids, and what will before long."""
    return check_pen_certificate(
        certificate,
        pen,
        books,
        now_wall=clock.now_wall(),
        realm=wish.realm,
        accept_provisional=wish.catalogue.settings.policy.accept_provisional,
        cartridge_type=wish.catalogue.cartridge(wish.plan.cartridge).type_code,
        pump_head=wish.catalogue.pump_head,
    )


def _checked(
    wish: Wish,
    books: Books,
    clock: Clock,
    envelope: Envelope,
    certificate: Certificate,
    of_certificate: Findings,
) -> Bench:
    bench, findings = bench_and_findings(wish, books, clock, envelope, certificate)
    refuse_blocked(wish.plan, findings + of_certificate)
    return bench


def bench_and_findings(
    wish: Wish, books: Books, clock: Clock, envelope: Envelope, certificate: Certificate
) -> tuple[Bench, Findings]:
    """What a plan is measured against, and what is wrong or notable but for the certificate.

    Raises InputError when a file is at fault.
    """

    def bench_with(course: Course) -> Bench:
        return prepare(
            wish.plan,
            wish.catalogue,
            envelope,
            certificate,
            product=wish.product,
            course_possible_nl=course.possible_nl,
            course_possible_units=course.possible_units,
        )

    bench = bench_with(Course(Fraction(0), Fraction(0)))
    now_wall = clock.now_wall()
    days = bench.limits.course_window_days
    course = course_of(books, wish.plan.patient, now_wall, days, wish.product)
    bench = bench_with(course)
    findings = check_bench(bench) + check_approval(bench.limits, wish.realm)
    if wish.product is not None:
        findings += check_product(wish.product, now_wall)
    return bench, findings


def new_session_id(clock: Clock) -> str:
    """A session id for topics and file names: UTC time, for people, and 32 random bits."""
    return f"{clock.now_wall():%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
