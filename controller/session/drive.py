"""One arm under way: raises ceilings as events become durable, and keeps the lease alive.

Every number that leaves here was committed before (design section 2, idea 4). The lease is
renewed each 25 ms while the arm is wanted, also when the ceiling cannot rise, unless the oldest
uncommitted event is a second old: then the pen rests by itself (C6).

A grant leaves when events come in, where it can, so that the processor wakes once for both: on an
idle Pi the waking costs more than the work.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from controller.pen.driver import Pen
from controller.record.events import ArmOpened, Stroke
from controller.session.allowance import Allowance
from controller.session.amounts import Amount, of_strokes
from controller.session.intake import Intake
from controller.session.ledger import Interval, base_steps
from protocol.limits import (
    COMMIT_STALE_US,
    DOSE_AHEAD_US,
    GRANT_PERIOD_US,
    NO_DISPENSE_AHEAD_US,
    PRIME_AHEAD_US,
    SLICE_US,
)
from protocol.messages import Status
from protocol.words import StatusFlag

_PERIOD_S = GRANT_PERIOD_US / 1_000_000
_SLACK_S = 0.005
"""So much sooner a grant leaves with events, and so much longer it waits for the next ones."""
_MICRO = 1_000_000


class Ahead(msgspec.Struct, frozen=True):
    """How far ceilings may run ahead of committed counters (C6, C12)."""

    punctures: int
    steps: int


def ahead_of(opened: ArmOpened) -> Ahead:
    """The look-ahead of an arm: 0.4 s + 1 dosing, 1 s without dispense, 0.5 s of priming."""
    match opened.mode:
        case "dose" | "bench":
            punctures = DOSE_AHEAD_US // opened.stroke_period_us + 1
            return Ahead(punctures, punctures * opened.steps)
        case "no_dispense":
            return Ahead(max(1, NO_DISPENSE_AHEAD_US // opened.stroke_period_us), 0)
        case _:
            return Ahead(0, PRIME_AHEAD_US // SLICE_US * opened.steps)


def ceilings_for(opened: ArmOpened, done: Amount, allowance: Allowance) -> tuple[int, int]:
    """Absolute puncture and step ceiling once `done` of the arm is committed."""
    ahead = ahead_of(opened)
    moved = done.reverse_steps if opened.mode == "reload" else done.forward_steps
    punctures = min(done.punctures + ahead.punctures, max(allowance.punctures, done.punctures))
    steps = min(moved + ahead.steps, max(allowance.steps, moved))
    return opened.first.punctures + punctures, base_steps(opened) + steps


def is_complete(opened: ArmOpened, done: Amount, allowance: Allowance) -> bool:
    """Whether no further whole stroke or slice fits into the allowance."""
    moved = done.reverse_steps if opened.mode == "reload" else done.forward_steps
    if opened.mode in ("prime", "reload"):
        return allowance.steps - moved < opened.steps
    if done.punctures >= allowance.punctures:
        return True
    return opened.steps > 0 and allowance.steps - moved < opened.steps


class Drive:
    """Grants for one open arm of one link."""

    def __init__(
        self,
        pen: Pen,
        interval: Interval,
        intake: Intake,
        allowance: Allowance,
        on_complete: Callable[[], None],
    ) -> None:
        self.pen = pen
        self.interval = interval
        self.allowance = allowance
        self._intake = intake
        self._on_complete = on_complete
        self._timer: asyncio.TimerHandle | None = None
        self._running = False
        self._easing = False
        self._ahead = ahead_of(interval.opened)
        self._granted = (0, 0)
        self._granted_mono_s = 0.0
        self.is_used_up = False

    @property
    def is_granting(self) -> bool:
        """Whether grants, and with them acknowledgements, still leave."""
        return self._running

    @property
    def granted_mono_s(self) -> float:
        """When the lease's timer last turned, whether or not it might send (loop time)."""
        return self._granted_mono_s

    @property
    def arm_id(self) -> int:
        """The arm that this drive keeps alive."""
        return self.interval.opened.arm_id

    def ceilings_after(self, strokes: Sequence[Stroke]) -> tuple[int, int]:
        """Ceilings to commit together with `strokes`; never lower than the committed ones."""
        done = self.interval.committed.plus(of_strokes(strokes))
        punctures, steps = ceilings_for(self.interval.opened, done, self.allowance)
        held = self.interval
        return max(punctures, held.puncture_ceiling), max(steps, held.step_ceiling)

    def rests_below_ceiling(self, status: Status) -> bool:
        """Whether the pen holds under the last ceiling it will get, with all of it committed.

        A running needle needs room to brake, so it may rest some strokes below.
        """
        opened, held = self.interval.opened, self.interval
        last = opened.first.punctures + self.allowance.punctures
        holding = StatusFlag.HOLDING | StatusFlag.AT_REST
        return (
            opened.mode == "no_dispense"
            and held.puncture_ceiling == last
            and status.flags & holding == holding
            and status.counters.punctures == opened.first.punctures + held.committed.punctures
        )

    def start(self) -> None:
        """Begin to grant; the arm must be open in the pen."""
        self._running = True
        self._intake.raise_for(self.arm_id, self)
        self._grant()

    def ease(self) -> None:
        """Raise nothing more, but keep the lease alive so that the stroke under way is finished.

        A DISARM is answered at rest; without a lease until then a long dose would be cut.
        """
        self._easing = True
        self._intake.raise_for(self.arm_id, None)

    def halt(self) -> None:
        """Grant nothing more for this arm, from this instant on."""
        self._running = False
        self._intake.raise_for(self.arm_id, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def committed(self) -> None:
        """Use a ceiling that has just become durable, and see whether the arm is complete."""
        if not self._running:
            return
        if self._is_short() or self._is_nearly_due():
            self._grant(_PERIOD_S + _SLACK_S)
        if not self._easing and is_complete(
            self.interval.opened, self.interval.committed, self.allowance
        ):
            self._on_complete()

    def awake(self) -> None:
        """Events came in: grant now, if a grant is nearly due."""
        if self._running and self._is_nearly_due():
            self._grant(_PERIOD_S + _SLACK_S)

    def _is_short(self) -> bool:
        """Whether less than half of the look-ahead is left under the ceilings last sent.

        Otherwise the raised ceiling can wait for the next grant that is due.
        """
        opened, done = self.interval.opened, self.interval.committed
        moved = done.reverse_steps if opened.mode == "reload" else done.forward_steps
        left_punctures = self._granted[0] - opened.first.punctures - done.punctures
        left_steps = self._granted[1] - base_steps(opened) - moved
        return 2 * left_punctures < self._ahead.punctures or 2 * left_steps < self._ahead.steps

    def _is_nearly_due(self) -> bool:
        return asyncio.get_running_loop().time() - self._granted_mono_s >= _PERIOD_S - _SLACK_S

    def _grant(self, next_s: float = _PERIOD_S) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._granted_mono_s = loop.time()
        self._timer = loop.call_later(next_s, self._grant)
        if self._intake.oldest_age_s() * _MICRO < COMMIT_STALE_US:
            ceilings = (self.interval.puncture_ceiling, self.interval.step_ceiling)
            if self.pen.grant(self.arm_id, *ceilings, self._intake.acked_index):
                self._granted = ceilings
