"""`micropen support-bundle`: one file for support, without secrets, patients and names."""

from pathlib import Path
from typing import Annotated

import typer

from controller.clock import SystemClock
from controller.errors import InputError
from controller.logs import set_up_logs
from controller.service.bundle.archive import FOLDER, place_of_next, write_bundle
from controller.service.bundle.members import Source, members
from controller.service.commands.options import ConfigOption, StateOption, catalogue_of
from controller.service.doctor.examination import Asked, examine
from controller.service.places import journal_folder
from controller.session.catalogue import Catalogue


def support_bundle(
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write. Default: micropen-support-<time>.tar.gz, here."),
    ] = None,
    state: StateOption = None,
    config: ConfigOption = None,
    of_fault: Annotated[
        str, typer.Option(hidden=True, help="Written by the service itself, for this fault.")
    ] = "",
) -> None:
    """Collect config, logs, wire recordings, a part of the journal and the doctor's page.

    Passwords, keys, patients and names of people are taken out. The pen is left alone.
    """
    set_up_logs(as_json=False, quiet=True)
    catalogue, clock = catalogue_of(config), SystemClock()
    place = state or _state_of(catalogue)
    asked = Asked(catalogue, place, fsync_rounds=0, ask_pen=False)
    source = Source(catalogue, place, journal_folder(place), lambda: list(examine(asked, clock)))
    if of_fault:
        path = place_of_next(place / FOLDER, of_fault)
    else:
        path = out or Path(f"micropen-support-{clock.now_wall():%Y%m%d-%H%M%S}.tar.gz")
    size_bytes = write_bundle(path, members(source), of_fault or "asked for", clock)
    typer.echo(f"{path}: {size_bytes // 1000} kB. Look through it before you hand it on.")


def _state_of(catalogue: Catalogue) -> Path:
    """Settings that are wrong are a reason for a bundle: then it has no state, but the config."""
    try:
        return catalogue.settings.state_folder
    except InputError:
        return Path("state-folder-unknown")
