"""All lines of the doctor's page, in the order in which a person works them off."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from controller.calibration.acceptance import load_acceptance
from controller.clock import Clock
from controller.errors import InputError
from controller.service.doctor import disk, host, network, pen, record
from controller.service.doctor.line import Line, failed, green, red
from controller.service.places import journal_folder, telemetry_folder
from controller.session.catalogue import Catalogue
from controller.settings import ControllerSettings


class Asked(msgspec.Struct, frozen=True):
    """What is to be looked at. `fsync_rounds` 0: the disk is not measured; `ask_pen`: or only seen.

    `state`, `port`: what was typed instead of controller.toml's. `cursor`: telemetry's own folder.
    """

    catalogue: Catalogue
    state: Path | None = None
    port: str = ""
    fsync_rounds: int = disk.ROUNDS
    ask_pen: bool = True
    tls_cert: Path | None = None
    cursor: Path | None = None


def examine(asked: Asked, clock: Clock) -> Iterator[Line]:
    """Look at everything once. Slow lines come as they are ready."""
    yield host.versions()
    config = _config(asked.catalogue)
    yield config
    yield host.clock()
    yield host.power()
    try:
        settings = asked.catalogue.settings
    except InputError:
        return  # the line above says what is wrong; nothing below would know where to look
    yield from _of_place(asked, settings, clock)


def _of_place(asked: Asked, settings: ControllerSettings, clock: Clock) -> Iterator[Line]:
    state, path = asked.state or settings.state_folder, asked.port or settings.pen_port.path
    books = record.read_record(journal_folder(state), settings.realm)
    found = pen.look_for_pen(path) if asked.ask_pen and not books.service else pen.glance(path)
    yield host.space(state)
    if asked.fsync_rounds:
        measures = not (books.is_busy and books.service)
        yield disk.fsync_time(state, rounds=asked.fsync_rounds) if measures else disk.skipped()
    yield record.journal(books)
    yield record.alarms(books)
    yield pen.port(path, found, books)
    yield pen.permissions(found, state, _secrets(settings))
    yield pen.pen(found, books, settings.realm)
    yield pen.firmware(found, books)
    yield pen.certificate(found, books, asked.catalogue, clock)
    yield record.last_stop_test(books, clock)
    yield network.broker(settings.broker)
    yield network.telemetry(settings.broker, books, asked.cursor or telemetry_folder(state))
    yield network.tls(settings.broker, asked.tls_cert, clock)


def _config(catalogue: Catalogue) -> Line:
    faults = [
        (path, fault) for path, fault in catalogue.faults(load_acceptance) if fault is not None
    ]
    if not faults:
        return green("config", f"Every file of {catalogue.folder} is sound.")
    if len(faults) == 1:
        return failed("config", faults[0][1])
    names = ", ".join(path.name for path, _ in faults)
    return red("config", f"Mistakes in {names}.", "Read them all with `micropen config check`.")


def _secrets(settings: ControllerSettings) -> list[Path]:
    named = settings.broker
    if named is None:
        return []
    return [path for path in (named.password_file, named.signing_key_file) if path is not None]
