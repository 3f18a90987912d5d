"""`micropen run`: one session on one pen, from plan to account."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from controller.clock import Clock, SystemClock
from controller.errors import MicropenError, ServiceError, SessionError, WrongUsage
from controller.link.port import check_port
from controller.logs import set_up_logs
from controller.notify import Notifier
from controller.record.events import Actor
from controller.record.folder import FolderLock, journal_files
from controller.record.opening import history
from controller.service.app import Service, Wanted, read_books, running, stop_on_signals
from controller.service.commands.options import (
    ConfigOption,
    PortOption,
    StateOption,
    catalogue_of,
)
from controller.service.opening import (
    Wish,
    certificate_findings,
    check_without_pen,
    new_session_id,
    terms_with_pen,
    vial_of,
    wish_of,
)
from controller.service.places import plan_file
from controller.service.program import ProgramOperator
from controller.service.recorded import wanted_of
from controller.service.story import read_story
from controller.service.story_page import story_page
from controller.service.supervised.evidence import Evidence, ServiceWitnesses
from controller.service.supervised.watchdog import Watchdog, watched
from controller.service.terminal import TerminalOperator, require_terminal
from controller.session.act_errors import NoSession
from controller.session.books import Books
from controller.session.terms import Terms
from controller.settings import Realm

PEN_WITHIN_S = 10.0


class Ended(ServiceError):
    """The session was left open on purpose; it can be resumed."""

    number = 8010
    cause = "The service was told to stop."
    action = "Start `micropen run --resume` to go on; nothing needs to be typed again."


class SessionStillOpen(SessionError):
    """A session was to be opened while another one is open."""

    number = 4034
    cause = "The last session was interrupted and has not been closed."
    action = "Go on with it by `micropen run --resume`; there it can also be ended (key q)."


class CalibrationStillOpen(SessionError):
    """A patient was to be treated while a technician calibrates."""

    number = 4037
    cause = "The calibration was interrupted, or a technician is at it."
    action = "Go on with it by `micropen calibrate`, or end it there (key a)."


class Options(msgspec.Struct, frozen=True):
    """What was typed."""

    wanted: Wanted
    wish: Wish | None
    operator: str
    program: bool


def run(
    port: PortOption = "",
    plan: Annotated[
        Path | None,
        typer.Option(help="The plan to treat by: a TOML file, or the name of one in config."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the open session.")] = False,
    config: ConfigOption = None,
    state: StateOption = None,
    operator: Annotated[str, typer.Option(help="Who treats; goes into the record.")] = "operator",
    patient: Annotated[str | None, typer.Option(help="Pseudonym instead of the plan's.")] = None,
    lot: Annotated[str | None, typer.Option(help="The vial's lot.")] = None,
    expiry: Annotated[str | None, typer.Option(help="The vial's expiry, 2027-06-30.")] = None,
    reconstituted_at: Annotated[
        str | None, typer.Option(help="When it was mixed, 2026-01-15T09:30+01:00.")
    ] = None,
    program: Annotated[
        bool, typer.Option("--program", help="A program acts as operator: simulated pens only.")
    ] = False,
    json_log: Annotated[bool, typer.Option("--json-log", help="Log as JSON lines.")] = False,
) -> None:
    """Treat by a plan on a connected pen, or go on with the open session.

    Everything is checked before anything is started. The trigger on the pen starts the needles;
    SPACE or s on the keyboard is STOP.
    """
    if (plan is None) != resume:
        raise WrongUsage("`run` needs either --plan FILE or --resume, and not both.")
    notifier = Notifier.from_environment()
    catalogue = catalogue_of(config)
    settings = catalogue.settings
    set_up_logs(as_json=json_log, realm=settings.realm, quiet=not (program or json_log))
    wanted = wanted_of(catalogue, port, state, bundles=True)
    wish = None
    if plan is not None:
        vial = vial_of(lot, expiry, reconstituted_at)
        file = plan_file(plan, catalogue.folder)
        wish = wish_of(file, catalogue, patient=patient, vial=vial, realm=settings.realm)
    _check_first(wish, wanted, program=program)
    session_id = asyncio.run(_session(Options(wanted, wish, operator, program), notifier))
    Console().print(story_page(read_story(wanted.folder, session_id)))


def _check_first(wish: Wish | None, wanted: Wanted, *, program: bool) -> None:
    """Whatever can be known to fail fails here, before a journal is made or a port opened."""
    folder = wanted.folder
    books = _books_of(folder, wanted.realm) if folder.is_dir() else Books()
    unfinished = books.open_session()
    if (measuring := books.open_calibration()) is not None:
        raise CalibrationStillOpen(
            f"Calibration {measuring.session_id} of pen {measuring.opened.pen_uid} is still open."
        )
    if wish is None and unfinished is None:
        raise NoSession(f"There is no open session in {folder} to go on with.")
    if wish is not None and unfinished is not None:
        raise SessionStillOpen(
            f"Session {unfinished.session_id} of patient {unfinished.opened.patient} is still open."
        )
    if wish is not None:
        check_without_pen(wish, books, SystemClock())
    if not program:
        require_terminal()
    check_port(wanted.port)


def _books_of(folder: Path, realm: Realm) -> Books:
    """The books of a folder that nobody else writes to; whether they may be trusted."""
    FolderLock.acquire(folder).release()
    if not journal_files(folder):
        return Books()
    history(folder, realm)
    return read_books(folder)


async def _session(options: Options, notifier: Notifier) -> str:
    clock = SystemClock()
    beat = notifier.ask_for_time
    async with running(options.wanted, clock=clock, beat=beat) as service:
        evidence = Evidence(clock, ServiceWitnesses(lambda: service))
        watchdog = Watchdog(notifier, evidence, lambda: service)
        async with watched(watchdog):
            return await _until_treated(service, options, clock)


async def _until_treated(service: Service, options: Options, clock: SystemClock) -> str:
    done = asyncio.Event()
    stop_on_signals(service, done)
    stopped = asyncio.create_task(done.wait())
    treated = asyncio.create_task(_treat(service, options, clock))
    working = asyncio.create_task(service.until_ended())
    all_of_it = (stopped, treated, working)
    try:
        await asyncio.wait(all_of_it, return_when=asyncio.FIRST_COMPLETED)
        if treated.done():
            return treated.result()
        if working.done():
            working.result()
        raise Ended("The session stays open.")
    finally:
        for task in all_of_it:
            task.cancel()
        await asyncio.gather(*all_of_it, return_exceptions=True)


async def _treat(service: Service, options: Options, clock: SystemClock) -> str:
    engine = service.engine
    await _first_pen(service)
    actor = Actor(name=options.operator, role="program" if options.program else "operator")
    if options.wish is not None:
        terms = terms_with_pen(options.wish, engine.books, clock, engine.pen)
        warn_of_certificate(options.wish, terms, service, clock)
        session_id = new_session_id(clock)
        await service.acts.open(session_id, terms, actor)
    else:
        session_id = service.acts.progress.book.session_id
        _say_where(service)
    if options.program:
        await ProgramOperator(engine, service.acts).run()
    else:
        await TerminalOperator(engine, service.acts, actor, service.line.stop).run()
    return session_id


def warn_of_certificate(wish: Wish, terms: Terms, service: Service, clock: Clock) -> None:
    """Say on stderr what will end the pen's certificate before long."""
    pen = service.engine.pen
    if pen is None or terms.certificate is None:
        return
    for finding in certificate_findings(wish, terms.certificate, service.engine.books, clock, pen):
        sys.stderr.write(f"Warning: {finding.sentence}\n")


async def _first_pen(service: Service) -> None:
    engine = service.engine
    await engine.changes.until(
        lambda: engine.reconciled or engine.link_error is not None, PEN_WITHIN_S
    )
    if not engine.reconciled and isinstance(engine.link_error, MicropenError):
        raise engine.link_error


def _say_where(service: Service) -> None:
    progress = service.acts.progress
    zone = progress.next_zone()
    where = "all zones complete" if zone is None else f"zone '{zone.name}' is next"
    sys.stderr.write(f"Session {progress.book.session_id} goes on: {where}.\n")
    lost = progress.where_lost()
    if lost is not None:
        sys.stderr.write(f"{lost}\n")
