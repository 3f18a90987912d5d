"""What a program says of this machine before it may become the one that runs. Only reads.

`micropen preflight` is run by the new environment's own program, because no other knows what that
one accepts: its config, its journals, its pen with its certificate. A red line refuses the switch.
"""

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from controller.calibration.acceptance import load_acceptance
from controller.clock import Clock
from controller.errors import InputError, InputRejected, JournalNotWritable, MicropenError
from controller.record.entry import SCHEMA_VERSION
from controller.record.events import ServiceStarted
from controller.record.folder import MIN_FREE_BYTES
from controller.record.migration import layout_of, size_bytes
from controller.record.opening import software_version
from controller.record.reader import JournalReader, Realm
from controller.record.verify import verify
from controller.service.appliance import known_pen
from controller.service.appliance.update_errors import NotIdle, PythonTooOld
from controller.service.doctor.host import existing
from controller.service.doctor.line import Figure, Line, failed, green, red, unknown, warning
from controller.service.doctor.record import Record, read_record
from controller.service.places import journal_folder
from controller.service.recorded import has_journal
from controller.session.catalogue import Catalogue

NEEDED_PYTHON: Final = (3, 11)
"""`requires-python` of the distribution; a test compares them."""
_MEGA: Final = 1_000_000


class Asked(msgspec.Struct, frozen=True):
    """What is to be looked at. `state`, `port`: instead of controller.toml's.

    ask_pen: greet the pen when no service holds its port. every_entry: verify whole chains.
    """

    catalogue: Catalogue
    state: Path | None = None
    port: str = ""
    ask_pen: bool = True
    every_entry: bool = False


def preflight(asked: Asked, clock: Clock) -> Iterator[Line]:
    """All lines, in order; slow ones come as they are ready."""
    yield program()
    yield config(asked.catalogue)
    try:
        settings = asked.catalogue.settings
    except InputError:
        return  # said above; without settings nobody knows where the journal is
    state = asked.state or settings.state_folder
    own = read_record(journal_folder(state), settings.realm)
    others = [_read_other(folder) for folder in _other_journals(state)]
    yield _served(own, journal(own, every_entry=asked.every_entry))
    for record in others:
        yield journal(record, is_own=False, every_entry=asked.every_entry)
    yield layout(own)
    yield space(own)
    yield idle([own, *others])
    yield from _of_pen(asked, asked.port or settings.pen_port.path, own, clock)


def program(python: tuple[int, ...] = tuple(sys.version_info[:2])) -> Line:
    """Which program speaks here, and whether this Python is new enough for it."""
    name, shown = "program", ".".join(str(part) for part in python)
    if python < NEEDED_PYTHON:
        wanted = ".".join(str(part) for part in NEEDED_PYTHON)
        return failed(name, PythonTooOld(f"This is Python {shown}; {wanted} is needed."))
    version = software_version()
    said = f"micropen {version} on Python {platform.python_version()}."
    return green(name, said, micropen=version, journal_layout=SCHEMA_VERSION)


def config(catalogue: Catalogue) -> Line:
    """Whether this program accepts every file of the config folder, as `config check` does."""
    faults = [fault for _, fault in catalogue.faults(load_acceptance) if fault is not None]
    if not faults:
        return green("config", f"Every file of {catalogue.folder} is sound.")
    rejected = [each for each in faults if isinstance(each, InputRejected)]
    if len(rejected) == len(faults):
        return failed("config", InputRejected([one for each in rejected for one in each.problems]))
    return failed("config", next(each for each in faults if each not in rejected))


def journal(record: Record, *, is_own: bool = True, every_entry: bool = False) -> Line:
    """Whether this program can read a journal, and its chain holds.

    That of another place (a simulated run, a training) is no reason to refuse the switch.
    """
    name, place = "journal" if is_own else f"journal {record.folder.parent.name}", record.folder
    if not record.exists:
        return unknown(name, f"There is no journal in {place} yet.")
    line = _readable(name, record, every_entry=every_entry)
    if line.state == "red" and not is_own:
        return warning(name, line.sentence, line.action, **line.figures)
    return line


def _readable(name: str, record: Record, *, every_entry: bool) -> Line:
    if record.error is not None:
        return failed(name, record.error)
    if not every_entry:
        return green(name, f"{record.folder}: readable, and its last entries are intact.")
    report = verify(record.folder)
    if report.problem is not None:
        action = "Keep the folder as it is, and restore from the archive or a backup."
        return red(name, f"{record.folder}: {report.problem}", action)
    return green(name, f"{record.folder}: all {report.head_seq} entries are intact.")


def _served(record: Record, line: Line) -> Line:
    """With who has the journal now, and which program began last on it: for the updater."""
    facts: dict[str, Figure] = {"served": record.service is not None}
    if record.exists and record.error is None:
        with closing(JournalReader(record.folder)) as reader:
            started = reader.newest(ServiceStarted.kind)
        body = None if started is None else started.body()
        facts["started"] = body.software_version if isinstance(body, ServiceStarted) else ""
    return msgspec.structs.replace(line, figures={**line.figures, **facts})


def layout(record: Record) -> Line:
    """Whether this program goes on with the journal as it is, or brings it forward first."""
    name = "layout"
    if not record.exists or record.error is not None:
        return unknown(name, f"This program writes layout {SCHEMA_VERSION}; see the line above.")
    found = layout_of(record.folder)
    if found in {None, SCHEMA_VERSION}:
        return green(name, f"Layout {SCHEMA_VERSION}, as this program writes it.", migrates=False)
    return green(
        name,
        f"Layout {found}; this program writes {SCHEMA_VERSION} and goes on in a new file. A copy "
        f"of what there is ({size_bytes(record.folder) // _MEGA} MB) is kept first.",
        migrates=True,
    )


def space(record: Record) -> Line:
    """Whether the disk has room to begin, and for the copy if one is made."""
    place = existing(record.folder)
    room = os.statvfs(place)
    free_bytes = room.f_bavail * room.f_frsize
    migrates = layout(record).figures.get("migrates", False)
    need_bytes = MIN_FREE_BYTES + (size_bytes(record.folder) if migrates else 0)
    said = f"{free_bytes // _MEGA} MB are free at {place}, {need_bytes // _MEGA} MB are needed"
    if free_bytes < need_bytes:
        error = JournalNotWritable(f"{said}.", action="Free space on that disk, then try again.")
        return failed("disk space", error)
    return green("disk space", f"{said}.", free_bytes=free_bytes)


def idle(records: Sequence[Record]) -> Line:
    """Whether nothing is under way. No update in mid-session (hazard H46)."""
    under_way = [what for record in records for what in _under_way(record)]
    if under_way:
        return failed("idle", NotIdle(f"No update in mid-session: {', '.join(under_way)}."))
    if any(record.exists and record.error is not None for record in records[:1]):
        return unknown("idle", "The journal cannot be read, so nobody knows what is open.")
    return green("idle", "No session, calibration or arm is open.")


def _under_way(record: Record) -> Iterator[str]:
    session, calibration = record.books.open_session(), record.books.open_calibration()
    if session is not None:
        yield f"session {session.session_id} is open"
    if calibration is not None:
        yield f"calibration {calibration.session_id} is open"
    for interval in record.books.ledger.open_intervals():
        yield f"arm {interval.opened.arm_id} of pen {interval.opened.pen_uid} is open"


def _of_pen(asked: Asked, port: str, own: Record, clock: Clock) -> Iterator[Line]:
    ask = asked.ask_pen and not any(_under_way(own))  # a new link would end what is open
    pen = known_pen.find(port, own, ask=ask)
    yield known_pen.protocol(pen)
    yield known_pen.certificate(pen, own, asked.catalogue, clock)


def _other_journals(state: Path) -> list[Path]:
    """Journals of trainings and simulated runs inside a state folder."""
    return [folder for folder in sorted(state.glob("*/journal")) if has_journal(folder)]


def _read_other(folder: Path) -> Record:
    try:
        realm = _realm_of(folder)
    except MicropenError as error:
        return Record(folder, exists=True, error=error)
    record = read_record(folder, realm)
    # What a simulated run left open and nobody holds is no session that could be cut short.
    return record if record.service or record.error else Record(folder, exists=True)


def _realm_of(folder: Path) -> Realm:
    with closing(JournalReader(folder)) as reader:
        return reader.realm
