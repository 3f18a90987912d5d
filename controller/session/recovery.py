"""What happens before anything else may, each time a pen is there again (design section 2.5).

Enrol or recognise the pen, read what it did while nobody listened, close every open interval from
the pen's own final record, then compare its counters with the books: what is over is foreign
movement, what is under stops everything.
"""

import asyncio

from controller.clock import Clock
from controller.pen.driver import Pen
from controller.pen.identity import text_of
from controller.record.events import ArmClosed, ForeignMovement, LinkUp, PenEnrolled, hex_id
from controller.session.amounts import counter_set, difference
from controller.session.changes import Changes
from controller.session.closing import (
    RecordNotFinal,
    RecordUnusable,
    closing_body,
    never_body,
)
from controller.session.intake import Intake
from controller.session.ledger import Interval, Ledger
from controller.session.recorder import Recorder
from protocol.faults import fault_number
from protocol.limits import is_simulated_uid
from protocol.words import RecordState

FINAL_WITHIN_S = 5.0
EVENTS_WITHIN_S = 3.0
POLL_S = 0.05
NVM_FAULT = fault_number("NVM_FAULT")


class Recovery:
    """Reconciles one pen that has just been linked."""

    def __init__(
        self,
        pen: Pen,
        intake: Intake,
        ledger: Ledger,
        recorder: Recorder,
        clock: Clock,
        changes: Changes,
    ) -> None:
        self._pen = pen
        self._intake = intake
        self._ledger = ledger
        self._recorder = recorder
        self._clock = clock
        self._changes = changes
        self._uid = hex_id(pen.uid)

    async def run(self) -> None:
        """Bring books and pen together, or raise and leave dosing blocked.

        Raises RecordUnusable or NegativeDifference when they contradict each other.
        Raises LinkError when the pen is lost meanwhile.
        """
        await self._recognise()
        await self._check_last_arm()
        await self.catch_up()
        for interval in self._ledger.open_intervals(self._uid):
            await self._close(interval)
        await self._adopt_foreign()

    async def catch_up(self) -> None:
        """Wait until every event that the pen still has is committed, or the time is over.

        The final record covers events that never come.
        """
        await self._changes.until(
            lambda: self._intake.acked_index >= self._pen.status.next_index, EVENTS_WITHIN_S
        )

    async def _recognise(self) -> None:
        pen = self._pen
        counters = counter_set(pen.status.counters)
        firmware = text_of(pen.identity.firmware)
        first_event = 0
        if self._uid not in self._ledger.last_known:
            first_event = pen.status.next_index
            await self._recorder.commit(
                PenEnrolled(
                    pen_uid=self._uid,
                    simulated=is_simulated_uid(pen.uid),
                    model=text_of(pen.identity.model),
                    firmware=firmware,
                    counters=counters,
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
            ),
            pen_uid=self._uid,
        )
        pen.follow_strokes(max(first_event, self._intake.acked_index))

    async def _check_last_arm(self) -> None:
        record = await self._pen.last_arm_of_host()
        known = (self._uid, record.arm_id) in self._ledger.intervals
        if record.record_state is not RecordState.NEVER and not known:
            raise RecordUnusable(
                f"The pen knows arm {record.arm_id} of this host, but the journal does not.",
                cause="The journal was restored from a backup that is older than the last session.",
            )

    async def _close(self, interval: Interval) -> None:
        opened = interval.opened
        if self._pen.hello.highest_arm_id < opened.arm_id:
            self._require_memory(interval)
            body = never_body(interval, "never")
        else:
            body = await self._final(interval)
        await self._recorder.commit(body, session_id=interval.session_id, pen_uid=self._uid)

    def _require_memory(self, interval: Interval) -> None:
        # A pen whose memory was lost or rolled back has forgotten its arms: that it knows no arm
        # then proves nothing (hazard H14).
        opened, pen = interval.opened, self._pen
        difference(opened.first, counter_set(pen.status.counters))
        if pen.boot_id < opened.pen_boot_id or pen.status.fault == NVM_FAULT:
            raise RecordUnusable(
                f"The pen lost its memory; its word on arm {opened.arm_id} is void."
            )

    async def _final(self, interval: Interval) -> ArmClosed:
        deadline_mono_s = self._clock.mono_s() + FINAL_WITHIN_S
        while True:
            record = await self._pen.arm_record(interval.opened.arm_id)
            try:
                return closing_body(interval, record)
            except RecordNotFinal:
                if self._clock.mono_s() >= deadline_mono_s:
                    raise
            await asyncio.sleep(POLL_S)

    async def _fresh_status(self) -> None:
        # A status from before the final record would look like a counter that fell.
        seen_ticks = self._pen.status.pen_ticks
        await self._changes.until(lambda: self._pen.status.pen_ticks > seen_ticks, EVENTS_WITHIN_S)

    async def _adopt_foreign(self) -> None:
        await self._fresh_status()
        before = self._ledger.last_known[self._uid]
        after = counter_set(self._pen.status.counters)
        difference(before, after)
        if before != after:
            await self._recorder.commit(
                ForeignMovement(pen_uid=self._uid, before=before, after=after), pen_uid=self._uid
            )
