"""What an entry says about the host and its clocks. Reads the kernel, decides nothing."""

import ctypes
from collections.abc import Callable
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Final

from controller.clock import Clock

_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
_TIME_ERROR: Final = 5
"""adjtimex(2): the clock is not synchronised."""

_TIMEX_BYTES: Final = 512
"""More than struct timex on every Linux; all zero means: read only."""

_SYNC_CACHE_S: Final = 1.0


def host_boot_id() -> str:
    """Random id of this boot of the host, or "unknown" where the kernel does not give one."""
    try:
        return _BOOT_ID_FILE.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def kernel_clock_synced() -> bool | None:
    """Whether the kernel holds its wall clock for synchronised; None when it cannot be asked."""
    adjtimex = _adjtimex()
    if adjtimex is None:
        return None
    state = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return None if state < 0 else state != _TIME_ERROR


@cache
def _adjtimex() -> Callable[[ctypes.Array[ctypes.c_char]], int] | None:
    try:
        function: Callable[[ctypes.Array[ctypes.c_char]], int] = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
    return function


class Stamper:
    """Stamps entries. Used by one thread at a time (the journal's writer)."""

    def __init__(
        self,
        clock: Clock,
        *,
        boot_id: str | None = None,
        synced: Callable[[], bool | None] = kernel_clock_synced,
    ) -> None:
        self._clock = clock
        self._boot_id = boot_id or host_boot_id()
        self._ask = synced
        self._synced: bool | None = None
        self._asked_mono_s: float | None = None

    def on(self, clock: Clock) -> "Stamper":
        """The same host, by another clock."""
        return Stamper(clock, boot_id=self._boot_id, synced=self._ask)

    def stamp(self) -> tuple[str, int, str, bool | None]:
        """Host boot id, monotonic nanoseconds, RFC 3339 UTC with microseconds, synchronised."""
        mono_s = self._clock.mono_s()
        wall = self._clock.now_wall().astimezone(UTC).replace(tzinfo=None)
        return (
            self._boot_id,
            round(mono_s * 1e9),
            wall.isoformat(timespec="microseconds") + "Z",
            self._clock_synced(mono_s),
        )

    def _clock_synced(self, mono_s: float) -> bool | None:
        if self._asked_mono_s is None or mono_s - self._asked_mono_s >= _SYNC_CACHE_S:
            self._asked_mono_s = mono_s
            self._synced = self._ask()
        return self._synced
