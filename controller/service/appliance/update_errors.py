"""What keeps a machine from running another program, or brings it back: numbered, with what to do.

Imports nothing but the tree: the installer uses it before there is an environment.
"""

from controller.errors import ServiceError


class PreflightRefused(ServiceError):
    """A program may not become the one that runs on this machine now."""

    number = 8080
    cause = "See the lines marked RED."
    action = "Do what each of them says, then try again; the present program goes on meanwhile."


class NotIdle(ServiceError):
    """Something is under way that an update would cut short."""

    number = 8081
    cause = "A session, a calibration or an arm is open."
    action = "Finish and close it, then update: nothing is lost by waiting."


class PythonTooOld(ServiceError):
    """The program needs a newer Python than this machine has."""

    number = 8082
    cause = "The operating system is older than the one this program is made for."
    action = "Stay with the present program, or renew the operating system first."


class ReleaseDamaged(ServiceError):
    """A release folder is not what was released."""

    number = 8083
    cause = "Copying it was cut short, the medium loses data, or somebody changed a file."
    action = "Copy the release again from where it was made, and try again."


class NothingToGoBackTo(ServiceError):
    """The other environment holds no program that may run."""

    number = 8084
    cause = "Nothing was ever updated here, or the last update did not get that far."
    action = "Install the wanted version from its release: `micropen update RELEASE`."


class JournalWentForward(ServiceError):
    """The older program cannot read the journal that the newer one goes on with."""

    number = 8085
    cause = "The newer program has another layout of the journal, and an older one refuses it."
    action = "Stay with the newer program, or go back as the lines above say."


class UpdateUndone(ServiceError):
    """The new program did not come up, and the one before runs again."""

    number = 8086
    cause = "See its last words above, and `journalctl -u micropen-controller`."
    action = "Go on working; hand the log to support before you update again."


class NeitherRuns(ServiceError):
    """The new program did not come up, and there was no way back to the one before."""

    number = 8087
    cause = "See the last words of both above."
    action = "Keep the machine as it is and call support; the record is whole, the pen rests."
