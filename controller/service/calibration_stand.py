"""How the open calibration stands, for the screen: what its guide shows, over what its book says.

Asked ten times a second; what is costly, the fold of the book, is done once a step and reading.
"""

import asyncio

import msgspec

from controller.calibration.procedure.folding import procedure_of
from controller.calibration.procedure.terms import terms_of
from controller.console.answers import error_view
from controller.console.calibration_views import OpenView, PlotView, ReadingView, StepView
from controller.errors import CalibrationError, MicropenError
from controller.record.events import Actor
from controller.service.calibration_picture import (
    live_view,
    plot_view,
    question_view,
    reading_views,
    step_view,
)
from controller.service.calibration_screen import ScreenFace
from controller.session.books import CalibrationBook
from protocol.limits import is_simulated_uid


class Lead(msgspec.Struct):
    """One person's lead. `task` ends with the calibration, or with what only work can mend."""

    actor: Actor
    face: ScreenFace
    typed: bool
    task: "asyncio.Task[str]"


class Standing(msgspec.Struct, frozen=True):
    """What is costly to find: renewed with every step and every reading."""

    simulated: bool
    step: StepView | None
    plot: PlotView | None
    readings: list[ReadingView]


class Stand:
    """Keeps what is costly to find until `forget`, or until there is one more reading."""

    def __init__(self) -> None:
        self._standing: tuple[tuple[str, int], Standing] | None = None

    def forget(self) -> None:
        """A step begins, or the lead ends."""
        self._standing = None

    def view(
        self, book: CalibrationBook, lead: Lead | None, trouble: MicropenError | None
    ) -> OpenView:
        """The whole of it. lead: None while it stands still."""
        opened = book.opened
        face = None if lead is None else lead.face
        standing = self._stands(book)
        asked = None if face is None else face.asked
        heard = None if face is None else face.heard
        return OpenView(
            id=book.session_id,
            procedure=opened.procedure,
            pen_uid=opened.pen_uid,
            opened_wall=book.opened_wall,
            opened_by=opened.actor.name,
            led_by=None if lead is None else lead.actor.name,
            simulated=standing.simulated,
            typed=lead is not None and lead.typed,
            step=standing.step,
            question=None if asked is None else question_view(asked),
            told=[] if face is None else list(face.told),
            live=None if heard is None else live_view(heard),
            plot=standing.plot,
            readings=standing.readings,
            trouble=None if trouble is None else error_view(trouble),
        )

    def _stands(self, book: CalibrationBook) -> Standing:
        """Folding the book costs too much for ten times a second."""
        key = (book.session_id, len(book.readings))
        if self._standing is None or self._standing[0] != key:
            self._standing = key, _standing(book)
        return self._standing[1]


def _standing(book: CalibrationBook) -> Standing:
    """Readings that cannot follow each other still show; the guide says what is wrong."""
    opened = book.opened
    pretended = any(each.simulated for each in terms_of(opened).all_instruments)
    simulated = pretended or is_simulated_uid(int(opened.pen_uid, 16))
    readings = reading_views(book)
    try:
        return Standing(
            simulated, step_view(procedure_of(book).next_step()), plot_view(book), readings
        )
    except CalibrationError:
        return Standing(simulated, None, None, readings)
