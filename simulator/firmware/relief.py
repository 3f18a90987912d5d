"""The one reversal after an occlusion, off contact, that lets the pressure out (C6, domain 5.3).

Exempt from grants, counted like any reversal, and never while a stop is latched.
"""

from protocol.words import EventKind
from simulator.firmware.core import Core
from simulator.firmware.drive import Stroke
from simulator.firmware.odometer import Category

POLL_US = 10_000


class Relief:
    """Once for each occlusion that latched. Ends early when the line pressure is gone."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._steps = min(core.spec.relief_steps, core.spec.max_steps)
        self._done_us = 0
        self._poll_us = 0

    @property
    def due_us(self) -> int | None:
        """When to start, to look, or to be done."""
        core = self._core
        if core.is_relieving:
            return min(self._done_us, self._poll_us)
        if not core.needs_relief or core.memory.stop_latched or not core.at_rest:
            return None
        clear_us = core.senses.clear_from_us()
        return None if clear_us is None else max(clear_us, core.now_us)

    def run(self) -> None:
        """Start, or look whether it is over."""
        core = self._core
        if not core.is_relieving:
            self._start()
        elif core.now_us >= self._done_us:
            self._finish(is_partial=False)
        else:
            self._poll_us = core.now_us + POLL_US
            if core.mechanics.pressure_kpa() <= 0:
                self._finish(is_partial=False)

    def cut(self) -> None:
        """Contact or a stop: stand at once."""
        if self._core.is_relieving:
            self._finish(is_partial=True)

    def _start(self) -> None:
        core = self._core
        core.needs_relief = False
        core.preload.reversed()
        if not core.odometer.reserve(reverse_steps=self._steps):
            core.raise_fault("NVM_FAULT")
            return
        core.odometer.begin(Category.PRELOAD)
        core.is_relieving = True
        flow = core.spec.max_flow_steps_s
        self._done_us = core.mechanics.pump(core.now_us, -self._steps, flow)
        self._poll_us = core.now_us + POLL_US

    def _finish(self, *, is_partial: bool) -> None:
        core = self._core
        core.mechanics.pump_stop(core.now_us)
        core.is_relieving = False
        made = max(0, -core.odometer.made())
        stroke = Stroke(EventKind.REVERSE, made, is_partial, is_touching=False, reading=None)
        core.diary.stroke_done(stroke, core.now_us)
        if not core.odometer.withdraw():
            core.raise_fault("NVM_FAULT")
