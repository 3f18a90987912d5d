"""The whole view of the present moment, put together on the controller's loop."""

import msgspec

from controller.console.alarm_list import AlarmList
from controller.console.allowed import allowed_acts
from controller.console.checklist import checklist
from controller.console.facts import Facts
from controller.console.logins import Logins
from controller.console.pen_view import PenPicture
from controller.console.room import Room
from controller.console.session_view import SessionPicture
from controller.console.stopping import StopDoor
from controller.console.views import CheckView, SelfTestView, StopView, StripPoint, View
from controller.session.progress import Progress

CHECK_EVERY_S = 0.5


class Parts(msgspec.Struct):
    """What a view is put together from."""

    room: Room
    facts: Facts
    alarms: AlarmList
    logins: Logins
    stop: StopDoor
    self_test: SelfTestView | None = None


class Picture:
    """Composes views; `seq` rises with each moment that is shown."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._seq = 0
        self._pen = PenPicture()
        self._sessions = SessionPicture()
        self._base: View | None = None
        self._progress: Progress | None = None
        self._checks: list[CheckView] = []
        self._checked: object = None
        self._checked_mono_s = float("-inf")

    def renew(self) -> None:
        """Look at everything anew; `view` shows this moment until the next one."""
        parts = self.parts
        room, engine = parts.room, parts.room.engine
        progress = self._progress = self._sessions.progress(engine)
        self._seq += 1
        paused_wall = parts.alarms.audio_paused_until_wall
        self._base = View(
            seq=self._seq,
            now_wall=room.clock.now_wall().isoformat(),
            simulated=room.realm == "training",
            realm=room.realm,
            session=None if progress is None else self._sessions.view(engine, progress),
            pen=self._pen.view(engine),
            checklist=self._checklist(),
            alarms=parts.alarms.views(),
            audio_paused_until_wall=None if paused_wall is None else paused_wall.isoformat(),
            stop=self._stop(),
            login=None,
            allowed=[],
        )

    def view(self, token: str | None) -> View:
        """The moment of the last `renew`, for the screen with this login."""
        if self._base is None:
            self.renew()
        assert self._base is not None
        parts = self.parts
        login = parts.logins.view(token)
        allowed = allowed_acts(parts.room.engine, self._progress, login, parts.logins.realm)
        return self._base.model_copy(update={"login": login, "allowed": allowed})

    def point(self) -> StripPoint | None:
        """One point of the live strip; None while no pen is linked."""
        engine = self.parts.room.engine
        view = self._pen.view(engine)
        if view is None or not view.connected:
            return None
        return StripPoint(
            mono_s=round(engine.clock.mono_s(), 3),
            dose_nl=self._dose_nl(),
            cadence_hz=view.cadence_hz,
            protrusion_um=view.protrusion_reached_um,
            contact=view.flags.contact,
            trigger=view.flags.trigger,
        )

    def _checklist(self) -> list[CheckView]:
        """Costs more than all the rest, and changes slowly: twice a second, or with the state."""
        parts = self.parts
        engine, now_mono_s = parts.room.engine, parts.room.clock.mono_s()
        seen = (engine.state, id(engine.pen), engine.reconciled, engine.is_latched)
        if seen != self._checked or now_mono_s - self._checked_mono_s >= CHECK_EVERY_S:
            self._checked, self._checked_mono_s = seen, now_mono_s
            self._checks = checklist(parts.room, parts.facts, self._progress)
        return self._checks

    def _dose_nl(self) -> float:
        drive, progress = self.parts.room.engine.drive, self._progress
        zone = None if drive is None else drive.interval.opened.zone
        if zone is None or progress is None:
            return 0.0
        return float(progress.account_of(progress.terms.plan.zone(zone)).dose.certain_nl)

    def _stop(self) -> StopView:
        parts = self.parts
        return StopView(
            under_way=parts.room.stop_line.active is not None,
            last_latency_ms=parts.stop.last_latency_ms,
            self_test=parts.self_test,
        )
