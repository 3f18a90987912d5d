"""The course: all sessions of one patient pseudonym in the window that the limits name.

Volumes count at their upper end. Units are counted per product unit; nothing converts between
units of different products.
"""

from datetime import datetime, timedelta
from fractions import Fraction

import msgspec

from controller.session.account import dose_span
from controller.session.books import Books, SessionBook
from controller.session.product import Product
from controller.session.terms import Terms, terms_of


class Course(msgspec.Struct, frozen=True):
    """What the patient may have got in the window, this session included."""

    possible_nl: Fraction
    possible_units: Fraction


def course_of(books: Books, book: SessionBook, terms: Terms) -> Course:
    """The course of the patient of `book`, at the time that `book` was opened."""
    until = datetime.fromisoformat(book.opened_wall)
    since = until - timedelta(days=terms.limits.course_window_days)
    nl = units = Fraction(0)
    for other in books.sessions.values():
        opened_wall = datetime.fromisoformat(other.opened_wall)
        if other.opened.patient != book.opened.patient or opened_wall < since:
            continue
        possible_nl = dose_span(books.ledger.of_session(other.session_id)).possible_nl
        nl += possible_nl
        units += _units(other, terms.product, possible_nl)
    return Course(nl, units)


def _units(other: SessionBook, product: Product | None, possible_nl: Fraction) -> Fraction:
    theirs = terms_of(other.opened).product
    if product is None or theirs is None or theirs.unit != product.unit:
        return Fraction(0)
    return theirs.units_of(possible_nl)
