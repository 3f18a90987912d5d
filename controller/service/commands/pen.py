"""`micropen pen`: what a pen says of itself, its certificate, its enrolment. Moves nothing."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from controller.link.port import check_port
from controller.pen.identity import realm_of, text_of
from controller.record.events import Actor
from controller.service.app import Wanted
from controller.service.commands.options import (
    ConfigOption,
    PortOption,
    Role,
    StateOption,
    catalogue_of,
)
from controller.service.enrolling import enrol_connected
from controller.service.looking import PenFacts, look, store_certificate
from controller.service.places import journal_folder
from protocol.faults import describe_fault
from protocol.messages import Counters
from protocol.words import StatusFlag

pen_app = typer.Typer(no_args_is_help=True, help="Look at the pen, certify or enrol it.")


@pen_app.callback()
def _pen() -> None:
    """Look at the pen."""


@pen_app.command("info")
def info(
    port: PortOption = "",
    config: ConfigOption = None,
) -> None:
    """Show identity, ceilings, cartridge, certificate, counters and state of the pen.

    Nothing moves; a session that runs on this pen would lose its link, so a busy port is refused.
    """
    path = port or catalogue_of(config).settings.pen_port.path
    check_port(path)
    facts = asyncio.run(look(path))
    Console().print(_table(facts))


@pen_app.command("certify")
def certify(
    name: Annotated[str, typer.Argument(help="A file of config/certificates, without .toml.")],
    port: PortOption = "",
    config: ConfigOption = None,
) -> None:
    """Store a certificate's id in the pen that it certifies. A technician's act.

    The pen doses only in sessions that hold the certificate whose id it stores.
    """
    catalogue = catalogue_of(config)
    certificate = catalogue.certificate(name)
    path = port or catalogue.settings.pen_port.path
    check_port(path)
    asyncio.run(store_certificate(path, certificate))
    typer.echo(f"The pen stores certificate {certificate.certificate_id}.")


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
    settings = catalogue_of(config).settings
    wanted = Wanted(
        port=port or settings.pen_port.path,
        folder=journal_folder(state or settings.state_folder),
        realm=settings.realm,
        baud=settings.pen_port.baud,
    )
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
