"""A session as one sheet of data: what HTML, PDF and the history's page show.

Folded from the journal's entries alone. Volumes in nanolitres as numbers for display; the exact
ones are in the journal and in the CSV.
"""

from collections import Counter
from contextlib import closing
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from pydantic import ValidationError

from controller.console.session_view import units
from controller.console.views import Model
from controller.errors import UnknownSession
from controller.record.entry import Entry
from controller.record.events import (
    AlarmRaised,
    ArmOpened,
    PenEnrolled,
    Strokes,
)
from controller.record.reader import JournalReader
from controller.session.account import Span, SyringeAccount, ZoneAccount, session_account
from controller.session.books import Books, SessionBook
from controller.session.product import Product
from controller.session.terms import Terms, terms_of
from controller.settings.service import Realm

MOST_DOTS = 2_000
"""Punctures drawn in the dose map; more would not be seen apart."""
PROTRUSION_BIN_UM = 20
CADENCE_BIN_HZ = 0.25
_MICRO = 1_000_000


class SheetPart(Model):
    """What one component of the product had in a zone's dose, in nanolitres."""

    name: str
    certain_nl: float
    possible_nl: float


class SheetZone(Model):
    """One zone: plan against delivery."""

    name: str
    region: str
    planned_punctures: int
    punctures_certain: int
    punctures_possible: int
    planned_nl: float
    certain_nl: float
    possible_nl: float
    certain_units: float | None
    possible_units: float | None
    parts: list[SheetPart]


class SheetSyringe(Model):
    """Where a filling went, in nanolitres."""

    number: int
    lot: str
    loaded_nl: float
    delivered_nl: float
    primed_nl: float
    purged_nl: float
    discarded_nl: float
    unknown_nl: float
    left_nl: float


class SheetAlarm(Model):
    """One alarm of the session."""

    wall: str
    priority: str
    sentence: str
    cause: str


class Bar(Model):
    """One bar of a histogram: from this value on, so many punctures."""

    start: float
    count: int


class Dot(Model):
    """One puncture of the dose map: its number in the session and its volume."""

    zone: str
    dose_nl: float
    partial: bool


class Sheet(Model):
    """Everything that the report of a session says."""

    id: str
    realm: Realm
    simulated: bool
    plan_title: str
    plan_digest: str
    patient: str
    operator: str
    opened_wall: str
    closed_wall: str | None
    outcome: str | None
    product: str | None
    unit: str | None
    lot: str | None
    expiry: str | None
    reconstituted_wall: str | None
    cartridge: str
    cartridge_uids: list[str]
    pens: list[str]
    certificate: str | None
    zones: list[SheetZone]
    syringes: list[SheetSyringe]
    alarms: list[SheetAlarm]
    protrusion: list[Bar]
    cadence: list[Bar]
    dots: list[Dot]
    entries: int
    chain_head: str
    chain_hash: str


def read_sheet(journal: Path, session_id: str) -> Sheet:
    """The sheet of one session. Raises UnknownSession E5020, or another JournalError."""
    books, fold = Books(), _Fold(session_id)
    with closing(JournalReader(journal)) as reader:
        realm = reader.realm
        for entry in reader.entries():
            books.apply_entry(entry)
            fold.take(entry)
    book = books.sessions.get(session_id)
    if book is None:
        raise UnknownSession(f"There is no session {session_id} in this journal.")
    return _sheet(books, book, fold, realm)


class _Fold:
    """What the books do not keep: pens by name, alarms, and every stroke's figures."""

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._arms: dict[tuple[str, int], ArmOpened] = {}
        self._last_ticks: dict[tuple[str, int], int] = {}
        self.models: dict[str, str] = {}
        self.alarms: list[SheetAlarm] = []
        self.protrusion: Counter[int] = Counter()
        self.cadence: Counter[int] = Counter()
        self.dots: list[Dot] = []
        self.closed_wall: str | None = None
        self.entries = 0
        self.head = ("", "")

    @property
    def arms(self) -> list[ArmOpened]:
        """The session's arms, oldest first."""
        return list(self._arms.values())

    def take(self, entry: Entry) -> None:
        """Take the journal's next entry."""
        body = entry.body()
        if isinstance(body, PenEnrolled):
            self.models[body.pen_uid] = f"{body.model} {body.firmware}"
        if entry.session_id != self._session_id:
            return
        self.entries += 1
        self.head = (str(entry.seq), entry.hash)
        if entry.kind == "session_closed":
            self.closed_wall = entry.wall
        match body:
            case ArmOpened():
                self._arms[body.pen_uid, body.arm_id] = body
            case Strokes():
                self._strokes(body)
            case AlarmRaised():
                words = (body.priority, body.sentence, body.cause)
                self.alarms.append(
                    SheetAlarm(
                        wall=entry.wall, priority=words[0], sentence=words[1], cause=words[2]
                    )
                )
            case _:
                pass

    def _strokes(self, body: Strokes) -> None:
        arm = self._arms.get((body.pen_uid, body.arm_id))
        if arm is None or arm.zone is None:
            return
        key = (body.pen_uid, body.arm_id)
        for stroke in body.strokes:
            self.protrusion[stroke.protrusion_um // PROTRUSION_BIN_UM] += 1
            before = self._last_ticks.get(key)
            self._last_ticks[key] = stroke.pen_ticks
            if before is not None and stroke.pen_ticks > before:
                hertz = _MICRO / (stroke.pen_ticks - before)
                self.cadence[int(hertz / CADENCE_BIN_HZ)] += 1
            if len(self.dots) < MOST_DOTS:
                nl = float(Fraction(stroke.steps * arm.picolitres_a_step, 1000))
                self.dots.append(Dot(zone=arm.zone, dose_nl=nl, partial=stroke.partial))


def _sheet(books: Books, book: SessionBook, fold: _Fold, realm: Realm) -> Sheet:
    terms, opened = _terms(book), book.opened
    product = None if terms is None else terms.product
    names = [] if terms is None else [zone.name for zone in terms.plan.zones]
    account = session_account(books, book, names)
    lots = [each.loaded.lot for each in book.syringes]
    return Sheet(
        id=book.session_id,
        realm=realm,
        simulated=realm == "training",
        plan_title=opened.plan_name,
        plan_digest=opened.plan_digest,
        patient=opened.patient,
        operator=opened.operator.name,
        opened_wall=book.opened_wall,
        closed_wall=fold.closed_wall,
        outcome=None if book.closed is None else book.closed.outcome,
        product=None if product is None else product.title,
        unit=None if product is None else product.unit,
        lot=None if product is None else product.lot,
        expiry=None if product is None else product.expiry_wall.isoformat(),
        reconstituted_wall=None if product is None else _moment(product.reconstituted_at_wall),
        cartridge=str(opened.cartridge.get("title", "")),
        cartridge_uids=list(dict.fromkeys(arm.cartridge_uid for arm in fold.arms)),
        pens=_pens(fold),
        certificate=None if opened.certificate is None else opened.certificate["certificate_id"],
        zones=[] if terms is None else [_zone(terms, each) for each in account.zones],
        syringes=[_syringe(lot, each) for lot, each in zip(lots, account.syringes, strict=True)],
        alarms=fold.alarms,
        protrusion=_bars(fold.protrusion, PROTRUSION_BIN_UM),
        cadence=_bars(fold.cadence, CADENCE_BIN_HZ),
        dots=fold.dots,
        entries=fold.entries,
        chain_head=fold.head[0],
        chain_hash=fold.head[1],
    )


def _terms(book: SessionBook) -> Terms | None:
    """None for a session of another version, whose strokes are told all the same."""
    try:
        return terms_of(book.opened)
    except ValidationError:
        return None


def _zone(terms: Terms, account: ZoneAccount) -> SheetZone:
    zone, product, dose = terms.plan.zone(account.zone), terms.product, account.dose
    return SheetZone(
        name=zone.name,
        region=zone.region,
        planned_punctures=zone.punctures,
        punctures_certain=account.punctures_certain,
        punctures_possible=account.punctures_possible,
        planned_nl=float(zone.total_nl),
        certain_nl=float(dose.certain_nl),
        possible_nl=float(dose.possible_nl),
        certain_units=units(product, dose.certain_nl),
        possible_units=units(product, dose.possible_nl),
        parts=[] if product is None else _parts(product, dose),
    )


def _parts(product: Product, dose: Span) -> list[SheetPart]:
    certain = product.components_of(dose.certain_nl)
    possible = product.components_of(dose.possible_nl)
    return [
        SheetPart(name=name, certain_nl=float(certain[name]), possible_nl=float(possible[name]))
        for name in certain
    ]


def _syringe(lot: str, account: SyringeAccount) -> SheetSyringe:
    return SheetSyringe(
        number=account.syringe,
        lot=lot,
        loaded_nl=float(account.loaded_nl),
        delivered_nl=float(account.delivered_nl),
        primed_nl=float(account.primed_nl),
        purged_nl=float(account.purged_nl),
        discarded_nl=float(account.discarded_nl),
        unknown_nl=float(account.unknown_nl),
        left_nl=float(account.left_nl),
    )


def _pens(fold: _Fold) -> list[str]:
    uids = dict.fromkeys(arm.pen_uid for arm in fold.arms)
    return [f"{uid} {fold.models.get(uid, '')}".strip() for uid in uids]


def _bars(counts: Counter[int], width: float) -> list[Bar]:
    return [Bar(start=index * width, count=counts[index]) for index in sorted(counts)]


def _moment(wall: datetime) -> str:
    return wall.isoformat(timespec="minutes")
