"""The record: whether the journal may be added to, what it left open, when STOP was last tested."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from controller.clock import Clock
from controller.errors import JournalCorrupt, MicropenError
from controller.record.console_events import StopTested
from controller.record.events import LinkUp
from controller.record.folder import LOCK_NAME
from controller.record.opening import history
from controller.record.reader import JournalReader
from controller.service.app import read_books
from controller.service.doctor.line import Line, failed, green, red, unknown, warning
from controller.service.doctor.stop import judge_stop
from controller.service.recorded import has_journal
from controller.session.books import Books
from controller.session.states import State
from controller.settings import Realm

_UNDER_WAY: Final = frozenset({State.ARMING, State.RUNNING, State.ENDING})
LOCKS: Final = Path("/proc/locks")
"""proc(5): number, kind, ADVISORY, WRITE, process, device:inode, from, to."""
TESTED_WITHIN: Final = timedelta(hours=24)
"""The screen shows a self-test each morning."""


class Record(msgspec.Struct):
    """What the doctor knows of the journal. `error`: why it cannot be used.

    service: who holds it, as a sentence. link: the newest greeting of a pen.
    """

    folder: Path
    exists: bool = False
    books: Books = msgspec.field(default_factory=Books)
    service: str | None = None
    error: MicropenError | None = None
    link: LinkUp | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a session or calibration is open in it."""
        return self.books.open_work() is not None


def read_record(folder: Path, realm: Realm) -> Record:
    """Look at a journal folder without writing to it."""
    record = Record(folder)
    if not has_journal(folder):
        return record
    record.exists, record.service = True, _holder(folder)
    try:
        history(folder, realm)
        record.books = read_books(folder)
        record.link = _newest_link(folder)
    except MicropenError as error:
        record.error = error
    except (LookupError, ValueError, TypeError) as error:
        # Intact by its hashes, and yet no book can be made of it: another program wrote it.
        record.error = JournalCorrupt(f"{folder} cannot be read into books: {error}.")
    return record


def _newest_link(folder: Path) -> LinkUp | None:
    with closing(JournalReader(folder)) as reader:
        newest = reader.newest(LinkUp.kind)
    body = None if newest is None else newest.body()
    return body if isinstance(body, LinkUp) else None


def _holder(folder: Path) -> str | None:
    """Who holds the journal's lock. Looks it up, for trying it could refuse a service's start."""
    try:
        inode = (folder / LOCK_NAME).stat().st_ino
        held = [line.split() for line in LOCKS.read_text("ascii").splitlines()]
    except OSError:
        return None
    for words in held:
        if "FLOCK" in words and words[-3].rpartition(":")[2] == str(inode):
            return f"Process {words[-4]} has it open."
    return None


def journal(record: Record) -> Line:
    """Whether the journal can be trusted and gone on with."""
    name = "journal"
    if not record.exists:
        return unknown(name, f"There is no journal in {record.folder} yet; the first run makes it.")
    if record.error is not None:
        return failed(name, record.error)
    ledger, works = record.books.ledger, record.books.open_work()
    if works is not None and record.service and works.state in _UNDER_WAY:
        return green(name, f"{works.session_id} is open, and an arm is under way. {record.service}")
    if unclosed := ledger.open_intervals():
        arm = unclosed[0].opened
        said = f"Arm {arm.arm_id} of pen {arm.pen_uid} is open: what it gave is not yet certain."
        action = "Connect that pen; its own record closes the arm. Lost? `micropen session seal`."
        return (warning if record.service else red)(name, said, action, open_arms=len(unclosed))
    if works is not None and not record.service:
        said = f"{works.session_id} is open and no service runs."
        return warning(name, said, "Go on with it by `micropen run --resume`.")
    by = f" {record.service}" if record.service else ""
    return green(name, f"The journal goes on where it ended; its last entries are intact.{by}")


def alarms(record: Record) -> Line:
    """What the record says is still wrong."""
    active = record.books.alarms.values()
    if not active:
        return green("alarms", "No alarm is active in the record.")
    said = " ".join(f"{alarm.sentence} {alarm.cause}" for alarm in active)
    action = " ".join(alarm.action for alarm in active)
    is_high = any(alarm.priority == "high" for alarm in active)
    return (red if is_high else warning)("alarms", said, action, active=len(active))


def last_stop_test(record: Record, clock: Clock) -> Line:
    """What the last self-test of STOP on this record measured."""
    how = "Test it with `micropen doctor --stop-test --by NAME`, or on the screen."
    latencies_us, tested_wall = _last_test(record)
    if tested_wall is None:
        return unknown("stop", "STOP was never tested with this record.", how)
    line = judge_stop(latencies_us)
    said = f"{line.sentence} Tested {tested_wall:%F %R} UTC."
    if line.state == "green" and clock.now_wall().astimezone(UTC) - tested_wall > TESTED_WITHIN:
        return warning("stop", said, how, **line.figures)
    return msgspec.structs.replace(line, sentence=said)


def _last_test(record: Record) -> tuple[list[int | None], datetime | None]:
    """The rounds of the newest test: those that were recorded within a minute of the last one."""
    if not record.exists or record.error is not None:
        return [], None
    with closing(JournalReader(record.folder)) as reader:
        found = [(entry.body(), entry.wall) for entry in reader.of_kinds(StopTested.kind)]
    if not found:
        return [], None
    newest_wall = datetime.fromisoformat(found[-1][1])
    rounds = [
        body.latency_us
        for body, wall in found
        if isinstance(body, StopTested)
        and newest_wall - datetime.fromisoformat(wall) < timedelta(minutes=1)
    ]
    return rounds, newest_wall
