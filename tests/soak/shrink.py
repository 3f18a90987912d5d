"""A failing script, made as small as it can be and still fail: rows first, then numbers.

Delta debugging (Zeller and Hildebrandt, 2002) on the rows; then each number is tried smaller.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from tests.soak.script import FaultRow, Script
from tests.soak.tally import Verdict

T = TypeVar("T")
Fails = Callable[[Script], bool]
MOST_TRIES = 150
_NUMBER = re.compile(r"[0-9a-f]{16}|\d+(\.\d+)?")


def kind_of(verdict: Verdict) -> str:
    """What failed, without the numbers in it: two verdicts of one kind are one failure."""
    return _NUMBER.sub("#", verdict.problems[0].splitlines()[0]) if verdict.problems else ""


class Shrinker:
    """`fails` says whether a script still shows the failure; asked at most `most_tries` times."""

    def __init__(self, fails: Fails, most_tries: int = MOST_TRIES) -> None:
        self._fails = fails
        self.tries_left = most_tries

    def shrink(self, script: Script) -> Script:
        """The smallest found; `script` itself must fail."""
        rows = self._fewest(script.fault, lambda kept: _with(script, fault=tuple(kept)))
        script = _with(script, fault=tuple(rows))
        zones = self._fewest(script.punctures, lambda kept: _with(script, punctures=tuple(kept)))
        script = _with(script, punctures=tuple(zones) or script.punctures)
        while (smaller := next(filter(self._still, _smaller(script)), None)) is not None:
            script = smaller
        return script

    def _still(self, script: Script) -> bool:
        if self.tries_left <= 0:
            return False
        self.tries_left -= 1
        return self._fails(script)

    def _fewest(self, items: Sequence[T], made: Callable[[Sequence[T]], Script]) -> Sequence[T]:
        size = len(items)
        while size >= 1 and items:
            for at in range(0, len(items), size):
                kept = [*items[:at], *items[at + size :]]
                if _is_valid(made(kept)) and self._still(made(kept)):
                    items = kept
                    break
            else:
                size //= 2
        return items


def _is_valid(script: Script) -> bool:
    return bool(script.punctures)


def _with(script: Script, **changes: object) -> Script:
    return msgspec.structs.replace(script, **changes)


def _smaller(script: Script) -> Iterator[Script]:
    """Scripts with one number smaller, the greatest step first."""
    if script.stop_every_s:
        yield _with(script, stop_every_s=0.0)
    if script.pause_every_s:
        yield _with(script, pause_every_s=0.0)
    if script.late_ms != (0.0, 0.0):
        yield _with(script, late_ms=(0.0, 0.0))
    if script.is_tidy:
        yield _with(script, is_tidy=False)
    if script.safety_s > 2.0:
        yield _with(script, safety_s=round(script.safety_s / 2, 3))
    for at, count in enumerate(script.punctures):
        if count > 1:
            fewer = (*script.punctures[:at], count // 2, *script.punctures[at + 1 :])
            yield _with(script, punctures=fewer)
    for at, row in enumerate(script.fault):
        for less in _smaller_rows(row):
            yield _with(script, fault=(*script.fault[:at], less, *script.fault[at + 1 :]))


def _smaller_rows(row: FaultRow) -> Iterator[FaultRow]:
    if row.times > 1:
        yield msgspec.structs.replace(row, times=1)
        yield msgspec.structs.replace(row, times=row.times // 2)
    if row.pen is not None:
        yield msgspec.structs.replace(row, pen=None)
    if row.at_s >= 1.0:
        yield msgspec.structs.replace(row, at_s=float(int(row.at_s / 2)))
