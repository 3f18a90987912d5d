"""Puts a calibration together: a running service, the instruments, a face; opens or resumes it.

The procedure's terms are frozen when it is opened. A calibration that is open already goes on with
its own terms, whatever the setup file says by now.
"""

from functools import partial

import msgspec

from controller.calibration.acceptance import AcceptanceFile
from controller.calibration.balance.ports import (
    USUAL_LINES,
    OpenPort,
    candidates,
    connect,
    find_one,
    open_serial,
)
from controller.calibration.cycle import Cycle
from controller.calibration.face import Face
from controller.calibration.guide import Guide
from controller.calibration.instruments import Picolitres, Setup
from controller.calibration.procedure.terms import DoseTerms, terms_of
from controller.calibration.reach import check_reach
from controller.calibration.rig import Rig
from controller.calibration.weigher import PortWeigher, TypedWeigher, Weigher
from controller.clock import Clock
from controller.errors import CalibrationError, InputError, WrongUsage
from controller.link.port import LineSettings
from controller.pen.driver import Pen
from controller.pen.identity import text_of
from controller.record.calibration_events import CalibrationOpened, Procedure
from controller.record.events import Actor, hex_id
from controller.service.app import Service
from controller.service.opening import new_session_id
from controller.session.act_errors import NoPen
from controller.session.books import Books, CalibrationBook
from controller.session.catalogue import Catalogue
from controller.session.certificates import certificate_by_id


class OtherOpen(CalibrationError):
    """Another calibration is open."""

    number = 7084
    cause = "It was interrupted, and has not been brought to its end."
    action = "Go on with the one that is open, or end it with `micropen calibrate abort`."


class Wish(msgspec.Struct, frozen=True):
    """What is to be measured, by which setup and limits, and who does it."""

    procedure: Procedure
    setup: Setup
    limits: AcceptanceFile
    actor: Actor


class BalanceWish(msgspec.Struct, frozen=True):
    """Where the balance is: typed readings, a port, or whichever port answers as a balance.

    line: None = each of the usual ones is tried.
    """

    pen_path: str
    typed: bool = False
    path: str | None = None
    line: LineSettings | None = None


def same_procedure(book: CalibrationBook, wanted: Procedure) -> None:
    """Refuse to go on with a calibration of another kind. Raises OtherOpen (E7084)."""
    if book.opened.procedure != wanted:
        raise OtherOpen(
            f"A calibration of {book.opened.procedure} of pen {book.opened.pen_uid} is open; "
            f"{wanted} was asked for."
        )


async def open_new(service: Service, wish: Wish, catalogue: Catalogue, clock: Clock) -> None:
    """Open a calibration of the linked pen.

    Raises NoPen, SetupBeyondPen (E7086), what `Setup.terms` and `Bench.open` raise.
    """
    pen = service.engine.pen
    if pen is None:
        raise NoPen("No pen is connected.")
    assumed = assumed_of(catalogue, pen, wish.setup, service.engine.books)
    today = clock.now_wall().date()
    terms = wish.setup.terms(wish.procedure, wish.limits, today, assumed)
    fitted = await pen.cartridge()
    check_reach(terms, pen.envelope, fitted)
    if isinstance(terms, DoseTerms):
        terms = terms.model_copy(update={"max_steps": pen.envelope.max_steps})
    opened = CalibrationOpened(
        procedure=wish.procedure,
        pen_uid=hex_id(pen.uid),
        model=text_of(pen.identity.model),
        firmware=text_of(pen.identity.firmware),
        cartridge_type=fitted.type_code,
        pump_head=catalogue.pump_head or wish.setup.pump_head,
        certificate_id=hex_id(pen.identity.certificate_id),
        terms=terms.model_dump(mode="json"),
        actor=wish.actor,
    )
    await service.bench.open(f"cal-{new_session_id(clock)}", opened)


def assumed_of(catalogue: Catalogue, pen: Pen, setup: Setup, books: Books) -> Picolitres:
    """What a step of this pen is taken for: by its certificate, or else by the setup file."""

    def picolitres(dose_nl: int, stroke_period_us: int) -> int:
        try:
            certificate = certificate_by_id(books, catalogue, pen.identity.certificate_id)
            return certificate.picolitres_for(dose_nl, stroke_period_us)
        except InputError as error:
            told = None if setup.dose is None else setup.dose.assumed_picolitres_a_step
            if told is None:
                raise WrongUsage(
                    f"What a step of this pen gives is not known: {error.what}",
                    cause="The pen has no certificate that covers this dose and stroke period.",
                    action="Write assumed_picolitres_a_step into [dose] of the setup file; what "
                    "the drive's geometry says will do.",
                ) from error
            return told

    return picolitres


async def weigher_for(
    book: CalibrationBook,
    wish: BalanceWish,
    face: Face,
    clock: Clock,
    open_port: OpenPort = open_serial,
) -> Weigher | None:
    """What a calibration is weighed with; None when nothing is weighed in it.

    Raises BalanceUnknown (E7052) when no port answers as a balance, or several do.
    """
    terms = terms_of(book.opened)
    if not isinstance(terms, DoseTerms):
        return None
    resolution_ug = terms.balance.resolution_ug
    if wish.typed:
        return TypedWeigher(face, resolution_ug)
    face.tell("Looking for the balance.")
    paths = candidates(wish.pen_path) if wish.path is None else [wish.path]
    lines = USUAL_LINES if wish.line is None else (wish.line,)
    found = await find_one(paths, clock, open_port, lines)
    face.tell(f"Balance: {found}.")
    opened = partial(connect, found, clock, open_port=open_port)
    return PortWeigher(opened, clock, resolution_ug, face.live)


async def conduct(
    service: Service, weigher: Weigher | None, face: Face, actor: Actor, clock: Clock
) -> str:
    """Lead through the open calibration to its end: measured, refused or aborted.

    Raises as `Guide.run`; the calibration stays open then.
    """
    rig = Rig(service.engine, service.acts, service.bench, face, actor)
    weigher = weigher or TypedWeigher(face, 1)
    try:
        return await Guide(rig, face, Cycle(weigher, rig, face, clock)).run()
    finally:
        weigher.close()
