"""One visit to a pen with the journal open: enrol it anew, by a person's word. Moves nothing."""

from controller.errors import NoAnswer
from controller.link.port import PortOpener
from controller.record.events import Actor
from controller.service.app import Wanted, running

PEN_WITHIN_S = 20.0
"""A pen that homes or brakes is waited for, and events that it kept are read first."""


async def enrol_connected(
    wanted: Wanted, actor: Actor, reason: str, *, opener: PortOpener | None = None
) -> int:
    """Link to the pen, read what can be read, enrol it anew; returns its uid.

    Raises what `Acts.enrol` raises, JournalError while a service holds the journal, or LinkError.
    """
    async with running(wanted, opener=opener) as service:
        engine = service.engine
        await engine.changes.until(
            lambda: engine.reconciled or engine.link_error is not None, PEN_WITHIN_S
        )
        pen = engine.pen
        if pen is None:
            raise engine.link_error or NoAnswer(f"No pen answers on {wanted.port}.")
        await service.acts.enrol(actor, reason)
        return pen.uid
