"""How a certificate writes numbers, moments and texts from outside. Pure; knows no PDF.

Integers become decimals without floats, so that the page shows the report's digits. A microlitre
is a million picolitres; everything else says its unit in its name.
"""

import unicodedata
from datetime import UTC, datetime
from fractions import Fraction
from xml.sax.saxutils import escape

from controller.calibration.acceptance import Verdict
from controller.calibration.certificate.report import Stage
from controller.session.units import MICROSECONDS_A_SECOND, rounded

SYSTEMATIC = 'e<sub rise="1.5" size="5">s</sub>'
"""The error's letter as markup, low enough to keep its line's height."""
NONE = "\N{EN DASH}"
MU = "\N{MICRO SIGN}"
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
STAGES = {Stage.AS_FOUND: "as found", Stage.FIT: "fit", Stage.AS_LEFT: "as left"}
VERDICTS = {Verdict.PASS: "PASS", Verdict.CONDITIONAL: "CONDITIONAL", Verdict.FAIL: "FAIL"}
_CODEC = "cp1252"


def printable(text: str) -> str:
    """Text that the standard fonts can show; every other character as [U+XXXX].

    Control characters and those that turn the direction of writing count among the others: nothing
    from outside can break a line, hide, or reorder what stands beside it.
    """
    return "".join(_shown(each) for each in unicodedata.normalize("NFC", text))


def escaped(text: str) -> str:
    """Printable text for a paragraph, where < and & would be markup."""
    return escape(printable(text))


def _shown(character: str) -> str:
    if unicodedata.category(character)[0] in "CZ" and character != " ":
        return f"[U+{ord(character):04X}]"
    try:
        character.encode(_CODEC)
    except UnicodeEncodeError:
        return f"[U+{ord(character):04X}]"
    return character


def moment(at_wall: datetime) -> str:
    """A moment in UTC, to the minute."""
    return f"{at_wall.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def ul(value_pl: int, digits: int = 3) -> str:
    """Picolitres as microlitres."""
    return rounded(Fraction(value_pl, 1_000_000), digits)


def signed(text: str) -> str:
    """A number with its sign, + included; zero has none."""
    return text if text.startswith("-") or not text.strip("0.") else f"+{text}"


def percent(ppm: int | None, digits: int = 2) -> str:
    """Parts in a million as percent, without the sign of percent."""
    return NONE if ppm is None else rounded(Fraction(ppm, 10_000), digits)


def hz(period_us: int) -> str:
    """A stroke period as a cadence, up to three decimals."""
    text = rounded(Fraction(MICROSECONDS_A_SECOND, period_us), 3)
    return text.rstrip("0").rstrip(".")


def thousandth(value: int, digits: int) -> str:
    """Thousandths of a unit in that unit: millidegrees, nanometres as micrometres."""
    return rounded(Fraction(value, 1_000), digits)


def share_ppm(part_pl: int, dose_nl: int) -> int:
    """A part of a dose in parts in a million."""
    return round(Fraction(part_pl * 1_000, dose_nl))
