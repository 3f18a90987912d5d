"""The two host clocks. Decisions take the monotonic one; people read the wall."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where time comes from. Tests pass one that runs in virtual time."""

    def mono_s(self) -> float:
        """Host monotonic seconds: every decision, lease and deadline."""
        ...

    def now_wall(self) -> datetime:
        """UTC for people and records. Never decides a dose."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def mono_s(self) -> float:
        """Seconds of CLOCK_MONOTONIC, the clock that asyncio's loop uses too."""
        return time.monotonic()

    def now_wall(self) -> datetime:
        """The machine's UTC time, synchronised or not."""
        return datetime.now(UTC)
