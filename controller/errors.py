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


class JournalMissing(JournalError):
    """E5001: there is no journal where one was named."""

    number = 5001
    cause = "The folder is another one, or nothing was ever recorded there."
    action = "Name the folder that holds journal.db."


class JournalTooNew(JournalError):
    """E5002: the file was written by a newer version of this program."""

    number = 5002
    cause = "The software was put back to an older version after it had written this journal."
    action = "Install the newer version again; the record is untouched."


class JournalNotWritable(JournalError):
    """E5003: the folder is read-only, full, or refused by the system."""

    number = 5003
    cause = "The disk is full or read-only, or the folder belongs to another user."
    action = "Free space or mount the disk writable, check the folder's owner, then start again."


class JournalCorrupt(JournalError):
    """E5004: an entry is not what was written. `first_bad_seq` is None when no entry can be read."""

    number = 5004
    cause = "The disk lost or changed data, or somebody edited the file."
    action = "Keep the folder as it is, run `micropen session verify`, and restore from the archive."

    def __init__(self, what: str, first_bad_seq: int | None = None) -> None:
        self.first_bad_seq = first_bad_seq
        super().__init__(what)


class JournalRealmMismatch(JournalError):
    """E5005: a treatment was to be recorded in a training journal, or the reverse."""

    number = 5005
    cause = "The state folder of the other realm was named."
    action = "Give treatment and training a folder each; a journal never changes its realm."


class JournalWriteFailed(JournalError):
    """E5010: a write or fsync failed. Nothing more is written to that file."""

    number = 5010
    cause = "The disk is full, failing or was removed."
    action = "The pen is stopped. Replace or free the disk; the service goes on in a new file."


class UnknownSession(JournalError):
    """E5020: the journal holds no such session."""

    number = 5020
    cause = "A typing mistake, or the session is in another journal."
    action = "List the sessions with `micropen session list`."


class TelemetryError(MicropenError):
    """E6xxx, exit 60: MQTT or the telemetry cursor. Never touches the drive."""

    number = 6000
    exit_code = 60
    cause = "The broker or the network."
    action = "Treatment may go on; the record is kept here and sent later."


class TopicRefused(TelemetryError):
    """E6001: site or room cannot stand in a topic."""

    number = 6001
    cause = "Topic ids are made of a-z, 0-9 and the hyphen only."
    action = "Choose a site and a room in that alphabet."


class BrokerAddressRefused(TelemetryError):
    """E6002: the broker's address is not `host:port`."""

    number = 6002
    cause = "A typing mistake."
    action = "Write host:port, for example localhost:1883."


class BrokerNotInstalled(TelemetryError):
    """E6003: the embedded broker is part of the demo extra, which is not installed."""

    number = 6003
    cause = "micropen was installed without its demo extra."
    action = "Install micropen[demo], or use a broker such as mosquitto."


class CursorNotWritable(TelemetryError):
    """E6004: how far telemetry has got cannot be written down."""

    number = 6004
    cause = "The disk is full or read-only, or the folder belongs to another user."
    action = "Free space or choose another folder with --state; no entry is lost."


class ArchiveNotWritable(TelemetryError):
    """E6005: the archive cannot write to its folder; it sends no receipt for what it has not."""

    number = 6005
    cause = "The disk is full or read-only, or the folder belongs to another user."
    action = "Free space, then start again; unreceived entries are sent again."


class ArchiveDamaged(TelemetryError):
    """E6006: a line of the archive's own file cannot be read."""

    number = 6006
    cause = "The disk lost data, or somebody edited the file."
    action = "Move the file away; with an archive configured the journal's entries are sent again."


class ServiceError(MicropenError):
    """E8xxx, exit 80: the service as a whole (second instance, state folder, child process)."""

    number = 8000
    exit_code = 80
    cause = "The service could not be put together."
    action = "Read the sentence above."


class AlreadyRunning(ServiceError):
    """E8001: another process holds this state folder."""

    number = 8001
    cause = "A second service was started on the same folder."
    action = "Use the running one, or stop it first."
