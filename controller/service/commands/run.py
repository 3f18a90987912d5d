"""`micropen run`: one session on one pen, from plan to account."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from controller.clock import SystemClock
from controller.errors import MicropenError, ServiceError
from controller.record.events import Actor
from controller.service.app import Service, Wanted, read_books, running, stop_on_signals
from controller.service.logs import set_up_logs
from controller.service.opening import (
    Wish,
    check_without_pen,
    new_session_id,
    terms_with_pen,
    vial_of,
    wish_of,
)
from controller.service.places import config_folder, journal_folder
from controller.service.program import ProgramOperator
from controller.service.terminal import TerminalOperator
from controller.session.account import session_account
from controller.session.books import Books
from controller.session.catalogue import Catalogue
from controller.session.summary import account_dict, rounded
from controller.session.terms import terms_of

PEN_WITHIN_S = 10.0


class Ended(ServiceError):
    """The session was left open on purpose; it can be resumed."""

    number = 8010
    cause = "The service was told to stop."
    action = "Start `micropen run --resume` to go on; nothing needs to be typed again."


class Options(msgspec.Struct, frozen=True):
    """What was typed."""

    wanted: Wanted
    wish: Wish | None
    operator: str
    program: bool


def run(
    port: Annotated[str, typer.Option(help="The pen's port, best /dev/serial/by-id/...")] = "",
    plan: Annotated[Path | None, typer.Option(help="The plan to treat by, a TOML file.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the open session.")] = False,
    config: Annotated[
        Path | None, typer.Option(help="The config folder.", envvar="MICROPEN_CONFIG")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="The state folder; its journal is used.")
    ] = None,
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
    """Treat by a plan, or go on with the open session.

    Exit codes: 0 session closed; 10 something in a file; 20 port or link; 30 pen; 40 session;
    50 record; 80 service.
    """
    catalogue = Catalogue(config_folder(config))
    settings = catalogue.settings
    set_up_logs(as_json=json_log, realm=settings.realm, quiet=not (program or json_log))
    wanted = Wanted(
        port=port or settings.pen_port.path,
        folder=journal_folder(state or settings.state_folder),
        realm=settings.realm,
        baud=settings.pen_port.baud,
        config_digest=catalogue.digest,
    )
    wish = None
    if not resume:
        if plan is None:
            raise typer.BadParameter("give --plan FILE, or --resume")
        vial = vial_of(lot, expiry, reconstituted_at)
        wish = wish_of(plan, catalogue, patient=patient, vial=vial, realm=settings.realm)
        _check_first(wish, wanted.folder)
    asyncio.run(_session(Options(wanted, wish, operator, program)))


def _check_first(wish: Wish, folder: Path) -> None:
    books = read_books(folder) if any(folder.glob("journal*.db")) else Books()
    check_without_pen(wish, books, SystemClock())


async def _session(options: Options) -> None:
    clock = SystemClock()
    async with running(options.wanted, clock=clock) as service:
        done = asyncio.Event()
        stop_on_signals(service, done)
        stopped = asyncio.create_task(done.wait())
        treated = asyncio.create_task(_treat(service, options, clock))
        try:
            await asyncio.wait({stopped, treated}, return_when=asyncio.FIRST_COMPLETED)
            if not treated.done():
                raise Ended("The session stays open.")
            treated.result()
        finally:
            for task in (stopped, treated):
                task.cancel()
            await asyncio.gather(stopped, treated, return_exceptions=True)


async def _treat(service: Service, options: Options, clock: SystemClock) -> None:
    engine = service.engine
    await _first_pen(service)
    actor = Actor(name=options.operator, role="program" if options.program else "operator")
    if options.wish is not None:
        terms = terms_with_pen(options.wish, engine.books, clock, engine.pen)
        await service.acts.open(new_session_id(clock), terms, actor)
    elif engine.book is None:
        raise Ended("There is no open session to resume.", action="Start one with --plan FILE.")
    else:
        _say_where(service)
    session_id = engine.session_id
    if options.program:
        await ProgramOperator(engine, service.acts).run()
    else:
        await TerminalOperator(engine, service.acts, actor, service.line.stop).run()
    if session_id is not None:
        _say_account(engine.books, session_id)


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


def _say_account(books: Books, session_id: str) -> None:
    book = books.sessions[session_id]
    terms = terms_of(book.opened)
    zones = [zone.name for zone in terms.plan.zones]
    account = session_account(books, book, zones)
    for zone in account.zones:
        sys.stdout.write(
            f"{zone.zone}: {zone.punctures_certain} punctures, "
            f"{rounded(zone.dose.certain_nl)} nl certain, "
            f"{rounded(zone.dose.possible_nl)} nl possible\n"
        )
    total = account_dict(account, terms.product)["dose"]
    sys.stdout.write(f"all zones: {total['certain_nl_rounded']} nl")
    sys.stdout.write(f", {total.get('certain_units', '-')} {total.get('unit', '')}\n")
