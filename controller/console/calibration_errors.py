"""Why the screen refuses something of a calibration: E8046 to E8048 of the numbered tree."""

from controller.errors import ServiceError


class NotLeading(ServiceError):
    """Somebody acts in a calibration that they do not lead."""

    number = 8046
    cause = "It stands still, or another person leads it; each reading has one who answers for it."
    action = "Touch 'Go on' first: from then on you lead it."


class NotAsked(ServiceError):
    """An answer to a question that is not asked any more."""

    number = 8047
    cause = "The page is older than the calibration, or the step went on by itself."
    action = "Look at the step again, and answer what is asked now."


class WishWaits(ServiceError):
    """A wish while the one before is not granted yet."""

    number = 8048
    cause = "The burst that is under way ends first."
    action = "Wait until the step has changed, then do it again if it is still wanted."
