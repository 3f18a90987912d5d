"""What a new certificate of a pen still wants, in sentences that say what to do. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from controller.calibration.procedure.terms import terms_of
from controller.record.calibration_events import Procedure
from controller.session.books import Books, CalibrationBook
from controller.session.validity import Built

NEEDED: tuple[Procedure, ...] = ("dose", "protrusion")
NAMES: dict[Procedure, str] = {"dose": "doses", "protrusion": "protrusion", "cadence": "cadence"}


def missing(books: Books, pen_uid: str, now_wall: datetime, built: Built) -> list[str]:
    """What a new certificate of a pen wants, a sentence each; empty when it can be issued.

    built: the pen as it is now; what is None is not compared.
    """
    opened = books.open_calibration()
    sentences = [] if opened is None else [f"Calibration {opened.session_id} is still open."]
    for procedure in NEEDED:
        sentences += wants_of(books, procedure, pen_uid, now_wall, built)
    cadence = newest(books, "cadence", pen_uid)
    return sentences if cadence is None else [*sentences, *_refused(cadence)]


def newest(books: Books, procedure: Procedure, pen_uid: str) -> CalibrationBook | None:
    """The last calibration of a kind that came to a result, measured or refused."""
    found = [
        book
        for book in books.calibrations.values()
        if book.opened.procedure == procedure
        and book.opened.pen_uid == pen_uid
        and book.closed is not None
        and book.closed.outcome != "aborted"
    ]
    return found[-1] if found else None


def wants_of(
    books: Books, procedure: Procedure, pen_uid: str, now_wall: datetime, built: Built
) -> Iterator[str]:
    """What is missing of one kind of calibration."""
    book, name = newest(books, procedure, pen_uid), NAMES[procedure]
    redo = f"Run `micropen calibrate {procedure}`."
    if book is None or book.closed is None:
        yield f"There is no calibration of the {name}. {redo}"
        return
    refused = list(_refused(book))
    if refused:
        yield from refused
        return
    age, days = now_wall - closed_wall(book), terms_of(book.opened).limits.validity.days
    if age > timedelta(days=days):
        yield f"The calibration of the {name} is older than {days} days. {redo}"
    if age < timedelta(0):
        yield f"This computer's clock stands before the calibration of the {name}. Set the clock."
    yield from (f"{each} {redo}" for each in changed(book, built))


def changed(book: CalibrationBook, built: Built) -> Iterator[str]:
    """How the pen differs from what was calibrated."""
    opened = book.opened
    name = NAMES[opened.procedure]
    for what, was, now in (
        ("firmware", opened.firmware, built.firmware),
        ("cartridge type", opened.cartridge_type, built.cartridge_type),
        ("pump head", opened.pump_head, built.pump_head),
    ):
        if now is not None and was != now:
            yield f"The calibration of the {name} is of {what} {was}; it is {now} now."


def _refused(book: CalibrationBook) -> Iterator[str]:
    if book.closed is not None and book.closed.outcome == "refused":
        procedure = book.opened.procedure
        reason = book.closed.reason
        yield (
            f"The last calibration of the {NAMES[procedure]} was refused: {reason} "
            f"Run `micropen calibrate {procedure}`."
        )


def closed_wall(book: CalibrationBook) -> datetime:
    """When a calibration was closed."""
    return datetime.fromisoformat(book.closed_wall or book.opened_wall)
