"""`micropen pen`: what a pen says about itself. Moves nothing."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from controller.clock import SystemClock
from controller.errors import MicropenError, NoAnswer
from controller.link.port import SerialOpener
from controller.pen.driver import Pen, PenLine
from controller.pen.identity import realm_of, text_of
from controller.pen.strokes import PenStroke
from controller.service.places import config_folder
from controller.session.catalogue import Catalogue
from controller.session.changes import Changes
from protocol.faults import describe_fault
from protocol.messages import Cartridge, Counters, Health, Status, Stopped
from protocol.words import StatusFlag

pen_app = typer.Typer(no_args_is_help=True, help="Look at the pen.")
ANSWER_WITHIN_S = 10.0


class _Looker:
    """A listener that only waits for a pen to be there."""

    def __init__(self) -> None:
        self.changes = Changes()
        self.pen: Pen | None = None
        self.error: MicropenError | None = None

    def pen_up(self, pen: Pen) -> None:
        """Remember the pen."""
        self.pen = pen
        self.changes.notify()

    def pen_failed(self, error: MicropenError) -> None:
        """Remember why there is none."""
        self.error = error
        self.changes.notify()

    def pen_lost(self, pen: Pen, reason: str) -> None:
        """Forget the pen."""
        self.pen = None

    def pen_status(self, pen: Pen, status: Status) -> None:
        """Nothing to do."""

    def pen_strokes(self, pen: Pen, arm_id: int, strokes: Sequence[PenStroke]) -> None:
        """Nothing to do."""

    def pen_health(self, pen: Pen, health: Health) -> None:
        """Nothing to do."""

    def pen_stopped(self, pen: Pen, stopped: Stopped) -> None:
        """Nothing to do."""

    def pen_gap(self, pen: Pen, first_missing: int, first_present: int) -> None:
        """Nothing to do."""


@pen_app.callback()
def _pen() -> None:
    """Look at the pen."""


@pen_app.command("info")
def info(
    port: Annotated[str, typer.Option(help="The pen's port, best /dev/serial/by-id/...")] = "",
    config: Annotated[
        Path | None, typer.Option(help="The config folder.", envvar="MICROPEN_CONFIG")
    ] = None,
) -> None:
    """Show identity, ceilings, cartridge, certificate, counters and state of the pen."""
    path = port or Catalogue(config_folder(config)).settings.pen_port.path
    asyncio.run(_show(path))


async def _show(path: str) -> None:
    looker = _Looker()
    host_id = random.SystemRandom().getrandbits(63) | 1
    line = PenLine(SerialOpener(path), SystemClock(), host_id, looker, random.SystemRandom())
    driving = asyncio.create_task(line.run())
    try:
        found = await looker.changes.until(
            lambda: looker.pen is not None or looker.error is not None, ANSWER_WITHIN_S
        )
        if looker.error is not None:
            raise looker.error
        if not found or looker.pen is None:
            raise NoAnswer(f"No pen answered on {path} within {ANSWER_WITHIN_S:.0f} s.")
        Console().print(_table(looker.pen, await looker.pen.cartridge()))
    finally:
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)


def _table(pen: Pen, cartridge: Cartridge) -> Table:
    table = Table(title=f"Pen {pen.uid:016x} ({realm_of(pen.uid)})", show_header=False)
    for name, value in _rows(pen, cartridge):
        table.add_row(name, value)
    return table


def _rows(pen: Pen, cartridge: Cartridge) -> list[tuple[str, str]]:
    envelope, status, identity = pen.envelope, pen.status, pen.identity
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
        ("boots", str(pen.boot_id)),
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
