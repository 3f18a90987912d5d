"""Looks at a trial a thousand times a second: states for the trace, moments for the faults.

It also compares at every look what the pen did with what it was allowed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.soak.catalogue import HostState, PenPhase
from tests.soak.leash import Leash
from tests.soak.trace import Trace
from tests.support.stage import Stage
from tests.support.theatre import Theatre
from tests.support.virtual import advance

LOOK_S = 0.001
"""A pen brakes for a few milliseconds: whoever waits for that must look often."""
CALM_S = 0.01
SHORT_S = 0.003
LONG_S = 0.25
SHORTER = 0.4
LONGER = 1.25
"""Of the time that is let pass within a moment: when it was over by then, and when it was not."""
LEAST_S = 0.000_2
_PASSING = (HostState.ARMING, HostState.ENDING, HostState.LATCHED, HostState.INTERRUPTED)
_BRIEF = (PenPhase.BRAKING, PenPhase.OFF, PenPhase.ARMED, PenPhase.LATCHED)


@dataclass(eq=False)
class _Waiter:
    host: HostState | None
    pen: PenPhase | None
    found: "asyncio.Future[None]"

    def fits(self, states: tuple[str, str]) -> bool:
        host, pen = states
        return self.host in (None, host) and self.pen in (None, pen)

    @property
    def pair(self) -> tuple[HostState | None, PenPhase | None]:
        return self.host, self.pen

    @property
    def longest_s(self) -> float:
        return SHORT_S if self.host in _PASSING or self.pen in _BRIEF else LONG_S


class Watch:
    """One pair of eyes a trial. `run` it beside the controller, `close` it at the end."""

    def __init__(
        self, theatre: Theatre, trace: Trace, on_change: Callable[[tuple[str, str]], None]
    ) -> None:
        self._theatre = theatre
        self._on_change = on_change
        self._trace = trace
        self._waiters: list[_Waiter] = []
        self._leashes: dict[Stage, Leash] = {}
        self._pumped: dict[Stage, int] = {}
        self._within_s: dict[tuple[HostState | None, PenPhase | None], float] = {}
        theatre.cable.on_bytes = self._passed

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            self._look()
            is_hasty = any(self._within(each) < CALM_S for each in self._waiters)
            await advance(LOOK_S if is_hasty else CALM_S)

    async def moment(
        self, host: HostState | None, pen: PenPhase | None, rng: Random, after_s: float = 0.0
    ) -> None:
        """Wait until both are so, and then some of the time that it lasts, as far as is known.

        With `after_s` it is exactly that much later, and so still, or again.
        """
        waiter = _Waiter(host, pen, asyncio.get_running_loop().create_future())
        while True:
            await self._until(waiter)
            within_s = self._within(waiter)
            await advance(after_s or rng.uniform(0.0, within_s))
            if waiter.fits(self._theatre.states()):
                self._within_s[waiter.pair] = min(waiter.longest_s, within_s * LONGER)
                return
            self._within_s[waiter.pair] = max(LEAST_S, within_s * SHORTER)
            waiter.found = asyncio.get_running_loop().create_future()

    def leash(self) -> Leash:
        """The worst of all pens of the trial, after all they did."""
        worst = Leash()
        for stage, leash in self._leashes.items():
            leash.judge(stage.world.mechanism.oracle.strokes)
            worst.longest_us = max(worst.longest_us, leash.longest_us)
            worst.overrun_us = max(worst.overrun_us, leash.overrun_us)
        return worst

    # --- inside ------------------------------------------------------------------------------

    def _within(self, waiter: _Waiter) -> float:
        return self._within_s.get(waiter.pair, waiter.longest_s)

    async def _until(self, waiter: _Waiter) -> None:
        if waiter.pair == (None, None):
            return
        self._waiters.append(waiter)
        try:
            await waiter.found
        finally:
            self._waiters.remove(waiter)

    def _look(self) -> None:
        self._see(self._theatre.clock.mono_s())
        self._theatre.ceilings.look(self._theatre.stage.truth)
        for stage in self._theatre.stages:  # one that was pulled may still come to rest
            self._look_at_pump(stage)

    def _see(self, now_mono_s: float) -> None:
        states = self._theatre.states()
        if self._trace.states(now_mono_s, states):
            self._on_change(states)
        for waiter in self._waiters:
            if not waiter.found.done() and waiter.fits(states):
                waiter.found.set_result(None)

    def _look_at_pump(self, stage: Stage) -> None:
        oracle = stage.world.mechanism.oracle
        steps = oracle.totals.forward_steps
        if steps != self._pumped.get(stage, 0):
            self._pumped[stage] = steps
            # Not the time of this look: while a process stands still nobody looks either.
            self._leash_of(stage).pumped(oracle.moved_us)

    def _leash_of(self, stage: Stage) -> Leash:
        return self._leashes.setdefault(stage, Leash())

    def _passed(self, now_mono_s: float, way: str, data: bytes) -> None:
        self._trace.bytes(now_mono_s, way, data)
        self._see(now_mono_s)
        if way == "to_pen":
            stage = self._theatre.stage
            self._leash_of(stage).wrote(stage.driver.now_us(), data)
