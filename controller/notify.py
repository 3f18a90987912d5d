"""What the service manager is told: ready, alive, stopping, and one line for a person (sd_notify).

The protocol is that of sd_notify(3): datagrams of NAME=value lines to the Unix socket that
NOTIFY_SOCKET names. At the bottom of the controller, because telemetry and archive tell it too and
stay small. Touches one datagram socket at a time, and never waits for it.
"""

import os
import socket
from collections.abc import MutableMapping
from typing import Self

import structlog

_MICRO = 1_000_000
EXTEND_S = 30.0
"""From one sign of progress to the next, on a card that is being read by others too (estimate)."""

log = structlog.get_logger("notify")


class Notifier:
    """Tells whoever started this process, if it wants to be told.

    address: a path, or `@name` for an abstract socket; empty: nobody listens, and all calls do
    nothing. watchdog_s: how long the manager waits for a sign of life; None: for ever.
    """

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = watchdog_s
        self._has_failed = False

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str] = os.environ) -> Self:
        """By the manager's variables, which are taken out: no child may speak for this process."""
        address = environ.pop("NOTIFY_SOCKET", "")
        period = environ.pop("WATCHDOG_USEC", "")
        pid = environ.pop("WATCHDOG_PID", "") or str(os.getpid())
        is_ours = period.isascii() and period.isdigit() and pid == str(os.getpid())
        return cls(address, int(period) / _MICRO if is_ours and int(period) else None)

    @property
    def is_wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self._address)

    def ask_for_time(self) -> None:
        """Starting takes longer than the manager may expect, and gets on: wait EXTEND_S more."""
        self.tell(f"EXTEND_TIMEOUT_USEC={round(EXTEND_S * _MICRO)}")

    def tell(self, *lines: str) -> bool:
        """Send lines such as `READY=1` in one datagram; False when they could not be sent.

        Never raises: a manager that does not listen must not end a treatment. The first failure
        is logged.
        """
        if not self._address:
            return True
        message = "\n".join(line.replace("\n", " ") for line in lines).encode()
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        try:
            with socket.socket(socket.AF_UNIX, kind) as door:
                door.sendto(message, self._address)
        except OSError as error:
            if not self._has_failed:
                log.warning("the service manager cannot be told", error=str(error))
            self._has_failed = True
            return False
        return True
