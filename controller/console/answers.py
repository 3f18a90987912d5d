"""Errors as answers: the numbered tree in JSON, with the HTTP status that fits its family."""

from controller.console import errors
from controller.console.calibration_errors import NotAsked, NotLeading, WishWaits
from controller.console.requests import (
    ErrorView,
)
from controller.errors import (
    CalibrationError,
    InputError,
    JournalError,
    LinkError,
    MicropenError,
    PenError,
    ServiceError,
    SessionError,
    UnknownName,
    UnknownSession,
)
from controller.session.act_errors import NoPen, NotAllowed

_STATUS: tuple[tuple[type[MicropenError], int], ...] = (
    (errors.NotLoggedIn, 401),
    (errors.LoginRefused, 401),
    (errors.PersonLocked, 429),
    (errors.ForeignRequest, 403),
    (errors.RequestRejected, 422),
    (errors.NoSuchPage, 404),
    (errors.NoSuchAlarm, 404),
    (errors.NotTraining, 409),
    (errors.NotTested, 409),
    (errors.NotConfirmed, 409),
    (NotLeading, 409),
    (NotAsked, 409),
    (WishWaits, 409),
    (NotAllowed, 403),
    (NoPen, 503),
    (UnknownName, 404),
    (UnknownSession, 404),
    (InputError, 422),
    (CalibrationError, 409),
    (SessionError, 409),
    (PenError, 409),
    (LinkError, 503),
    (JournalError, 503),
    (ServiceError, 503),
)
"""The first class that fits counts. What is not here is a defect of ours: 500."""


def status_of(error: MicropenError) -> int:
    """The HTTP status of an error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def error_view(error: MicropenError) -> ErrorView:
    """An error as JSON has it."""
    return ErrorView(number=error.number, what=error.what, cause=error.cause, action=error.action)
