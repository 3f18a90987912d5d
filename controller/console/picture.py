"""The whole view of the present moment, put together on the controller's loop."""

import msgspec

from controller.console.alarm_list import AlarmList
from controller.console.allowed import allowed_acts
from controller.console.checklist import checklist
from controller.console.facts import Facts
from controller.console.logins import Logins
from controller.console.pen_view import PenPicture
from controller.console.room import Room
from controller.console.session_view import SessionPicture, session_view
from controller.console.stopping import StopDoor
from controller.console.views import SelfTestView, StopView, StripPoint, View
from controller.session.progress import Progress


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
            session=None if progress is None else session_view(engine, progress),
            pen=self._pen.view(engine),
            checklist=checklist(room, parts.facts, progress),
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
        allowed = allowed_acts(parts.room.engine, self._progress, login, parts.room.realm)
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
