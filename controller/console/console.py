"""The screen's side of the controller: every request ends here, on the controller's loop.

Whoever asks is known by the token of the page's cookie. Who may do what is decided here and
recorded by the acts; whether it is possible is decided by the session.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any, TypeVar

from controller.console.alarm_list import KINDS, AlarmList
from controller.console.confirming import confirm_arm
from controller.console.errors import NotTested
from controller.console.facts import Facts
from controller.console.logins import EVERYBODY, TREATING, Logins
from controller.console.people import People, Person
from controller.console.picture import Parts, Picture
from controller.console.publishing import Publisher
from controller.console.requests import (
    OpenRequest,
    PersonView,
    PlanLine,
    PlanView,
    Preview,
    PreviewRequest,
    ProductView,
    StopAnswer,
    TreatRequest,
)
from controller.console.room import Room
from controller.console.stopping import StopDoor
from controller.console.views import (
    SelfTestView,
    View,
)
from controller.errors import MicropenError
from controller.record.console_events import AlarmAcknowledged, AudioPaused, StopTested
from controller.record.entry import Entry
from controller.record.events import Actor, Body
from controller.record.reader import JournalReader
from controller.session.act_errors import NoPen
from controller.session.alarms import AlarmBoard
from controller.session.self_test import NoTestNow, StopTest
from controller.session.states import WrongState

T = TypeVar("T")
_STARTED = "service_started"


class Console:
    """One screen's backend. `start` begins to publish, `close` ends it."""

    def __init__(self, room: Room, people: Callable[[], People] = People) -> None:
        self.room = room
        self._people = people
        self.stop_door = StopDoor(room)
        self.logins = Logins(room.clock, self._note, lambda: not room.engine.arm_is_open)
        self.logins.people = people()
        alarms = AlarmList(room.clock, room.engine.alarms, _alarm_history(room))
        parts = Parts(room, Facts(room), alarms, self.logins, self.stop_door)
        self.picture = Picture(parts)
        self.publisher = Publisher(self.picture)
        parts.self_test = _last_test(room)
        self._board: AlarmBoard = room.engine.alarms
        self._tasks: list[asyncio.Task[None]] = []

    # --- life --------------------------------------------------------------------------------

    def start(self) -> None:
        """Publish, and look at what nobody pushes."""
        self.logins.realm = self.room.realm
        works = {"screen": self.publisher.run(), "facts": self.picture.parts.facts.keep_looking()}
        for name, work in works.items():
            task = asyncio.create_task(work, name=name)
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    async def close(self) -> None:
        """End every stream and task; a second call does nothing."""
        self.publisher.close()
        await self.room.calibration.close()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def guarded(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it; an error that nobody foresaw stops the pen and ends the service, as anywhere."""
        task = asyncio.ensure_future(work)
        await asyncio.wait({task})
        error = task.exception()
        if error is not None and not isinstance(error, MicropenError):
            self.room.engine.on_defect(error)
        return task.result()

    # --- people ------------------------------------------------------------------------------

    async def people(self) -> list[PersonView]:
        """Who can log in, by the file as it is now. Raises PeopleUnreadable."""
        self.logins.people = self._people()
        return [PersonView(name=each.name, role=each.role) for each in self.logins.people.people]

    async def candidate(self, name: str) -> Person:
        """Whose PIN is to be compared, by the file as it is now. Raises PersonLocked."""
        self.logins.people = self._people()
        return self.logins.candidate(name)

    async def enter(self, person: Person, old_token: str | None, *, pin_is_right: bool) -> str:
        """Log in; returns the cookie's token. Raises LoginRefused."""
        token = self.logins.enter(person, old_token, pin_is_right=pin_is_right)
        self.publisher.soon()
        return token

    async def leave(self, token: str | None) -> None:
        """Log out."""
        self.logins.leave(token)
        self.publisher.soon()

    # --- what is shown -----------------------------------------------------------------------

    async def state(self, token: str | None) -> View:
        """The view of this moment."""
        self.logins.expire()
        self.picture.renew()
        return self.picture.view(token)

    async def preview(self, token: str | None, request: PreviewRequest) -> Preview:
        """A plan against every limit. Raises InputError, WrongState while an arm is open."""
        self.logins.require(token, EVERYBODY)
        self._may_read_files()
        return self.room.preview(request)

    async def plans(self) -> list[PlanLine]:
        """Every plan. Raises WrongState while an arm is open, as all that reads files."""
        self._may_read_files()
        return self.room.plans()

    async def plan(self, name: str) -> PlanView:
        """One plan. Raises UnknownName, InputError."""
        self._may_read_files()
        return self.room.plan(name)

    async def products(self) -> list[ProductView]:
        """Every product."""
        self._may_read_files()
        return self.room.products()

    async def may_read(self, token: str | None) -> None:
        """Whether this person may read the history. Raises NotLoggedIn."""
        self.logins.require(token, EVERYBODY)

    # --- the session -------------------------------------------------------------------------

    async def open(self, token: str | None, request: OpenRequest) -> None:
        """Open a session. Raises InputError, NoPen, WrongState."""
        await self.room.open_session(request, self._treats(token))
        self.publisher.soon()

    async def prime(self, token: str | None) -> None:
        """Arm for priming; the trigger starts it, off the skin."""
        await self.room.acts.prime(self._treats(token))

    async def treat(self, token: str | None, request: TreatRequest) -> None:
        """Arm for the next zone; the trigger starts the needles. Raises NotConfirmed (H28)."""
        actor = self._treats(token)
        if request.patient is not None or request.zone is not None:
            confirm_arm(self.room.acts.progress, request)
        await self.room.acts.treat(actor)

    async def pause(self, token: str | None) -> None:
        """End the arm in an orderly way. Less motion is everybody's to ask."""
        await self.room.acts.pause(self.logins.require(token, EVERYBODY))

    async def close_session(self, token: str | None) -> None:
        """Close the session with its account."""
        await self.room.acts.close(self._treats(token))
        self.publisher.soon()

    async def clear(self, token: str | None) -> None:
        """Unlatch the stop, or else the fault; never arms."""
        await self.room.acts.clear(self.logins.require(token, EVERYBODY))

    async def swap(self, token: str | None, fill_nl: int | None) -> None:
        """The next syringe; the rest of this one is discarded."""
        actor = self._treats(token)
        wanted_nl = fill_nl
        if wanted_nl is None:
            wanted_nl = self.room.acts.progress.terms.plan.syringe_fill_nl
        await self.room.acts.swap_syringe(wanted_nl, actor)

    async def purge(self, token: str | None, volume_nl: int) -> None:
        """Arm for discarding a volume, off the skin."""
        await self.room.acts.purge(volume_nl, self._treats(token))

    # --- alarms ------------------------------------------------------------------------------

    async def acknowledge(self, token: str | None, alarm_id: str) -> None:
        """Somebody has seen an alarm; on record once. Raises NoSuchAlarm."""
        actor = self.logins.require(token, EVERYBODY)
        if self.picture.parts.alarms.acknowledge(alarm_id):
            self._note(AlarmAcknowledged(alarm_id=alarm_id, actor=actor))
        self.publisher.soon()

    async def pause_audio(self, token: str | None, seconds: int) -> None:
        """Sound off for two minutes, or until the next alarm."""
        actor = self.logins.require(token, EVERYBODY)
        self.picture.parts.alarms.pause_audio()
        self._note(AudioPaused(seconds=seconds, actor=actor))
        self.publisher.soon()

    # --- the self-test -----------------------------------------------------------------------

    async def may_test(self, token: str | None) -> Actor:
        """Who tests STOP. Raises NotTested unless a pen is at rest and nothing is open."""
        actor = self.logins.require(token, EVERYBODY)
        try:
            self._stop_test.require()
        except (NoPen, NoTestNow) as error:
            told = "STOP is tested with a pen at rest and nothing under way."
            raise NotTested(told) from error
        return actor

    async def tested(self, actor: Actor, answer: StopAnswer) -> None:
        """Record the test and clear its stop. Raises NotTested when the pen did not confirm."""
        took_ms = answer.latency_ms
        await self._stop_test.conclude(actor, None if took_ms is None else round(took_ms * 1000))
        if took_ms is None:
            raise NotTested("The pen did not confirm the STOP of the self-test.")
        now_wall = self.room.clock.now_wall().isoformat()
        self.picture.parts.self_test = SelfTestView(at_wall=now_wall, latency_ms=took_ms)
        alarms = self.picture.parts.alarms
        if alarms.acknowledge("stop-latched"):
            self._note(AlarmAcknowledged(alarm_id="stop-latched", actor=actor))

    # --- training ----------------------------------------------------------------------------

    async def start_training(self, token: str | None) -> None:
        """A simulated pen takes the real one's place. Raises NotTraining."""
        await self.room.start_training()
        self._changed_room()

    async def end_training(self, token: str | None) -> None:
        """Back to the pen of the settings. Raises NotTraining."""
        await self.room.end_training()
        self._changed_room()

    # --- inside --------------------------------------------------------------------------------

    @property
    def _stop_test(self) -> StopTest:
        return StopTest(self.room.engine, self.room.acts, self.room.stop_line)

    def _treats(self, token: str | None) -> Actor:
        return self.logins.require(token, TREATING)

    def _may_read_files(self) -> None:
        # Reading TOML holds the interpreter for some milliseconds, which a running drive notices.
        if self.room.engine.arm_is_open:
            raise WrongState("The config folder is not read while an arm is open.")

    def _note(self, body: Body) -> None:
        self.room.engine.note(body)

    def _changed_room(self) -> None:
        room, parts = self.room, self.picture.parts
        self.logins.realm = room.realm
        if room.engine.alarms is not self._board:
            self._board = room.engine.alarms
            parts.self_test = _last_test(room)
            parts.alarms = AlarmList(room.clock, self._board, _alarm_history(room))
        self.publisher.soon()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.room.engine.on_defect(error)


def _last_test(room: Room) -> SelfTestView | None:
    """The last self-test on record; the page says whether it was today's."""
    with closing(JournalReader(room.journal)) as reader:
        entry = reader.newest("stop_tested")
    body = None if entry is None else entry.body()
    if entry is None or not isinstance(body, StopTested) or body.latency_us is None:
        return None
    return SelfTestView(at_wall=entry.wall, latency_ms=body.latency_us / 1000)


def _alarm_history(room: Room) -> list[Entry]:
    """Alarms of this service and the one before: what came with a crash is still to be seen."""
    with closing(JournalReader(room.journal)) as reader:
        found = list(reader.of_kinds(_STARTED, *KINDS))
    starts = [at for at, entry in enumerate(found) if entry.kind == _STARTED]
    since = starts[-2] if len(starts) > 1 else 0
    return [entry for entry in found[since:] if entry.kind != _STARTED]
