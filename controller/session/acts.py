"""What a person may ask of a session: one method an act, one act at a time.

Each act checks everything that must hold, commits what it is going to do, and only then does it.
Whoever acts is named in the record; a program may act for nobody but a simulated pen (C4).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from controller.errors import LinkError, PenRefused, SessionError
from controller.pen.driver import Pen
from controller.pen.identity import realm_of
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
from controller.session.amounts import wire_counters
from controller.session.books import SessionBook, Syringe
from controller.session.certificate import Certificate
from controller.session.closing import seal_body
from controller.session.drive import Drive
from controller.session.engine import Engine
from controller.session.interlocks import (
    Finding,
    check_cartridge,
    check_certificate,
    check_product,
)
from controller.session.ledger import Interval
from controller.session.progress import Progress
from controller.session.states import Act, State, after
from controller.session.summary import account_dict
from controller.session.terms import Terms, terms_of
from protocol.messages import Cartridge
from protocol.words import RESULT_SENTENCES, Result, StatusFlag

_MAY_SEAL = ("technician", "administrator")


class NoPen(SessionError):
    """No pen is linked and reconciled."""

    number = 4030
    cause = "The pen is off, unplugged, or its record is still being read."
    action = "Check cable and power; the program connects by itself."


class NotAllowed(SessionError):
    """This actor may not do this."""

    number = 4031
    cause = "The act needs another role, or a person where a program asked."
    action = "Let a person with the right role do it."


class DosingBlocked(SessionError):
    """Something unresolved forbids every arm."""

    number = 4032
    cause = "An open interval, a contradiction between pen and record, or a failed record."
    action = "Resolve what the sentence names; until then nothing moves."


class NoSession(SessionError):
    """There is no open session."""

    number = 4033
    cause = "None was opened, or it is closed."
    action = "Start one with `micropen run --plan FILE`."


class Acts:
    """The operator's side of an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._one_at_a_time = asyncio.Lock()

    # --- facts -----------------------------------------------------------------------------

    @property
    def progress(self) -> Progress:
        """The open session against its plan. Raises NoSession."""
        book = self._book()
        return Progress(terms_of(book.opened), book, self._engine.books)

    @property
    def needs_prime(self) -> bool:
        """Whether the syringe's prime volume, or a preload, is still missing."""
        engine, progress = self._engine, self.progress
        if progress.terms.certificate is None or not progress.terms.plan.prime_nl:
            return False
        preloaded = engine.pen is None or engine.pen.status.flags & StatusFlag.PRELOADED
        return progress.prime_steps_left() > 0 or not preloaded

    # --- acts ------------------------------------------------------------------------------

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
            bodies.append(engine.transition(Act.OPEN, actor=actor))
            await engine.commit(*bodies)
            engine.book = engine.books.sessions[session_id]

    async def prime(self, actor: Actor) -> None:
        """Arm for priming; ends by itself when the planned volume is through."""
        async with self._arming(actor) as pen:
            preloaded = bool(pen.status.flags & StatusFlag.PRELOADED)
            request = arming.prime_request(self.progress, pen.envelope, preloaded=preloaded)
            await self._arm(pen, request, actor)

    async def treat(self, actor: Actor) -> str:
        """Arm for the next zone of the plan; returns its name. Raises NothingAllowed at the end."""
        async with self._arming(actor) as pen:
            zone = self.progress.next_zone()
            if zone is None:
                raise arming.NothingAllowed("Every zone of the plan is complete.")
            await self._arm(pen, arming.zone_request(self.progress, zone), actor)
            return zone.name

    async def pause(self, actor: Actor) -> None:
        """End the arm in an orderly way; the stroke under way is finished."""
        self._engine.finish(Act.PAUSE, "paused", actor=actor)

    async def clear(self, actor: Actor) -> None:
        """Unlatch the stop or the fault that the pen shows; never arms."""
        engine = self._engine
        async with self._one_at_a_time:
            pen = self._linked()
            status = pen.status
            stop_id = pen.last_stop_id if status.flags & StatusFlag.STOP_LATCHED else None
            reply = await (
                pen.clear_fault(status.fault) if stop_id is None else pen.clear_stop(stop_id)
            )
            if reply.result is not Result.OK:
                raise _refused("CLEAR", reply.result)
            bodies: list[Body] = [
                LatchCleared(
                    stop_id=None if stop_id is None else hex_id(stop_id),
                    fault=0 if stop_id is not None else status.fault,
                    actor=actor,
                )
            ]
            bodies += engine.alarms.down("stop-latched")
            bodies += engine.alarms.down(f"pen-fault-{status.fault}")
            still = reply.status.fault or reply.status.flags & StatusFlag.STOP_LATCHED
            if engine.state is State.LATCHED and not still:
                bodies.append(engine.transition(Act.CLEAR, actor=actor))
            await engine.commit(*bodies)

    async def swap_syringe(self, fill_nl: int, actor: Actor) -> None:
        """Take the syringe out, its rest discarded, and load the next one; prime follows."""
        engine = self._engine
        async with self._one_at_a_time:
            self._require(State.READY)
            terms = self.progress.terms
            number = len(self._book().syringes) + 1
            removed = self._removed("swapped", actor)
            await engine.commit(*removed, _loaded(number, fill_nl, terms, actor))

    async def seal(self, arm_id: int, actor: Actor, reason: str) -> None:
        """Accept the upper bound of an open arm for ever (a pen lost or destroyed)."""
        engine = self._engine
        async with self._one_at_a_time:
            if actor.role not in _MAY_SEAL:
                raise NotAllowed(f"'{actor.role}' may not seal an arm.")
            interval = self._open_interval(arm_id)
            await engine.commit(seal_body(interval, actor, reason))
            bodies: list[Body] = []
            if not engine.books.ledger.open_intervals():
                bodies += engine.alarms.down("uncertain-delivery")
                if engine.state in (State.INTERRUPTED, State.BLOCKED):
                    bodies.append(engine.transition(Act.SEAL, actor=actor, reason=reason))
            engine.note(*bodies)

    async def close(self, actor: Actor) -> None:
        """Close the session with its account; what is left in the syringe is discarded."""
        engine = self._engine
        async with self._one_at_a_time:
            after(engine.state, Act.CLOSE)
            complete = self.progress.next_zone() is None
            removed = self._removed("end of session", actor)
            if removed:
                await engine.commit(*removed)
            zones = [zone.name for zone in self.progress.terms.plan.zones]
            account = session_account(engine.books, self._book(), zones)
            closed = SessionClosed(
                outcome="complete" if complete else "ended_early",
                account=account_dict(account, self.progress.terms.product),
                actor=actor,
            )
            await engine.commit(closed, engine.transition(Act.CLOSE, actor=actor))
            engine.book = None

    # --- inside ----------------------------------------------------------------------------

    @asynccontextmanager
    async def _arming(self, actor: Actor) -> AsyncIterator[Pen]:
        async with self._one_at_a_time:
            self._require(State.READY)
            pen = self._linked()
            if actor.role == "program" and realm_of(pen.uid) != "training":
                raise NotAllowed("A program may arm nothing but a simulated pen.")
            self._check_books(pen)
            yield pen

    async def _arm(self, pen: Pen, request: arming.Request, actor: Actor) -> None:
        engine = self._engine
        fitted = await pen.cartridge()
        self._check_fit(pen, fitted)
        digest = await arming.configure(pen, request.settings)
        arm_id = self._next_arm_id(pen)
        prepared = arming.prepare(pen, arm_id, request, digest, fitted, actor)
        changed = engine.transition(Act.ARM, actor=actor)
        await engine.commit(changed, prepared.opened, prepared.first_grant)
        interval = engine.books.ledger.intervals[(hex_id(pen.uid), arm_id)]
        await self._ask_pen(pen, interval, prepared)

    async def _ask_pen(self, pen: Pen, interval: Interval, prepared: arming.Prepared) -> None:
        engine, opened = self._engine, prepared.opened
        try:
            reply = await pen.arm(
                opened.arm_id,
                opened.settings_digest,
                int(opened.cartridge_uid, 16),
                int(opened.certificate_id, 16),
                wire_counters(opened.first),
                pen.last_stop_id,
            )
        except LinkError as error:
            if engine.state is State.ARMING:
                engine.finish(Act.REFUSED, error.what, interval=interval)
            raise
        if reply.result is not Result.OK:
            engine.finish(Act.REFUSED, reply.result.name.lower(), interval=interval)
            raise _refused("ARM", reply.result)
        if engine.intake is None or engine.state is not State.ARMING:
            raise NoPen("The pen was lost while it was armed.")
        drive = Drive(pen, interval, engine.intake, prepared.allowance, engine.complete)
        engine.armed(drive, reply.status.pen_ticks)

    def _next_arm_id(self, pen: Pen) -> int:
        uid = hex_id(pen.uid)
        booked = (arm_id for known, arm_id in self._engine.books.ledger.intervals if known == uid)
        return max(pen.hello.highest_arm_id, *booked, 0) + 1

    def _check_books(self, pen: Pen) -> None:
        ledger = self._engine.books.ledger
        if self._engine.recorder.failed:
            raise DosingBlocked("The record cannot be written.")
        if found := ledger.violations.get(hex_id(pen.uid)):
            raise DosingBlocked(found[0])
        if unclosed := ledger.open_intervals():
            arm = unclosed[0].opened
            raise DosingBlocked(f"Arm {arm.arm_id} of pen {arm.pen_uid} is still open.")

    def _check_fit(self, pen: Pen, fitted: Cartridge) -> None:
        progress, now_wall = self.progress, self._engine.clock.now_wall()
        terms = progress.terms
        armed_here = any(
            arm.opened.cartridge_uid == hex_id(fitted.cartridge_uid) for arm in progress.intervals()
        )
        findings = list(check_cartridge(terms.cartridge, fitted, armed_here=armed_here))
        if terms.product is not None:
            findings += check_product(terms.product, now_wall)
        if terms.certificate is not None:
            findings += check_certificate(
                terms.certificate,
                pen_uid=pen.uid,
                pen_punctures=pen.status.counters.punctures,
                now_wall=now_wall,
                realm=self._engine.realm,
                accept_provisional=terms.accept_provisional,
            )
            findings += _stored(terms.certificate, pen.identity.certificate_id)
        for finding in findings:
            if finding.severity == "block":
                raise DosingBlocked(finding.sentence)

    def _removed(self, reason: str, actor: Actor) -> list[Body]:
        syringe: Syringe | None = self._book().syringe
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
        if self._engine.book is None:
            raise NoSession("No session is open.")
        return self._engine.book

    def _linked(self) -> Pen:
        engine = self._engine
        if engine.pen is None or not engine.reconciled:
            raise NoPen("No pen is ready.")
        return engine.pen

    def _require(self, state: State) -> None:
        if self._engine.state is not state:
            after(self._engine.state, Act.ARM)

    def _open_interval(self, arm_id: int) -> Interval:
        for interval in self._engine.books.ledger.open_intervals():
            if interval.opened.arm_id == arm_id:
                return interval
        raise NoSession(f"Arm {arm_id} is not open in the books.")


def _loaded(number: int, fill_nl: int, terms: Terms, actor: Actor) -> SyringeLoaded:
    lot = terms.product.lot if terms.product else ""
    return SyringeLoaded(syringe=number, fill_nl=fill_nl, lot=lot, actor=actor)


def _stored(certificate: Certificate, stored_id: int) -> list[Finding]:
    if certificate.wire_id == stored_id:
        return []
    sentence = (
        f"The pen stores certificate {hex_id(stored_id)}, this session has "
        f"{certificate.certificate_id}. Calibrate the pen, or choose the certificate it stores."
    )
    return [Finding("CERTIFICATE_MISMATCH", "block", sentence)]


def _refused(request: str, result: Result) -> PenRefused:
    return PenRefused(f"{request} was refused: {RESULT_SENTENCES[result]}.", result=result)
