"""Who may do what of a calibration from the screen: technicians and administrators, logged in.

On the controller's loop, as `Console`. In training, as long as no people are entered, the trainee
is the technician too; what is measured then certifies no real pen.
"""

from controller.console.calibration_room import CALIBRATING
from controller.console.calibration_views import (
    AnswerRequest,
    CalibrationPage,
    CalibrationView,
    ReasonRequest,
    StartRequest,
)
from controller.console.console import Console
from controller.console.errors import NoSuchPage
from controller.console.logins import EVERYBODY, TRAINEE
from controller.console.people import Person
from controller.record.events import Actor
from controller.session.act_errors import NotAllowed


class CalibrationActs:
    """The requests of the view "Calibrate"."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def page(self) -> CalibrationPage:
        """All of the view."""
        return self._console.room.calibration.page()

    async def start(self, token: str | None, request: StartRequest) -> CalibrationView:
        """Begin, go on or take over. Raises NotLoggedIn, NotAllowed, MicropenError."""
        actor = self._measures(token)
        room = self._console.room.calibration
        await room.start(request.procedure, actor, typed=request.typed)
        return self._view()

    async def answer(self, token: str | None, request: AnswerRequest) -> CalibrationView:
        """Answer what is asked."""
        actor = self._measures(token)
        self._console.room.calibration.answer(request.question, request.text, actor)
        return self._view()

    async def redo(self, token: str | None, request: ReasonRequest) -> CalibrationView:
        """Take the last reading again; it stays in the record with the reason."""
        self._console.room.calibration.redo(request.reason.strip(), self._measures(token))
        return self._view()

    async def vessel_moved(self, token: str | None) -> CalibrationView:
        """The vessel was moved: it is weighed anew before the next dose."""
        self._console.room.calibration.vessel_moved(self._measures(token))
        return self._view()

    async def abort(self, token: str | None, request: ReasonRequest) -> CalibrationView:
        """Give it up; what was measured stays in the record."""
        actor = self._measures(token)
        await self._console.room.calibration.abort(request.reason.strip(), actor)
        return self._view()

    # --- certificates --------------------------------------------------------------------------

    async def may_issue(self, token: str | None) -> None:
        """Whether this screen may ask for a certificate. Raises NotLoggedIn, NotAllowed."""
        self._measures(token)

    async def issue(
        self, approver: Person, remark: str | None, *, pin_is_right: bool
    ) -> CalibrationPage:
        """Issue the pen's certificate. Raises LoginRefused, NotAllowed, NotIssuable."""
        actor = self._console.logins.vouch(approver, pin_is_right=pin_is_right)
        if actor.role not in CALIBRATING:
            raise NotAllowed(f"'{actor.role}' may not approve a certificate.")
        await self._console.room.calibration.issue(actor, remark or None)
        self._console.publisher.soon()
        return await self.page()

    async def may_fetch(self, token: str | None, certificate_id: str) -> None:
        """Whether this person may take a certificate along. Raises NotLoggedIn, NoSuchPage."""
        self._console.logins.require(token, EVERYBODY)
        if not self._console.room.calibration.known(certificate_id):
            raise NoSuchPage("The journal has no certificate of this id.")

    # --- inside --------------------------------------------------------------------------------

    def _measures(self, token: str | None) -> Actor:
        actor = self._console.logins.require(token, EVERYBODY)
        if actor is TRAINEE:
            return Actor(name=actor.name, role="technician")
        if actor.role not in CALIBRATING:
            raise NotAllowed(f"'{actor.role}' may not calibrate a pen.")
        return actor

    def _view(self) -> CalibrationView:
        self._console.publisher.soon()
        return self._console.room.calibration.view()
