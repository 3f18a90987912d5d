"""SBI, the interface of Sartorius balances: fixed columns, 14 of them, or 20 with a word in front.

Column 1 is the sign, 2 to 11 the number, 12 to 14 the unit. The unit is blank until the weight is
stable, so a number without unit is not known to be in any unit and is no reading. Sources: the
maker's manuals (Entris, Quintix, Cubis, GC, FB).
"""

from controller.calibration.balance.words import Answer, Discard, Heard, Why, reading

ASK = b"\x1bP\r\n"
"""Print once. The balance's menu decides whether it waits until the weight is stable."""
TARE = b"\x1bU\r\n"
ZERO = b"\x1bV\r\n"
ASK_MODEL = b"\x1bx1_\r\n"
ASK_SERIAL = b"\x1bx2_\r\n"

PLAIN, WITH_WORD = 14, 20
_MASS_WORDS = {"", "N", "G", "G#"}
"""Net and gross; other words in front name tares, counts and settings."""
_STATUS = {
    "High": Why.OVERLOAD, "H": Why.OVERLOAD, "HH": Why.OVERLOAD, "H H": Why.OVERLOAD,
    "Low": Why.UNDERLOAD, "L": Why.UNDERLOAD, "LL": Why.UNDERLOAD, "L L": Why.UNDERLOAD,
    "C": Why.BUSY, "--": Why.BUSY, "- -": Why.BUSY, "": Why.BUSY,
    "APP.ER": Why.ERROR, "DIS.ER": Why.ERROR, "PRT.ER": Why.ERROR,
}  # fmt: skip


def read_line(line: bytes) -> Heard:
    """One line without its end; its blanks count. Never raises."""
    if not line.isascii() or len(line) not in {PLAIN, WITH_WORD}:
        return Discard(Why.GARBLED, line)
    text = line.decode("ascii")
    if not text.isprintable():
        return Discard(Why.GARBLED, line)
    word, columns = text[:-PLAIN].strip(), text[-PLAIN:]
    shown = columns.strip()
    status = _status(shown)
    if status is not None:
        return Discard(status, line)
    number, unit = columns[:11].translate(_BRACKETS).strip(), columns[11:].strip()
    if not any(each.isdigit() for each in number) or word not in _MASS_WORDS:
        return Answer(word, (shown,))
    if not unit:
        return Discard(Why.UNSTABLE, line)
    return reading(number, unit, line, stable=True)


_BRACKETS = str.maketrans("", "", "[]")
"""Digits that legal metrology does not count are printed in brackets."""


def _status(shown: str) -> Why | None:
    if shown.upper().startswith("ERR"):
        return Why.ERROR
    if shown.startswith("Cal."):
        return Why.BUSY
    return _STATUS.get(shown)
