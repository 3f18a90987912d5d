"""What the pen certainly did and what it may have done: integers, folded from the journal.

The ledger changes only through `apply`, with bodies that are committed; so a restart that reads
the journal again has the same ledger, byte for byte. Steps and punctures only; `account.py` turns
them into volume.
"""

import msgspec

from controller.errors import SessionError
from controller.record.events import (
    ArmClosed,
    ArmOpened,
    Body,
    Contradiction,
    CounterSet,
    ForeignMovement,
    LinkUp,
    PenEnrolled,
    Strokes,
)
from controller.session.amounts import (
    NOTHING,
    Amount,
    counters_with,
    difference,
    higher,
    of_strokes,
)


class LedgerViolation(SessionError):
    """The books and the pen contradict each other; nothing is clamped, everything stops."""

    number = 4010
    cause = "The pen's firmware or memory, or two programs driving one pen."
    action = "Stop using this pen; send the support bundle. Nothing was changed in the record."


class Interval(msgspec.Struct):
    """One arm in the books. `session_id` is whose it is; None for technicians' arms."""

    opened: ArmOpened
    session_id: str | None
    committed: Amount = NOTHING
    documented: int = 0
    puncture_ceiling: int = 0
    step_ceiling: int = 0
    closed: ArmClosed | None = None

    @property
    def certain(self) -> Amount:
        """Proven by committed events or by the pen's final record."""
        if self.closed is None:
            return self.committed
        return difference(self.opened.first, self.closed.certain)

    @property
    def possible(self) -> Amount:
        """The most that may have happened: the committed ceilings, or the final record."""
        if self.closed is not None:
            return difference(self.opened.first, self.closed.possible)
        return self.committed.raised_to(
            self.opened.mode,
            punctures=max(0, self.puncture_ceiling - self.opened.first.punctures),
            steps=max(0, self.step_ceiling - base_steps(self.opened)),
        )

    @property
    def is_open(self) -> bool:
        """Whether the pen's final word is still missing."""
        return self.closed is None


def base_steps(opened: ArmOpened) -> int:
    """The counter that the arm's step ceiling is compared with, at the arm's start."""
    first = opened.first
    if opened.mode == "reload":
        return first.reverse_steps
    return first.dose_steps + first.prime_steps + first.bench_steps + first.preload_steps


class Ledger:
    """All intervals of a journal, the last known counters of each pen, the event cursors."""

    def __init__(self) -> None:
        self.intervals: dict[tuple[str, int], Interval] = {}
        self.last_known: dict[str, CounterSet] = {}
        self.next_index: dict[tuple[str, int], int] = {}
        self.boots: dict[str, int] = {}
        self.violations: dict[str, list[str]] = {}
        self._baseline_arm_id: dict[str, int] = {}
        self._sealed: dict[str, Amount] = {}

    def apply(self, body: Body, session_id: str | None) -> None:
        """Book one committed body.

        What the pen did against the rules is booked all the same and noted in `violations`, which
        blocks every further arm of that pen. Raises LedgerViolation for bodies that this program
        can never have meant to commit (an arm opened twice, an event booked twice).
        """
        match body:
            case PenEnrolled():
                self._enrol(body)
            case LinkUp():
                self.boots[body.pen_uid] = max(self.boots.get(body.pen_uid, 0), body.pen_boot_id)
            case ForeignMovement():
                self._know(body.pen_uid, body.after)
            case Contradiction():
                self._violate(body.pen_uid, body.sentence)
            case ArmOpened():
                self._open(body, session_id)
            case Strokes():
                self._strokes(body)
            case ArmClosed():
                self._close(body)
            case _:
                pass

    def open_intervals(self, pen_uid: str | None = None) -> list[Interval]:
        """Intervals without the pen's final word, oldest first; of one pen, or of all."""
        return [
            interval
            for (uid, _), interval in self.intervals.items()
            if interval.is_open and pen_uid in (None, uid)
        ]

    def of_session(self, session_id: str) -> list[Interval]:
        """All intervals booked to a session, oldest first."""
        return [each for each in self.intervals.values() if each.session_id == session_id]

    def has_events(self, pen_uid: str, boot_id: int) -> bool:
        """Whether events of an arm of this journal are booked from that boot of the pen."""
        baseline = self.baseline_arm_id(pen_uid)
        return any(
            interval.documented and interval.opened.pen_boot_id == boot_id
            for (uid, arm_id), interval in self.intervals.items()
            if uid == pen_uid and arm_id > baseline
        )

    def interval_of(self, pen_uid: str, arm_id: int) -> Interval | None:
        """The arm that the pen's events with this id are of; None when it is not of this journal.

        An erased pen may use, for another host, an id again that it had before its enrolment.
        """
        if arm_id <= self.baseline_arm_id(pen_uid):
            return None
        return self.intervals.get((pen_uid, arm_id))

    def baseline_arm_id(self, pen_uid: str) -> int:
        """Arms of the pen up to this id are from before it was enrolled; 0 when none is."""
        return self._baseline_arm_id.get(pen_uid, 0)

    def highest_arm_id(self, pen_uid: str) -> int:
        """The highest arm id of the pen that this journal knows of; 0 when none."""
        known = (arm_id for uid, arm_id in self.intervals if uid == pen_uid)
        return max(self.baseline_arm_id(pen_uid), *known, 0)

    def sealed_amount(self, pen_uid: str) -> Amount:
        """What arms that were sealed without the pen may have done since `last_known`."""
        return self._sealed.get(pen_uid, NOTHING)

    def _enrol(self, body: PenEnrolled) -> None:
        # A pen whose memory went back counts boots and events anew: what is booked of them counts
        # no more, or its next events would be taken for booked ones.
        uid = body.pen_uid
        self._know(uid, body.counters)
        self.violations.pop(uid, None)
        for key in [key for key in self.next_index if key[0] == uid]:
            del self.next_index[key]
        if body.next_index:
            self.next_index[uid, body.pen_boot_id] = body.next_index
        self.boots[uid] = body.pen_boot_id
        if body.actor is not None:
            self._baseline_arm_id[uid] = max(self.highest_arm_id(uid), body.highest_arm_id)

    def _know(self, pen_uid: str, counters: CounterSet) -> None:
        self.last_known[pen_uid] = counters
        self._sealed.pop(pen_uid, None)

    def _open(self, body: ArmOpened, session_id: str | None) -> None:
        key = (body.pen_uid, body.arm_id)
        if key in self.intervals:
            raise LedgerViolation(f"Arm {body.arm_id} of pen {body.pen_uid} is opened twice.")
        self.intervals[key] = Interval(
            body,
            session_id,
            puncture_ceiling=body.first.punctures,
            step_ceiling=base_steps(body),
        )

    def _strokes(self, body: Strokes) -> None:
        self._advance_cursor(body)
        amount = of_strokes(body.strokes)
        interval = self.interval_of(body.pen_uid, body.arm_id)
        if interval is None:
            self._outside_arms(body, amount)
            return
        granted = interval.possible  # the events were made under what was committed before them
        interval.committed = interval.committed.plus(amount)
        interval.documented += len(body.strokes)
        if interval.is_open:
            interval.puncture_ceiling = max(interval.puncture_ceiling, body.puncture_ceiling)
            interval.step_ceiling = max(interval.step_ceiling, body.step_ceiling)
        if not interval.committed.within(granted):
            self._violate(
                body.pen_uid,
                f"Arm {body.arm_id}: the pen's events sum up to {interval.committed}, which is "
                f"over what it was granted, {granted}.",
            )

    def _outside_arms(self, body: Strokes, amount: Amount) -> None:
        # Arm 0 is the pen's own relief. Another host's arm is documented here, and booked as
        # foreign movement from the counters, which also cover events that were lost.
        known = self.last_known.get(body.pen_uid)
        if body.arm_id == 0 and known is not None:
            self.last_known[body.pen_uid] = counters_with(known, amount)

    def _advance_cursor(self, body: Strokes) -> None:
        key = (body.pen_uid, body.pen_boot_id)
        for stroke in body.strokes:
            if stroke.index < self.next_index.get(key, 0):
                raise LedgerViolation(f"Event {stroke.index} of boot {key[1]} is booked twice.")
            self.next_index[key] = stroke.index + 1

    def _close(self, body: ArmClosed) -> None:
        interval = self._interval(body.pen_uid, body.arm_id)
        if interval.closed is not None:
            raise LedgerViolation(f"Arm {body.arm_id} of pen {body.pen_uid} is closed twice.")
        ceiling = interval.possible
        interval.closed = body
        if not interval.possible.within(ceiling):
            self._violate(
                body.pen_uid,
                f"Arm {body.arm_id}: the pen's record says {interval.possible}, which is over "
                f"the ceilings it was given, {ceiling}.",
            )
        if body.how == "sealed":
            self._sealed[body.pen_uid] = self.sealed_amount(body.pen_uid).plus(interval.possible)
        if body.how == "final":
            # The pen's own relief may be booked before the arm that it follows is closed.
            known = self.last_known.get(body.pen_uid, body.possible)
            self._know(body.pen_uid, higher(known, body.possible))

    def _violate(self, pen_uid: str, sentence: str) -> None:
        self.violations.setdefault(pen_uid, []).append(sentence)

    def _interval(self, pen_uid: str, arm_id: int) -> Interval:
        found = self.intervals.get((pen_uid, arm_id))
        if found is None:
            raise LedgerViolation(f"Arm {arm_id} of pen {pen_uid} is not in this journal.")
        return found
