"""What a person sees while the demo runs: plain rich renderables from a `Follower`."""

from fractions import Fraction

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from controller.service.demo.follow import Follower
from controller.session.account import Span, zone_account
from controller.session.progress import Progress
from controller.session.states import State

_STATE_STYLE = {
    State.RUNNING: "bold green",
    State.LATCHED: "bold red",
    State.BLOCKED: "bold red",
    State.INTERRUPTED: "bold yellow",
}
_ALARM_STYLE = {"high": "bold white on red", "medium": "black on yellow", "low": "black on cyan"}


def microlitres(nanolitres: Fraction) -> str:
    """Nanolitres as microlitres with one decimal, for display only."""
    return f"{float(nanolitres) / 1000:.1f}"


def span_text(span: Span) -> str:
    """A dose in microlitres; certain and possible when they differ."""
    if span.certain_nl == span.possible_nl:
        return microlitres(span.certain_nl)
    return f"{microlitres(span.certain_nl)} - {microlitres(span.possible_nl)}"


def screen(follower: Follower) -> RenderableType:
    """The live view: state, zones, dose, pen, alarms."""
    progress = follower.progress
    if progress is None:
        return Panel("Waiting for the pen ...", title="micropen (simulated)")
    return Panel(
        Group(_head(progress, follower), _zones(progress), _alarms(follower)),
        title=f"micropen: {progress.terms.plan.name} (simulated pen, training)",
    )


def _head(progress: Progress, follower: Follower) -> Text:
    state = progress.book.state
    text = Text()
    text.append(f"{state}", style=_STATE_STYLE.get(state, "bold"))
    text.append(f"   cadence {follower.cadence_hz:.1f} Hz")
    if follower.health is not None:
        health = follower.health
        text.append(f"   battery {health.battery_percent} % ({health.battery_mv} mV)")
        text.append(f"   grip {health.grip_temperature_dc / 10:.1f} degC")
    text.append(f"   journal {follower.entries} entries")
    return text


def _zones(progress: Progress) -> Table:
    table = Table(expand=True)
    product = progress.terms.product
    unit = product.unit if product and product.unit else "units"
    for heading in ("zone", "", "punctures", "dose uL", unit):
        table.add_column(heading, justify="left" if heading in ("zone", "") else "right")
    for zone in progress.terms.plan.zones:
        account = zone_account(zone.name, progress.intervals())
        done = account.punctures_certain
        units = product.units_of(account.dose.certain_nl) if product else 0
        table.add_row(
            zone.name,
            ProgressBar(total=zone.punctures, completed=done, width=24),
            f"{done} / {zone.punctures}",
            span_text(account.dose) if zone.dose_nl else "-",
            f"{float(units):.2f}" if product and product.unit else "-",
        )
    return table


def _alarms(follower: Follower) -> Text:
    text = Text()
    for alarm in follower.alarms.values():
        style = _ALARM_STYLE[alarm.priority]
        text.append(f" {alarm.priority.upper()} {alarm.sentence} ", style=style)
        text.append(f" {alarm.action}\n")
    if not follower.alarms:
        text.append("no alarm", style="dim")
    return text
