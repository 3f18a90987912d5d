"""What a run comes to: one sheet a check, a rule, a pen, a run. Written as JSON as they stand."""

from enum import StrEnum
from typing import Final

import msgspec

SCHEMA_VERSION: Final = 1


class Verdict(StrEnum):
    """What came of a check or a rule."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"
    """It takes what this run has not: left out from the start."""
    UNFINISHED = "unfinished"
    """It was to be run and came to no verdict: nobody acted, or the run ended before it."""


class Place(msgspec.Struct, frozen=True):
    """One line of a check, with what its names stood for."""

    where: str
    source: str
    values: dict[str, str]


class Failure(msgspec.Struct, frozen=True):
    """Why a check failed, for whoever writes the firmware.

    `places`: from the check's own line inwards. `wire`: the last messages, with times.
    """

    said: str
    places: list[Place]
    wire: list[str]


class CheckSheet(msgspec.Struct, frozen=True):
    """One check."""

    name: str
    verdict: Verdict
    reason: str
    duration_s: float = 0.0
    failure: Failure | None = None


class TimingSheet(msgspec.Struct, frozen=True):
    """One thing that was measured in all checks; None = SPEC gives no limit.

    `allowed_us` is the limit and what line and computer may add: over it the rule has failed.
    `clock`: whose time it is. `worst_in`: the check with the worst one.
    """

    what: str
    clock: str
    count: int
    median_us: int
    worst_us: int
    worst_in: str
    limit_us: int | None
    allowed_us: int | None
    exceeded: bool


class RuleSheet(msgspec.Struct, frozen=True):
    """One rule: failed when a check failed or a limit was exceeded."""

    rule: str
    title: str
    spec: str
    verdict: Verdict
    checks: list[CheckSheet]
    timings: list[TimingSheet]

    def count(self, verdict: Verdict) -> int:
        """How many checks came to that."""
        return sum(check.verdict is verdict for check in self.checks)


class PenSheet(msgspec.Struct, frozen=True):
    """Which pen it was. `before` and `after`: boots, arm ids and counters, empty if unknown."""

    uid: str
    realm: str
    model: str
    firmware: str
    certificate_id: str
    cartridge: dict[str, int]
    envelope: dict[str, int]
    before: dict[str, int]
    after: dict[str, int]


class RunSheet(msgspec.Struct, frozen=True):
    """A whole run. `complete`: every check of every rule was run. `ended_early`: why, or empty.

    `computer_late_us`: how late this computer has woken the program at most.
    """

    schema_version: int
    micropen: str
    protocol_version: int
    started_wall: str
    duration_s: float
    port: str
    hand: str
    latency_ms: int
    computer_late_us: int
    verdict: Verdict
    complete: bool
    ended_early: str
    pen: PenSheet
    rules: list[RuleSheet]
