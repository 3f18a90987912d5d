"""What the screen needs of the service around it, as a protocol: the console imports no service.

Everything here is asked on the controller's loop, except `stop`.
"""

from pathlib import Path
from typing import Protocol

from controller.clock import Clock
from controller.console.calibration_room import CalibrationRoom
from controller.console.requests import (
    OpenRequest,
    PlanLine,
    PlanView,
    Preview,
    PreviewRequest,
    ProductView,
)
from controller.link.stopline import StopLine
from controller.record.events import Actor
from controller.session.acts import Acts
from controller.session.catalogue import Catalogue
from controller.session.certificate import Certificate
from controller.session.engine import Engine
from controller.settings.service import Realm


class Room(Protocol):
    """One treatment room. After a change to training, engine, acts and stop line are others."""

    @property
    def clock(self) -> Clock:
        """The controller's clocks."""
        ...

    @property
    def realm(self) -> Realm:
        """Whether this is treatment or training."""
        ...

    @property
    def journal(self) -> Path:
        """The folder of journal files in use."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """The config folder."""
        ...

    @property
    def calibration(self) -> CalibrationRoom:
        """Calibrations and certificates."""
        ...

    @property
    def engine(self) -> Engine:
        """The session engine."""
        ...

    @property
    def acts(self) -> Acts:
        """What a person may ask of the session."""
        ...

    @property
    def stop_line(self) -> StopLine:
        """Where STOP leaves, and what became of it."""
        ...

    def stop(self, reason: str, actor: Actor | None = None) -> int:
        """STOP, from any thread: the bytes leave before this returns. Gives the stop id."""
        ...

    def certificate(self, wire_id: int) -> Certificate | None:
        """The certificate that a pen stores, by its id; None when it is not known here."""
        ...

    def preview(self, request: PreviewRequest) -> Preview:
        """A plan against every limit. Raises InputError."""
        ...

    async def open_session(self, request: OpenRequest, actor: Actor) -> None:
        """Open a session. Raises InputError, NoPen, WrongState."""
        ...

    async def start_training(self) -> None:
        """A simulated pen takes the real one's place. Raises NotTraining."""
        ...

    async def end_training(self) -> None:
        """Back to the pen of the settings. Raises NotTraining while a session is open."""
        ...

    def plans(self) -> list[PlanLine]:
        """Every plan of the config folder, and why it cannot be used."""
        ...

    def plan(self, name: str) -> PlanView:
        """One plan. Raises UnknownName, InputError."""
        ...

    def products(self) -> list[ProductView]:
        """Every product that can be read."""
        ...
