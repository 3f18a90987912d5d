"""The person at a calibration: what is shown to them, what is asked, what they wish meanwhile.

One engine has many faces (command line, a script in tests, later the console), so that a question
is data and an answer is the text that was typed. What a text means is decided here, once. Pure.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Protocol

from controller.calibration.balance.words import Heard
from controller.calibration.procedure.steps import Step
from controller.errors import CalibrationError


class NotUnderstood(CalibrationError):
    """What was typed is no value that could be meant."""

    number = 7081
    cause = "A digit, a point or a unit is missing or too much."
    action = "Type the value again, as the instrument shows it."


class Kind(StrEnum):
    """What an answer is."""

    GO_ON = "go on"
    CLEAR = "clear"
    TRY_AGAIN = "try again"
    MASS = "mass"
    ROOM = "room"
    INDICATOR = "indicator"
    TACHOMETER = "tachometer"
    REASON = "reason"


TYPED = frozenset({Kind.MASS, Kind.ROOM, Kind.INDICATOR, Kind.TACHOMETER, Kind.REASON})
"""The others are answered by a key, whatever it is."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; `example` shows how an answer looks."""

    kind: Kind
    text: str
    example: str = ""


class Wish(StrEnum):
    """What the person may want at any time."""

    REDO = "redo"
    ABORT = "abort"
    MOVED = "vessel moved"


class Face(Protocol):
    """Where the person is. `ask` and `wish` may be cancelled at any time and asked anew."""

    def show(self, step: Step) -> None:
        """A step begins."""
        ...

    def live(self, heard: Heard) -> None:
        """The balance said something."""
        ...

    def tell(self, sentence: str) -> None:
        """Something happened that the person must know."""
        ...

    async def ask(self, question: Question) -> str:
        """The answer, without blanks around it."""
        ...

    async def wish(self) -> Wish:
        """The next thing that the person wants; waits until there is one."""
        ...


# --- what typed text means -------------------------------------------------------------------

_MICROGRAMS = {"g": 1_000_000, "mg": 1_000}


def mass_ug(text: str, resolution_ug: int) -> int:
    """A mass with its unit, g or mg, with every digit of the display. Raises NotUnderstood."""
    number, _, unit = text.strip().rpartition(" ")
    factor = _MICROGRAMS.get(unit)
    if factor is None:
        raise NotUnderstood(f"'{text}' has no unit: type g or mg behind the number.")
    value_ug = _decimal(number) * factor
    last_ug = Decimal(factor).scaleb(_exponent(_decimal(number)))
    if value_ug % resolution_ug or last_ug > resolution_ug:
        raise NotUnderstood(
            f"'{text}' has not the digits of a balance that shows {resolution_ug / 1000:g} mg.",
            cause="A digit was left out, or it is another balance.",
        )
    return int(value_ug)


@dataclass(frozen=True, slots=True)
class Room:
    """Liquid and air."""

    liquid_mdegc: int
    air_mdegc: int
    pressure_pa: int
    humidity_permille: int


def room_of(text: str) -> Room:
    """Four numbers: liquid C, air C, air pressure hPa, humidity %. Raises NotUnderstood.

    The bounds only catch another unit or order; the method has its own.
    """
    words = text.replace(";", " ").split()
    if len(words) != 4:
        raise NotUnderstood(f"{len(words)} numbers were typed instead of four.")
    liquid, air, hpa, humid = (_decimal(each) for each in words)
    for name, value, low, high, unit in (
        ("the liquid", liquid, 0, 50, "C"),
        ("the air", air, 0, 50, "C"),
        ("the air pressure", hpa, 500, 1_100, "hPa"),
        ("the humidity", humid, 0, 100, "%"),
    ):
        if not low <= value <= high:
            raise NotUnderstood(
                f"{value} {unit} for {name} cannot be; it lies between {low} and {high} {unit}."
            )
    return Room(round(liquid * 1000), round(air * 1000), round(hpa * 100), round(humid * 10))


def micrometres(text: str) -> int:
    """What the indicator shows, in mm or um with its unit. Raises NotUnderstood."""
    number, _, unit = text.strip().rpartition(" ")
    factor = {"mm": 1_000, "um": 1}.get(unit)
    if factor is None:
        raise NotUnderstood(f"'{text}' has no unit: type mm or um behind the number.")
    value_um = _decimal(number) * factor
    if value_um != round(value_um) or abs(value_um) > 10_000:
        raise NotUnderstood(f"'{text}' is no whole number of micrometres up to 10 mm.")
    return int(value_um)


def tachometer_mhz(text: str) -> tuple[int, int] | None:
    """The cadence and its expanded uncertainty, both in Hz; None for "-". Raises NotUnderstood."""
    if text.strip() == "-":
        return None
    words = text.split()
    if len(words) != 2:
        raise NotUnderstood("Two numbers are needed: the cadence and its uncertainty, both in Hz.")
    hz, expanded = (_decimal(each) for each in words)
    if not (0 < hz <= 1_000 and 0 <= expanded <= hz):
        raise NotUnderstood(f"'{text}' is no cadence with its uncertainty.")
    return round(hz * 1000), round(expanded * 1000)


def _decimal(text: str) -> Decimal:
    plain = text.strip().replace(",", ".")
    try:
        value = Decimal(plain)
    except InvalidOperation:
        raise NotUnderstood(f"'{text}' is no number.") from None
    if not value.is_finite() or value.adjusted() >= 9 or _exponent(value) < -9:
        raise NotUnderstood(f"'{text}' is no number that an instrument shows.")
    return value


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
