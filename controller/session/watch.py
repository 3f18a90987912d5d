"""Assertions on every status, on in production: the pen against its own past and its ceilings."""

from typing import Final

from controller.session.ledger import Interval, base_steps
from protocol.messages import Counters, Status

PACE_US: Final = 1_000_000
PACE_STROKES: Final = 8
PACE_SPARE: Final = 3
"""The pace is judged by pen ticks, over a second and eight strokes at least: a quarter over the set
cadence and three strokes more is neither jitter nor a ramp. The pen itself faults at a tenth over
2 s (fault 12); this is for a pen that does not (H43)."""


def fallen(before: Counters, now: Counters) -> list[str]:
    """Names of counters that fell between two statuses of one boot."""
    pairs = (
        ("punctures", before.punctures, now.punctures),
        ("dose_steps", before.dose_steps, now.dose_steps),
        ("prime_steps", before.prime_steps, now.prime_steps),
        ("bench_steps", before.bench_steps, now.bench_steps),
        ("preload_steps", before.preload_steps, now.preload_steps),
        ("reverse_steps", before.reverse_steps, now.reverse_steps),
    )
    return [name for name, old, new in pairs if new < old]


def over_ceiling(interval: Interval, now: Counters) -> bool:
    """Whether the pen's counters are over the committed ceilings of its open arm."""
    moved = now.reverse_steps if interval.opened.mode == "reload" else now.forward_steps
    return now.punctures > interval.puncture_ceiling or moved > interval.step_ceiling


def books_ahead(interval: Interval, now: Counters) -> bool:
    """Whether committed events prove more than the pen's counters admit."""
    opened, done = interval.opened, interval.committed
    forward = base_steps(opened) + done.forward_steps
    if opened.mode == "reload":
        return opened.first.reverse_steps + done.reverse_steps > now.reverse_steps
    return forward > now.forward_steps or opened.first.punctures + done.punctures > now.punctures


def too_fast(interval: Interval, since: Status, now: Status) -> bool:
    """Whether more strokes began between two statuses of one arm than its period allows."""
    passed_us = now.pen_ticks - since.pen_ticks
    made = now.counters.punctures - since.counters.punctures
    return (made - PACE_SPARE) * 4 * interval.opened.stroke_period_us > 5 * passed_us


class Watch:
    """Compares each status with the newest one before it and with the open arm."""

    def __init__(self) -> None:
        self._newest: Status | None = None
        self._paced: Status | None = None

    def look(self, status: Status, interval: Interval | None) -> str | None:
        """What contradicts, as a sentence; None when all is well. Old statuses are skipped."""
        before = self._newest
        if before is not None and status.pen_ticks < before.pen_ticks:
            return None
        self._newest = status
        if before is not None and (names := fallen(before.counters, status.counters)):
            return "Counters fell: " + ", ".join(names) + "."
        if interval is None or status.arm_id != interval.opened.arm_id:
            return None
        return self._against(interval, status)

    def _against(self, interval: Interval, status: Status) -> str | None:
        if over_ceiling(interval, status.counters):
            return f"Arm {status.arm_id} is over its ceilings."
        if books_ahead(interval, status.counters):
            return f"Arm {status.arm_id}: events prove more than the counters admit."
        if self._outruns(status, interval):
            return f"Arm {status.arm_id}: the needle is faster than it was set."
        return None

    def _outruns(self, status: Status, interval: Interval) -> bool:
        since = self._paced
        if since is None or since.arm_id != status.arm_id:
            self._paced = status
            return False
        window_us = max(PACE_US, PACE_STROKES * interval.opened.stroke_period_us)
        if status.pen_ticks - since.pen_ticks < window_us:
            return False
        self._paced = status
        return too_fast(interval, since, status)
