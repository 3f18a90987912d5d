"""An engine with a pen on paper: no link, no wire, no firmware; every answer may be scripted.

For tests of the session alone. The pen keeps just enough rules to be driven through a session; the
simulated firmware keeps all of them.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from controller.pen.driver import Pen
from controller.pen.strokes import PenStroke
from controller.record.events import Body
from controller.session.acting import Acting
from controller.session.acts import Acts
from controller.session.books import Books
from controller.session.engine import Engine
from controller.session.hearing import Hearing
from controller.session.intake import GAP_MAX_S
from controller.session.ledger import Interval
from controller.session.states import State
from controller.session.terms import Terms
from protocol.codec import settings_digest
from protocol.limits import STATUS_PERIOD_US
from protocol.messages import (
    ArmRecord,
    ArmReply,
    Cartridge,
    Cleared,
    Counters,
    Health,
    HelloReply,
    Identity,
    Status,
    Stopped,
    StrokeSettings,
)
from protocol.words import (
    EndReason,
    EventFlag,
    EventKind,
    PenState,
    RecordState,
    Result,
    StatusFlag,
)
from tests.support import inputs
from tests.support.arms import PERSON, UID
from tests.support.fake_pen import HOST_ID
from tests.support.scribes import Scribe
from tests.support.sessions import CERTIFICATE_ID, SESSION, terms
from tests.support.virtual import VirtualClock, advance

STATUS_S = STATUS_PERIOD_US / 1_000_000


class PaperPen:
    """Answers at once. `refuse` scripts results or errors by method name, each used once."""

    def __init__(self, uid: int = UID, boot_id: int = 3) -> None:
        self.uid = uid
        self.boot_id = boot_id
        self.link_id = 7
        self.is_up = True
        self.counters = Counters(0, 0, 0, 0, 0, 0)
        self.flags = StatusFlag.AT_REST | StatusFlag.HOMED | StatusFlag.PRELOADED
        self.fault = 0
        self.next_index = 0
        self.boot_mono_s = 0.0
        self.highest_arm_id = 0
        self.open_arm = 0
        self.last_stop_id = 0
        self.envelope = inputs.envelope()
        self.certificate_id = int(CERTIFICATE_ID, 16)
        self.fitted = Cartridge(0, 1, 0, 0xC1, 1, 1, 1_000)
        self.records: dict[int, ArmRecord] = {}
        self.last_arm_id = 0
        self.refuse: dict[str, Any] = {}
        self.asked: list[str] = []
        self.grants: list[tuple[float, int, int, int, int]] = []
        self.acks: list[int] = []
        self.followed: list[int] = []
        self.events: list[PenStroke] = []
        self.on_follow: Callable[[list[PenStroke]], None] = lambda _: None
        self._settings: StrokeSettings | None = None

    # --- what a Pen has --------------------------------------------------------------------

    @property
    def status(self) -> Status:
        ticks = round((asyncio.get_running_loop().time() - self.boot_mono_s) * 1e6)
        state = PenState.ARMED if self.open_arm else PenState.IDLE
        return Status(
            ticks,
            self.boot_id,
            self.open_arm,
            state,
            self.flags,
            self.fault,
            self.counters,
            self.next_index,
        )

    @property
    def hello(self) -> HelloReply:
        return HelloReply(
            1, self.uid, 1, self.boot_id, PenState.IDLE, self.highest_arm_id, self.last_stop_id
        )

    @property
    def identity(self) -> Identity:
        name = b"paper".ljust(16, b"\0")
        return Identity(0, self.uid, name, name, self.certificate_id, 0, 0)

    async def configure(self, settings: StrokeSettings) -> int:
        await self._ask("configure")
        self._settings = settings
        return settings_digest(settings)

    async def wait_at_rest(self, deadline_s: float) -> None:
        await self._ask("wait_at_rest")

    async def cartridge(self) -> Cartridge:
        await self._ask("cartridge")
        return self.fitted

    async def arm(self, arm_id: int, *_: object) -> ArmReply:
        result = await self._ask("arm")
        if result is None:
            self.open_arm = self.highest_arm_id = self.last_arm_id = arm_id
            self.records[arm_id] = self._record(arm_id, RecordState.OPEN)
        return ArmReply(0, result or Result.OK, arm_id, 0, 0, 0, 0, 0, self.status)

    async def disarm(self, arm_id: int) -> ArmRecord:
        await self._ask("disarm")
        if arm_id > self.highest_arm_id:
            self.highest_arm_id = arm_id
            spent = self._record(arm_id, RecordState.NEVER, EndReason.SPENT)
            self.records[arm_id] = spent
        elif arm_id == self.open_arm:
            self.end_arm(EndReason.DISARMED)
        return self.records[arm_id]

    async def arm_record(self, arm_id: int) -> ArmRecord:
        await self._ask("arm_record")
        return self.records.get(arm_id) or self._record(arm_id, RecordState.NOT_KEPT)

    async def last_arm_of_host(self) -> ArmRecord:
        await self._ask("last_arm_of_host")
        if not self.last_arm_id:
            return self._record(0, RecordState.NEVER)
        return self.records[self.last_arm_id]

    async def clear_stop(self, stop_id: int) -> Cleared:
        return await self._clear(stop_id == self.last_stop_id, StatusFlag.STOP_LATCHED, self.fault)

    async def clear_fault(self, fault: int) -> Cleared:
        return await self._clear(fault == self.fault, StatusFlag(0), 0)

    def grant(self, arm_id: int, punctures: int, steps: int, acked_index: int) -> bool:
        now_s = asyncio.get_running_loop().time()
        self.grants.append((now_s, arm_id, punctures, steps, acked_index))
        return True

    def ack(self, acked_index: int) -> None:
        self.acks.append(acked_index)

    @property
    def is_followed(self) -> bool:
        return bool(self.followed)

    def follow_strokes(self, next_index: int) -> None:
        error = self.refuse.pop("follow_strokes", None)
        if error is not None:
            raise error
        self.followed.append(next_index)
        missing = [event for event in self.events if event.index >= next_index]
        if missing:
            asyncio.get_running_loop().call_soon(self.on_follow, missing)

    # --- what it does by itself ---------------------------------------------------------------

    def end_arm(self, reason: EndReason, **record: Any) -> None:
        """The open arm is over, its record final."""
        arm_id, self.open_arm = self.open_arm, 0
        self.records[arm_id] = msgspec.structs.replace(
            self.records[arm_id],
            record_state=RecordState.FINAL,
            end_reason=reason,
            **({"proven": self.counters, "reserved": self.counters} | record),
        )

    def count(self, **more: int) -> None:
        """Counters go up (or, if the test says so, down)."""
        now = {name: getattr(self.counters, name) + number for name, number in more.items()}
        self.counters = msgspec.structs.replace(self.counters, **now)

    def stroke(self, steps: int | None = None, kind: EventKind = EventKind.PUNCTURE) -> PenStroke:
        """Make one stroke or slice of the open arm; the event is for whoever delivers it."""
        made = self._settings.steps if steps is None and self._settings else steps or 0
        name = {EventKind.PUNCTURE: "dose", EventKind.REVERSE: "reverse"}.get(kind, kind.name)
        self.count(**{f"{name.lower()}_steps": made, "punctures": kind is EventKind.PUNCTURE})
        index, self.next_index = self.next_index, self.next_index + 1
        ticks = self.status.pen_ticks
        stroke = PenStroke(index, ticks, kind, EventFlag.CONTACT, 500, made, 5, self.open_arm)
        self.events.append(stroke)
        return stroke

    def boot(self) -> None:
        """Power off and on: the ring is lost, the arm is over."""
        self.boot_id += 1
        self.boot_mono_s = asyncio.get_running_loop().time()
        self.next_index, self.events = 0, []

    def _record(
        self, arm_id: int, state: RecordState, reason: EndReason = EndReason.OPEN
    ) -> ArmRecord:
        now = self.counters
        return ArmRecord(0, arm_id, state, reason, 1, HOST_ID, self.boot_id, 0, now, now, now)

    async def _clear(self, known: bool, flag: StatusFlag, fault: int) -> Cleared:
        result = await self._ask("clear")
        if result is None and not known:
            result = Result.NOT_THAT_STOP
        if result is None:
            self.flags, self.fault = self.flags & ~flag, fault
        return Cleared(0, result or Result.OK, self.status)

    async def _ask(self, what: str) -> Any:
        self.asked.append(what)
        await asyncio.sleep(0)
        found = self.refuse.pop(what, None)
        if callable(found):
            found = found()
        if isinstance(found, Exception):
            raise found
        return found


class Room:
    """`async with Room() as room`: an engine, its acts, a scribe for a disk, and a pen on paper."""

    def __init__(self, books: Books | None = None, pen: PaperPen | None = None) -> None:
        self.pen = pen or PaperPen()
        self.scribe = Scribe()
        self.clock = VirtualClock.running()
        self.stops: list[str] = []
        self.books = books or Books()
        self.engine = Engine(self.clock, self.books, self.scribe, self._send_stop, "training")
        self.hearing = Hearing(self.engine)
        self.acts = Acts(Acting(self.engine))
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> "Room":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._silence()
        await self.engine.shut_down()

    def _send_stop(self, reason: str) -> int:
        self.stops.append(reason)
        return 0x5000 + len(self.stops)

    # --- the link ----------------------------------------------------------------------------

    async def plug(self) -> None:
        """Link the pen and let it reconcile, if it can within 10 s."""
        self.pen.is_up = True
        self.pen.on_follow = self.deliver
        self.hearing.pen_up(self.real)
        self.tell()
        engine = self.engine
        await engine.changes.until(lambda: engine.reconciled or engine.link_error is not None, 10.0)
        await advance(0.001)

    def unplug(self, reason: str = "unplugged") -> None:
        self._silence()
        self.pen.is_up = False
        self.hearing.pen_lost(self.real, reason)

    @property
    def real(self) -> Pen:
        return cast("Pen", self.pen)

    def tell(self) -> None:
        """Push a status now, and every 100 ms from now on."""
        self._silence()
        self._timer = asyncio.get_running_loop().call_later(STATUS_S, self.tell)
        self.hearing.pen_status(self.real, self.pen.status)

    def _silence(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    # --- a session -----------------------------------------------------------------------------

    async def open(self, given: Terms | None = None) -> None:
        await self.acts.open(SESSION, given or terms(), PERSON)

    async def ready(self, given: Terms | None = None) -> None:
        """A pen that is linked and a session that is open and needs no prime."""
        await self.plug()
        await self.open(given or quick())

    async def treating(self, given: Terms | None = None) -> None:
        """An arm under way in the first zone."""
        await self.ready(given)
        await self.acts.treat(PERSON)
        await advance(GAP_MAX_S)

    async def strokes(self, count: int, steps: int | None = None, **changes: Any) -> None:
        """The pen makes strokes, slowly enough that each has a commit of its own."""
        for _ in range(count):
            self.deliver([self.pen.stroke(steps, **changes)])
            await advance(GAP_MAX_S)

    def deliver(self, strokes: Sequence[PenStroke]) -> None:
        """Events arrive, all of one arm, and a status with them."""
        self.hearing.pen_strokes(self.real, strokes[0].arm_id, strokes)
        self.tell()

    async def until(self, state: State, within_s: float = 10.0) -> None:
        """Wait for a state."""
        reached = await self.engine.changes.until(lambda: self.engine.state is state, within_s)
        assert reached, f"still '{self.engine.state}'"
        await advance(0.001)

    def is_in(self, state: State) -> bool:
        """Whether the session is in this state now."""
        return self.engine.state is state

    async def closing_entry(self) -> None:
        """Wait for the turn of the loop in which the arm's closing entry is booked."""
        for _ in range(100):
            if not self.arm.is_open:
                return
            await asyncio.sleep(0)
        raise AssertionError("the arm is still open")

    def latch_stop(self, stop_id: int, reason: EndReason = EndReason.STOP) -> None:
        """The pen has heard a stop."""
        self.pen.last_stop_id = stop_id
        self.pen.flags |= StatusFlag.STOP_LATCHED
        if self.pen.open_arm:
            self.pen.end_arm(reason)
        self.hearing.pen_stopped(self.real, Stopped(stop_id, self.pen.status))
        self.tell()

    def say_battery(self, percent: int) -> None:
        self.hearing.pen_health(self.real, Health(3_900, percent, 300, 0, 0))

    # --- what is on record -----------------------------------------------------------------------

    @property
    def arm(self) -> Interval:
        """The newest arm of the books."""
        return list(self.books.ledger.intervals.values())[-1]

    @property
    def alarms(self) -> list[str]:
        return sorted(self.engine.alarms.active)

    def recorded(self, *kinds: type[Body]) -> list[Any]:
        """The durable bodies of these kinds, in order."""
        return [body for body in self.scribe.bodies if isinstance(body, kinds)]

    def restart(self) -> "Room":
        """A new process that reads what is durable; the old one is dead."""
        self._silence()
        books = Books()
        for draft in self.scribe.drafts:
            books.apply(draft.body, draft.session_id, "2030-01-01T00:00:00.000000Z")
        return Room(books, self.pen)

    def order_of(self, *kinds: type[Body]) -> list[str]:
        return [body.kind for body in self.recorded(*kinds)]


def quick(punctures: int = 10, **changes: Any) -> Terms:
    """10 uL a puncture at 10 Hz, five punctures ahead, nothing to prime."""
    plan = inputs.plan(inputs.zone(punctures=punctures, cadence_hz=10), prime_nl=0)
    limits = {name: inputs.sourced(value) for name, value in changes.items()}
    return terms(plan, limits=inputs.limits(plan, **cast("Any", limits)))
