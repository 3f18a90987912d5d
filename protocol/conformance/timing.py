"""What is measured while a pen is put to the checks, and how much of it SPEC.md allows.

Two clocks: `pen` times are differences of the pen's own ticks, which the line cannot stretch;
`host` times include both ways over the line and are allowed its latency.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median
from typing import Literal

from protocol.limits import (
    ARM_WITHOUT_GRANT_US,
    BRAKE_TO_REST_MAX_US,
    CONTACT_LOST_US,
    EVENT_BATCH_MAX_US,
    HEALTH_PERIOD_US,
    REPLY_WITHIN_US,
    STATUS_PERIOD_US,
)

FRAME_ON_LINE_US = 22_050
"""The rest of a frame that is on the line: at most the longest one (SPEC section 11.3)."""
REPLY_US = 60_000
"""Patience for a reply: the pen's 10 ms, its frame, and a serial line's latency of up to 16 ms each
way (the default latency timer of FTDI's USB bridges)."""
TICK_ERROR_US = 50_000
"""In a second: at most 5 % (SPEC section 11.1)."""
_LINE_US = REPLY_US - REPLY_WITHIN_US


@dataclass(frozen=True)
class Limit:
    """One thing that is measured, and the rule that a late one breaks, in whatever check it was.

    `limit_us` None = SPEC gives none; it is measured all the same.
    `allowed_us` is where the rule is broken: the limit and what is not the pen's fault.
    """

    rule: str
    what: str
    clock: Literal["pen", "host"]
    limit_us: int | None = None
    slack_us: int = 0

    def allowed_us(self, latency_us: int = 0) -> int | None:
        """The longest that passes, on a line that is so much slower than usual."""
        if self.limit_us is None:
            return None
        return self.limit_us + self.slack_us + (latency_us if self.clock == "host" else 0)


class Timing(Enum):
    """Everything that is measured. Limits: SPEC section 11.1."""

    REPLY = Limit("C2", "request to reply", "host", REPLY_WITHIN_US, _LINE_US)
    RECORD = Limit("C4", "DISARM to the final record", "host")
    HANDSHAKE = Limit("C2", "HELLO to HELLO_REPLY", "host", REPLY_WITHIN_US, _LINE_US)
    ECHO = Limit("C10", "STOP to STOPPED", "host", REPLY_WITHIN_US, _LINE_US)
    STATUS = Limit("C5", "one status to the next", "pen", STATUS_PERIOD_US, FRAME_ON_LINE_US)
    EVENT = Limit("C8", "end of an event to its frame", "pen", EVENT_BATCH_MAX_US, FRAME_ON_LINE_US)
    HEALTH = Limit("C5", "one HEALTH to the next", "host", HEALTH_PERIOD_US, 200_000)
    LAPSE = Limit("C5", "lapse of the lease to rest", "pen", BRAKE_TO_REST_MAX_US)
    STOP_REST = Limit("C10", "echo of a STOP to rest", "pen")
    LINK_REST = Limit("C2", "new link to rest", "host")
    NO_GRANT = Limit("C4", "ARM to its end without a grant", "host", ARM_WITHOUT_GRANT_US, 300_000)
    CONTACT_LOST = Limit("C7", "contact lost to the cut dose", "pen", CONTACT_LOST_US, 25_000)
    BOOT = Limit("C9", "boot to rest", "pen")
    TICK_RATE = Limit("C5", "error of the pen's clock in a second", "host", TICK_ERROR_US)


@dataclass(frozen=True)
class Span:
    """One thing as it was measured, in microseconds."""

    timing: Timing
    count: int
    median_us: int
    worst_us: int
    allowed_us: int | None

    @property
    def is_exceeded(self) -> bool:
        """Whether SPEC does not allow the worst of it."""
        return self.allowed_us is not None and self.worst_us > self.allowed_us

    @property
    def sentence(self) -> str:
        """Such as `lapse of the lease to rest: 180.0 ms, allowed 150.0 ms`."""
        allowed = "no limit" if self.allowed_us is None else f"allowed {self.allowed_us / 1e3} ms"
        return f"{self.timing.value.what}: {self.worst_us / 1e3} ms, {allowed}"


class Timings:
    """What was measured, by kind."""

    def __init__(self) -> None:
        self._found: dict[Timing, list[int]] = {}

    def note(self, timing: Timing, value_us: int) -> None:
        """One more value."""
        self._found.setdefault(timing, []).append(value_us)

    @property
    def values(self) -> Mapping[Timing, Sequence[int]]:
        """The values by kind, in the order in which they came."""
        return self._found

    @property
    def of_the_pen(self) -> "Timings":
        """Those in the pen's own ticks alone."""
        found = Timings()
        kept = {kind: values for kind, values in self._found.items() if kind.value.clock == "pen"}
        found._found.update(kept)
        return found

    def exceeded(self) -> list[str]:
        """A sentence for each limit of SPEC that was not kept, on a line of the usual kind."""
        spans = [span_of(timing, values) for timing, values in self._found.items()]
        return [span.sentence for span in spans if span.is_exceeded]


def span_of(timing: Timing, values: Sequence[int], latency_us: int = 0) -> Span:
    """Count, median and worst of at least one value."""
    allowed_us = timing.value.allowed_us(latency_us)
    return Span(timing, len(values), round(median(values)), max(values), allowed_us)
