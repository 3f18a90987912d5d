"""`micropen session seal`: the authorised end of an interval whose pen is lost or destroyed."""

import asyncio
import random
from pathlib import Path
from typing import Annotated

import typer

from controller.clock import SystemClock
from controller.link.port import SerialOpener
from controller.record.events import Actor
from controller.record.journal import Journal
from controller.service.app import assemble, read_books
from controller.service.commands.options import ConfigOption, Role, StateOption, catalogue_of
from controller.service.places import journal_folder
from controller.settings.service import Realm


def seal(
    arm_id: Annotated[int, typer.Argument(metavar="ARM", help="The open arm, as `show` lists it.")],
    by: Annotated[str, typer.Option("--by", help="Who accepts the upper bound.")],
    role: Annotated[Role, typer.Option("--role", help="In which role.")],
    reason: Annotated[str, typer.Option("--reason", help="What happened to the pen.")],
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Accept the upper bound of an open arm for ever: its pen is lost or destroyed.

    What may have been delivered counts as delivered from then on. If the pen can still be
    connected, do that instead: its own record closes the arm exactly.
    """
    settings = catalogue_of(config).settings
    folder = journal_folder(state or settings.state_folder)
    asyncio.run(_seal(folder, settings.realm, arm_id, Actor(name=by, role=role.value), reason))
    typer.echo(f"Arm {arm_id} is sealed at its upper bound.")


async def _seal(folder: Path, realm: Realm, arm_id: int, actor: Actor, reason: str) -> None:
    clock = SystemClock()
    # The lock first: a service that ends in between may have closed the very arm.
    journal = Journal.open(folder, clock, realm=realm)
    books = read_books(folder)
    # The service is put together but never started: no port is opened, nothing can move.
    service = assemble(SerialOpener("none"), clock, journal, books, random.SystemRandom())
    try:
        left_open = service.engine.recover_state()
        if left_open:
            await service.engine.commit(*left_open)
        await service.acts.seal(arm_id, actor, reason)
    finally:
        await service.close()
