"""The composition root: the only place where journal, pen line, engine and operator meet."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import structlog

from controller.clock import Clock, SystemClock
from controller.errors import MicropenError
from controller.link.port import PortOpener, SerialOpener
from controller.pen.driver import PenLine
from controller.record.events import ServiceStarted, ServiceStopped
from controller.record.journal import Journal
from controller.record.opening import software_version
from controller.record.reader import JournalReader
from controller.record.writer import JournalWriter, successor
from controller.session.acts import Acts
from controller.session.books import Books
from controller.session.engine import Engine
from controller.session.states import State
from controller.settings.service import Realm

STOP_SETTLES_S = 2.0
CONFIG_UNKNOWN = "-"

log = structlog.get_logger("service")


class Wanted(msgspec.Struct, frozen=True):
    """What a service is put together from. `folder` holds the journal files of one realm."""

    port: str
    folder: Path
    realm: Realm
    baud: int = 115_200
    config_digest: str = CONFIG_UNKNOWN


class Service:
    """A running controller: journal, pen line and engine, started and stopped together."""

    def __init__(self, engine: Engine, acts: Acts, line: PenLine, journal: Journal) -> None:
        self.engine = engine
        self.acts = acts
        self.line = line
        self.journal = journal

    def stop(self, reason: str) -> None:
        """STOP from any thread: bytes first, then the loop hears of it."""
        self.engine.stop(reason)


def read_books(folder: Path) -> Books:
    """All books of a journal folder. Raises JournalError when it cannot be trusted."""
    books = Books()
    reader = JournalReader(folder)
    try:
        for entry in reader.entries():
            books.apply_entry(entry)
    finally:
        reader.close()
    return books


@asynccontextmanager
async def running(
    wanted: Wanted, *, clock: Clock | None = None, opener: PortOpener | None = None
) -> AsyncIterator[Service]:
    """A service that is connected, or trying to be, inside the `async with`.

    On the way out: STOP if an arm is open, its final record if the pen still answers, then the
    journal is closed. Raises JournalError or ServiceError before anything is started.
    """
    clock = clock or SystemClock()
    journal = Journal.open(wanted.folder, clock, realm=wanted.realm)
    try:
        books = read_books(wanted.folder)
        writer = JournalWriter(journal)
        try:
            async with _driving(wanted, clock, opener, journal, books, writer) as service:
                yield service
        finally:
            await writer.close()
    finally:
        journal.close()


@asynccontextmanager
async def _driving(
    wanted: Wanted,
    clock: Clock,
    opener: PortOpener | None,
    journal: Journal,
    books: Books,
    writer: JournalWriter,
) -> AsyncIterator[Service]:
    def send_stop(reason: str) -> int:
        return line.stop(reason)

    engine = Engine(clock, books, writer, send_stop, wanted.realm)
    port = opener or SerialOpener(wanted.port, wanted.baud)
    line = PenLine(port, clock, journal.host_id, engine, random.SystemRandom())
    service = Service(engine, Acts(engine), line, journal)
    _continue_in_successor(engine, journal, clock)
    await engine.commit(
        ServiceStarted(software_version=software_version(), config_digest=wanted.config_digest),
        *engine.recover_state(),
    )
    driving = asyncio.create_task(line.run(), name="pen-line")
    try:
        yield service
    finally:
        await _settle(engine)
        await engine.shut_down()
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)
        if not engine.recorder.failed:
            await engine.commit(ServiceStopped(reason="stopped"))


async def _settle(engine: Engine) -> None:
    if engine.state in (State.ARMING, State.RUNNING, State.ENDING):
        engine.stop("the service is stopping")
        await engine.changes.until(lambda: engine.drive is None, STOP_SETTLES_S)


def _continue_in_successor(engine: Engine, journal: Journal, clock: Clock) -> None:
    def failed(error: Exception) -> None:
        try:
            following = successor(journal, clock)
        except MicropenError as refused:
            log.error("no successor journal", error=refused.what)
            return
        engine.recorder.continue_in(JournalWriter(following))
        log.warning("record goes on in a successor journal", after=str(error))

    engine.on_record_failed = failed


def stop_on_signals(service: Service, done: asyncio.Event) -> None:
    """SIGTERM and SIGINT stop the pen first and end the service then."""

    def handle(name: str) -> None:
        if service.engine.drive is not None:
            service.stop(f"signal {name}")
        done.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, handle, number.name)
