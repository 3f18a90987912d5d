"""`micropen plan`: what a plan would give, against every limit, without a pen."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from controller.clock import SystemClock
from controller.service.commands.options import ConfigOption, StateOption, catalogue_of
from controller.service.opening import planned_findings
from controller.service.places import plan_file
from controller.service.recorded import recorded_books
from controller.session.certificates import planned_certificate
from controller.session.interlocks import Findings, blocks, check_approval, check_bench, show
from controller.session.measures import Bench, measure_plan
from controller.session.plan import Zone, load_plan
from controller.session.preparation import prepare
from controller.session.units import MICROSECONDS_A_SECOND, microlitres, rounded
from controller.session.verdict import refuse_blocked
from controller.settings.scalars import exact_text

plan_app = typer.Typer(no_args_is_help=True, help="Check what is to be given, without a pen.")


@plan_app.callback()
def _plan() -> None:
    """Check what is to be given, without a pen."""


@plan_app.command("check")
def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A plan file, or the name of one in config.")
    ],
    config: ConfigOption = None,
    pen: Annotated[
        str, typer.Option(help="Pen model to reckon with. Default: as in controller.toml.")
    ] = "",
    certificate: Annotated[
        str,
        typer.Option(
            help="Certificate to reckon with. Default: the newest of the journal, or else as in "
            "controller.toml."
        ),
    ] = "",
    state: StateOption = None,
) -> None:
    """Show what FILE would give, zone by zone, against every limit.

    Exit code 0 when nothing forbids it (warnings may stand), 10 otherwise.
    """
    catalogue = catalogue_of(config)
    plan = load_plan(plan_file(file, catalogue.folder))
    books = recorded_books(catalogue, state)
    now_wall = SystemClock().now_wall()
    chosen = (
        catalogue.certificate(certificate)
        if certificate
        else planned_certificate(books, catalogue, now_wall)
    )
    model = catalogue.pen(pen or catalogue.settings.planning.pen)
    bench = prepare(plan, catalogue, model.envelope(), chosen)
    findings = check_bench(bench) + check_approval(bench.limits, catalogue.settings.realm)
    findings += planned_findings(plan, catalogue, chosen, books, SystemClock())
    _show(bench, findings)
    refuse_blocked(bench.plan, findings)


def _show(bench: Bench, findings: Findings) -> None:
    console = Console()
    plan = bench.plan
    cartridge = f"{plan.cartridge} with needles: {bench.cartridge.needles}"
    console.print(f"[bold]{plan.name}[/]: {_kind(bench)}; cartridge {cartridge}; {plan.patient}")
    console.print(_zones(bench))
    console.print(_limits(bench))
    for finding in findings:
        colour = "red" if finding.severity == "block" else "yellow"
        word = finding.severity.upper()
        console.print(f"[{colour}]{word}[/] {finding.code} {escape(finding.sentence)}")
    _verdict(console, findings)
    console.print(f"Course: earlier sessions are not known here; plan digest {plan.digest[:16]}.")


def _verdict(console: Console, findings: Findings) -> None:
    if blocks(findings):
        console.print("[red]This plan is not allowed.[/]")
    else:
        console.print(
            "[green]Every limit holds.[/] A pen, a vial and an operator are still to come."
        )


def _kind(bench: Bench) -> str:
    if bench.product is None:
        return "collagen induction, no dispense"
    return f"micro-dosing of {escape(bench.product.title)}"


def _zones(bench: Bench) -> Table:
    table = Table(title="What would be given")
    units = bench.limits.unit or "units"
    for heading in ("zone", "punctures", "uL each", "steps", "uL", units, "um", "Hz", "s"):
        table.add_column(heading, justify="left" if heading == "zone" else "right")
    for zone in bench.plan.zones:
        table.add_row(*_zone_row(bench, zone))
    table.add_section()
    total = bench.session_nl()
    table.add_row(
        "all",
        str(sum(zone.punctures for zone in bench.plan.zones)),
        "",
        "",
        microlitres(total),
        _units(bench.units(total)),
        "",
        "",
        _seconds(sum(zone.punctures * zone.stroke_period_us for zone in bench.plan.zones)),
    )
    return table


def _zone_row(bench: Bench, zone: Zone) -> tuple[str, ...]:
    dose = bench.dose_nl(zone)
    total = dose * zone.punctures
    return (
        f"{zone.name} ({zone.region})",
        str(zone.punctures),
        microlitres(dose, 3),
        str(bench.steps(zone)),
        microlitres(total),
        _units(bench.units(total)),
        str(zone.protrusion_um),
        exact_text(zone.cadence_hz),
        _seconds(zone.punctures * zone.stroke_period_us),
    )


def _units(units: Fraction | None) -> str:
    return "-" if units is None else rounded(units, 2)


def _seconds(duration_us: int) -> str:
    return str(-(-duration_us // MICROSECONDS_A_SECOND))


def _limits(bench: Bench) -> Table:
    table = Table(title="Against every limit")
    for heading in ("where", "what", "value", "limit", "unit", ""):
        right = heading in {"value", "limit"}
        table.add_column(heading, justify="right" if right else "left", no_wrap=right)
    for measure in measure_plan(bench):
        bound = ("at least " if measure.at_least else "") + show(measure.limit)
        verdict = "[green]ok[/]" if measure.holds else "[red]over[/]"
        if measure.at_least and not measure.holds:
            verdict = "[red]under[/]"
        table.add_row(
            measure.subject, measure.name, show(measure.value), bound, measure.unit, verdict
        )
    return table
