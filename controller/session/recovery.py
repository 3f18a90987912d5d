"""What happens before anything else may, each time a pen is there again (design section 2.5).

Enrol or recognise the pen, read what it did while nobody listened, close every open interval from
the pen's own final record, then compare its counters with the books: what is over is foreign
movement, what is under stops everything.
"""

import asyncio

from controller.errors import LinkLost, SessionError
from controller.pen.driver import Pen
from controller.pen.identity import text_of
from controller.record.events import (
    ArmClosed,
    Body,
    ForeignMovement,
    LinkUp,
    PenEnrolled,
    hex_id,
)
from controller.session.alarms import AlarmBoard, raised
from controller.session.amounts import Amount, counter_set, counters_with, difference
from controller.session.changes import Changes
from controller.session.closing import (
    RecordNotFinal,
    RecordUnusable,
    alarms_of,
    closing_body,
    never_body,
)
from controller.session.intake import Intake
from controller.session.ledger import Interval, Ledger
from controller.session.recorder import ClosedAlready, Recorder
from protocol.faults import fault_number
from protocol.limits import PROTOCOL_VERSION, is_simulated_uid
from protocol.messages import Status
from protocol.words import StatusFlag

EVENTS_WITHIN_S = 3.0
POLL_S = 0.1
NVM_FAULT = fault_number("NVM_FAULT")


class PenUnsettled(SessionError):
    """The pen moves, or events that it counted are not recorded yet."""

    number = 4014
    cause = "The pen is homing or braking, the line is disturbed, or the disk is slow."
    action = "Wait a moment and try again."


class Recovery:
    """Brings books and one linked pen together. `run` may be repeated until it succeeds."""

    def __init__(
        self,
        pen: Pen,
        intake: Intake,
        ledger: Ledger,
        recorder: Recorder,
        changes: Changes,
        alarms: AlarmBoard,
    ) -> None:
        self._pen = pen
        self._intake = intake
        self._ledger = ledger
        self._recorder = recorder
        self._changes = changes
        self._alarms = alarms
        self._uid = hex_id(pen.uid)
        self._recognised = False
        self.closed: list[Interval] = []

    async def run(self) -> None:
        """Bring books and pen together, or raise and leave dosing blocked.

        Raises RecordUnusable, NegativeDifference or EventsRunBackwards when they contradict each
        other. Raises LinkError or PenUnsettled when an answer is missing: repeat while the link
        stands.
        """
        if not self._recognised:
            await self._recognise()
        self._check_memory()
        await self._check_last_arm()
        await self._changes.until(lambda: self._has_all(self._pen.status), EVENTS_WITHIN_S)
        for interval in self._ledger.open_intervals(self._uid):
            await self._close(interval)
        await self.adopt_foreign()

    async def adopt_foreign(self) -> None:
        """Book what the pen did outside this journal's arms, to nobody; alarm unless explained.

        Raises NegativeDifference when a counter fell, PenUnsettled when the pen moves, LinkLost.
        """
        after = counter_set((await self._settled_status()).counters)
        before = self._ledger.last_known[self._uid]
        moved = difference(before, after)
        if before == after:
            return
        bodies: list[Body] = [ForeignMovement(pen_uid=self._uid, before=before, after=after)]
        sealed = self._ledger.sealed_amount(self._uid)
        if not moved.within(sealed) and not self._is_own_relief(moved):
            bodies += self._alarms.up(raised("foreign_movement"))
        await self._recorder.commit(*bodies, pen_uid=self._uid)

    def _is_own_relief(self, moved: Amount) -> bool:
        # SPEC.md 6.6: the relief after an occlusion is the one movement of the pump without an
        # arm. A reset takes its event away and leaves its reservation in the counters; nobody else
        # can have moved a pen that knows no arm but those of this journal.
        reverse = moved.reverse_steps
        return (
            moved == Amount(reverse_steps=reverse)
            and reverse <= self._pen.envelope.max_steps
            and self._pen.hello.highest_arm_id <= self._ledger.highest_arm_id(self._uid)
        )

    async def _recognise(self) -> None:
        pen = self._pen
        counters = counter_set(pen.status.counters)
        firmware = text_of(pen.identity.firmware)
        boot_before = self._ledger.boots.get(self._uid, 0)
        if self._uid not in self._ledger.last_known:
            # Its events up to now are from before this journal knew it, in every later link too.
            await self._recorder.commit(
                PenEnrolled(
                    pen_uid=self._uid,
                    simulated=is_simulated_uid(pen.uid),
                    model=text_of(pen.identity.model),
                    firmware=firmware,
                    counters=counters,
                    pen_boot_id=pen.boot_id,
                    next_index=pen.status.next_index,
                ),
                pen_uid=self._uid,
            )
        await self._recorder.commit(
            LinkUp(
                pen_uid=self._uid,
                pen_boot_id=pen.boot_id,
                link_id=pen.link_id,
                firmware=firmware,
                counters=counters,
                protocol_version=PROTOCOL_VERSION,
                certificate_id=hex_id(pen.identity.certificate_id),
            ),
            pen_uid=self._uid,
        )
        if pen.boot_id < boot_before:
            raise RecordUnusable(f"The pen's boot id fell from {boot_before} to {pen.boot_id}.")
        pen.follow_strokes(self._intake.acked_index)
        self._recognised = True

    def _check_memory(self) -> None:
        # SPEC.md section 8: a pen that lost its memory closes nothing.
        status = self._pen.status
        if status.fault == NVM_FAULT:
            raise RecordUnusable("The pen has lost its memory (fault 60).")
        now = counter_set(status.counters)
        for interval in self._ledger.open_intervals(self._uid):
            difference(counters_with(interval.opened.first, interval.committed), now)

    async def _check_last_arm(self) -> None:
        record = await self._pen.last_arm_of_host()
        if record.arm_id == 0:
            return  # it never armed this pen, or the pen has met eight other hosts since
        if record.arm_id <= self._ledger.baseline_arm_id(self._uid):
            return  # from before it was enrolled
        if (self._uid, record.arm_id) not in self._ledger.intervals:
            raise RecordUnusable(
                f"The pen knows arm {record.arm_id} of this host, but the journal does not.",
                cause="The journal was restored from a backup that is older than the last session.",
            )

    async def _close(self, interval: Interval) -> None:
        if self._pen.hello.highest_arm_id < interval.opened.arm_id:
            body = never_body(interval, "never")
        else:
            body = await self._final(interval)
        entries: list[Body] = [body]
        for alarm in alarms_of(body):
            entries += self._alarms.up(alarm)
        try:
            await self._recorder.commit(*entries, session_id=interval.session_id, pen_uid=self._uid)
        except ClosedAlready as error:
            raise PenUnsettled("Another closing entry of this arm is on its way.") from error
        self.closed.append(interval)

    async def _final(self, interval: Interval) -> ArmClosed:
        while True:
            record = await self._pen.arm_record(interval.opened.arm_id)
            try:
                return closing_body(interval, record)
            except RecordNotFinal:
                await asyncio.sleep(POLL_S)

    def _has_all(self, status: Status) -> bool:
        return self._intake.acked_index >= status.next_index

    async def _settled_status(self) -> Status:
        # Counters run live, so they can be compared with the books only at rest, and only when no
        # event that they count is still on its way. A status from before would seem to have fallen.
        seen_ticks = self._pen.status.pen_ticks

        def settled() -> bool:
            status = self._pen.status
            at_rest = bool(status.flags & StatusFlag.AT_REST)
            return status.pen_ticks > seen_ticks and at_rest and self._has_all(status)

        await self._changes.until(lambda: settled() or not self._pen.is_up, EVENTS_WITHIN_S)
        if not self._pen.is_up:
            raise LinkLost("The pen was lost while its counters were compared.")
        if not settled():
            raise PenUnsettled("The pen does not come to rest, or its events are not recorded.")
        return self._pen.status
