"""What any balance can say, and the cutting of its bytes into lines. Pure; no input raises.

Only a stable mass in g or mg becomes a stable reading. Everything else keeps its line and says why
it is no reading, so that the procedure can wait, ask again or tell the technician.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

LINE_BYTES = 80
"""No line of these balances is longer; what has no end within it is noise."""
_MICROGRAMS = {"g": 1_000_000, "mg": 1_000}
_NUMBER = re.compile(r"[+-]? *(\d{1,9})(?:\.(\d{0,7}))?")
_LINE_ENDS = re.compile(rb"[\r\n]")


class Why(StrEnum):
    """Why a line is no reading."""

    UNSTABLE = "the weight is not stable yet"
    BUSY = "the balance is busy, or the weight did not become stable in time"
    OVERLOAD = "the balance is overloaded"
    UNDERLOAD = "the balance is underloaded; the pan may be missing"
    ERROR = "the balance reports an error"
    UNIT = "the balance shows another unit than g or mg"
    GARBLED = "the line is not understood"


@dataclass(frozen=True, slots=True)
class Reading:
    """A mass. digit_ug is what one step of its last digit is worth, at least 1."""

    mass_ug: int
    digit_ug: int
    stable: bool


@dataclass(frozen=True, slots=True)
class Discard:
    """A line that is no reading."""

    why: Why
    line: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a balance says about itself, or that it did what it was told."""

    command: str
    words: tuple[str, ...] = ()


Heard = Reading | Discard | Answer


class Parser:
    """Cuts bytes into lines and reads each; a line without end is dropped up to the next one."""

    def __init__(self, read_line: Callable[[bytes], Heard]) -> None:
        self._read_line = read_line
        self._open = b""
        self._dropping = False

    def feed(self, data: bytes) -> list[Heard]:
        """Everything that these bytes complete. Never raises."""
        *lines, rest = _LINE_ENDS.split(self._open + data)
        heard: list[Heard] = []
        for line in lines:
            if self._dropping:
                self._dropping = False
            elif line:
                long = len(line) > LINE_BYTES
                heard.append(
                    Discard(Why.GARBLED, line[:LINE_BYTES]) if long else self._read_line(line)
                )
        self._open = b"" if self._dropping else rest
        if len(self._open) > LINE_BYTES:
            heard.append(Discard(Why.GARBLED, self._open[:LINE_BYTES]))
            self._open, self._dropping = b"", True
        return heard


def reading(number: str, unit: str, line: bytes, *, stable: bool) -> Reading | Discard:
    """A number and unit as a reading; digits below a microgram are rounded, ties to even."""
    found = _NUMBER.fullmatch(number)
    if found is None:
        return Discard(Why.GARBLED, line)
    if unit not in _MICROGRAMS:
        return Discard(Why.UNIT, line)
    mass_ug = round(Decimal(number.replace(" ", "")) * _MICROGRAMS[unit])
    decimals = len(found.group(2) or "")
    return Reading(mass_ug, max(1, _MICROGRAMS[unit] // 10**decimals), stable)
