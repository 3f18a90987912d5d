"""Stops on their way: which ones the pen has not echoed yet, and for how long (C10, H35)."""

import asyncio
from collections.abc import Callable

from controller.clock import Clock
from controller.record.events import StopConfirmed, hex_id
from controller.session.amounts import counter_set
from protocol.limits import STOP_UNCONFIRMED_US
from protocol.messages import Stopped

_MICRO = 1_000_000


class Stops:
    """Counts stops and times their echoes. `on_silence` hears of one that is not echoed in time."""

    def __init__(self, clock: Clock, on_silence: Callable[[], None]) -> None:
        self._clock = clock
        self._on_silence = on_silence
        self._sent_mono_s: dict[int, float] = {}
        self.count = 0

    @property
    def under_way(self) -> bool:
        """Whether a stop was sent that the pen has not echoed."""
        return bool(self._sent_mono_s)

    def sent(self, stop_id: int) -> None:
        """A stop's bytes have left; the same id again is the same stop."""
        self.count += 1
        if stop_id not in self._sent_mono_s:
            self._sent_mono_s[stop_id] = self._clock.mono_s()
            loop = asyncio.get_running_loop()
            loop.call_later(STOP_UNCONFIRMED_US / _MICRO, self._look, stop_id)

    def echoed(self, stopped: Stopped) -> StopConfirmed | None:
        """The entry for the first echo of a stop; None for any other."""
        sent_mono_s = self._sent_mono_s.pop(stopped.stop_id, None)
        if sent_mono_s is None:
            return None
        return StopConfirmed(
            stop_id=hex_id(stopped.stop_id),
            latency_us=int((self._clock.mono_s() - sent_mono_s) * _MICRO),
            counters=counter_set(stopped.status.counters),
        )

    def _look(self, stop_id: int) -> None:
        if stop_id in self._sent_mono_s:
            self._on_silence()
