"""The newest status of one link and when it was heard: the base of leases and of "is it alive".

Statuses can be repeated, delayed and reordered on the line; only the pen's own tick tells which is
the newest, and only the receipt of that one may carry a lease (C5).
"""

from operator import ge

from msgspec.structs import astuple

from controller.clock import Clock
from protocol.messages import Status


class Heard:
    """Newest status by pen tick, with the receipt time of that very status."""

    def __init__(self, status: Status, mono_s: float, clock: Clock) -> None:
        self.status = status
        self._receipt_mono_s = mono_s
        self._clock = clock

    def note(self, status: Status, mono_s: float) -> bool:
        """Take a status; False when it tells nothing newer than the newest, or of another boot.

        Of two statuses of one tick the receipt of the first counts, so that a repeated frame
        neither prolongs a lease nor makes a hung pen look alive.
        """
        newest = self.status
        if status.boot_id != newest.boot_id or status.pen_ticks < newest.pen_ticks:
            return False
        if status.pen_ticks > newest.pen_ticks:
            self._receipt_mono_s = mono_s
        elif status == newest or not _counts_no_less(status, newest):
            return False
        self.status = status
        return True

    def age_s(self) -> float:
        """Host seconds since the newest status was received."""
        return self._clock.mono_s() - self._receipt_mono_s

    def pen_now_ticks(self) -> int:
        """A lower bound of the pen's present tick: the line's delay is not in it."""
        return self.status.pen_ticks + int(self.age_s() * 1_000_000)

    def __str__(self) -> str:
        status = self.status
        return (
            f"last status {self.age_s():.3f} s ago: {status.state.name}, arm {status.arm_id}, "
            f"flags 0x{status.flags:02x}, tick {status.pen_ticks}"
        )


def _counts_no_less(status: Status, newest: Status) -> bool:
    """Whether a status of the same tick can be the later one: what it counts never falls."""
    ours, theirs = astuple(status.counters), astuple(newest.counters)
    return status.next_index >= newest.next_index and all(map(ge, ours, theirs))
