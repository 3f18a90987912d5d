"""The running motor's drive in the simulated firmware: no stroke is missed, whenever it is told."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from protocol.messages import StrokeSettings
from protocol.words import Mode
from simulator.firmware.drive import Rig
from simulator.firmware.spin_drive import SpinDrive

STROKES_US = ((1_000, 6_000), (8_000, 13_000), (15_000, 20_000))
"""Start and end of each stroke, whatever the drive does."""


class Motor:
    """As the mechanics look from the firmware at one instant."""

    def __init__(self) -> None:
        self.now_us = 0
        self.brakes = 0

    def spin(self, now_us: int, period_us: int) -> None:
        self.now_us = now_us

    def brake(self, now_us: int) -> None:
        self.brakes += 1

    def stroke_end_us(self) -> int | None:
        return next((end for start, end in STROKES_US if start <= self.now_us < end), None)

    def next_stroke_us(self) -> int | None:
        return next((start for start, _ in STROKES_US if start > self.now_us), None)

    def braking_strokes(self) -> int:
        return 1

    def reading(self) -> Any:
        return None


class Bench:
    """A drive with what it counts and reports."""

    def __init__(self) -> None:
        self.motor, self.left, self.reported = Motor(), 0, 0
        rig = SimpleNamespace(
            mechanics=self.motor,
            odometer=SimpleNamespace(leave_rest=self._leave),
            reporter=SimpleNamespace(stroke_done=self._report, is_touching=lambda: True),
        )
        self.drive = SpinDrive(cast(Rig, rig), StrokeSettings(Mode.NO_DISPENSE, 1_000, 7_000, 0, 0))
        self.drive.begin(0)

    def _leave(self) -> None:
        self.left += 1

    def _report(self, stroke: object, now_us: int) -> None:
        self.reported += 1

    def to(self, until_us: int) -> None:
        """Wake the drive whenever it is due, up to but not including an instant."""
        while self.drive.due_us is not None and self.drive.due_us < until_us:
            self.motor.now_us = self.drive.due_us
            self.drive.run(self.motor.now_us)


@pytest.mark.parametrize("ease_us", [500, 1_000, 3_000, 6_000, 7_000, 8_000, 13_000, 15_000])
def test_a_brake_at_any_instant_misses_no_stroke(ease_us: int) -> None:
    bench = Bench()
    bench.to(ease_us)
    bench.motor.now_us = ease_us
    bench.drive.ease(ease_us)
    bench.to(100_000)
    assert (bench.left, bench.reported) == (3, 3)
    assert bench.motor.brakes == 1
    assert not bench.drive.is_moving
