"""Which balance is on a port: what to ask, and what an answer proves.

Pure; whoever opens ports asks each question in turn and hands the bytes back. Ports that belong to
a pen are left out by whoever asks. A balance that prints by itself may print into an answer: an
identity counts when asking twice gives it twice.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from controller.calibration.balance import mt_sics, sbi
from controller.calibration.balance.words import Answer, Heard

_SERIAL = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{3,19}")


class Make(StrEnum):
    """The command sets that are understood."""

    MT_SICS = "MT-SICS"
    SBI = "Sartorius SBI"


@dataclass(frozen=True, slots=True)
class Question:
    """What to send to find out whether a balance of a make answers; it changes nothing there."""

    make: Make
    ask: bytes
    read_line: Callable[[bytes], Heard]


QUESTIONS = (
    Question(Make.MT_SICS, mt_sics.ASK_SERIAL, mt_sics.read_line),
    Question(Make.SBI, sbi.ASK_SERIAL, sbi.read_line),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A balance that answered."""

    make: Make
    serial: str


def identify(question: Question, answer: bytes) -> Identity | None:
    """The balance that gave this answer; None when it proves nothing. Never raises."""
    for line in re.split(rb"[\r\n]+", answer):
        serial = _SERIALS[question.make](line)
        if serial and _SERIAL.fullmatch(serial):
            return Identity(question.make, serial)
    return None


def _mt_sics_serial(line: bytes) -> str | None:
    heard = mt_sics.read_line(line)
    if isinstance(heard, Answer) and heard.command == "I4" and len(heard.words) == 1:
        return heard.words[0]
    return None


def _sbi_serial(line: bytes) -> str | None:
    """A line of the right length that holds one word; some print a word in front."""
    if not line.isascii() or len(line) not in {sbi.PLAIN, sbi.WITH_WORD}:
        return None
    words = line.decode("ascii").split()
    return words[-1] if len(words) in {1, 2} and any(map(str.isdigit, words[-1])) else None


_SERIALS: dict[Make, Callable[[bytes], str | None]] = {
    Make.MT_SICS: _mt_sics_serial,
    Make.SBI: _sbi_serial,
}
