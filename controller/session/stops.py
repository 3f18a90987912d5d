"""Stops on their way: which ones the pen has not echoed yet, and for how long (C10, H35)."""

import asyncio
from collections.abc import Callable
from typing import Any

from controller.clock import Clock
from controller.record.events import StopConfirmed, hex_id
from controller.session.amounts import counter_set
from protocol.limits import STOP_UNCONFIRMED_US
from protocol.messages import Stopped

_MICRO = 1_000_000
_REMEMBERED = 8
"""Ids of echoes that are kept: a pen echoes one stop at a time, and so few are ever needed."""


class Stops:
    """Counts stops and times their echoes. `on_silence` hears of one that is not echoed in time."""

    def __init__(self, clock: Clock, on_silence: Callable[[], None]) -> None:
        self._clock = clock
        self._on_silence = on_silence
        self._sent_mono_s: dict[int, float] = {}
        self._early: dict[int, Stopped] = {}
        self._confirmed: dict[int, None] = {}
        self.count = 0

    @property
    def under_way(self) -> bool:
        """Whether a stop was sent that the pen has not echoed."""
        return bool(self._sent_mono_s)

    def sent(self, stop_id: int) -> StopConfirmed | None:
        """A stop's bytes have left; the same id again is the same stop.

        Another thread writes them before the loop hears of it, so the echo may be here already:
        then this returns its entry, and nothing is waited for.
        """
        self.count += 1
        if (stopped := self._early.pop(stop_id, None)) is not None:
            return self._confirm(stopped, latency_us=0)
        if stop_id not in self._sent_mono_s and stop_id not in self._confirmed:
            self._sent_mono_s[stop_id] = self._clock.mono_s()
            loop = asyncio.get_running_loop()
            loop.call_later(STOP_UNCONFIRMED_US / _MICRO, self._look, stop_id)
        return None

    def echoed(self, stopped: Stopped) -> StopConfirmed | None:
        """The entry for the first echo of a stop; None for any other."""
        sent_mono_s = self._sent_mono_s.pop(stopped.stop_id, None)
        if sent_mono_s is None:
            if stopped.stop_id not in self._confirmed:
                self._early.setdefault(stopped.stop_id, stopped)
                _forget_oldest(self._early)
            return None
        latency_us = int((self._clock.mono_s() - sent_mono_s) * _MICRO)
        return self._confirm(stopped, latency_us)

    def _confirm(self, stopped: Stopped, latency_us: int) -> StopConfirmed:
        self._confirmed[stopped.stop_id] = None
        _forget_oldest(self._confirmed)
        return StopConfirmed(
            stop_id=hex_id(stopped.stop_id),
            latency_us=latency_us,
            counters=counter_set(stopped.status.counters),
        )

    def _look(self, stop_id: int) -> None:
        if stop_id in self._sent_mono_s:
            self._on_silence()


def _forget_oldest(ids: dict[int, Any]) -> None:
    if len(ids) > _REMEMBERED:
        del ids[next(iter(ids))]
