"""The course: all sessions of one patient pseudonym in the window that the limits name.

Volumes count at their upper end. Units are counted per product unit; nothing converts between
units of different products.
"""

from datetime import datetime, timedelta
from fractions import Fraction

import msgspec

from controller.session.account import dose_span
from controller.session.books import Books, SessionBook
from controller.session.product import Recipe
from controller.session.terms import terms_of


class Course(msgspec.Struct, frozen=True):
    """Upper ends: volume in nl, and units of the one product that was asked for."""

    possible_nl: Fraction
    possible_units: Fraction


def course_of(
    books: Books, patient: str, until_wall: datetime, window_days: int, product: Recipe | None
) -> Course:
    """What `patient` may have got in the `window_days` days up to `until_wall`."""
    since_wall = until_wall - timedelta(days=window_days)
    nl = units = Fraction(0)
    for book in books.sessions.values():
        if book.opened.patient != patient or _last_wall(book) < since_wall:
            continue
        possible_nl = dose_span(books.ledger.of_session(book.session_id)).possible_nl
        nl += possible_nl
        units += _units(book, product, possible_nl)
    return Course(nl, units)


def _last_wall(book: SessionBook) -> datetime:
    # A session may stay open for days: it is its last dose that must lie before the window. The
    # opening counts as well, for a clock that ran backwards must not hide a dose.
    opened_wall = datetime.fromisoformat(book.opened_wall)
    if book.last_stroke_wall is None:
        return opened_wall
    return max(opened_wall, datetime.fromisoformat(book.last_stroke_wall))


def _units(other: SessionBook, product: Recipe | None, possible_nl: Fraction) -> Fraction:
    theirs = terms_of(other.opened).product
    if product is None or theirs is None or theirs.unit != product.unit:
        return Fraction(0)
    return theirs.units_of(possible_nl)
