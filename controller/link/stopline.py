"""STOP from any thread: straight to the port, past the event loop and every queue (C10, H34, H35).

`trigger` takes no lock: the loop could be blocked while it held one. The first write comes from
the calling thread; the repeats come from the loop, because a pen whose host's loop is blocked loses
its lease within 200 ms anyway and rests by itself.
"""

import asyncio
import contextlib
import random
from typing import Final

import msgspec

from controller.clock import Clock
from controller.link.port import BytePort
from controller.link.wiretap import Wiretap
from protocol.codec import encode_payload
from protocol.framing import Frame, encode_frame
from protocol.limits import STOP_REPEAT_US
from protocol.messages import Stop

_REPEAT_S: Final = STOP_REPEAT_US / 1_000_000


class ActiveStop(msgspec.Struct):
    """A stop on its way. `writes` counts how often its frame went to a port."""

    stop_id: int
    reason: str
    trigger_mono_s: float
    frame: Frame
    writes: int = 0


class ConfirmedStop(msgspec.Struct, frozen=True):
    """A stop that the pen echoed, `latency_s` after its trigger."""

    stop_id: int
    reason: str
    latency_s: float
    writes: int


class StopLine:
    """Sends one stop at a time until the pen has echoed its id, over as many links as it takes."""

    def __init__(self, clock: Clock, rng: random.Random, wiretap: Wiretap) -> None:
        self._clock = clock
        self._rng = rng
        self._wiretap = wiretap
        self._slot: dict[str, ActiveStop] = {}
        self._port: BytePort | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.last_confirmed: ConfirmedStop | None = None
        self.foreign_echoes = 0

    @property
    def active(self) -> ActiveStop | None:
        """The stop that the pen has not confirmed yet. Readable from any thread."""
        return self._slot.get("stop")

    def trigger(self, reason: str) -> int:
        """Stop the pen now; returns the stop id. Callable from any thread; never blocks or raises.

        While a stop is active, a further trigger sends that one again and returns its id. Without
        a link the stop stays active and goes out as soon as a port is open.
        """
        stop = self._slot.setdefault("stop", self._mint(reason))  # atomic: one stop for all threads
        self._write(stop)
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nothing can repeat
                self._loop.call_soon_threadsafe(self._schedule)
        return stop.stop_id

    def _mint(self, reason: str) -> ActiveStop:
        stop_id = self._rng.getrandbits(64) or 1
        message = Stop(stop_id)
        frame = Frame(message.KIND, 0, 0, encode_payload(message))
        return ActiveStop(stop_id, reason, self._clock.mono_s(), frame)

    def _write(self, stop: ActiveStop) -> None:
        port = self._port
        if port is not None:
            port.write(encode_frame(stop.frame))
            stop.writes += 1
            self._wiretap.sent(self._clock.mono_s(), stop.frame)

    def attach(self, port: BytePort) -> None:
        """Use this port from now on; an active stop goes out at once. Called on the loop."""
        self._loop = asyncio.get_running_loop()
        self._port = port
        self._repeat()

    def detach(self) -> None:
        """Let the port go; an active stop stays active. Called on the loop."""
        self._port = None
        self._cancel_timer()

    def confirmed(self, stop_id: int) -> bool:
        """Take the pen's echo; only that of the active stop ends it. Called on the loop."""
        stop = self._slot.get("stop")
        if stop is None or stop.stop_id != stop_id:
            self.foreign_echoes += 1
            return False
        latency_s = self._clock.mono_s() - stop.trigger_mono_s
        self.last_confirmed = ConfirmedStop(stop_id, stop.reason, latency_s, stop.writes)
        del self._slot["stop"]
        self._cancel_timer()
        return True

    def unconfirmed_s(self) -> float:
        """Seconds since the trigger of the active stop; 0 when none is active."""
        stop = self.active
        return self._clock.mono_s() - stop.trigger_mono_s if stop else 0.0

    def _repeat(self) -> None:
        self._cancel_timer()
        stop = self.active
        if stop is not None:
            self._write(stop)
            self._schedule()

    def _schedule(self) -> None:
        if self._loop and self._timer is None and self._port is not None and self.active:
            self._timer = self._loop.call_later(_REPEAT_S, self._repeat)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
