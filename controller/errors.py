"""The numbered tree of errors: one number, what happened, the likely cause, what to do.

Families share an exit code, so a script can tell a typing mistake from a pen that is gone.
"""

from collections.abc import Sequence
from typing import ClassVar


class MicropenError(Exception):
    """The program met a defect of its own. The base of every error that a person reads.

    `str()` gives number, sentence, cause and action.

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
    """Something that a person wrote is not accepted: E1xxx, exit 10."""

    number = 1000
    exit_code = 10
    cause = "The file has a value that this program cannot accept."
    action = "Correct the named line and check again with `micropen config check` or `plan check`."


class FileUnreadable(InputError):
    """A file of the configuration cannot be opened."""

    number = 1001
    cause = "The file is missing, or this user may not read it."
    action = "Check the path and `--config`, then try again."


class NotToml(InputError):
    """A file is not TOML."""

    number = 1002
    cause = "A quote, bracket or equals sign is missing near the named place."
    action = "Correct the named line; text needs quotes, tables need [name]."


class InputRejected(InputError):
    """A file was read and has mistakes. `problems` holds every one of them."""

    number = 1003

    def __init__(self, problems: Sequence[object]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} mistake" + "s" * (len(self.problems) != 1)
        super().__init__(f"{count}:\n" + "\n".join(f"  {problem}" for problem in self.problems))


class UnknownName(InputError):
    """A file names a pen, cartridge, product, region or limits file that does not exist."""

    number = 1004
    cause = "The name is misspelt, or its file was not put into the config folder."
    action = "Use a known name, or add the file."


class NoVialFacts(InputError):
    """A product without lot, expiry and time of reconstitution cannot be given."""

    number = 1005
    cause = "The product file is a recipe; the vial in hand has not been entered."
    action = (
        "Give --lot, --expiry and --reconstituted-at as the vial says, "
        "or fill in [vial] in the product's file."
    )


class LimitRaised(InputError):
    """A plan tries to raise a limit. Each layer may only lower it."""

    number = 1006
    cause = "A plan may lower the limits of the device, the cartridge and the clinic, never raise."
    action = "Take the line out of the plan, or let the clinician change the limits file."


class LimitMissing(InputError):
    """A limit that this plan needs is not set. Nothing stands in for it (H41)."""

    number = 1007
    cause = "The clinic has not set this limit; the program has no clinical defaults."
    action = "Let the clinician set the limit, with its source, in the limits file."


class WrongKind(InputError):
    """Limits, cartridge or product of the other way of working."""

    number = 1008
    cause = "Micro-dosing and collagen induction have limits and cartridges of their own."
    action = "Name the file that belongs to this kind of plan."


class NotCertified(InputError):
    """No certificate covers this dose and cadence."""

    number = 1009
    cause = "The pen was not calibrated at this dose and cadence."
    action = "Change dose or cadence to a certified one, or calibrate the pen for them."


class PlanBlocked(InputError):
    """The plan is well formed, and a limit or the pen's ability forbids it."""

    number = 1010
    cause = "A limit, the product in hand or the pen's ability forbids it."
    action = "Change what each line names, then look with `micropen plan check FILE`."


class WrongUsage(InputError):
    """The command was typed in a way that cannot be meant. Exit code 2, as for unknown options."""

    number = 1011
    exit_code = 2
    cause = "An option is missing, or does not go with another one."
    action = "See the command's `--help`."


class LinkError(MicropenError):
    """The serial port, or the link over it, failed: E2xxx, exit 20."""

    number = 2000
    exit_code = 20
    cause = "The cable, the port or the pen's power."
    action = "Check cable and power, then start again."


class PortMissing(LinkError):
    """There is no such serial port now."""

    number = 2001
    cause = "The pen is unplugged or switched off, or the path in the settings is wrong."
    action = "Plug the pen in; compare the path with those listed in /dev/serial/by-id."


class PortBusy(LinkError):
    """Another process holds the serial port."""

    number = 2002
    cause = "Another program uses the port: a second instance, a terminal, ModemManager."
    action = "End the program named above, then try again."


class PortDenied(LinkError):
    """This user may not open the serial port."""

    number = 2003
    cause = "The user is not in the group that owns the port."
    action = "Add the user to that group and log in again."


class NotAPort(LinkError):
    """The path names something that is no serial port."""

    number = 2004
    cause = "The path in the settings is wrong."
    action = "Give the path of a serial port, best one from /dev/serial/by-id."


class PortFailed(LinkError):
    """The system cannot open the port now."""

    number = 2005
    cause = "The computer is out of files or memory, or its USB hardware failed."
    action = "Restart the computer; if it returns, call service."


class RequestTimeout(LinkError):
    """The pen did not answer a request in time. What it did is not known from this."""

    number = 2010
    cause = "The line loses frames, or the pen is busy or gone."
    action = "Ask the pen for the outcome; a lost answer does not mean that nothing happened."


class LinkLost(LinkError):
    """The link ended while something was waited for. What the pen did is not known from this."""

    number = 2011
    cause = "The cable was pulled, or the pen restarted or was switched off."
    action = "Reconnect; the outcome is read from the pen on the next link."


class UnsupportedProtocol(LinkError):
    """The pen speaks another version of the protocol."""

    number = 2020
    cause = "The pen's firmware and this program are of different generations."
    action = "Update the side named above."


class NotAPen(LinkError):
    """Bytes arrive, but never one intact frame."""

    number = 2021
    cause = "Another device is on this port, or the baud rate is wrong."
    action = "Check port and baud rate."


class NoAnswer(LinkError):
    """The port is open, but nothing at all arrives."""

    number = 2022
    cause = "The pen is switched off or hangs, or one wire of the cable is broken."
    action = "Switch the pen off and on; try another cable."


class GreetingIgnored(LinkError):
    """Intact frames arrive, but the pen does not answer our greeting."""

    number = 2023
    cause = "The line to the pen is broken or echoes, or another host holds the pen."
    action = "Check the cable; make sure that no other host is connected to this pen."


class PenError(MicropenError):
    """The pen answered, and the answer forbids going on: E3xxx, exit 30."""

    number = 3000
    exit_code = 30
    cause = "The pen's state is not what this session needs."
    action = "Read the pen's own values above."


class PenRefused(PenError):
    """The pen refused a request. `result` says why in the wire's own number."""

    number = 3001
    cause = "A precondition that the pen checks does not hold."
    action = "Remove the cause named above, then try again."

    def __init__(self, what: str, *, result: int) -> None:
        super().__init__(what)
        self.result = result


class DigestMismatch(PenError):
    """The pen decoded other settings than were sent."""

    number = 3002
    cause = "A defect in the pen's firmware or in this program."
    action = "Do not use this pen with this program; report both versions."


class ConditionNotReached(PenError):
    """The pen did not come into the expected state in time."""

    number = 3003
    cause = "The pen is blocked or slower than its envelope says."
    action = "Look at the pen; switch it off and on if it does not come to rest."


class RealmMismatch(PenError):
    """A simulated pen where patients are treated, or a real pen in training."""

    number = 3010
    cause = "The pen and this service's journal belong to different realms."
    action = "Use simulated pens for training only, and real pens for treatment only."


class IdentityMismatch(PenError):
    """The pen contradicts itself about who it is."""

    number = 3011
    cause = "Two pens on one line, or a defect in the pen's firmware."
    action = "Connect one pen only; if it returns, take the pen out of use."


class EventsRunBackwards(PenError):
    """The pen counts fewer events in this boot than were already read from it."""

    number = 3012
    cause = "A defect in the pen's firmware."
    action = "Take the pen out of use; keep the log and the journal."


class SessionError(MicropenError):
    """The session's own rules forbid the step: E4xxx, exit 40."""

    number = 4000
    exit_code = 40
    cause = "The step does not fit the state of the session."
    action = "Look at `micropen session show` for the state."


class JournalError(MicropenError):
    """The record cannot be written, read or trusted: E5xxx, exit 50."""

    number = 5000
    exit_code = 50
    cause = "The disk or the journal file."
    action = "Do not treat until the record can be written."


class JournalMissing(JournalError):
    """There is no journal where one was named."""

    number = 5001
    cause = "The folder is another one, or nothing was ever recorded there."
    action = "Name the folder that holds journal.db."


class JournalTooNew(JournalError):
    """The file was written by a newer version of this program."""

    number = 5002
    cause = "The software was put back to an older version after it had written this journal."
    action = "Install the newer version again; the record is untouched."


class JournalNotWritable(JournalError):
    """The folder is read-only, full, or refused by the system."""

    number = 5003
    cause = "The disk is full or read-only, or the folder belongs to another user."
    action = "Free space or mount the disk writable, check the folder's owner, then start again."


class JournalCorrupt(JournalError):
    """An entry is not what was written. `first_bad_seq` is None when no entry can be read."""

    number = 5004
    cause = "The disk lost or changed data, or somebody edited the file."
    action = (
        "Keep the folder as it is, run `micropen session verify`, and restore from the archive."
    )

    def __init__(self, what: str, first_bad_seq: int | None = None) -> None:
        self.first_bad_seq = first_bad_seq
        super().__init__(what)


class JournalRealmMismatch(JournalError):
    """A treatment was to be recorded in a training journal, or the reverse."""

    number = 5005
    cause = "The state folder of the other realm was named."
    action = "Give treatment and training a folder each; a journal never changes its realm."


class JournalTooOld(JournalError):
    """The journal has the layout of an older program, and was not brought forward."""

    number = 5006
    cause = "The software was updated, or a backup from before an update was restored."
    action = "Start the service once, or type `micropen migrate`: a copy is kept first."


class JournalWriteFailed(JournalError):
    """A write or fsync failed. Nothing more is written to that file."""

    number = 5010
    cause = "The disk is full, failing or was removed."
    action = "The pen is stopped. Replace or free the disk; the service goes on in a new file."


class UnknownSession(JournalError):
    """The journal holds no such session."""

    number = 5020
    cause = "A typing mistake, or the session is in another journal."
    action = "List the sessions with `micropen session list`."


class TelemetryError(MicropenError):
    """MQTT or the telemetry cursor failed: E6xxx, exit 60. Never touches the drive."""

    number = 6000
    exit_code = 60
    cause = "The broker or the network."
    action = "Treatment may go on; the record is kept here and sent later."


class TopicRefused(TelemetryError):
    """Site or room cannot stand in a topic."""

    number = 6001
    cause = "Topic ids are made of a-z, 0-9 and the hyphen only."
    action = "Choose a site and a room in that alphabet."


class BrokerAddressRefused(TelemetryError):
    """The broker's address is not `host:port`."""

    number = 6002
    cause = "A typing mistake."
    action = "Write host:port, for example localhost:1883."


class BrokerNotInstalled(TelemetryError):
    """The embedded broker is part of the demo extra, which is not installed."""

    number = 6003
    cause = "The program was installed without its demo extra."
    action = "Install micropen[demo], or use a broker such as mosquitto."


class CursorNotWritable(TelemetryError):
    """How far telemetry has got cannot be written down."""

    number = 6004
    cause = "The disk is full or read-only, or the folder belongs to another user."
    action = "Free space or choose another folder with --state; no entry is lost."


class ArchiveNotWritable(TelemetryError):
    """The archive cannot write to its folder. It sends no receipt for what it has not."""

    number = 6005
    cause = "The disk is full or read-only, or the folder belongs to another user."
    action = "Free space, then start again; unreceived entries are sent again."


class ArchiveDamaged(TelemetryError):
    """A line of the archive's own file cannot be read."""

    number = 6006
    cause = "The disk lost data, or somebody edited the file."
    action = "Move the file away; with an archive configured the journal's entries are sent again."


class SigningKeyRefused(TelemetryError):
    """The key that telemetry and archive share cannot be used."""

    number = 6007
    cause = "The key file is missing, belongs to another user, or is too short."
    action = "Make one of 32 random bytes, give both the same, and name it with --signing-key-file."


class CalibrationError(MicropenError):
    """A calibration's own rules forbid the step, or its figures forbid a result: E7xxx, exit 75."""

    number = 7000
    exit_code = 75
    cause = "The measurements do not allow the conclusion."
    action = "Read the values above, then measure again."


class ServiceError(MicropenError):
    """The service as a whole cannot run: E8xxx, exit 80."""

    number = 8000
    exit_code = 80
    cause = "The service could not be put together."
    action = "Read the sentence above."


class AlreadyRunning(ServiceError):
    """Another process holds this state folder."""

    number = 8001
    cause = "A second service was started on the same folder."
    action = "Use the running one, or stop it first."


class InternalDefect(ServiceError):
    """Something in this program raised an error that nobody expected; the pen was stopped."""

    number = 8003
    cause = "A defect in this program, or a computer without memory or descriptors to go on."
    action = "Start it again: the session goes on from the record. Report this with the log."


class SystemRefused(ServiceError):
    """The operating system refused a file or a resource that the command needs."""

    number = 8002
    cause = "The disk is full or read-only, the file belongs to another user, or it is in use."
    action = "Remove the cause that the system names above, then try again."

    @classmethod
    def of(cls, error: OSError) -> "SystemRefused":
        """What the system said, with the file if it named one."""
        name = f"{error.filename}: " if error.filename else ""
        return cls(f"{name}{error.strerror or error}.")
