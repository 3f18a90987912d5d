"""The books of all sessions of a journal: the ledger, and for each session its frozen terms.

Folded from committed entries only, so that a restarted service knows exactly what the last one
knew: which session is open, in which state, with which syringe, and what was reached.
"""

import msgspec

from controller.record.calibration_events import (
    CalibrationClosed,
    CalibrationOpened,
    CertificateIssued,
    CertificateStored,
)
from controller.record.entry import Entry
from controller.record.events import (
    AlarmCleared,
    AlarmRaised,
    ArmOpened,
    Body,
    SessionClosed,
    SessionOpened,
    StateChanged,
    Stroke,
    Strokes,
    SyringeLoaded,
    SyringeRemoved,
)
from controller.session.ledger import Interval, Ledger
from controller.session.states import State
from controller.session.wear import Wear, WearBook

_ON_SKIN = frozenset({"dose", "no_dispense"})


class Syringe(msgspec.Struct):
    """One filled syringe in a session and the arms that drew from it."""

    loaded: SyringeLoaded
    removed: SyringeRemoved | None = None
    arms: list[tuple[str, int]] = []


class SessionBook(msgspec.Struct):
    """The terms of a session and where it stands. `opened_wall` is for people and the course."""

    session_id: str
    opened: SessionOpened
    opened_wall: str
    state: State = State.READY
    syringes: list[Syringe] = []
    closed: SessionClosed | None = None
    lost_wall: str | None = None
    last_stroke_wall: str | None = None
    last_stroke_arm: tuple[str, int] | None = None

    @property
    def syringe(self) -> Syringe | None:
        """The syringe in the pen now."""
        if self.syringes and self.syringes[-1].removed is None:
            return self.syringes[-1]
        return None


class CalibrationBook(msgspec.Struct):
    """A calibration as far as it came; the procedure reads its readings from here after a restart.

    session_id: the calibration's id, which its entries and arms bear where others bear a session's.
    readings: every body since the opening that is about the calibration itself, with its UTC time.
    strokes: the committed events of its arms, by arm id. wear: the pen's when it was closed.
    """

    session_id: str
    opened: CalibrationOpened
    opened_wall: str
    state: State = State.READY
    readings: list[tuple[Body, str]] = []
    strokes: dict[int, list[Stroke]] = {}
    closed: CalibrationClosed | None = None
    closed_wall: str | None = None
    wear: Wear = Wear()


Work = SessionBook | CalibrationBook
"""What an engine can be at: one of the two, never both (C12)."""


class Issued(msgspec.Struct, frozen=True):
    """A certificate of this journal and when it was issued."""

    body: CertificateIssued
    wall: str


class Books:
    """Ledger, session books and active alarms, changed only by committed bodies."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.sessions: dict[str, SessionBook] = {}
        self.alarms: dict[str, AlarmRaised] = {}
        self.cartridges: dict[str, tuple[str, str]] = {}
        """Every cartridge that ever was to touch a skin: its uid -> the session and pen of its
        first arm (H23)."""
        self.calibrations: dict[str, CalibrationBook] = {}
        self.certificates: dict[str, Issued] = {}
        """By certificate id, oldest first; a superseded one stays."""
        self.stored: dict[str, CertificateStored] = {}
        """What each pen stored last, by its uid."""
        self.expected: dict[str, str] = {}
        """The certificate that each pen must show, by its uid: the one issued or stored last."""
        self.wear = WearBook()

    def apply(self, body: Body, session_id: str | None, wall: str) -> None:
        """Book one committed body with its session and the UTC time it was committed at."""
        self.ledger.apply(body, session_id)
        self.wear.apply(body, self.ledger)
        if isinstance(body, AlarmRaised):
            self.alarms[body.alarm_id] = body
        elif isinstance(body, AlarmCleared):
            self.alarms.pop(body.alarm_id, None)
        elif isinstance(body, CertificateIssued):
            self.certificates[body.certificate_id] = Issued(body, wall)
            self.expected[body.pen_uid] = body.certificate_id
        elif isinstance(body, CertificateStored):
            self.stored[body.pen_uid] = body
            self.expected[body.pen_uid] = body.certificate_id
        if session_id is None:
            return
        self._apply_to_calibration(body, session_id, wall)
        if isinstance(body, ArmOpened) and body.mode in _ON_SKIN:
            self.cartridges.setdefault(body.cartridge_uid, (session_id, body.pen_uid))
        if isinstance(body, SessionOpened):
            self.sessions[session_id] = SessionBook(session_id, body, wall)
        book = self.sessions.get(session_id)
        if book is not None:
            _apply_to(book, body, wall)

    def _apply_to_calibration(self, body: Body, calibration_id: str, wall: str) -> None:
        if isinstance(body, CalibrationOpened):
            self.calibrations[calibration_id] = CalibrationBook(calibration_id, body, wall)
            return
        book = self.calibrations.get(calibration_id)
        if book is None:
            return
        if isinstance(body, StateChanged):
            book.state = State(body.after)
        elif isinstance(body, Strokes):
            book.strokes.setdefault(body.arm_id, []).extend(body.strokes)
        elif isinstance(body, CalibrationClosed):
            book.closed, book.closed_wall = body, wall
            book.wear = self.wear.of(book.opened.pen_uid)
        elif body.kind.startswith("calibration_"):
            book.readings.append((body, wall))

    def apply_entry(self, entry: Entry) -> None:
        """Book one entry as read back from a journal."""
        self.apply(entry.body(), entry.session_id, entry.wall)

    def open_session(self) -> SessionBook | None:
        """The session that was opened last and is not closed."""
        unfinished = [book for book in self.sessions.values() if book.closed is None]
        return unfinished[-1] if unfinished else None

    def open_calibration(self) -> CalibrationBook | None:
        """The calibration that was begun last and is not closed."""
        unfinished = [book for book in self.calibrations.values() if book.closed is None]
        return unfinished[-1] if unfinished else None

    def unstored(self, pen_uid: str) -> Issued | None:
        """A certificate that was issued for a pen and is not known to be in it."""
        issued = self.certificates.get(self.expected.get(pen_uid, ""))
        stored = self.stored.get(pen_uid)
        if issued is None or (stored and stored.certificate_id == issued.body.certificate_id):
            return None
        return issued

    def open_work(self) -> Work | None:
        """What a service goes on with: the open session, or else the open calibration."""
        return self.open_session() or self.open_calibration()

    def intervals_of(self, syringe: Syringe) -> list[Interval]:
        """The arms that drew from a syringe, oldest first."""
        return [self.ledger.intervals[key] for key in syringe.arms]


def _apply_to(book: SessionBook, body: Body, wall: str) -> None:
    match body:
        case StateChanged():
            book.state = State(body.after)
            if body.act == "lose":
                book.lost_wall = wall
        case Strokes() if body.strokes:
            book.last_stroke_wall = wall
            book.last_stroke_arm = (body.pen_uid, body.arm_id)
        case SyringeLoaded():
            book.syringes.append(Syringe(body))
        case SyringeRemoved():
            book.syringes[-1].removed = body
        case ArmOpened() if book.syringe is not None:
            book.syringe.arms.append((body.pen_uid, body.arm_id))
        case SessionClosed():
            book.closed = body
        case _:
            pass
