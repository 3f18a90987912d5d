"""`micropen calibrate`: a technician's measurements of one pen, guided, resumed after any break."""

import asyncio
import random
import re
import sys
from pathlib import Path
from typing import Annotated, Literal, cast

import msgspec
import typer

from controller.calibration.acceptance import load_acceptance
from controller.calibration.errors import BalanceLost
from controller.calibration.instruments import Setup, load_setup
from controller.clock import Clock, SystemClock
from controller.errors import LinkError, MicropenError, WrongUsage
from controller.link.port import LineSettings, Parity, SerialOpener, check_port
from controller.logs import set_up_logs
from controller.record.calibration_events import Procedure
from controller.record.events import Actor
from controller.record.journal import Journal
from controller.service import calibrating
from controller.service.app import Service, Wanted, assemble, read_books, running, stop_on_signals
from controller.service.calibration_program import CalibrationProgram
from controller.service.calibration_terminal import CalibrationTerminal
from controller.service.commands.certificates import certificate_app, status
from controller.service.commands.options import (
    ConfigOption,
    PortOption,
    StateOption,
    catalogue_of,
)
from controller.service.commands.run import Ended, SessionStillOpen
from controller.service.places import journal_folder
from controller.service.recorded import recorded_books, wanted_of
from controller.service.terminal import require_terminal
from controller.session.act_errors import NoSession
from controller.session.catalogue import CALIBRATION, Catalogue

calibrate_app = typer.Typer(
    no_args_is_help=True, help="Measure doses, protrusion and cadence; certificates of a pen."
)
calibrate_app.command("status")(status)
calibrate_app.add_typer(certificate_app, name="certificate")
SETUP = "calibration-setup.toml"
PEN_WITHIN_S = 10.0
_LINE = re.compile(r"(\d{3,6})[-, ]?([78])([NEO])([12])")

SetupOption = Annotated[
    Path | None,
    typer.Option(
        "--setup",
        help=f"Instruments, doses and periods: a TOML file. Default: {SETUP} of the config folder.",
        show_default=False,
    ),
]
TechnicianOption = Annotated[
    str, typer.Option("--technician", help="Who measures; goes onto the certificate.")
]
ProgramOption = Annotated[
    bool, typer.Option("--program", help="A program is the technician: simulated pens only.")
]


class Options(msgspec.Struct, frozen=True):
    """What was typed, checked as far as that goes without a pen."""

    procedure: Procedure
    wanted: Wanted
    setup: Setup
    catalogue: Catalogue
    balance: calibrating.BalanceWish
    technician: str
    program: bool

    @property
    def actor(self) -> Actor:
        """Who answers for every entry."""
        return Actor(name=self.technician, role="program" if self.program else "technician")


@calibrate_app.callback()
def _calibrate() -> None:
    """Measure a pen. What is open is resumed at the same reading by the same command."""


@calibrate_app.command("dose")
def dose(
    technician: TechnicianOption = "",
    balance: Annotated[
        Path | None,
        typer.Option(help="The balance's port. Default: whichever port answers as a balance."),
    ] = None,
    balance_line: Annotated[
        str | None,
        typer.Option(help="Its line settings, such as 9600-8N1. Default: the usual ones in turn."),
    ] = None,
    typed: Annotated[
        bool, typer.Option("--typed", help="Readings are typed in; the certificate says so.")
    ] = False,
    setup: SetupOption = None,
    port: PortOption = "",
    state: StateOption = None,
    config: ConfigOption = None,
    program: ProgramOption = False,
) -> None:
    """Weigh doses: as found, fit, as left. Needs a balance under the pen's needle.

    SPACE or s is STOP; r takes a reading again with a reason; a gives the calibration up.
    """
    if typed and (balance is not None or balance_line is not None):
        raise WrongUsage("Readings are either typed in or come from a balance on a port.")
    line = None if balance_line is None else line_of(balance_line)
    options = _options("dose", technician, setup, port, state, config, program=program)
    where = calibrating.BalanceWish(
        options.wanted.port, typed, None if balance is None else str(balance), line
    )
    if where.path is not None:
        _check_balance(where.path, options.wanted.port)
    _conduct(msgspec.structs.replace(options, balance=where))


@calibrate_app.command("protrusion")
def protrusion(
    technician: TechnicianOption = "",
    setup: SetupOption = None,
    port: PortOption = "",
    state: StateOption = None,
    config: ConfigOption = None,
    program: ProgramOption = False,
) -> None:
    """Touch the needle's tip with an indicator, outwards and back. Readings are typed in."""
    _conduct(_options("protrusion", technician, setup, port, state, config, program=program))


@calibrate_app.command("cadence")
def cadence(
    technician: TechnicianOption = "",
    setup: SetupOption = None,
    port: PortOption = "",
    state: StateOption = None,
    config: ConfigOption = None,
    program: ProgramOption = False,
) -> None:
    """Run the needle in the air at each stroke period, with a tachometer if there is one."""
    _conduct(_options("cadence", technician, setup, port, state, config, program=program))


@calibrate_app.command("abort")
def abort(
    reason: Annotated[str, typer.Option("--reason", help="Why it is given up.")],
    technician: TechnicianOption = "",
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Give the open calibration up, without a pen. Its readings stay in the record."""
    catalogue = catalogue_of(config)
    settings = catalogue.settings
    wanted = Wanted("none", journal_folder(state or settings.state_folder), settings.realm)
    actor = Actor(name=_named(technician), role="technician")
    if recorded_books(catalogue, state).open_calibration() is None:
        raise _nothing_open(wanted)
    calibration_id = asyncio.run(_abort(wanted, reason, actor))
    typer.echo(f"Calibration {calibration_id} is given up.")


def line_of(text: str) -> LineSettings:
    """Line settings as people write them: 9600-8N1. Raises WrongUsage."""
    found = _LINE.fullmatch(text.strip().upper())
    if found is None:
        raise WrongUsage(
            f"'{text}' are no line settings.", action="Write them like 9600-8N1 or 1200-7O1."
        )
    baud, bits, parity, stops = found.groups()
    return LineSettings(
        int(baud),
        cast("Literal[7, 8]", int(bits)),
        cast("Parity", parity),
        cast("Literal[1, 2]", int(stops)),
    )


def _named(technician: str, *, program: bool = False) -> str:
    if program:
        return "program"
    if not technician.strip():
        raise WrongUsage("Who measures? Name yourself with --technician.")
    return technician.strip()


def _options(
    procedure: Procedure,
    technician: str,
    setup: Path | None,
    port: str,
    state: Path | None,
    config: Path | None,
    *,
    program: bool,
) -> Options:
    catalogue = catalogue_of(config)
    settings = catalogue.settings
    set_up_logs(as_json=False, realm=settings.realm, quiet=True)
    wanted = wanted_of(catalogue, port, state, bundles=True)
    options = Options(
        procedure=procedure,
        wanted=wanted,
        setup=load_setup(setup or catalogue.folder / SETUP),
        catalogue=catalogue,
        balance=calibrating.BalanceWish(wanted.port),
        technician=_named(technician, program=program),
        program=program,
    )
    _check_first(options, state)
    return options


def _check_first(options: Options, state: Path | None) -> None:
    """Whatever can be known to fail fails here, before a journal is made or a port opened."""
    books = recorded_books(options.catalogue, state)
    unfinished, measuring = books.open_session(), books.open_calibration()
    if unfinished is not None:
        raise SessionStillOpen(
            f"Session {unfinished.session_id} of patient {unfinished.opened.patient} is still open."
        )
    if measuring is not None:
        calibrating.same_procedure(measuring, options.procedure)
    else:
        limits = load_acceptance(options.catalogue.folder / CALIBRATION)
        today = SystemClock().now_wall().date()
        options.setup.terms(options.procedure, limits, today, lambda _dose, _period: 2_000)
    if not options.program:
        require_terminal()
    check_port(options.wanted.port)


def _check_balance(path: str, pen_path: str) -> None:
    if Path(path).resolve() == Path(pen_path).resolve():
        raise WrongUsage(f"{path} is the pen's port, not the balance's.")
    try:
        check_port(path)
    except LinkError as error:
        raise BalanceLost(f"The balance's port: {error.what}") from error


def _conduct(options: Options) -> None:
    outcome, calibration_id = asyncio.run(_run(options))
    typer.echo(f"Calibration {calibration_id}: {outcome}.")


async def _run(options: Options) -> tuple[str, str]:
    clock = SystemClock()
    async with running(options.wanted, clock=clock) as service:
        done = asyncio.Event()
        stop_on_signals(service, done)
        stopped = asyncio.create_task(done.wait())
        working = asyncio.create_task(service.until_ended())
        measured = asyncio.create_task(_measure(service, options, clock))
        all_of_it = (stopped, measured, working)
        try:
            await asyncio.wait(all_of_it, return_when=asyncio.FIRST_COMPLETED)
            if measured.done():
                return measured.result()
            if working.done():
                working.result()
            raise Ended(
                "The calibration stays open.",
                action="Give the same command again; it goes on at the same reading.",
            )
        finally:
            for task in all_of_it:
                task.cancel()
            await asyncio.gather(*all_of_it, return_exceptions=True)


async def _measure(service: Service, options: Options, clock: Clock) -> tuple[str, str]:
    engine = service.engine
    if options.program:
        return await _lead(service, options, clock, CalibrationProgram(options.setup.room))

    def stop_now() -> None:
        service.stop("technician", options.actor)

    terminal = CalibrationTerminal(engine, stop_now)
    terminal.open()
    try:
        return await _lead(service, options, clock, terminal)
    finally:
        await terminal.close()


async def _lead(
    service: Service,
    options: Options,
    clock: Clock,
    face: CalibrationProgram | CalibrationTerminal,
) -> tuple[str, str]:
    await _first_pen(service)
    if service.engine.book is None:
        limits = load_acceptance(options.catalogue.folder / CALIBRATION)
        wish = calibrating.Wish(options.procedure, options.setup, limits, options.actor)
        await calibrating.open_new(service, wish, options.catalogue, clock)
    else:
        face.tell("The open calibration goes on where it was left, by its own terms.")
    book = service.bench.book
    weigher = await calibrating.weigher_for(book, options.balance, face, clock)
    outcome = await calibrating.conduct(service, weigher, face, options.actor, clock)
    return outcome, book.session_id


async def _first_pen(service: Service) -> None:
    engine = service.engine
    sys.stderr.write("Connecting to the pen.\n")
    await engine.changes.until(
        lambda: engine.reconciled or engine.link_error is not None, PEN_WITHIN_S
    )
    if not engine.reconciled and isinstance(engine.link_error, MicropenError):
        raise engine.link_error


def _nothing_open(wanted: Wanted) -> NoSession:
    return NoSession(
        f"There is no open calibration in {wanted.folder}.", action="Nothing needs to be done."
    )


async def _abort(wanted: Wanted, reason: str, actor: Actor) -> str:
    clock = SystemClock()
    # The lock first, as for `session seal`; the service is never started: nothing can move.
    journal = Journal.open(wanted.folder, clock, realm=wanted.realm)
    books = read_books(wanted.folder)
    service = assemble(SerialOpener("none"), clock, journal, books, random.SystemRandom())
    try:
        book = books.open_calibration()
        if book is None:
            raise _nothing_open(wanted)
        left_open = service.engine.recover_state()
        if left_open:
            await service.engine.commit(*left_open)
        await service.bench.close("aborted", reason, {}, actor)
        return book.session_id
    finally:
        await service.close()
