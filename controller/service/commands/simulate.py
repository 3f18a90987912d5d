"""`micropen simulate`: the main job on embedded defaults, without hardware."""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from controller.errors import ServiceError
from controller.service.demo.agreement import Check
from controller.service.demo.follow import Follower
from controller.service.demo.house import DemoWish, House
from controller.service.demo.screen import screen, span_text
from controller.service.places import config_folder
from controller.session.account import Account, session_account
from controller.session.catalogue import Catalogue
from controller.session.plan import load_plan
from controller.session.product import Product
from controller.session.terms import terms_of

DEFAULT_PLAN = "lower_face_one_side"


class Disagreement(ServiceError):
    """The demo ran, and something does not agree."""

    number = 8021
    cause = "A defect in this program: see the lines marked NO."
    action = "Keep the run folder and report it."


def simulate(
    plan: Annotated[
        Path | None, typer.Option(help="A plan; default: lower face, one side, micro-dosing.")
    ] = None,
    scenario: Annotated[
        Path | None, typer.Option(help="The simulated pen and hand; default: by kind of plan.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The config folder.", envvar="MICROPEN_CONFIG")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Where this run leaves its files.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another simulated pen and hand.")] = None,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="No live view.")] = False,
) -> None:
    """Play a whole session with a simulated pen, broker, telemetry and archive.

    Ends with a summary; exit code 0 only when ledger, pen, oracle, journal and archive agree.
    """
    place = config_folder(config)
    catalogue = Catalogue(place)
    chosen = plan or place / "plans" / f"{DEFAULT_PLAN}.toml"
    kind = load_plan(chosen).kind
    run_folder = folder or _run_folder()
    run_folder.mkdir(parents=True, exist_ok=True)
    wish = DemoWish(
        plan=chosen,
        scenario=scenario or place / "simulator" / f"{kind}.toml",
        config=place,
        folder=run_folder,
        patient=f"demo-{secrets.token_hex(4)}",
        seed=seed,
    )
    console = Console()
    house = House(wish, catalogue.settings)
    found = _play(house, console, live=console.is_terminal and not no_progress)
    _summary(console, house.follower, found)
    console.print(f"Files of this run: {run_folder}")
    if not all(check.holds for check in found):
        raise Disagreement("Not everything agrees.")


def _run_folder() -> Path:
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "micropen" / "training" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}"


def _play(house: House, console: Console, *, live: bool) -> list[Check]:
    if not live:
        return house.run(_Lines(console))
    with Live(console=console, refresh_per_second=5) as view:
        return house.run(lambda follower: view.update(screen(follower)))


class _Lines:
    """One line for each change of state, where no live view is possible."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = ""

    def __call__(self, follower: Follower) -> None:
        progress = follower.progress
        if progress is None:
            return
        zone = progress.next_zone()
        line = f"{progress.book.state}: {zone.name if zone else 'all zones complete'}"
        if line != self._told:
            self._told = line
            self._console.print(line)


def _summary(console: Console, follower: Follower, found: list[Check]) -> None:
    book = follower.book
    if book is not None:
        terms = terms_of(book.opened)
        zones = [zone.name for zone in terms.plan.zones]
        console.print(_account(session_account(follower.books, book, zones), terms.product))
    table = Table(title="Does everything agree?")
    for heading in ("", "what", "one side", "other side"):
        table.add_column(heading)
    for check in found:
        word = "[green]yes[/]" if check.holds else "[bold red]NO[/]"
        table.add_row(word, check.what, check.one, check.other)
    console.print(table)
    if follower.first_link_mono_s is not None:
        took_s = follower.newest_mono_s - follower.first_link_mono_s
        console.print(f"From handshake to end: {took_s:.1f} s. Alarms: {len(follower.history)}.")
    console.print("Simulated pen, simulated skin: nobody was treated.")


def _account(account: Account, product: Product | None) -> Table:
    table = Table(title="What was delivered")
    unit = product.unit if product and product.unit else "units"
    names = [] if product is None else [part.name for part in product.components]
    for heading in ("zone", "punctures", "possible", "uL", unit, *[f"{name} uL" for name in names]):
        table.add_column(heading, justify="left" if heading == "zone" else "right")
    for zone in account.zones:
        nl = zone.dose.certain_nl
        parts = {} if product is None else product.components_of(nl)
        table.add_row(
            zone.zone,
            str(zone.punctures_certain),
            str(zone.punctures_possible),
            span_text(zone.dose),
            f"{float(product.units_of(nl)):.3f}" if product and product.unit else "-",
            *[f"{float(parts[name]) / 1000:.1f}" for name in names],
        )
    return table
