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


class BalanceTrouble(CalibrationError):
    """The balance gives no weight."""

    number = 7050
    cause = "The balance, its cable or its settings."
    action = "Look at the balance's display; it says what it wants."


class BalanceLost(BalanceTrouble):
    """The line to the balance went away."""

    number = 7051
    cause = "The cable was pulled, or the balance or its adapter was switched off."
    action = "Plug it in again; what was weighed stays."


class BalanceUnknown(BalanceTrouble):
    """No balance that is understood answers on this port."""

    number = 7052
    cause = "Another device, another baud rate, or a balance of another make."
    action = "Set the balance to MT-SICS or SBI at the port's baud rate, or type readings in."


class BalanceSilent(BalanceTrouble):
    """The balance was asked for its weight and said nothing."""

    number = 7053
    cause = "It is switched off or in a menu, or the cable carries one direction only."
    action = "Bring the balance back to weighing, then try again."


class BalanceUnstable(BalanceTrouble):
    """The weight did not become stable in time, or the balance was busy."""

    number = 7054
    cause = "Draught, vibration, a charged vessel, or the balance adjusts itself."
    action = "Close the draught shield, keep hands and pen away from the vessel, then wait."


class BalanceOverloaded(BalanceTrouble):
    """The load is above what the balance can weigh."""

    number = 7055
    cause = "Something presses on the pan, or the vessel is too heavy."
    action = "Free the pan; take a lighter vessel if it stays."


class BalanceUnderloaded(BalanceTrouble):
    """The balance carries less than nothing."""

    number = 7056
    cause = "The pan is off or lifted, or zero was set with something on it."
    action = "Put the pan on as the balance's manual says, then set zero."


class BalanceUnit(BalanceTrouble):
    """The balance shows another unit than g or mg."""

    number = 7057
    cause = "Its unit was switched, or it counts pieces or percent."
    action = "Switch the balance to g or mg."


class BalanceReportsError(BalanceTrouble):
    """The balance says that something in it is wrong, or that it did not understand."""

    number = 7058
    cause = "A fault of the balance, or a command set that differs."
    action = "Look the message up in the balance's manual; switch it off and on."


class BalanceGarbled(BalanceTrouble):
    """What arrives from the balance is not understood or does not agree with itself."""

    number = 7059
    cause = "Another baud rate or parity, or a disturbed cable."
    action = "Check the line's settings at the balance; keep the cable away from motors."


class BalanceDoubtful(BalanceTrouble):
    """A question was not answered, and may have reached the balance as the command to tare."""

    number = 7061
    cause = "A disturbed cable: in SBI one changed bit makes a tare of a question."
    action = "Weigh the vessel anew before the next dose; what was weighed before is void."


class BalanceNotZero(BalanceTrouble):
    """The balance was to tare or to set zero, and does not show zero afterwards."""

    number = 7060
    cause = "The load is too large to set zero with, or it changed meanwhile."
    action = "Wait until the weight is stable; tare with a vessel, set zero without."


class OutOfOrder(CalibrationError):
    """A reading was recorded that cannot follow those before it."""

    number = 7070
    cause = "The reading belongs to another step than the one that is due, or was recorded twice."
    action = "Do the step that is shown; if it stays, abort the calibration and begin anew."


class VesselMoved(CalibrationError):
    """The vessel left the balance, and it was not weighed again before the next cycle."""

    number = 7071
    cause = "The pen was primed or the syringe filled, or another series was weighed meanwhile."
    action = "Put the vessel on the balance and weigh it before the next dose."


class StillWrong(CalibrationError):
    """After its calibration the pen is outside the limits for acceptance."""

    number = 7072
    cause = "Air in the syringe, wear, a leak, or a weighing that went wrong."
    action = "Look at the series named above; take what went wrong again, or repair the pen."


class NeedleDrips(CalibrationError):
    """The vessel gained mass in a cycle in which no dose was given."""

    number = 7073
    cause = "The needle drips at rest, or dust, a draught or a hand disturbed the balance."
    action = "Look at the needle for a minute; if it is dry, take the blank again."


class BeyondPen(CalibrationError):
    """A dose needs more steps than the pen makes in one stroke."""

    number = 7074
    cause = "The dose is too large for this syringe and drive."
    action = "Calibrate without this dose, or fit a syringe with a wider barrel."
