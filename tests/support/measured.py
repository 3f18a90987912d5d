"""Calibrations that were measured and closed, as entries: what a certificate is made from."""

from collections.abc import Sequence
from typing import Any

from controller.calibration.procedure import AnyTerms, begun
from controller.calibration.procedure.steps import Finish
from controller.record.calibration_events import CalibrationClosed, CalibrationOpened
from controller.record.events import Actor, Body
from controller.session.books import Books
from tests.support.technician import (
    TECHNICIAN,
    Hands,
    book_of,
    cadence_terms,
    dose_terms,
    protrusion_terms,
    run,
)

PEN = "fff0000000000001"
CLOSED_WALL = "2029-12-31T00:00:00.000000Z"
BUILT: dict[str, Any] = {"firmware": "1.4.2", "cartridge_type": 1, "pump_head": "head A"}
APPROVER = Actor(name="Jo Second", role="administrator")


def entries(
    terms: AnyTerms, hands: Hands | None = None, *, closed: Any = None, **opened: Any
) -> list[Body]:
    """All bodies of one calibration, opening and closing included. closed: changes of the last."""
    procedure, hands = begun(terms), hands or Hands()
    book = book_of(terms)
    last = run(procedure, hands, book)[-1]
    assert isinstance(last, Finish)
    ending = {"outcome": last.outcome, "reason": last.reason, "result": last.result}
    first: CalibrationOpened = book.opened.model_copy(update={"pen_uid": PEN} | BUILT | opened)
    end = CalibrationClosed(**(ending | (closed or {})), actor=TECHNICIAN)
    return [first, *(body for body, _ in book.readings), end]


def measured(
    books: Books,
    name: str,
    bodies: Sequence[Body],
    wall: str = CLOSED_WALL,
) -> Books:
    """Book a calibration's entries under its id."""
    for body in bodies:
        books.apply(body, name, wall)
    return books


def whole(**opened: Any) -> Books:
    """Books with a calibration of the doses, of the protrusion and of the cadence."""
    books = measured(Books(), "cal-dose", entries(dose_terms(), **opened))
    measured(books, "cal-axis", entries(protrusion_terms(), **opened))
    return measured(books, "cal-cadence", entries(cadence_terms(), **opened))
