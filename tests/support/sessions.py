"""Sessions for tests: terms of round numbers, and books filled entry by entry."""

from datetime import UTC, date, datetime
from typing import Any

from controller.record.events import Body, SyringeLoaded
from controller.session.books import Books
from controller.session.certificate import Certificate
from controller.session.plan import Plan
from controller.session.progress import Progress
from controller.session.terms import Terms, terms_of
from tests.support import inputs
from tests.support.arms import PERSON

SESSION = "s-1"
WALL = "2030-01-01T00:00:00.000000Z"
CERTIFICATE_ID = "00000000000000ce"


def certificate(**changes: Any) -> Certificate:
    """Any simulated pen, 1 nl a step everywhere, from 2026 to 2035."""
    everything = {
        "dose_from_nl": 1,
        "dose_to_nl": 50_000,
        "cadence_from_hz": "0.1",
        "cadence_to_hz": 200,
        "picolitres_a_step": 1_000,
    }
    fields: dict[str, Any] = {
        "certificate_id": CERTIFICATE_ID,
        "pen_uid": "simulated",
        "provisional": True,
        "source": "chosen for the test",
        "issued_wall": datetime(2026, 1, 1, tzinfo=UTC),
        "valid_until_wall": datetime(2035, 1, 1, tzinfo=UTC),
        "protrusion_offset_um": 20,
        "prime_picolitres_a_step": 1_000,
        "configurations": (everything,),
    }
    return Certificate.model_validate(fields | changes)


def terms(plan: Plan | None = None, **changes: Any) -> Terms:
    """The frozen terms of `inputs.plan()` or of a given plan, at the tests' virtual date."""
    plan = plan or inputs.plan()
    product = None
    if plan.dispenses:
        product = inputs.product(
            expiry_wall=date(2031, 1, 1),
            reconstituted_at_wall=datetime(2029, 12, 31, 20, tzinfo=UTC),
        )
    fields: dict[str, Any] = {
        "plan": plan,
        "product": product,
        "limits": inputs.limits(plan),
        "certificate": certificate(),
        "cartridge": inputs.cartridge(),
        "config_digest": "cd" * 8,
        "accept_provisional": False,
    }
    return Terms(**(fields | changes))


def loaded(fill_nl: int, number: int = 1) -> SyringeLoaded:
    return SyringeLoaded(syringe=number, fill_nl=fill_nl, lot="L1", actor=PERSON)


def book(books: Books, *bodies: Body, session_id: str = SESSION, wall: str = WALL) -> Books:
    """Apply bodies as if they were committed."""
    for body in bodies:
        books.apply(body, session_id, wall)
    return books


def opened_books(given: Terms | None = None, *bodies: Body, wall: str = WALL) -> Books:
    """Books with one open session and its first syringe, and whatever follows."""
    given = given or terms()
    first: list[Body] = [given.opened(PERSON)]
    if given.plan.dispenses:
        first.append(loaded(given.plan.syringe_fill_nl))
    return book(Books(), *first, *bodies, wall=wall)


def progress_of(books: Books, session_id: str = SESSION) -> Progress:
    found = books.sessions[session_id]
    return Progress(terms_of(found.opened), found, books)
