"""The composition root: the only place where journal, pen line, engine and operator meet."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from controller.clock import Clock, SystemClock
from controller.errors import InternalDefect, MicropenError
from controller.link.port import PortOpener, SerialOpener
from controller.pen.driver import PenLine
from controller.record.events import Actor, ServiceStarted, ServiceStopped
from controller.record.journal import Journal
from controller.record.migration import bring_forward
from controller.record.opening import software_version
from controller.record.reader import JournalReader
from controller.record.writer import JournalWriter, Writer, successor
from controller.service.flight.after import Bundler, are_wanted
from controller.service.flight.box import FlightBox
from controller.service.flight.recorder import FlightRecorder, TappedOpener
from controller.service.host_power import HostPower
from controller.session.acting import Acting
from controller.session.acts import Acts
from controller.session.bench import Bench
from controller.session.books import Books
from controller.session.engine import Engine
from controller.session.hearing import Hearing
from controller.settings.service import Realm
from controller.turning import Turning

STOP_SETTLES_S = 2.0
STOP_ECHO_S = 0.3
"""A line that loses 30 % each way echoes one of fifteen repeats of a STOP but once in 20,000."""
LOOK_S = 0.01
MOST_SUCCESSORS = 2
"""A disk that fails a third time is left alone: the pen keeps its own record."""
CONFIG_UNKNOWN = "-"
BEAT_ENTRIES = 10_000
"""0.2 s of a server's core, about 1 s of a Pi's."""

log = structlog.get_logger("service")


class Wanted(msgspec.Struct, frozen=True):
    """What a service is put together from. `folder` holds the journal files of one realm.

    pump_head: what is built into the pen, by the site's pen file. config: the config folder; with
    it every fault gets a support bundle, not only a recording.
    """

    port: str
    folder: Path
    realm: Realm
    baud: int = 115_200
    config_digest: str = CONFIG_UNKNOWN
    pump_head: str | None = None
    config: Path | None = None


class Service:
    """A running controller: journal, pen line and engine, started and stopped together."""

    def __init__(
        self, engine: Engine, acts: Acts, bench: Bench, line: PenLine, writer: Writer
    ) -> None:
        self.engine = engine
        self.acts = acts
        self.bench = bench
        self.line = line
        self.writers = [writer]
        self._loop = asyncio.get_running_loop()
        self._driving: asyncio.Task[None] | None = None
        self.driving: Turning[None] | None = None  # the pen line's task, from `start` on
        self._broken: asyncio.Future[None] = self._loop.create_future()

    async def start(self, config_digest: str) -> None:
        """Record the start and what the last process left open, then look for the pen.

        Raises JournalError when that cannot be recorded, InternalDefect when a part dies meanwhile.
        """
        self._loop.set_exception_handler(self._on_loop_error)
        first = self.engine.commit(
            ServiceStarted(software_version=software_version(), config_digest=config_digest),
            *self.engine.recover_state(),
        )
        recorded = asyncio.create_task(first, name="first entries")
        try:  # a part that died may be the very one that this waits for
            await asyncio.wait({recorded, self._broken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            recorded.cancel()
        if self._broken.done():
            self._broken.result()
        recorded.result()
        self.driving = Turning(self.line.run())
        self._driving = asyncio.create_task(self.driving, name="pen-line")

    async def until_ended(self) -> None:
        """Wait for what ends a service: a defect, or the end of the pen line; raises it.

        Without the line there is no way to the pen, and with a defect no knowing what still works.
        """
        parts = {self._broken} if self._driving is None else {self._broken, self._driving}
        done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()

    def give_up(self, error: BaseException) -> None:
        """Stop the pen, record that, and nothing more ever: a part of this service is broken.

        The pen keeps its own record, from which the next service takes over (C9).
        """
        if self._broken.done():
            return
        reason = f"internal error: {error!r}"
        defect = InternalDefect(f"The pen was stopped: {reason}.")
        defect.__cause__ = error
        self._broken.set_exception(defect)
        self._broken.exception()  # seen: whoever waits hears of it, and nobody has to wait
        stop_id = self.line.stop(reason)
        log.critical("internal error", exc_info=error)
        try:
            self.engine.stop_was_sent(stop_id, reason)
            self.engine.note(ServiceStopped(reason=reason))
        finally:
            self.engine.recorder.close()

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error, future = context.get("exception"), context.get("future")
        # A future whose error nobody asked for is no part that died; a callback or a task is.
        unasked = isinstance(future, asyncio.Future) and not isinstance(future, asyncio.Task)
        if isinstance(error, BaseException) and not unasked:
            self.give_up(error)
        else:
            loop.default_exception_handler(context)

    async def close(self) -> None:
        """STOP if an arm is open, its final record if the pen still answers, then let go.

        What waits for the disk is written, and every journal file is closed.
        """
        if self._broken.done():
            await self._until_echoed()
        else:
            await _settle(self.engine)
        await self.engine.shut_down()
        if self._driving is not None:
            self._driving.cancel()
            await asyncio.gather(self._driving, return_exceptions=True)
        self.engine.note(ServiceStopped(reason="stopped"))
        self.engine.recorder.close()
        for writer in self.writers:
            await writer.close()
            writer.journal.close()
        self._loop.set_exception_handler(None)

    async def _until_echoed(self) -> None:
        """Let the STOP be repeated for a while, by the pen line alone, on a new link if need be."""
        for _ in range(round(STOP_ECHO_S / LOOK_S)):
            if self._driving is None or self._driving.done() or not self.line.stop_line.active:
                return
            await asyncio.sleep(LOOK_S)

    def stop(self, reason: str, actor: Actor | None = None) -> int:
        """STOP from any thread: the bytes leave first, then the loop hears of it."""
        stop_id = self.line.stop(reason)
        self._loop.call_soon_threadsafe(self.engine.stop_was_sent, stop_id, reason, actor)
        return stop_id


def read_books(folder: Path, beat: Callable[[], None] = lambda: None) -> Books:
    """All books of a journal folder. Raises JournalError when it cannot be trusted.

    `beat` is called each BEAT_ENTRIES entries, because a long record takes its time.
    """
    books = Books()
    reader = JournalReader(folder)
    try:
        for number, entry in enumerate(reader.entries()):
            books.apply_entry(entry)
            if number % BEAT_ENTRIES == 0:
                beat()
    finally:
        reader.close()
    return books


@asynccontextmanager
async def running(
    wanted: Wanted,
    *,
    clock: Clock | None = None,
    opener: PortOpener | None = None,
    beat: Callable[[], None] = lambda: None,
) -> AsyncIterator[Service]:
    """A service that is connected, or trying to be, inside the `async with`.

    The loop turns while the record is read; `beat` is called by the thread that reads it. Raises
    JournalError or ServiceError before anything is started.
    """
    clock = clock or SystemClock()
    forward = await asyncio.to_thread(bring_forward, wanted.folder, clock, wanted.realm, beat=beat)
    if forward is not None:
        log.warning("journal brought forward", layout=forward.after, copy=str(forward.kept))
    journal = Journal.open(wanted.folder, clock, realm=wanted.realm)
    with ExitStack() as undo:
        undo.callback(journal.close)
        books = await asyncio.to_thread(read_books, wanted.folder, beat)
        undo.pop_all()
    recorder, state = FlightRecorder(clock), wanted.folder.parent
    box = FlightBox(recorder, state, journal)
    if wanted.config is not None and are_wanted():
        box.on_written = Bundler(state, wanted.config, clock)
    port = TappedOpener(opener or SerialOpener(wanted.port, wanted.baud), recorder)
    service = assemble(port, clock, journal, books, random.SystemRandom(), box.watched)
    service.engine.host_under_voltage = HostPower().under_voltage
    service.engine.pump_head = wanted.pump_head
    try:
        await service.start(wanted.config_digest)
        yield service
    finally:
        try:
            await service.close()
        finally:
            await box.close()


def assemble(
    port: PortOpener,
    clock: Clock,
    journal: Journal,
    books: Books,
    rng: random.Random,
    new_writer: Callable[[Journal], Writer] = JournalWriter,
) -> Service:
    """The parts of one service, connected but not started. `close` closes the journal too.

    `rng` mints nonces and stop ids and must be unpredictable in service. A successor journal gets
    a writer of the same make.
    """

    def send_stop(reason: str) -> int:
        return line.stop(reason)

    writer = new_writer(journal)
    engine = Engine(clock, books, writer, send_stop, journal.realm)
    line = PenLine(port, clock, journal.host_id, Hearing(engine), rng)
    acting = Acting(engine)
    service = Service(engine, Acts(acting), Bench(acting), line, writer)
    engine.on_defect = service.give_up
    engine.on_record_failed = _Continuing(service, clock, new_writer)
    return service


async def _settle(engine: Engine) -> None:
    if engine.arm_is_open:
        engine.stop("the service is stopping")
        await engine.changes.until(lambda: not engine.arm_is_open, STOP_SETTLES_S)


class _Continuing:
    """Goes on in a successor after a journal failed: record only, nothing is armed any more."""

    def __init__(
        self, service: Service, clock: Clock, new_writer: Callable[[Journal], Writer]
    ) -> None:
        self._service = service
        self._clock = clock
        self._new_writer = new_writer

    def __call__(self, error: Exception) -> None:
        writers = self._service.writers
        if len(writers) > MOST_SUCCESSORS:
            log.error("no further successor journal", after=str(error))
            return
        try:
            following = successor(writers[-1].journal, self._clock)
        except MicropenError as refused:
            log.error("no successor journal", error=refused.what)
            return
        writers.append(self._new_writer(following))
        self._service.engine.recorder.continue_in(writers[-1])
        log.warning("record goes on in a successor journal", after=str(error))


class Stoppable(Protocol):
    """What a signal stops: a service, or whichever one runs at the moment."""

    @property
    def engine(self) -> Engine:
        """The session engine."""
        ...

    def stop(self, reason: str, actor: Actor | None = None) -> int:
        """STOP from any thread; returns the stop id."""
        ...


def stop_on_signals(service: Stoppable, done: asyncio.Event) -> None:
    """SIGTERM and SIGINT stop the pen first and end the service then."""

    def handle(name: str) -> None:
        if service.engine.arm_is_open:
            service.stop(f"signal {name}")
        done.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, handle, number.name)
