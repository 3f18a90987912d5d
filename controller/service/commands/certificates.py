"""`micropen calibrate status` and `micropen calibrate certificate`: look at, issue, take out.

All but `issue` work on the journal alone, with or without a running service.
"""

import asyncio
import json
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from controller.calibration.certificate.errors import UnknownCertificate
from controller.calibration.certificate.exporting import export as export_report
from controller.calibration.certificate.report import CalibrationReport
from controller.clock import SystemClock
from controller.link.port import check_port
from controller.record.events import Actor
from controller.service.app import Wanted
from controller.service.certificate_page import certificate_page, list_table, status_page
from controller.service.certifying import Approval, issue_for_pen, visiting
from controller.service.commands.options import (
    ConfigOption,
    PortOption,
    Role,
    StateOption,
    catalogue_of,
)
from controller.service.recorded import recorded_books, wanted_of
from controller.session.books import Books, Issued
from controller.session.certificate import Certificate
from controller.session.certificates import issued_certificate

certificate_app = typer.Typer(
    no_args_is_help=True, help="Issue a pen's certificate; list, show and export them."
)
CertificateId = Annotated[
    str, typer.Argument(metavar="ID", help="A certificate's id, or the first digits of it.")
]


@certificate_app.callback()
def _certificates() -> None:
    """Issue a pen's certificate; list, show and export them."""


def status(state: StateOption = None, config: ConfigOption = None) -> None:
    """Show, pen by pen, the certificate in force, what is left of it, and what a new one wants."""
    catalogue = catalogue_of(config)
    books = recorded_books(catalogue, state)
    Console().print(status_page(books, SystemClock().now_wall(), catalogue.pump_head))


@certificate_app.command("issue")
def issue(
    approved_by: Annotated[str, typer.Option(help="Who approves: not the one who measured.")],
    role: Annotated[Role, typer.Option(help="In which role.")],
    remark: Annotated[
        str | None, typer.Option(help="Why a conditional result is accepted.")
    ] = None,
    port: PortOption = "",
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Issue the connected pen's certificate from its calibrations, and let the pen store its id.

    Cut short, the same command completes it; until then the pen cannot dose. No session may run.
    """
    catalogue = catalogue_of(config)
    wanted = wanted_of(catalogue, port, state)
    check_port(wanted.port)
    approval = Approval(Actor(name=approved_by, role=role.value), remark)
    certificate = asyncio.run(_issue(wanted, approval))
    end = certificate.valid_until_wall.astimezone(UTC)
    typer.echo(
        f"Certificate {certificate.certificate_id} is issued, and pen {certificate.pen_uid} stores "
        f"it. It holds until {end:%F %R} UTC at the latest."
    )


async def _issue(wanted: Wanted, approval: Approval) -> Certificate:
    async with visiting(wanted) as service:
        return await issue_for_pen(service, approval)


@certificate_app.command("list")
def list_certificates(
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """List all certificates of the journal, oldest first."""
    books = recorded_books(catalogue_of(config), state)
    if as_json:
        typer.echo(json.dumps([_row(books, each) for each in books.certificates.values()]))
    else:
        Console().print(list_table(books))


def _row(books: Books, issued: Issued) -> dict[str, object]:
    body = issued.body
    return {
        "certificate_id": body.certificate_id,
        "pen_uid": body.pen_uid,
        "issued": issued.wall,
        "supersedes": body.supersedes,
        "measured_by": body.measured_by.name,
        "approved_by": body.approved_by.name,
        "report_digest": body.report_digest,
        "in_force": books.expected.get(body.pen_uid) == body.certificate_id,
    }


@certificate_app.command("show")
def show(
    certificate_id: CertificateId,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as its canonical JSON.")
    ] = False,
) -> None:
    """Show one certificate: what it certifies, and what is left of it."""
    books = recorded_books(catalogue_of(config), state)
    issued = _find(books, certificate_id)
    report = _report(issued)
    if as_json:
        typer.echo(report.canonical_json().decode())
        return
    Console().print(certificate_page(books, issued, report, SystemClock().now_wall()))


@certificate_app.command("export")
def export(
    certificate_id: CertificateId,
    to: Annotated[Path, typer.Option("--to", help="The folder to write into.")],
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Write one certificate as JSON and as a PDF that is its picture, byte for byte the same."""
    books = recorded_books(catalogue_of(config), state)
    for path in export_report(_report(_find(books, certificate_id)), to):
        typer.echo(str(path))


def _find(books: Books, wanted: str) -> Issued:
    found = [each for key, each in books.certificates.items() if key.startswith(wanted.lower())]
    if len(found) != 1:
        why = f"{len(found)} begin with it" if found else "the journal has none of that id"
        raise UnknownCertificate(f"There is no one certificate '{wanted}': {why}.")
    return found[0]


def _report(issued: Issued) -> CalibrationReport:
    """The report of a certificate that agrees with itself. Raises CertificateDamaged."""
    issued_certificate(issued)
    return CalibrationReport.model_validate(issued.body.report)
