"""One line of the doctor's page: a state, a sentence, and what to do unless it is green."""

from typing import Literal

import msgspec

from controller.errors import MicropenError, ServiceError

State = Literal["green", "warning", "red", "unknown"]
Figure = int | float | str | bool


class Line(msgspec.Struct, frozen=True):
    """What was found about one thing.

    state: green; warning (works, and will not for long); red (must be put right before anybody is
    treated); unknown (could not be looked at here). figures: what was measured, for programs.
    """

    name: str
    state: State
    sentence: str
    action: str = ""
    figures: dict[str, Figure] = {}


class DoctorFound(ServiceError):
    """The doctor found something that must be put right before anybody is treated."""

    number = 8050
    cause = "See the lines marked RED."
    action = "Do what each of them says, then look again with `micropen doctor`."


def green(name: str, sentence: str, **figures: Figure) -> Line:
    """Nothing to do."""
    return Line(name, "green", sentence, "", figures)


def warning(name: str, sentence: str, action: str, **figures: Figure) -> Line:
    """It works now; somebody should look after it."""
    return Line(name, "warning", sentence, action, figures)


def red(name: str, sentence: str, action: str, **figures: Figure) -> Line:
    """It does not work, or nobody may be treated with it."""
    return Line(name, "red", sentence, action, figures)


def unknown(name: str, sentence: str, action: str = "", **figures: Figure) -> Line:
    """It could not be looked at here; that is no fault in itself."""
    return Line(name, "unknown", sentence, action, figures)


def failed(name: str, error: MicropenError) -> Line:
    """A numbered error as a red line."""
    return red(name, f"E{error.number} {error.what}", error.action, error=error.number)
