"""How long the pen moves after its lease is over, by what the host wrote and the needle did.

Nothing is asked of the firmware. A grant is valid for at most 200 ms after the host wrote it (C5),
by a pen's clock that may be 5 % slow; then the pen brakes and rests within 150 ms (C6).
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from protocol.framing import Decoder, Frame
from protocol.limits import BRAKE_TO_REST_MAX_US, LEASE_HOST_MAX_US, STATUS_STALE_US
from protocol.messages import Grant
from simulator.oracle import StrokeTruth

DRIFT: Final = 0.05
"""P8: the pen's clock against the host's."""
VALID_US: Final = round(LEASE_HOST_MAX_US * (1 + DRIFT) + STATUS_STALE_US * DRIFT)
"""Host time since a status is at most 1 s and is told in the pen's own, slower ticks."""
AT_REST_US: Final = VALID_US + BRAKE_TO_REST_MAX_US


class Leash:
    """Follows one pen. Feed all that the host writes; ask for the worst at the end of a trial."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._grants_us: list[int] = []
        self.longest_us = 0
        self.overrun_us = 0

    def wrote(self, now_us: int, data: bytes) -> None:
        """The host wrote `data` to this pen at `now_us` of the pen's world."""
        for found in self._decoder.feed(data):
            if isinstance(found, Frame) and found.kind == Grant.KIND:
                self._grants_us.append(now_us)

    def pumped(self, at_us: int) -> None:
        """The pump has moved forward, for the last time at `at_us` of the pen's world."""
        before = bisect_right(self._grants_us, at_us)
        self._moved(at_us, self._grants_us[before - 1] if before else 0)

    def judge(self, strokes: Iterable[StrokeTruth]) -> None:
        """Compare what the needle did with when it was granted; oldest stroke first."""
        at = 0
        for stroke in strokes:
            while at < len(self._grants_us) and self._grants_us[at] <= stroke.end_us:
                at += 1
            self._moved(stroke.end_us, self._grants_us[at - 1] if at else 0)

    def _moved(self, now_us: int, granted_us: int) -> None:
        self.longest_us = max(self.longest_us, now_us - granted_us)
        self.overrun_us = max(self.overrun_us, now_us - granted_us - AT_REST_US)
