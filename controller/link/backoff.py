"""How long to wait before the next attempt: longer each time, never in step with another host."""

import random
from typing import Final

FIRST_S: Final = 0.1
LONGEST_S: Final = 2.0


class Backoff:
    """Delays that double from 0.1 s to 2 s, each shortened at random by up to a half."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._step_s = FIRST_S

    def next_s(self) -> float:
        """The delay before the next attempt, 0.1 to 2 s."""
        delay_s = max(FIRST_S, self._step_s * self._rng.uniform(0.5, 1.0))
        self._step_s = min(LONGEST_S, self._step_s * 2)
        return delay_s

    def reset(self) -> None:
        """Start again at the shortest delay, after a link that stood."""
        self._step_s = FIRST_S
