"""The open session as the screen shows it: zones against the plan, syringe, what was lost."""

from fractions import Fraction

from controller.console.views import (
    DeliveredView,
    LostView,
    SessionView,
    SyringeView,
    ZoneView,
)
from controller.session.books import SessionBook
from controller.session.engine import Engine
from controller.session.ledger import Interval
from controller.session.plan import Zone
from controller.session.product import Product
from controller.session.progress import Progress
from controller.session.terms import Terms, terms_of
from protocol.words import StatusFlag


class Shown(Progress, frozen=True):
    """Progress that knows the session's arms: finding them means asking every arm of the journal,
    which is too much for ten times a second in a journal of years.
    """

    arms: tuple[Interval, ...] = ()

    def intervals(self, zone: str | None = None) -> list[Interval]:
        """The session's arms; of one zone when named."""
        return [arm for arm in self.arms if zone is None or arm.opened.zone == zone]


class SessionPicture:
    """Keeps what is costly to find: the session's frozen terms, its arms, and its last loss."""

    def __init__(self) -> None:
        self._terms: tuple[str, Terms] | None = None
        self._arms: tuple[tuple[str, int], tuple[Interval, ...]] | None = None
        self._lost: tuple[LostView, int] | None = None

    def progress(self, engine: Engine) -> Progress | None:
        """The open session against its plan; None without one, also during a calibration."""
        book = engine.book
        if not isinstance(book, SessionBook):
            return None
        if self._terms is None or self._terms[0] != book.session_id:
            self._terms = (book.session_id, terms_of(book.opened))
        return Shown(self._terms[1], book, engine.books, self._arms_of(engine, book.session_id))

    def _arms_of(self, engine: Engine, session_id: str) -> tuple[Interval, ...]:
        ledger = engine.books.ledger
        known = (session_id, len(ledger.intervals))  # an arm is never taken out of the books
        if self._arms is None or self._arms[0] != known:
            self._arms = (known, tuple(ledger.of_session(session_id)))
        return self._arms[1]

    def view(self, engine: Engine, progress: Progress) -> SessionView:
        """Everything that the screen shows of a session."""
        return _view(engine, progress, self._loss(engine, progress))

    def _loss(self, engine: Engine, progress: Progress) -> LostView | None:
        """When and why the pen was lost; told until the next arm is opened."""
        wall, arms = progress.book.lost_wall, len(progress.intervals())
        if wall is None:
            return None
        if self._lost is None or self._lost[0].wall != wall:
            alarm = engine.alarms.active.get("uncertain-delivery")
            self._lost = (LostView(wall=wall, reason="" if alarm is None else alarm.cause), arms)
        lost, arms_then = self._lost
        return lost if arms == arms_then else None


def _view(engine: Engine, progress: Progress, lost: LostView | None) -> SessionView:
    book, plan = progress.book, progress.terms.plan
    following = progress.next_zone()
    drive = engine.drive
    return SessionView(
        id=book.session_id,
        plan_title=plan.name,
        patient=book.opened.patient,
        operator=book.opened.operator.name,
        state=engine.state.value,
        zone=None if drive is None else drive.interval.opened.zone,
        zones=[_zone(progress, zone, is_next=zone is following) for zone in plan.zones],
        syringe=_syringe(engine, progress),
        last_delivered=_last(progress),
        lost=lost,
    )


def needs_prime(engine: Engine, progress: Progress) -> bool:
    """Whether the syringe's prime volume, or a preload, is still missing; as `Acts` has it."""
    if not progress.terms.plan.dispenses:
        return False
    preloaded = engine.pen is None or engine.pen.status.flags & StatusFlag.PRELOADED
    return progress.prime_steps_left() > 0 or not preloaded


def _zone(progress: Progress, zone: Zone, *, is_next: bool) -> ZoneView:
    account, product = progress.account_of(zone), progress.terms.product
    planned_nl = Fraction(zone.total_nl)
    return ZoneView(
        name=zone.name,
        region=zone.region,
        title=zone.name,
        planned_punctures=zone.punctures,
        punctures=account.punctures_certain,
        planned_nl=float(planned_nl),
        certain_nl=float(account.dose.certain_nl),
        possible_nl=float(account.dose.possible_nl),
        planned_units=units(product, planned_nl),
        certain_units=units(product, account.dose.certain_nl),
        possible_units=units(product, account.dose.possible_nl),
        unit=None if product is None else product.unit,
        is_next=is_next,
        is_complete=progress.punctures_left(zone) == 0,
    )


def units(product: Product | None, nl: Fraction) -> float | None:
    """A volume in the product's own unit; None without one."""
    if product is None or product.unit is None:
        return None
    return float(product.units_of(nl))


def _syringe(engine: Engine, progress: Progress) -> SyringeView:
    syringe = progress.book.syringe
    return SyringeView(
        left_nl=float(progress.syringe_left_nl()),
        fill_nl=None if syringe is None else float(syringe.loaded.fill_nl),
        needs_prime=needs_prime(engine, progress),
    )


def _last(progress: Progress) -> DeliveredView | None:
    book = progress.book
    if book.last_stroke_arm is None or book.last_stroke_wall is None:
        return None
    zone = progress.books.ledger.intervals[book.last_stroke_arm].opened.zone
    made = sum(each.certain.punctures for each in progress.intervals(zone) if zone)
    return DeliveredView(zone=zone, puncture=made, wall=book.last_stroke_wall)
