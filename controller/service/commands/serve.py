"""`micropen serve`: the controller with the treatment-room screen, in one process."""

import asyncio
import faulthandler
import socket
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from controller.clock import SystemClock
from controller.console.console import Console
from controller.console.people import read_people
from controller.console.security import Address
from controller.errors import WrongUsage
from controller.logs import set_up_logs
from controller.notify import Notifier
from controller.service.app import stop_on_signals
from controller.service.commands.options import (
    ConfigOption,
    PortOption,
    StateOption,
    catalogue_of,
)
from controller.service.operations import Operations
from controller.service.recorded import wanted_of
from controller.service.serving import Door, Tls, read_token
from controller.service.supervised.evidence import Evidence, ScreenWitness, ServiceWitnesses
from controller.service.supervised.sockets import address_of, handed_over
from controller.service.supervised.watchdog import Watchdog, status_of, watched
from controller.service.switching import Place, Switch
from controller.session.catalogue import Catalogue

STDERR = 2
PEN_WITHIN_S = 3.0
"""How long the screen waits for the pen's link before it is served without one."""


class Serving(msgspec.Struct, frozen=True):
    """What was typed."""

    place: Place
    catalogue: Catalogue
    address: Address
    tls: Tls | None
    training: bool


class Manager(msgspec.Struct, frozen=True):
    """What a service manager gave: a way to tell it how things are, sockets to listen on."""

    notifier: Notifier
    sockets: list[socket.socket]

    @classmethod
    def found(cls) -> "Manager":
        """Whatever the environment says. Raises HandedOverWrongly.

        A manager that bites sends SIGABRT; where each thread stood is then written to stderr.
        """
        notifier = Notifier.from_environment()
        if notifier.is_wanted:
            faulthandler.enable(STDERR)
        return cls(notifier, handed_over())


def serve(
    port: PortOption = "",
    config: ConfigOption = None,
    state: StateOption = None,
    listen: Annotated[
        str,
        typer.Option(
            help="HOST:PORT of the screen. Default: as in controller.toml, on this machine only.",
            show_default=False,
        ),
    ] = "",
    training: Annotated[
        bool, typer.Option("--training", help="Begin with the simulated pen: no hardware needed.")
    ] = False,
    tls_cert: Annotated[
        Path | None, typer.Option(help="TLS certificate (PEM), for another address than loopback.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="A file with the token that other machines must show.")
    ] = None,
    json_log: Annotated[bool, typer.Option("--json-log", help="Log as JSON lines.")] = False,
) -> None:
    """Drive the pen and serve the screen, until SIGTERM or Ctrl-C.

    Open the address that is printed in a browser. The trigger on the pen starts the needles; STOP
    is on every view, and works without a login.
    """
    manager = Manager.found()
    if manager.sockets and listen:
        raise WrongUsage("Sockets were handed over (socket activation), and --listen was typed.")
    catalogue = catalogue_of(config)
    settings = catalogue.settings
    set_up_logs(as_json=json_log, realm=settings.realm)
    folder = state or settings.state_folder
    wanted = wanted_of(catalogue, port, state, bundles=True)
    host, door = _address(listen) if listen else (settings.console.host, settings.console.port)
    tls = Tls(tls_cert, tls_key) if tls_cert and tls_key else None
    token = read_token(token_file) if token_file else None
    path = "" if settings.console.socket is None else str(settings.console.socket)
    address = Address(host, door, tls is not None, token, settings.console.names, path)
    if manager.sockets:
        address_of(manager.sockets, address)
    else:
        address.check()
    place = Place(wanted, folder, catalogue.folder / "simulator")
    asyncio.run(_serve(Serving(place, catalogue, address, tls, training), manager))


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= 65_535):
        raise WrongUsage(f"'{text}' is no address: HOST:PORT is needed.")
    return host.strip("[]") or "127.0.0.1", int(port)


async def _serve(serving: Serving, manager: Manager) -> None:
    switch = Switch(serving.place, SystemClock(), manager.notifier.ask_for_time)
    done = asyncio.Event()
    await switch.start()
    try:
        if serving.training:
            await switch.start_training()
        await _until_linked(switch)
        manager.notifier.tell(f"STATUS={status_of(switch.present.service.engine)}")
        await _open_door(serving, manager, switch, done)
    finally:
        await switch.close()


async def _until_linked(switch: Switch) -> None:
    """The pen comes first: nothing of the screen is even read before."""
    engine = switch.present.service.engine
    await engine.changes.until(lambda: engine.reconciled, PEN_WITHIN_S)


async def _open_door(
    serving: Serving, manager: Manager, switch: Switch, done: asyncio.Event
) -> None:
    room = Operations(lambda: switch.present, serving.catalogue, SystemClock(), switch)
    console = Console(room, partial(read_people, serving.place.state))
    door = Door(console, serving.address, serving.tls, manager.sockets)
    console.start()
    try:
        address = await door.open()
        _say(address)
        stop_on_signals(room, done)
        witnesses = ServiceWitnesses(switch.settled, lambda: switch.beats)
        evidence = Evidence(room.clock, witnesses, {"screen": ScreenWitness(door)})
        async with watched(Watchdog(manager.notifier, evidence, switch.settled)):
            await _until_done(switch, done, door)
    finally:
        await door.close()


async def _until_done(switch: Switch, done: asyncio.Event, door: Door) -> None:
    stopped = asyncio.create_task(done.wait(), name="until told")
    ended = asyncio.create_task(switch.until_ended(), name="until ended")
    gone = asyncio.create_task(door.until_gone(), name="until gone")
    every = (stopped, ended, gone)
    try:
        await asyncio.wait(every, return_when=asyncio.FIRST_COMPLETED)
        for task in (ended, gone):
            if task.done():
                task.result()
    finally:
        for each in every:
            each.cancel()
        await asyncio.gather(*every, return_exceptions=True)


def _say(address: Address) -> None:
    host = f"[{address.host}]" if ":" in address.host else address.host
    if address.listens_on_port:
        typer.echo(f"The screen is at {address.scheme}://{host}:{address.port}/")
    if address.path:
        typer.echo(f"It is also served on the Unix socket {address.path}.")
