"""MT-SICS, the command set of Mettler Toledo balances that newer Ohaus ones speak too.

A line is `S S     100.00 g`: the command, S for stable or D for dynamic, the mass and its unit.
Instead of a mass: I busy or not stable in time, + overload, - underload, L wrong parameter; ES, ET
and EL for commands that were not understood. Sources: the makers' operating instructions.
"""

import re

from controller.calibration.balance.words import Answer, Discard, Heard, Reading, Why, reading

ASK_STABLE = b"S\r\n"
"""The balance answers when the weight is stable, or `S I` when it does not become so."""
ASK_NOW = b"SI\r\n"
TARE = b"T\r\n"
ZERO = b"Z\r\n"
CANCEL = b"@\r\n"
ASK_SERIAL = b"I4\r\n"

_WEIGHTS = {"S", "SI", "SIR", "SNR", "SR", "SU", "SIU"}
_ERRORS = {"ES", "ET", "EL"}
_NOT_DONE = {"I": Why.BUSY, "L": Why.ERROR, "+": Why.OVERLOAD, "-": Why.UNDERLOAD}
_ABOUT = re.compile(r"(I\d{1,2}|@) A((?: +\"[^\"]*\")+) *")
_QUOTED = re.compile(r'"([^"]*)"')
_WORD = re.compile(r"[A-Z@][A-Z0-9]{0,3}")


def read_line(line: bytes) -> Heard:
    """One line without its end. Never raises."""
    if not line.isascii():
        return Discard(Why.GARBLED, line)
    text = line.decode("ascii")
    about = _ABOUT.fullmatch(text)
    if about is not None:
        return Answer(about.group(1), tuple(_QUOTED.findall(about.group(2))))
    command, *rest = text.split(" ", maxsplit=1)
    words = rest[0].split() if rest else []
    if command in _ERRORS and not words:
        return Discard(Why.ERROR, line)
    if _WORD.fullmatch(command) is None or not words:
        return Discard(Why.GARBLED, line)
    if len(words) == 1 and words[0] in _NOT_DONE:
        return Discard(_NOT_DONE[words[0]], line)
    return _weight(words, line) if command in _WEIGHTS else _done(command, words, line)


def _weight(words: list[str], line: bytes) -> Reading | Discard:
    status, *value = words
    if status not in {"S", "D"} or len(value) != 2:
        return Discard(Why.GARBLED, line)
    if value[0] == "Error":
        return Discard(Why.ERROR, line)
    return reading(value[0], value[1], line, stable=status == "S")


def _done(command: str, words: list[str], line: bytes) -> Answer | Discard:
    """Taring and zeroing answer with A, or with the tare as S or D; that is no reading."""
    if words[0] in {"A", "S", "D"}:
        return Answer(command, tuple(words[1:]))
    return Discard(Why.GARBLED, line)
