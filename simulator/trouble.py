"""When faults strike: turns the rows of a scenario into acts at exact instants of world time."""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from random import Random

import msgspec

from simulator.ears import Ears
from simulator.misbehaviour import (
    EFFECTS,
    Effect,
    FaultName,
    FaultSettings,
    Moment,
    Victim,
)

_STROKE_US = 5_000


class _Waiting(msgspec.Struct):
    """A row on its way: waits for its time or stroke, then (`cocked`) for its moment."""

    settings: FaultSettings
    left: int
    not_before_us: int
    cocked: bool = False


class Trouble:
    """All faults of one scenario. Ask `next_wake_us`, call `strike` before anything else acts."""

    def __init__(self, rows: Sequence[FaultSettings], rng: Random) -> None:
        self._rng = rng
        self._rows = [_Waiting(row, row.repeat, round(row.at_s * 1e6)) for row in rows]
        self._acts: list[tuple[int, int, FaultSettings, Effect]] = []
        self._order = 0
        self._strokes = 0
        self.ears: Ears[FaultName] = Ears()
        """Hear of each act (not of its undoing) at its instant, just before it is done."""

    def add(self, row: FaultSettings) -> None:
        """One more fault, while the world runs."""
        self._rows.append(_Waiting(row, row.repeat, round(row.at_s * 1e6)))

    def take_back(self, row: FaultSettings, victim: Victim, now_us: int) -> None:
        """End a row that was added: it strikes no more, and what it did is undone if it can be."""
        acts = [each for each in self._acts if each[2] is row]
        strikes_left = sum(each.left for each in self._rows if each.settings is row)
        strikes_left += sum(act[3] is EFFECTS[row.name][0] for act in acts)
        self._rows = [each for each in self._rows if each.settings is not row]
        self._acts = [each for each in self._acts if each[2] is not row]
        heapify(self._acts)
        undo = EFFECTS[row.name][1]
        if undo is not None and strikes_left != row.repeat:
            undo(victim, row, now_us)

    def next_wake_us(self) -> int | None:
        """The next act, or the next time that a row waits for."""
        if not self._rows and not self._acts:
            return None
        rows = [row for row in self._rows if not row.cocked and _by_time(row.settings)]
        waiting = [row.not_before_us for row in rows]
        if self._acts:
            waiting.append(self._acts[0][0])
        return min(waiting, default=None)

    def strike(self, victim: Victim, now_us: int) -> None:
        """Do the acts due by `now_us`."""
        if not self._rows and not self._acts:
            return
        for row in self._rows:
            row.cocked = row.cocked or (now_us >= row.not_before_us and _by_time(row.settings))
        while self._acts and self._acts[0][0] <= now_us:
            _, _, settings, effect = heappop(self._acts)
            if effect is EFFECTS[settings.name][0]:
                self.ears.tell(settings.name)
            effect(victim, settings, now_us)
        self.watch(victim, now_us)

    def watch(self, victim: Victim, now_us: int) -> None:
        """See what the pen does; rows whose moment has come plan their act."""
        if not self._rows:
            return
        self._count_strokes(victim, now_us)
        for row in [row for row in self._rows if row.cocked]:
            at_us = self._moment_us(victim, row.settings.moment(), now_us)
            if at_us is not None:
                self._plan(row, at_us)

    def _count_strokes(self, victim: Victim, now_us: int) -> None:
        made = victim.mechanism.oracle.strokes_seen
        new, self._strokes = made - self._strokes, made
        for row in self._rows if new else ():
            settings = row.settings
            if row.cocked or now_us < row.not_before_us:
                continue
            if settings.after_strokes:
                row.cocked = made >= settings.after_strokes
            elif settings.share:
                row.cocked = any(self._rng.random() < settings.share for _ in range(new))

    def _moment_us(self, victim: Victim, moment: Moment, now_us: int) -> int | None:
        body = victim.mechanism
        pump_end_us = body.plunger.end_us()
        in_stroke = body.oracle.in_stroke
        if moment is Moment.AT_ONCE:
            return now_us
        if moment is Moment.AT_REST:
            return now_us if not in_stroke and pump_end_us is None else None
        if moment is Moment.MID_STROKE:
            return now_us + self._rng.randrange(1, _STROKE_US) if in_stroke else None
        if moment is Moment.PUMPING:
            if pump_end_us is None:
                return None
            return now_us + self._rng.randrange(max(1, pump_end_us - now_us))
        return body.needle.end_us() if in_stroke else None

    def _plan(self, row: _Waiting, at_us: int) -> None:
        settings = row.settings
        effect, undo = EFFECTS[settings.name]
        self._act_at(at_us, settings, effect)
        if undo is not None and settings.lasts_s:
            self._act_at(at_us + round(settings.lasts_s * 1e6), settings, undo)
        row.cocked = False
        row.not_before_us = at_us + max(1, round(settings.every_s * 1e6))
        row.left -= 1
        if row.left == 0:
            self._rows.remove(row)

    def _act_at(self, at_us: int, settings: FaultSettings, effect: Effect) -> None:
        self._order += 1
        heappush(self._acts, (at_us, self._order, settings, effect))


def _by_time(settings: FaultSettings) -> bool:
    return not settings.after_strokes and not settings.share
