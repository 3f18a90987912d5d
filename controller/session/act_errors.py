"""Why an operator's act is refused: the errors that acts raise."""

from controller.errors import PenRefused, SessionError
from protocol.words import RESULT_SENTENCES, Result


class NoPen(SessionError):
    """No pen is linked and reconciled."""

    number = 4030
    cause = "The pen is off, unplugged, or its record is still being read."
    action = "Check cable and power; the program connects by itself."


class NotAllowed(SessionError):
    """This actor may not do this."""

    number = 4031
    cause = "The act needs another role, or a person where a program asked."
    action = "Let a person with the right role do it."


class DosingBlocked(SessionError):
    """Something unresolved forbids every arm."""

    number = 4032
    cause = "An open interval, a contradiction between pen and record, or a failed record."
    action = "Resolve what the sentence names; until then nothing moves."


class NotFit(DosingBlocked):
    """Cartridge, vial or calibration are not what the session was opened with."""

    number = 4035
    cause = "Something was exchanged, used up, or has expired since."
    action = "Put right what the sentence names, then arm again."


class NotForBench(SessionError):
    """What was asked of the bench is no bench work, or for another pen."""

    number = 4036
    cause = "Another pen was plugged in meanwhile, or the number of strokes is out of range."
    action = "Connect the pen that is calibrated; a burst has 1 to 10,000 strokes."


class NoSession(SessionError):
    """There is no open session."""

    number = 4033
    cause = "None was opened, or it is closed."
    action = "Start one with `micropen run --plan FILE`."


class NothingAllowed(SessionError):
    """No stroke fits under the plan and the limits."""

    number = 4021
    cause = "The plan is complete, or a limit is reached by what may already have been delivered."
    action = "Read the account with `micropen session show`; a clinician sets the limits."


class SyringeEmpty(NothingAllowed):
    """What must still be in the syringe is less than the next stroke needs."""

    number = 4022
    cause = "Doses, priming and what is uncertain have used the fill up, by the books."
    action = "Fit a filled syringe and say so (swap); it is primed before the next dose."


class NotInSyringe(SessionError):
    """A volume was named that the syringe or the plan cannot have."""

    number = 4023
    cause = "The number is wrong, or the plan dispenses nothing."
    action = "Check the number; volumes are in nanolitres."


def refused_by_pen(request: str, result: Result) -> PenRefused:
    """The pen's own refusal, in words."""
    return PenRefused(f"{request} was refused: {RESULT_SENTENCES[result]}.", result=result)
