"""The alarms as the screen shows them: latched until acknowledged, highest first, with their log.

The engine's board says what is active; this list remembers what came and went between two looks,
and who acknowledged it. Acknowledging is an entry of the journal, and changes nothing at the pen.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from controller.clock import Clock
from controller.console.errors import NoSuchAlarm
from controller.console.views import AlarmView
from controller.record.entry import Entry
from controller.record.events import AlarmCleared, AlarmRaised
from controller.session.alarms import AlarmBoard

AUDIO_PAUSE_S = 120.0
"""IEC 60601-1-8 practice: at most 2 minutes (domain.md 4.1)."""
MOST_LATCHED = 100
_RANK = {"high": 0, "medium": 1, "low": 2}
KINDS = ("alarm_raised", "alarm_cleared", "alarm_acknowledged")


class Latched(msgspec.Struct):
    """One alarm on the list."""

    raised: AlarmRaised
    raised_wall: str
    acknowledged: bool = False


class AlarmList:
    """What the screen shows of one engine's alarms."""

    def __init__(self, clock: Clock, board: AlarmBoard, history: Iterable[Entry] = ()) -> None:
        self._clock = clock
        self._board = board
        self._latched: dict[str, Latched] = {}
        self._paused_until_mono_s = float("-inf")
        self._read(history)
        for alarm in board.active.values():
            if alarm.alarm_id not in self._latched:
                self._take(alarm)
        board.on_up = self._take

    @property
    def audio_paused_until_wall(self) -> datetime | None:
        """Until when the sound is off."""
        left_s = self._paused_until_mono_s - self._clock.mono_s()
        return self._clock.now_wall() + timedelta(seconds=left_s) if left_s > 0 else None

    def views(self) -> list[AlarmView]:
        """Highest priority first, then what is not acknowledged, then the oldest."""
        self._drop_done()
        order = sorted(
            self._latched.values(),
            key=lambda each: (_RANK[each.raised.priority], each.acknowledged, each.raised_wall),
        )
        return [self._view(each) for each in order]

    def acknowledge(self, alarm_id: str) -> bool:
        """Whether it was not acknowledged before. Raises NoSuchAlarm."""
        latched = self._latched.get(alarm_id)
        if latched is None:
            raise NoSuchAlarm("This alarm is not on the board any more.")
        before, latched.acknowledged = latched.acknowledged, True
        return not before

    def pause_audio(self) -> None:
        """Sound off for two minutes, or until the next alarm."""
        self._paused_until_mono_s = self._clock.mono_s() + AUDIO_PAUSE_S

    def _take(self, alarm: AlarmRaised) -> None:
        self._paused_until_mono_s = float("-inf")
        self._latched[alarm.alarm_id] = Latched(alarm, self._clock.now_wall().isoformat())
        while len(self._latched) > MOST_LATCHED:
            over = (key for key in self._latched if key not in self._board.active)
            del self._latched[next(over, next(iter(self._latched)))]

    def _drop_done(self) -> None:
        active = self._board.active
        done = [key for key, each in self._latched.items() if each.acknowledged]
        for key in done:
            if key not in active:
                del self._latched[key]

    def _view(self, each: Latched) -> AlarmView:
        alarm = each.raised
        return AlarmView(
            id=alarm.alarm_id,
            priority=alarm.priority,
            sentence=alarm.sentence,
            cause=alarm.cause,
            action=alarm.action,
            raised_wall=each.raised_wall,
            acknowledged=each.acknowledged,
            active=alarm.alarm_id in self._board.active,
        )

    def _read(self, history: Iterable[Entry]) -> None:
        """What a service before this one left unacknowledged stays on the list."""
        for entry in history:
            body = entry.body()
            if isinstance(body, AlarmRaised):
                self._latched[body.alarm_id] = Latched(body, entry.wall)
            elif not isinstance(body, AlarmCleared):
                alarm_id = getattr(body, "alarm_id", "")
                if alarm_id in self._latched:
                    self._latched[alarm_id].acknowledged = True
