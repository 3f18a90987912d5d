"""The numbered tree of errors: one number, what happened, the likely cause, what to do.

Families share an exit code, so a script can tell a typing mistake from a pen that is gone.
"""

from typing import ClassVar


class MicropenError(Exception):
    """Base of every error that a person reads. `str()` gives number, sentence, cause and action.

    Subclasses set `number`, `cause` and `action`; the raiser gives the sentence `what`, and may
    replace cause and action where it knows better.
    """

    number: ClassVar[int] = 9000
    exit_code: ClassVar[int] = 70
    cause: str = "A defect in this program."
    action: str = "Keep the log and report it with this number."

    def __init__(self, what: str, *, cause: str | None = None, action: str | None = None) -> None:
        self.what = what
        self.cause = cause or type(self).cause
        self.action = action or type(self).action
        super().__init__(what)

    def __str__(self) -> str:
        return (
            f"E{self.number} {self.what}\n  Likely cause: {self.cause}\n  What to do: {self.action}"
        )


class InputError(MicropenError):
    """E1xxx, exit 10: something a person wrote (config, plan, product, limits, certificate)."""

    number = 1000
    exit_code = 10
    cause = "The file has a value that this program cannot accept."
    action = "Correct the named line and check again with `micropen config check` or `plan check`."


class LinkError(MicropenError):
    """E2xxx, exit 20: the serial port or the link over it."""

    number = 2000
    exit_code = 20
    cause = "The cable, the port or the pen's power."
    action = "Check cable and power, then start again."


class PenError(MicropenError):
    """E3xxx, exit 30: the pen answered, and the answer forbids going on."""

    number = 3000
    exit_code = 30
    cause = "The pen's state is not what this session needs."
    action = "Read the pen's own values above."


class SessionError(MicropenError):
    """E4xxx, exit 40: the session's own rules forbid the step."""

    number = 4000
    exit_code = 40
    cause = "The step does not fit the state of the session."
    action = "Look at `micropen session show` for the state."


class JournalError(MicropenError):
    """E5xxx, exit 50: the record cannot be written, read or trusted."""

    number = 5000
    exit_code = 50
    cause = "The disk or the journal file."
    action = "Do not treat until the record can be written."


class TelemetryError(MicropenError):
    """E6xxx, exit 60: MQTT or the telemetry cursor. Never touches the drive."""

    number = 6000
    exit_code = 60
    cause = "The broker or the network."
    action = "Treatment may go on; the record is kept here and sent later."


class ServiceError(MicropenError):
    """E8xxx, exit 80: the service as a whole (second instance, state folder, child process)."""

    number = 8000
    exit_code = 80
    cause = "The service could not be put together."
    action = "Read the sentence above."
