"""Ids of a run: the same ones each time on a simulated pen, new ones on the pen at a port."""

import random


class DrawnNumbers:
    """Ids that a pen has not heard before, from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.host_id = self.fresh_id()

    def fresh_id(self) -> int:
        """64 bits whose lower half is not 0: fit for a nonce, a stop or a host."""
        while True:
            found = self._random.getrandbits(64)
            if found & 0xFFFF_FFFF:
                return found
