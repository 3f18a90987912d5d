"""Why the screen's API refuses: its own part of the numbered tree, family E803x and E804x."""

from controller.errors import ServiceError


class NotLoggedIn(ServiceError):
    """An act needs somebody who is logged in."""

    number = 8030
    cause = "Nobody is logged in on this screen, or the time without any act was too long."
    action = "Log in with your PIN, then do it again."


class LoginRefused(ServiceError):
    """Name and PIN do not belong together."""

    number = 8031
    cause = "The PIN is mistyped, or the person is not known here."
    action = "Type it again; an administrator sets a new PIN with `micropen people`."


class PersonLocked(ServiceError):
    """Too many wrong PINs in a row."""

    number = 8032
    cause = "Somebody tried several PINs; that is on record."
    action = "Wait until the time is over. STOP needs no login."


class ForeignRequest(ServiceError):
    """A request that no page of this program makes."""

    number = 8033
    cause = "Another web page, a changed address, or a program that lacks the header."
    action = "Use the screen at the address that `micropen serve` printed."


class RequestRejected(ServiceError):
    """A request whose content is not accepted."""

    number = 8034
    cause = "A value is missing, of the wrong kind, or too large."
    action = "Correct the value that the sentence names."


class NoSuchPage(ServiceError):
    """There is nothing at this address."""

    number = 8035
    cause = "The address is mistyped, or from another version of this program."
    action = "Load the screen again."


class TooManyPages(ServiceError):
    """More pages listen than a browser may hold without blocking STOP."""

    number = 8036
    cause = "The screen is open in several tabs or on several computers."
    action = "Close the others, then load this one again."


class DoorNotSafe(ServiceError):
    """The screen was to be served to the network without protection."""

    number = 8037
    cause = "The address is not a loopback address, and TLS or the token is missing."
    action = "Serve on 127.0.0.1, or give --tls-cert, --tls-key and --token-file."


class DoorGone(ServiceError):
    """The screen is not served any more, and the pen was stopped."""

    number = 8044
    cause = "A defect in this program, or the machine is out of memory or descriptors."
    action = "Start the service again; keep the log."


class NotConfirmed(ServiceError):
    """What the person confirmed is not what would be done."""

    number = 8045
    cause = "The page is older than the session, or shows another patient, zone or dose."
    action = "Load the screen again, compare patient, zone and total, and confirm anew."


class NoSuchAlarm(ServiceError):
    """The alarm is not on the board."""

    number = 8038
    cause = "It was acknowledged and its cause is gone; the page is older than that."
    action = "Look at the alarms again."


class ReportFailed(ServiceError):
    """The process that reads the journal for a report did not do it."""

    number = 8039
    cause = "See the sentence; the journal may be damaged, or the disk too slow."
    action = "Try again; `micropen session verify` checks the journal."


class NotTraining(ServiceError):
    """The simulated pen cannot take the real one's place now."""

    number = 8040
    cause = "A session or an arm is open, or the training pen did not start."
    action = "Close the session first, then start the training."


class PeopleUnreadable(ServiceError):
    """The file of people cannot be used."""

    number = 8041
    cause = "It was changed by hand or is damaged."
    action = "Restore it, or remove it and enter the people again with `micropen people add`."


class NotTested(ServiceError):
    """The self-test of STOP cannot be made now."""

    number = 8042
    cause = "An arm is open, a stop is latched, or no pen is connected."
    action = "Connect the pen, close what is under way, then test again."
