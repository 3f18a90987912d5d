"""Leads calibrations from the screen: the guide runs as a task beside whatever else is served.

One person leads at a time, and answers for every reading. Whoever goes on with a calibration that
stands still, or takes one over, leads from then on. Where a calibration stands is in its book, so a
page that is loaded again, a task that ended and a service that was killed all go on there.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import count

import msgspec

from controller.calibration.acceptance import AcceptanceFile, load_acceptance
from controller.calibration.balance.ports import OpenPort, open_serial
from controller.calibration.face import Wish
from controller.calibration.instruments import Setup, load_setup
from controller.clock import Clock
from controller.console.calibration_errors import NotLeading
from controller.console.calibration_views import (
    CalibrationPage,
    CalibrationView,
    CertificateLine,
    ClosedView,
    DueView,
    Procedure,
)
from controller.errors import InputError, MicropenError, SessionError
from controller.record.events import Actor, hex_id
from controller.service import calibrating
from controller.service.app import Service
from controller.service.calibration_due import certificate_lines, due_views
from controller.service.calibration_screen import ScreenFace
from controller.service.calibration_stand import Lead, Stand
from controller.service.certifying import Approval, issue_for_pen
from controller.session.books import CalibrationBook
from controller.session.catalogue import CALIBRATION, Catalogue
from controller.session.certificate import Certificate
from controller.session.certificates import certificate_by_id
from controller.session.states import Act, WrongState, after

SETUP = "calibration-setup.toml"
FILE_MAKER = "controller.service.certificate_file"


class Place(msgspec.Struct, frozen=True):
    """Where one calibrates now. balance_path None: whichever port answers as a balance."""

    service: Service
    pen_path: str
    balance_path: str | None


class CalibrationDesk:
    """Fits `controller.console.calibration_room.CalibrationRoom`.

    `instruments` and `open_port` are read anew at each start.
    """

    file_maker = FILE_MAKER

    def __init__(self, place: Callable[[], Place], catalogue: Catalogue, clock: Clock) -> None:
        self._place = place
        self._catalogue = catalogue
        self._clock = clock
        self._ids = count(1)
        self._lead: Lead | None = None
        self._is_opening = False
        self._stand = Stand()
        self._due: tuple[list[DueView], list[CertificateLine]] = ([], [])
        self.instruments: Callable[[], tuple[Setup, AcceptanceFile]] = self._read_files
        self.open_port: OpenPort = open_serial

    # --- shown ---------------------------------------------------------------------------------

    def view(self) -> CalibrationView:
        """What is open, of this moment; what is just being opened is not yet."""
        book = None if self._is_opening else self._place().service.engine.book
        lead = self._lead if self._is_led else None
        opened = None
        if isinstance(book, CalibrationBook):
            opened = self._stand.view(book, lead, self._trouble)
        return CalibrationView(open=opened, last=self._last())

    def page(self) -> CalibrationPage:
        """The same with due dates and certificates; these are not renewed while an arm is open."""
        engine = self._place().service.engine
        if not engine.arm_is_open:
            uid = None if engine.pen is None else hex_id(engine.pen.uid)
            now_wall, head = self._clock.now_wall(), engine.pump_head
            due = due_views(engine.books, now_wall, head, uid, self._stored())
            self._due = due, certificate_lines(engine.books)
        view = self.view()
        return CalibrationPage(
            open=view.open, last=view.last, due=self._due[0], certificates=self._due[1]
        )

    def _stored(self) -> Certificate | None:
        """What the linked pen stores; None when it stores none that is known here."""
        engine = self._place().service.engine
        if engine.pen is None:
            return None
        try:
            wire_id = engine.pen.identity.certificate_id
            return certificate_by_id(engine.books, self._catalogue, wire_id)
        except (InputError, SessionError):
            return None

    def known(self, certificate_id: str) -> bool:
        """Whether the journal has this certificate."""
        return certificate_id in self._place().service.engine.books.certificates

    # --- asked by people -----------------------------------------------------------------------

    async def start(self, procedure: Procedure, actor: Actor, *, typed: bool) -> None:
        """Begin, go on, or take over when the pen rests.

        Raises WrongState while a session is open or an arm of another's lead runs, OtherOpen,
        InputError, NoPen, and what `calibrating.open_new` raises.
        """
        service = self._place().service
        book = service.engine.book
        if not isinstance(book, CalibrationBook):
            after(service.engine.state, Act.OPEN)
            await self._end_lead()
            await self._open(procedure, actor)
        else:
            calibrating.same_procedure(book, procedure)
            if self._leads(actor):
                return
            if service.engine.arm_is_open:
                raise WrongState("The pen is moving; take over once it rests.")
            await self._end_lead()
        self._begin(actor, typed=typed)

    def answer(self, question: int, text: str, actor: Actor) -> None:
        """Answer what is asked. Raises NotLeading, NotAsked."""
        self._face_of(actor).answer(question, text)

    def redo(self, reason: str, actor: Actor) -> None:
        """Take the last reading again. Raises NotLeading, WishWaits."""
        self._face_of(actor).want(Wish.REDO, reason)

    def vessel_moved(self, actor: Actor) -> None:
        """The vessel is weighed again before the next dose. Raises NotLeading, WishWaits."""
        self._face_of(actor).want(Wish.MOVED)

    async def abort(self, reason: str, actor: Actor) -> None:
        """Give the calibration up: by its lead, or by anybody when it stands still.

        Raises NotLeading, WishWaits, NoSession, DosingBlocked, WrongState.
        """
        if self._is_led:
            self._face_of(actor).want(Wish.ABORT, reason)
        else:
            await self._place().service.bench.close("aborted", reason, {}, actor)

    async def issue(self, approver: Actor, remark: str | None) -> str:
        """Issue the linked pen's certificate, or complete one; its id. As `issue_for_pen`."""
        certificate = await issue_for_pen(self._place().service, Approval(approver, remark))
        return certificate.certificate_id

    async def close(self) -> None:
        """Stop leading; what is open stays open."""
        await self._end_lead()

    # --- leading -------------------------------------------------------------------------------

    async def _open(self, procedure: Procedure, actor: Actor) -> None:
        setup, limits = self.instruments()
        wish = calibrating.Wish(procedure, setup, limits, actor)
        self._is_opening = True
        try:
            await calibrating.open_new(self._place().service, wish, self._catalogue, self._clock)
        finally:
            self._is_opening = False

    def _read_files(self) -> tuple[Setup, AcceptanceFile]:
        folder = self._catalogue.folder
        return load_setup(folder / SETUP), load_acceptance(folder / CALIBRATION)

    def _begin(self, actor: Actor, *, typed: bool) -> None:
        place = self._place()
        face = ScreenFace(self._clock, self._ids, self._stand.forget)
        work = self._conduct(place, face, actor, typed=typed)
        task = asyncio.create_task(work, name="calibration")
        self._lead = Lead(actor, face, typed, task)
        task.add_done_callback(partial(self._ended, place.service))

    async def _conduct(self, place: Place, face: ScreenFace, actor: Actor, *, typed: bool) -> str:
        service, clock = place.service, self._clock
        wish = calibrating.BalanceWish(place.pen_path, typed=typed, path=place.balance_path)
        book = service.bench.book
        weigher = await calibrating.weigher_for(book, wish, face, clock, self.open_port)
        return await calibrating.conduct(service, weigher, face, actor, clock)

    def _ended(self, service: Service, task: "asyncio.Task[str]") -> None:
        self._stand.forget()
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, MicropenError):
            service.engine.on_defect(error)

    async def _end_lead(self) -> None:
        lead, self._lead = self._lead, None
        if lead is not None:
            lead.task.cancel()
            await asyncio.gather(lead.task, return_exceptions=True)

    @property
    def _trouble(self) -> MicropenError | None:
        """What ended the lead, if anything did."""
        task = None if self._lead is None else self._lead.task
        if task is None or not task.done() or task.cancelled():
            return None
        error = task.exception()
        return error if isinstance(error, MicropenError) else None

    @property
    def _is_led(self) -> bool:
        return self._lead is not None and not self._lead.task.done()

    def _leads(self, actor: Actor) -> bool:
        return self._is_led and self._lead is not None and self._lead.actor == actor

    def _face_of(self, actor: Actor) -> ScreenFace:
        if self._lead is None or not self._is_led:
            raise NotLeading("No calibration is led at the moment.")
        if self._lead.actor != actor:
            raise NotLeading(f"{self._lead.actor.name} leads this calibration.")
        return self._lead.face

    # --- views ---------------------------------------------------------------------------------

    def _last(self) -> ClosedView | None:
        books = self._place().service.engine.books
        for book in reversed(books.calibrations.values()):
            if book.closed is not None:
                return ClosedView(
                    id=book.session_id,
                    procedure=book.opened.procedure,
                    outcome=book.closed.outcome,
                    reason=book.closed.reason,
                    wall=book.closed_wall or "",
                )
        return None
