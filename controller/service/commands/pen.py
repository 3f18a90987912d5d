"""`micropen pen`: what a pen says of itself, its certificate, its enrolment; see `conformance`."""

import asyncio
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from controller.clock import SystemClock
from controller.errors import MicropenError
from controller.link.port import check_port
from controller.pen.identity import realm_of, text_of
from controller.record.events import Actor, hex_id
from controller.service.app import Wanted
from controller.service.certifying import store, store_in, visiting
from controller.service.commands.conformance import conformance
from controller.service.commands.options import (
    ConfigOption,
    PortOption,
    Role,
    StateOption,
    catalogue_of,
)
from controller.service.enrolling import enrol_connected
from controller.service.looking import PenFacts, linked, look
from controller.service.recorded import has_journal, recorded_books, wanted_of
from controller.session.books import Books
from controller.session.catalogue import Catalogue
from controller.session.certificate import Certificate
from controller.session.certificates import certificate_by_id
from controller.session.findings import Findings
from controller.session.validity import Built, check_certificate
from protocol.faults import describe_fault
from protocol.messages import Counters
from protocol.words import StatusFlag

pen_app = typer.Typer(
    no_args_is_help=True, help="Look at the pen, certify or enrol it, put it to the wire contract."
)
pen_app.command("conformance")(conformance)


@pen_app.callback()
def _pen() -> None:
    """Look at the pen."""


@pen_app.command("info")
def info(
    port: PortOption = "",
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Show identity, ceilings, cartridge, certificate, counters and state of the pen.

    Nothing moves; a session that runs on this pen would lose its link, so a busy port is refused.
    """
    path = port or catalogue_of(config).settings.pen_port.path
    check_port(path)
    facts = asyncio.run(look(path))
    Console().print(_table(facts))
    for line in _about_certificate(facts, state, config):
        Console().print(line)


def _about_certificate(facts: PenFacts, state: Path | None, config: Path | None) -> list[Text]:
    """Until when the pen's certificate holds, and what is wrong with it or will be before long."""
    catalogue = catalogue_of(config)
    try:
        books = recorded_books(catalogue, state)
        certificate = certificate_by_id(books, catalogue, facts.identity.certificate_id)
        findings = _findings(facts, certificate, books, catalogue)
    except MicropenError as error:  # a broken config or journal does not hide the pen
        return [Text(f"Certificate: {error.what}", "yellow")]
    end_wall = certificate.valid_until_wall.astimezone(UTC)
    colours = {"block": "red", "warn": "yellow"}
    return [
        Text(f"The certificate holds until {end_wall:%F %R} UTC at the latest."),
        *(
            Text(f"{each.severity.upper()} {each.sentence}", colours[each.severity])
            for each in findings
        ),
    ]


def _findings(
    facts: PenFacts, certificate: Certificate, books: Books, catalogue: Catalogue
) -> Findings:
    identity, fitted = facts.identity, facts.cartridge
    punctures, settings = facts.status.counters.punctures, catalogue.settings
    return check_certificate(
        certificate,
        pen_uid=identity.uid,
        pen_punctures=punctures,
        now_wall=SystemClock().now_wall(),
        realm=settings.realm,
        accept_provisional=settings.policy.accept_provisional,
        wear=books.wear.of(hex_id(identity.uid), punctures),
        built=Built(
            text_of(identity.firmware),
            fitted.type_code if fitted.present else None,
            catalogue.pump_head,
        ),
    )


@pen_app.command("certify")
def certify(
    name: Annotated[
        str,
        typer.Argument(
            help="The id of a certificate of the journal, or a file of config/certificates without "
            ".toml."
        ),
    ],
    by: Annotated[str, typer.Option("--by", help="Who answers for it.")] = "technician",
    port: PortOption = "",
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Store a certificate's id in the pen that it certifies. A technician's act.

    The pen doses only in sessions that hold the certificate whose id it stores. With a journal the
    act is recorded in it, so no session may run meanwhile.
    """
    catalogue = catalogue_of(config)
    certificate = _certificate(recorded_books(catalogue, state), catalogue, name)
    wanted = wanted_of(catalogue, port, state)
    check_port(wanted.port)
    asyncio.run(_certify(wanted, certificate, Actor(name=by, role="technician")))
    typer.echo(f"The pen stores certificate {certificate.certificate_id}.")


def _certificate(books: Books, catalogue: Catalogue, name: str) -> Certificate:
    if name in books.certificates:
        return certificate_by_id(books, catalogue, int(name, 16))
    return catalogue.certificate(name)


async def _certify(wanted: Wanted, certificate: Certificate, actor: Actor) -> None:
    if has_journal(wanted.folder):
        async with visiting(wanted) as service:
            await store(service, certificate, actor)
        return
    async with linked(wanted.port) as pen:
        await store_in(pen, certificate)


@pen_app.command("enrol")
def enrol(
    by: Annotated[str, typer.Option("--by", "--operator", help="Who answers for it.")],
    role: Annotated[Role, typer.Option("--role", help="In which role.")],
    reason: Annotated[str, typer.Option("--reason", help="What happened to pen or journal.")],
    port: PortOption = "",
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Take the connected pen into the record anew: its memory was renewed, or the journal restored.

    What the pen counts now is its baseline from then on; nothing that it did before is booked.
    Arms of this pen that are open must be sealed first. No session may run meanwhile.
    """
    wanted = wanted_of(catalogue_of(config), port, state)
    check_port(wanted.port)
    uid = asyncio.run(enrol_connected(wanted, Actor(name=by, role=role.value), reason))
    typer.echo(f"Pen {uid:016x} is enrolled anew.")


def _table(facts: PenFacts) -> Table:
    table = Table(
        title=f"Pen {facts.identity.uid:016x} ({realm_of(facts.identity.uid)})", show_header=False
    )
    for name, value in _rows(facts):
        table.add_row(name, value)
    return table


def _rows(facts: PenFacts) -> list[tuple[str, str]]:
    envelope, status, identity = facts.envelope, facts.status, facts.identity
    cartridge = facts.cartridge
    fault = describe_fault(status.fault).sentence if status.fault else "none"
    fitted = f"type {cartridge.type_code}, {cartridge.needles} needles"
    used = ", used" if cartridge.used else ", unused"
    return [
        ("model, firmware", f"{text_of(identity.model)}, {text_of(identity.firmware)}"),
        ("state", status.state.name.lower()),
        ("stop latched", "yes" if status.flags & StatusFlag.STOP_LATCHED else "no"),
        ("fault", fault),
        ("certificate", f"{identity.certificate_id:016x}" if identity.certificate_id else "none"),
        ("cartridge", fitted + used if cartridge.present else "none fitted"),
        ("protrusion up to", f"{envelope.max_protrusion_um} um"),
        ("cadence up to", f"{1_000_000 / envelope.min_stroke_period_us:.0f} Hz"),
        ("flow up to", f"{envelope.max_flow_steps_s} steps/s"),
        ("boots", str(status.boot_id)),
        *_counters(status.counters),
    ]


def _counters(counters: Counters) -> list[tuple[str, str]]:
    return [
        ("punctures", f"{counters.punctures}"),
        ("dose steps", f"{counters.dose_steps}"),
        ("prime steps", f"{counters.prime_steps}"),
        ("bench steps", f"{counters.bench_steps}"),
        ("preload steps", f"{counters.preload_steps}"),
        ("reverse steps", f"{counters.reverse_steps}"),
    ]
