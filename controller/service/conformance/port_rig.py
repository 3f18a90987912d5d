"""The pen at a serial port as a rig: exclusive use, real time, a hand that may be a person's."""

import os
import secrets
import select
import time
from typing import Final, Protocol

from controller.errors import LinkLost, MicropenError
from controller.link.port import SerialOpener, release
from protocol.conformance.rig import Hand

HOST_ID: Final = int.from_bytes(b"conform", "big")
"""One for all runs: the table of 8 hosts that a pen keeps must not fill up with this tool's."""
REPLUG_WITHIN_US: Final = 90_000_000
"""How long a port may be away after its pen was to be switched off."""
_TRY_AGAIN_US: Final = 100_000
_READ_BYTES: Final = 4_096


class FreshNumbers:
    """Ids by chance: a pen that stays switched on refuses a nonce that it has heard."""

    host_id = HOST_ID

    def fresh_id(self) -> int:
        """64 bits whose lower half is not 0."""
        return secrets.randbits(32) << 32 | secrets.randbelow(0xFFFF_FFFF) + 1


class PowerHand(Hand, Protocol):
    """A hand that reaches the pen's switch too."""

    is_quick: bool
    """Whether an act is done, within 10 ms, when its call returns."""

    def cycle_power(self) -> None:
        """Switch the pen off and on again."""
        ...


class PortRig:
    """115,200 baud 8N1. Raises as `SerialOpener.open` does, and LinkLost when the line goes away.

    After `power_cycle` the port may vanish for a while, as that of a pen with USB of its own does.
    """

    def __init__(self, path: str, hand: PowerHand, latency_us: int = 0) -> None:
        self.hand = hand
        self.numbers = FreshNumbers()
        self.is_quick = hand.is_quick
        self.latency_us = latency_us
        self._opener = SerialOpener(path)
        self._fd: int | None = self._opener.claim()
        self._away_until_us = 0

    def now_us(self) -> int:
        """The computer's monotonic clock."""
        return time.monotonic_ns() // 1_000

    def write(self, data: bytes) -> None:
        """Bytes to the pen; lost while its port is away."""
        while data and self._fd is not None:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                select.select([], [self._fd], [], 0.1)
            except OSError as error:
                self._lose(error)

    def read(self, until_us: int) -> bytes:
        """Wait for bytes from the pen, at most until `until_us`."""
        if self._fd is None and not self._reopened():
            wait_us = min(until_us - self.now_us(), _TRY_AGAIN_US)
            select.select([], [], [], max(0, wait_us) / 1e6)
            return b""
        fds = [] if self._fd is None else [self._fd]
        ready, _, _ = select.select(fds, [], [], max(0, until_us - self.now_us()) / 1e6)
        return self._take() if ready else b""

    def _take(self) -> bytes:
        try:
            data = os.read(self._fd, _READ_BYTES) if self._fd is not None else b""
        except BlockingIOError:
            return b""
        except OSError as error:
            self._lose(error)
            return b""
        if not data:
            self._lose(OSError("the port hung up"))
        return data

    def _lose(self, error: OSError) -> None:
        self.close()
        if self.now_us() > self._away_until_us:
            raise LinkLost(f"The port of the pen is gone: {error.strerror or error}.") from error

    def _reopened(self) -> bool:
        try:
            self._fd = self._opener.claim()
        except MicropenError:
            if self.now_us() > self._away_until_us:
                raise
            return False
        return True

    def power_cycle(self) -> None:
        """Have the pen switched off and on."""
        self._away_until_us = self.now_us() + REPLUG_WITHIN_US
        self.hand.cycle_power()

    def close(self) -> None:
        """Let go of the port."""
        if self._fd is not None:
            release(self._fd)
            self._fd = None
