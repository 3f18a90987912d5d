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

from controller.clock import SystemClock
from controller.errors import JournalRealmMismatch, ServiceError
from controller.record.broker import require_embedded_broker
from controller.service.commands.options import ConfigOption, catalogue_of
from controller.service.demo.agreement import Check
from controller.service.demo.follow import Follower
from controller.service.demo.house import DemoWish, House
from controller.service.demo.screen import screen, span_text
from controller.service.opening import check_without_pen, wish_of
from controller.service.places import plan_file
from controller.session.account import Account, session_account
from controller.session.books import Books
from controller.session.catalogue import Catalogue
from controller.session.plan import load_plan
from controller.session.product import Product, Vial
from controller.session.terms import terms_of
from controller.settings import Realm, read_document

DEFAULT_PLAN = "lower_face_one_side"


class Disagreement(ServiceError):
    """The demo ran, and something does not agree."""

    number = 8021
    cause = "A defect in this program: see the lines marked NO."
    action = "Keep the run folder and report it."


class FolderTaken(ServiceError):
    """A simulated run was to leave its files where another run left its own."""

    number = 8022
    cause = "Each run starts with a new pen and an empty journal."
    action = "Name another folder, or none: then each run makes its own."


def simulate(
    plan: Annotated[
        Path | None,
        typer.Option(
            help="A plan file, or the name of one in config. Default: one side of the lower face."
        ),
    ] = None,
    scenario: Annotated[
        Path | None, typer.Option(help="The simulated pen and hand. Default: by kind of plan.")
    ] = None,
    config: ConfigOption = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Where this run leaves its files. Default: ~/.local/state/micropen/..."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Another simulated pen and hand.")] = None,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="No live view.")] = False,
) -> None:
    """Play a whole session with a simulated pen, broker, telemetry and archive.

    Ends with a summary; exit code 0 only when ledger, pen, oracle, journal and archive agree.
    """
    catalogue = catalogue_of(config)
    wish = _wish(catalogue, plan, scenario, seed, folder or _run_folder())
    _check_first(wish, catalogue)
    wish.folder.mkdir(parents=True, exist_ok=True)
    console = Console()
    house = House(wish, catalogue.settings)
    found = _play(house, console, live=console.is_terminal and not no_progress)
    _summary(console, house.follower, found)
    console.print(f"Files of this run: {wish.folder}", soft_wrap=True)
    console.print(f"Look again with: micropen session show --state {wish.folder}", soft_wrap=True)
    if not all(check.holds for check in found):
        raise Disagreement("Not everything agrees.")


def _wish(
    catalogue: Catalogue,
    plan: Path | None,
    scenario: Path | None,
    seed: int | None,
    folder: Path,
) -> DemoWish:
    place = catalogue.folder
    _require_training(catalogue.settings.realm)
    chosen = plan_file(plan or Path(DEFAULT_PLAN), place)
    return DemoWish(
        plan=chosen,
        scenario=scenario or place / "simulator" / f"{load_plan(chosen).kind}.toml",
        config=place,
        folder=folder,
        patient=f"demo-{secrets.token_hex(4)}",
        seed=seed,
    )


def _check_first(demo: DemoWish, catalogue: Catalogue) -> None:
    """Whatever can be known to fail fails here, before a folder or a process is made."""
    clock = SystemClock()
    mixed_wall = clock.now_wall()
    vial = Vial(lot="TRAINING", expiry_wall=mixed_wall.date(), reconstituted_at_wall=mixed_wall)
    wish = wish_of(demo.plan, catalogue, patient=demo.patient, vial=vial, realm="training")
    check_without_pen(wish, Books(), clock)
    read_document(demo.scenario)
    if demo.folder.is_dir() and any(demo.folder.iterdir()):
        raise FolderTaken(f"{demo.folder} is not empty.")
    require_embedded_broker()


def _require_training(realm: Realm) -> None:
    if realm != "training":
        raise JournalRealmMismatch("`simulate` is training, and this config folder is not.")


def _run_folder() -> Path:
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    started = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    return base / "micropen" / "training" / started


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
