"""Which reading is the last one, as an entry that takes it back. Pure.

A weighing does not tell its place; the procedure at the moment before it does.
"""

from controller.calibration.procedure.folding import begun
from controller.calibration.procedure.steps import Weigh
from controller.calibration.procedure.terms import terms_of
from controller.errors import CalibrationError
from controller.record.calibration_events import (
    CalibrationDiscarded,
    CalibrationRun,
    CalibrationTouched,
    CalibrationWeighed,
)
from controller.record.events import Actor
from controller.session.books import CalibrationBook


class NothingToRedo(CalibrationError):
    """Nothing was measured yet that could be taken again."""

    number = 7083
    cause = "The calibration has just begun."
    action = "Go on; a reading can be taken again once there is one."


def taking_back(book: CalibrationBook, reason: str, actor: Actor) -> CalibrationDiscarded:
    """The entry that takes the last reading back. Raises NothingToRedo (E7083).

    Whether it may follow is for the procedure's `check` to say.
    """
    procedure, found = begun(terms_of(book.opened)), None
    for body, _wall in book.readings:
        step = procedure.next_step()
        place = step.place if isinstance(step, Weigh) else 0
        match body:
            case CalibrationTouched():
                found = _entry(0, "weighing", body.place, reason, actor)
            case CalibrationRun():
                found = _entry(body.series, "weighing", 0, reason, actor)
            case CalibrationWeighed(step="first" | "blank_start"):
                found = _entry(body.series, "blank_start", 0, reason, actor)
            case CalibrationWeighed():
                found = _entry(body.series, body.step, place, reason, actor)
            case _:
                pass
        procedure.apply(body)
    if found is None:
        raise NothingToRedo("Nothing was measured yet.")
    return found


def _entry(series: int, step: str, place: int, reason: str, actor: Actor) -> CalibrationDiscarded:
    return CalibrationDiscarded.model_validate(
        {"series": series, "step": step, "place": place, "reason": reason, "actor": actor}
    )
