"""The session engine: the only writer of session state.

The operator's acts (`acts.py`) and the pen's word (`hearing.py`) meet here; both end in committed
entries. STOP is not an act: it waits for nothing and is recorded afterwards.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from controller.clock import Clock
from controller.errors import JournalError, MicropenError, SessionError
from controller.pen.driver import Pen
from controller.pen.identity import Realm
from controller.record.events import (
    Actor,
    Body,
    Contradiction,
    LinkLost,
    PenEnrolled,
    StateChanged,
    StopSent,
    hex_id,
)
from controller.session.alarms import AlarmBoard, Change, raised
from controller.session.books import Books, Work
from controller.session.changes import Changes
from controller.session.drive import Drive
from controller.session.ending import end_arm
from controller.session.intake import Intake
from controller.session.ledger import Interval
from controller.session.reconciling import reconcile
from controller.session.recorder import Recorder, Writer
from controller.session.recovery import Recovery
from controller.session.seen import Seen
from controller.session.states import Act, State, after
from controller.session.stops import Stops
from controller.session.works import Works
from protocol.messages import Status, Stopped
from protocol.words import StatusFlag

_ARM_OPEN = frozenset({State.ARMING, State.RUNNING, State.ENDING})

_log = structlog.get_logger("session")


SendStop = Callable[[str], int]
"""Sends STOP at once, for a reason; callable from any thread; returns the stop id."""


class Engine:
    """State of one service: at most one open session or calibration, one linked pen, one arm."""

    def __init__(
        self, clock: Clock, books: Books, writer: Writer, send_stop: SendStop, realm: Realm
    ) -> None:
        self.clock = clock
        self.realm = realm
        self.books = books
        self.recorder = Recorder(writer, books, self._record_failed)
        self._send_stop = send_stop
        self.changes = Changes()
        self.seen = Seen()
        self.alarms = AlarmBoard(books.alarms)
        self.book: Work | None = books.open_work()
        self.state = State.NONE if self.book is None else self.book.state
        self.pen: Pen | None = None
        self.intake: Intake | None = None
        self.recovery: Recovery | None = None
        self.drive: Drive | None = None
        self.reconciled = False
        self.link_error: MicropenError | None = None
        self.on_defect: Callable[[BaseException], None] = self._stop_for
        self.on_record_failed: Callable[[Exception], None] = lambda _: None
        self.host_under_voltage: Callable[[], bool] = lambda: False
        self.pump_head: str | None = None  # by the site's pen file; None: nobody said
        self.stops = Stops(clock, self._not_echoed)
        self._contradictions: dict[tuple[str, str], None] = {}  # noted, perhaps not booked yet
        self.works = Works(self._work_failed)
        self.looks = 0  # statuses judged; see `controller/service/supervised/evidence.py`
        self._armed_ticks = 0

    # --- facts -----------------------------------------------------------------------------

    @property
    def session_id(self) -> str | None:
        """The open session's or calibration's id."""
        return None if self.book is None else self.book.session_id

    @property
    def log(self) -> Any:
        """A logger whose lines carry the session and the pen of this moment."""
        return _log.bind(session=self.session_id, pen=self._uid())

    @property
    def arm_is_open(self) -> bool:
        """Whether an arm is under way, from before ARM's first byte to its final record."""
        return self.state in _ARM_OPEN

    @property
    def is_latched(self) -> bool:
        """Whether the pen shows a latched stop or fault."""
        return self.pen is not None and shows_latch(self.pen.status)

    @property
    def is_reconciling(self) -> bool:
        """Whether a pen is linked and `Recovery` has not come to its end with it."""
        return self.pen is not None and not self.reconciled and self.link_error is None

    @property
    def violations(self) -> list[str]:
        """What the linked pen did against the rules, by the books."""
        uid = self._uid() or ""
        booked = self.books.ledger.violations.get(uid, [])
        noted = [each for pen_uid, each in self._contradictions if pen_uid == uid]
        return booked + [each for each in noted if each not in booked]

    # --- state and record ------------------------------------------------------------------

    def transition(self, act: Act, *, actor: Actor | None = None, reason: str = "") -> StateChanged:
        """Move along the table and return the entry that says so. Raises WrongState."""
        before, self.state = self.state, after(self.state, act)
        zone = self.drive.interval.opened.zone if self.drive else None
        self.log.info("state", before=before, act=act, after=self.state, reason=reason)
        self.changes.notify()
        return StateChanged(
            before=before, act=act, after=self.state, zone=zone, actor=actor, reason=reason
        )

    async def move(
        self, act: Act, *bodies: Body, actor: Actor | None = None, reason: str = ""
    ) -> None:
        """Move along the table and commit the entry that says so behind `bodies`.

        When they cannot be committed the state is what it was. Raises WrongState, JournalError.
        """
        before = self.state
        changed = self.transition(act, actor=actor, reason=reason)
        try:
            await self.commit(*bodies, changed)
        except JournalError:
            if self.state == changed.after:
                self.state = before
            raise

    def note(self, *bodies: Body) -> None:
        """Record bodies of the open session without waiting for the disk."""
        if bodies and self.recorder.accepts:
            self.recorder.submit(*bodies, session_id=self.session_id, pen_uid=self._uid())
        elif bodies:
            self.log.error("not recorded", kinds=[body.kind for body in bodies])

    async def commit(self, *bodies: Body) -> None:
        """Record bodies of the open session and wait until they are booked."""
        if bodies:
            await self.recorder.commit(*bodies, session_id=self.session_id, pen_uid=self._uid())
        self.changes.notify()

    async def commit_for(self, interval: Interval, *bodies: Body) -> None:
        """Record bodies about an arm: they belong to its pen, and to its session if it has one."""
        pen_uid = interval.opened.pen_uid
        await self.recorder.commit(*bodies, session_id=interval.session_id, pen_uid=pen_uid)
        self.changes.notify()

    def latch_alarms(self) -> list[Change]:
        """The entries by which the alarms follow what the pen has latched."""
        if self.pen is None:
            return []
        return self.alarms.on_latches(self.pen.status, stop_under_way=self.stops.under_way)

    def acknowledge(self) -> None:
        """Let the pen forget what is committed, once this journal has events of an arm of its own.

        Before that, what is in the ring may be on nobody's record: a host that only looks in must
        not take the events of another one's arm away.
        """
        pen, intake = self.pen, self.intake
        if pen is None or intake is None:
            return
        if self.books.ledger.has_events(hex_id(pen.uid), pen.boot_id):
            pen.ack(intake.acked_index)

    def check_books(self) -> None:
        """Stop the pen when the books say that it broke the rules."""
        if found := self.violations:
            self.contradicted(found[-1])

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run link-bound work; it is cancelled when the pen is lost."""
        self.works.begin(work)

    def recover_state(self) -> list[Body]:
        """After a restart: what the last process left open. Returns the entries that say so."""
        bodies: list[Body] = list(self.alarms.down("record-failed", "stop-unconfirmed"))
        if self.arm_is_open:
            bodies += self._lost("the service was restarted")
        return bodies

    async def shut_down(self) -> None:
        """Stop granting and end every task; a second call does nothing."""
        self.halt()
        await self.works.end()

    # --- stop ------------------------------------------------------------------------------

    def stop(self, reason: str, actor: Actor | None = None) -> int:
        """Stop the pen now. The bytes leave before anything else happens here."""
        stop_id = self._send_stop(reason)
        self.stop_was_sent(stop_id, reason, actor)
        return stop_id

    def stop_was_sent(self, stop_id: int, reason: str, actor: Actor | None = None) -> None:
        """Take note of a stop whose bytes another thread has sent already."""
        self.halt()
        confirmed = self.stops.sent(stop_id)
        entry = StopSent(stop_id=hex_id(stop_id), reason=reason, actor=actor)
        self.note(entry, *self.alarms.up(raised("stop_latched", reason)))
        if confirmed is not None:
            self.note(confirmed)

    def stop_was_echoed(self, stopped: Stopped) -> None:
        """The pen echoed a stop; only the first echo of each stop is recorded."""
        if (confirmed := self.stops.echoed(stopped)) is not None:
            bodies: list[Body] = [confirmed]
            if not self.stops.under_way:
                bodies += self.alarms.down("stop-unconfirmed")
            self.note(*bodies)

    def _not_echoed(self) -> None:
        self.note(*self.alarms.up(raised("stop_unconfirmed")))
        self.changes.notify()

    # --- the link --------------------------------------------------------------------------

    def linked(self, pen: Pen) -> None:
        """A handshake is complete; nothing may be armed until `Recovery` has run."""
        self.pen, self.reconciled, self.link_error = pen, False, None
        self.seen.forget()
        self.intake = Intake(
            self.recorder, self.books.ledger, self.clock, pen.uid, pen.boot_id, self._committed
        )
        self.recovery = Recovery(
            pen, self.intake, self.books.ledger, self.recorder, self.changes, self.alarms
        )
        self.log.info("pen up", boot=pen.boot_id)
        self.spawn(reconcile(self, pen, self.recovery))

    async def enrolled(self, body: PenEnrolled, cleared: Sequence[Body]) -> None:
        """Record that the linked pen is in the books anew; what was found against it is over."""
        await self.recorder.commit(body, *cleared, session_id=self.session_id, pen_uid=body.pen_uid)
        for key in [key for key in self._contradictions if key[0] == body.pen_uid]:
            del self._contradictions[key]
        self.log.warning("pen enrolled anew", reason=body.reason)

    def no_link(self, error: MicropenError) -> None:
        """There is no pen that may be used, for this reason."""
        self.link_error = error
        self.changes.notify()

    def unlinked(self, pen: Pen, reason: str) -> None:
        """The link is gone: what is open stays open until the pen itself has been asked."""
        bodies: list[Body] = [LinkLost(pen_uid=hex_id(pen.uid), reason=reason)]
        self.halt()
        if self.intake is not None:
            self.intake.close()
        self.works.cancel()
        if self.arm_is_open:
            bodies += self._lost(reason)
        self.note(*bodies)
        self.log.warning("pen lost", reason=reason)
        self.pen, self.intake, self.recovery, self.drive = None, None, None, None
        self.reconciled = False
        self.changes.notify()

    # --- one arm's life ----------------------------------------------------------------------

    def armed(self, drive: Drive, ticks: int) -> None:
        """The pen opened the arm at `ticks`: from here on it may be granted."""
        self._armed_ticks = ticks
        self.drive = drive
        self.note(self.transition(Act.ARMED), *self.alarms.on_arm())
        drive.start()

    def finish(
        self, act: Act, reason: str, *, actor: Actor | None = None, interval: Interval | None = None
    ) -> None:
        """Raise nothing more and fetch the pen's final record of the arm under way.

        Raises WrongState when no arm is under way.
        """
        self.note(self.transition(act, actor=actor, reason=reason))
        if self.drive is not None:
            interval = self.drive.interval
            if act in (Act.DONE, Act.PAUSE):
                self.drive.ease()
            else:
                self.drive.halt()
        if interval is not None:
            self.spawn(end_arm(self, interval))

    def complete(self) -> None:
        """The drive has nothing left to grant and all of it is committed."""
        if self.state is State.RUNNING and self.drive is not None:
            self.drive.is_used_up = True
            self.finish(Act.DONE, "complete")

    def halt(self) -> None:
        """Grant nothing more from this instant on."""
        if self.drive is not None:
            self.drive.halt()

    def drop_drive(self) -> None:
        """The arm is over: nobody drives it any more."""
        self.halt()
        self.drive = None

    def has_ended(self, status: Status) -> bool:
        """Whether a status from after the arm says that the pen has ended it."""
        arm_id = self.drive.arm_id if self.drive else 0
        return status.pen_ticks > self._armed_ticks and status.arm_id != arm_id

    # --- inside ------------------------------------------------------------------------------

    def _uid(self) -> str | None:
        return None if self.pen is None else hex_id(self.pen.uid)

    def _work_failed(self, error: BaseException) -> None:
        if not isinstance(error, JournalError):  # a failed record has stopped the pen already
            self.on_defect(error)

    def _stop_for(self, error: BaseException) -> None:
        self.log.error("internal error", exc_info=error)
        self.stop(f"internal error: {error!r}")

    def _committed(self) -> None:
        if self.drive is not None and self.drive.is_granting:
            self.drive.committed()
        else:
            self.acknowledge()
        self.check_books()
        self.changes.notify()

    def _lost(self, reason: str) -> list[Body]:
        was_ending = self.state is State.ENDING
        bodies: list[Body] = [self.transition(Act.LOSE, reason=reason)]
        if was_ending and not self.books.ledger.open_intervals():
            # The closing entry came through, only the state did not: nothing is uncertain.
            bodies.append(self.transition(Act.RECONCILE, reason="the arm was closed before"))
            return bodies
        return [*bodies, *self.alarms.up(raised("uncertain_delivery", reason))]

    def contradicted(self, sentence: str) -> None:
        """Pen and books contradict each other: stop, and let nobody arm."""
        uid = self._uid()
        alarm = self.alarms.up(raised("books_contradict_pen", sentence, of=uid or ""))
        if alarm:
            self.stop(sentence)
        if uid is not None and sentence not in self.violations:
            self._contradictions[uid, sentence] = None
            self.note(Contradiction(pen_uid=uid, sentence=sentence))
        self.note(*alarm)

    def _record_failed(self, error: Exception) -> None:
        if isinstance(error, SessionError):
            self.contradicted(str(error))  # durable, and against the books
            return
        if not isinstance(error, JournalError):
            self.on_defect(error)  # the books' own code failed: no word against the pen
            return
        reason = "the record cannot be written"
        stop_id = self._send_stop(reason)
        self.halt()
        self.log.error("record failed", error=str(error))
        self.on_record_failed(error)
        self.stop_was_sent(stop_id, reason)
        self.note(*self.alarms.up(raised("record_failed", str(error))))
        if self.intake is not None and self.pen is not None and self.pen.is_followed:
            # What was on its way to the disk is in the pen still: read it again.
            self.intake.forget_waiting()
            self.pen.follow_strokes(self.intake.acked_index)
        self.changes.notify()


def shows_latch(status: Status) -> bool:
    """Whether a status says that a stop or a fault is latched."""
    return bool(status.fault or status.flags & StatusFlag.STOP_LATCHED)
