"""Why a calibration is refused: each with the value that is wrong and what to do."""

from controller.errors import CalibrationError


class OutsideMethod(CalibrationError):
    """Temperature, pressure or humidity lies where the formulas do not hold."""

    number = 7001
    cause = "The room is too warm, too cold or too damp, or a value was typed in another unit."
    action = "Check the value and its unit; otherwise weigh in a room that the method allows."


class LiquidTemperature(CalibrationError):
    """The liquid's density was measured at another temperature than it was weighed at."""

    number = 7002
    cause = "The liquid had not come to room temperature, or the density is of another day."
    action = "Measure the density at the temperature of the weighings, or calibrate with water."


class SeriesIncomplete(CalibrationError):
    """A series lacks weighings, a blank or a dose that the method asks for."""

    number = 7010
    cause = "The procedure was ended before its last weighing."
    action = "Take the missing weighings; what was weighed stays."


class RedoneWithoutReason(CalibrationError):
    """A weighing was to be taken again without saying why."""

    number = 7011
    cause = "The reason was left empty, or there is no weighing yet that could be taken again."
    action = "Say in a few words what was wrong with the weighing."


class NoAcceptanceLimits(CalibrationError):
    """The file of acceptance limits has no band for this dose."""

    number = 7020
    cause = "The dose lies outside of all bands of calibration.toml."
    action = "Choose doses inside the bands, or add a band with its source."


class NotFittable(CalibrationError):
    """No volume a step can be stated from these weighings."""

    number = 7021
    cause = "Too few doses were weighed for a line."
    action = "Weigh at the doses that the method asks for."


class TooScattered(NotFittable):
    """The doses of one series differ more than the limit allows."""

    number = 7022
    cause = (
        "Air in the syringe, a drop that stayed at the needle, draught or static at the balance."
    )
    action = "Prime again, look for air and drops, then take the series again."


class NotStraight(NotFittable):
    """The delivered volume does not follow the pump's steps in a straight line."""

    number = 7023
    cause = "Slip, air or a blocked needle at some doses, or a series weighed wrongly."
    action = "Look at the residuals above; take the series that stands out again."


class StepImplausible(NotFittable):
    """A step's volume lies outside of what such drives have."""

    number = 7024
    cause = "Another syringe or drive than the pen's file says, a wrong unit, or a leak."
    action = "Check syringe, drive and the balance's unit."


class ProtrusionIncomplete(CalibrationError):
    """The indicator's readings lack points, or a direction at a point."""

    number = 7030
    cause = "The procedure was ended before its last point."
    action = "Take the missing readings; each point is approached from both sides."


class OffsetTooLarge(CalibrationError):
    """The needle stands out so much more or less than set that a correction is no answer."""

    number = 7031
    cause = "The cartridge is not seated, the indicator was not zeroed, or the axis lost its home."
    action = "Seat the cartridge, zero the indicator on the face, home the pen, measure again."


class CadenceUnreadable(CalibrationError):
    """The pen's ticks of a run are too few, or do not rise."""

    number = 7040
    cause = "The run was too short, or events of it were lost."
    action = "Run again for longer."
