"""What a person may ask of a session: one method an act, one act at a time.

Each act checks everything that must hold, commits what it is going to do, and only then does it.
Whoever acts is named in the record; a program may act for nobody but a simulated pen (C4).
"""

from functools import partial

from controller.errors import JournalError
from controller.pen.driver import Pen
from controller.record.events import (
    Actor,
    Body,
    LatchCleared,
    SessionClosed,
    SyringeLoaded,
    SyringeRemoved,
    hex_id,
)
from controller.session import arming
from controller.session.account import session_account
from controller.session.act_errors import (
    DosingBlocked,
    NoPen,
    NoSession,
    NotAllowed,
    NothingAllowed,
    NotInSyringe,
    refused_by_pen,
)
from controller.session.acting import Acting
from controller.session.alarms import raised
from controller.session.books import SessionBook
from controller.session.closing import seal_body
from controller.session.enrolment import enrol_anew
from controller.session.fitness import check_fit
from controller.session.ledger import Interval
from controller.session.progress import Progress
from controller.session.states import Act, State, after
from controller.session.summary import account_dict
from controller.session.terms import Terms, terms_of
from protocol.messages import Cleared
from protocol.words import Result, StatusFlag

__all__ = ["Acts", "NoPen", "NoSession"]

_MAY_SEAL = ("technician", "administrator")


class Acts:
    """The operator's side of an engine."""

    def __init__(self, acting: Acting) -> None:
        self._engine = acting.engine
        self._acting = acting
        self._one_at_a_time = acting.one_at_a_time

    # --- facts -----------------------------------------------------------------------------

    @property
    def progress(self) -> Progress:
        """The open session against its plan. Raises NoSession."""
        book = self._book()
        return Progress(terms_of(book.opened), book, self._engine.books)

    @property
    def busy_s(self) -> float:
        """How long the act under way, a technician's among them, has taken; 0 without one."""
        return self._one_at_a_time.held_s

    @property
    def needs_prime(self) -> bool:
        """Whether the syringe's prime volume, or a preload, is still missing."""
        engine, progress = self._engine, self.progress
        if not progress.terms.plan.dispenses:
            return False
        preloaded = engine.pen is None or engine.pen.status.flags & StatusFlag.PRELOADED
        return progress.prime_steps_left() > 0 or not preloaded

    # --- the session -----------------------------------------------------------------------

    async def open(self, session_id: str, terms: Terms, actor: Actor) -> None:
        """Open a session under `terms`. Raises WrongState while another one is open."""
        engine = self._engine
        async with self._one_at_a_time:
            after(engine.state, Act.OPEN)
            opened = terms.opened(actor)
            bodies: list[Body] = [opened]
            if terms.plan.syringe_fill_nl:
                bodies.append(_loaded(1, terms.plan.syringe_fill_nl, terms, actor))
            engine.book = SessionBook(session_id, opened, engine.clock.now_wall().isoformat())
            try:
                await engine.move(Act.OPEN, *bodies, actor=actor)
            except JournalError:
                engine.book = None
                raise
            engine.book = engine.books.sessions[session_id]

    async def close(self, actor: Actor) -> None:
        """Close the session with its account; what is left in the syringe is discarded.

        Raises WrongState while an arm is under way, DosingBlocked while one of its arms is open.
        """
        engine = self._engine
        async with self._one_at_a_time:
            after(engine.state, Act.CLOSE)
            progress, book = self.progress, self._book()
            for arm in progress.intervals():
                if arm.is_open:
                    raise DosingBlocked(f"Arm {arm.opened.arm_id} is still open; seal it first.")
            if removed := self._removed("end of session", actor):
                await engine.commit(*removed)
            zones = [zone.name for zone in progress.terms.plan.zones]
            account = session_account(engine.books, book, zones)
            closed = SessionClosed(
                outcome="complete" if progress.next_zone() is None else "ended_early",
                account=account_dict(account, progress.terms.product),
                actor=actor,
            )
            await engine.move(Act.CLOSE, *engine.alarms.on_close(), closed, actor=actor)
            engine.book = None

    # --- arms ------------------------------------------------------------------------------

    async def prime(self, actor: Actor) -> None:
        """Arm for priming; ends by itself when the planned volume is through."""
        async with self._acting.arming(actor) as pen:
            preloaded = bool(pen.status.flags & StatusFlag.PRELOADED)
            request = arming.prime_request(self.progress, pen.envelope, preloaded=preloaded)
            await self._open(pen, request, actor)

    async def purge(self, volume_nl: int, actor: Actor) -> None:
        """Arm for discarding `volume_nl` through the needle, off the skin.

        It has a line of its own in the account. Raises NotInSyringe or SyringeEmpty.
        """
        async with self._acting.arming(actor) as pen:
            request = arming.purge_request(self.progress, pen.envelope, volume_nl)
            await self._open(pen, request, actor)

    async def treat(self, actor: Actor) -> str:
        """Arm for the next zone of the plan; returns its name. Raises NothingAllowed at the end."""
        async with self._acting.arming(actor) as pen:
            zone = self.progress.next_zone()
            if zone is None:
                raise NothingAllowed("Every zone of the plan is complete.")
            try:
                request = arming.zone_request(self.progress, zone)
            except NothingAllowed as error:
                self._engine.note(*self._engine.alarms.up(raised("limit_reached", error.what)))
                raise
            await self._open(pen, request, actor)
            return zone.name

    async def pause(self, actor: Actor) -> None:
        """End the arm in an orderly way; the stroke under way is finished.

        Raises WrongState when no arm is running.
        """
        self._engine.finish(Act.PAUSE, "paused", actor=actor)

    # --- after a stop, a fault, a loss -------------------------------------------------------

    async def clear(self, actor: Actor) -> None:
        """Unlatch the stop, or else the fault, that the pen shows; never arms.

        Raises WrongState when nothing is latched, PenRefused when its cause is still there.
        """
        engine = self._engine
        async with self._one_at_a_time:
            pen = self._acting.linked()
            status = pen.status
            bodies: list[Body] = []
            still = False
            if engine.is_latched:
                stop_id = pen.last_stop_id if status.flags & StatusFlag.STOP_LATCHED else None
                reply = await _clear(pen, stop_id, status.fault)
                still = bool(reply.status.fault or reply.status.flags & StatusFlag.STOP_LATCHED)
                bodies.append(_cleared(stop_id, status.fault, actor))
                bodies += engine.alarms.on_latches(reply.status, stop_under_way=False)
            else:
                after(engine.state, Act.CLEAR)
            if engine.state is State.LATCHED and not still:
                await engine.move(Act.CLEAR, *bodies, actor=actor)
            else:
                await engine.commit(*bodies)

    async def swap_syringe(self, fill_nl: int, actor: Actor) -> None:
        """Take the syringe out, its rest discarded, and load the next one; prime follows.

        Raises NotInSyringe for a fill that cannot be.
        """
        engine = self._engine
        async with self._one_at_a_time:
            self._acting.require(State.READY)
            terms = self.progress.terms
            if not terms.plan.dispenses or fill_nl <= 0:
                raise NotInSyringe(f"A fill of {fill_nl} nl cannot be loaded in this session.")
            number = len(self._book().syringes) + 1
            removed = self._removed("swapped", actor)
            await engine.commit(*removed, _loaded(number, fill_nl, terms, actor))

    async def seal(self, arm_id: int, actor: Actor, reason: str) -> None:
        """Accept the upper bound of an open arm for ever (a pen lost or destroyed).

        Raises WrongState while an arm is under way, and DosingBlocked while its pen is connected
        and not found contradictory: such an arm ends by the pen's own record. Raises ClosedAlready
        while that record is on its way to the disk.
        """
        engine = self._engine
        async with self._one_at_a_time:
            if actor.role not in _MAY_SEAL:
                raise NotAllowed(f"'{actor.role}' may not seal an arm.")
            if engine.arm_is_open:
                after(engine.state, Act.SEAL)
            interval = self._open_interval(arm_id)
            found_contradictory = engine.state is State.BLOCKED and not engine.is_reconciling
            if self._is_here(interval) and not found_contradictory:
                raise DosingBlocked(f"The pen is connected; it closes arm {arm_id} by itself.")
            await engine.commit_for(interval, seal_body(interval, actor, reason))
            if engine.books.ledger.open_intervals():
                return
            alarms = engine.alarms.down("uncertain-delivery")
            if engine.state in (State.INTERRUPTED, State.BLOCKED):
                await engine.move(Act.SEAL, *alarms, actor=actor, reason=reason)
            else:
                await engine.commit(*alarms)

    async def enrol(self, actor: Actor, reason: str) -> None:
        """Take the linked pen into the books anew after a contradiction. See `enrol_anew`."""
        async with self._one_at_a_time:
            await enrol_anew(self._engine, actor, reason)

    # --- inside ----------------------------------------------------------------------------

    async def _open(self, pen: Pen, request: arming.Request, actor: Actor) -> None:
        check = partial(check_fit, self._engine, self.progress)
        await self._acting.opener.open(pen, request, actor, check)

    def _removed(self, reason: str, actor: Actor) -> list[Body]:
        syringe = self._book().syringe
        if syringe is None:
            return []
        left_nl = self.progress.syringe_left_nl()
        return [
            SyringeRemoved(
                syringe=syringe.loaded.syringe,
                discarded_nl_numerator=left_nl.numerator,
                discarded_nl_denominator=left_nl.denominator,
                reason=reason,
                actor=actor,
            )
        ]

    def _book(self) -> SessionBook:
        if not isinstance(self._engine.book, SessionBook):
            raise NoSession("No session is open.")
        return self._engine.book

    def _is_here(self, interval: Interval) -> bool:
        pen = self._engine.pen
        return pen is not None and hex_id(pen.uid) == interval.opened.pen_uid

    def _open_interval(self, arm_id: int) -> Interval:
        for interval in self._engine.books.ledger.open_intervals():
            if interval.opened.arm_id == arm_id:
                return interval
        raise NoSession(f"Arm {arm_id} is not open in the books.")


async def _clear(pen: Pen, stop_id: int | None, fault: int) -> Cleared:
    reply = await (pen.clear_fault(fault) if stop_id is None else pen.clear_stop(stop_id))
    if reply.result is not Result.OK:
        raise refused_by_pen("CLEAR", reply.result)
    return reply


def _cleared(stop_id: int | None, fault: int, actor: Actor) -> LatchCleared:
    if stop_id is None:
        return LatchCleared(stop_id=None, fault=fault, actor=actor)
    return LatchCleared(stop_id=hex_id(stop_id), fault=0, actor=actor)


def _loaded(number: int, fill_nl: int, terms: Terms, actor: Actor) -> SyringeLoaded:
    lot = terms.product.lot if terms.product else ""
    return SyringeLoaded(syringe=number, fill_nl=fill_nl, lot=lot, actor=actor)
