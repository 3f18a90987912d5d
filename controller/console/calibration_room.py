"""What the screen needs of calibrations, as a protocol: the console imports none of their rooms.

Everything here is asked on the controller's loop.
"""

from typing import Protocol

from controller.console.calibration_views import (
    CalibrationPage,
    CalibrationView,
    Procedure,
)
from controller.record.events import Actor

CALIBRATING = ("technician", "administrator")
"""Who measures, and who approves what another one measured."""


class CalibrationRoom(Protocol):
    """Leads one calibration at a time, and issues certificates."""

    file_maker: str
    """The module that a child process runs to make a certificate's file."""

    def view(self) -> CalibrationView:
        """What is open, of this moment."""
        ...

    def page(self) -> CalibrationPage:
        """The same, with due dates and certificates."""
        ...

    async def start(self, procedure: Procedure, actor: Actor, *, typed: bool) -> None:
        """Begin, go on, or take over. Raises MicropenError while a session is open."""
        ...

    def answer(self, question: int, text: str, actor: Actor) -> None:
        """Answer what is asked. Raises NotLeading, NotAsked."""
        ...

    def redo(self, reason: str, actor: Actor) -> None:
        """Take the last reading again. Raises NotLeading, WishWaits."""
        ...

    def vessel_moved(self, actor: Actor) -> None:
        """The vessel was moved. Raises NotLeading, WishWaits."""
        ...

    async def abort(self, reason: str, actor: Actor) -> None:
        """Give the calibration up. Raises NotLeading, WishWaits."""
        ...

    async def issue(self, approver: Actor, remark: str | None) -> str:
        """Issue the linked pen's certificate; its id. Raises MicropenError."""
        ...

    def known(self, certificate_id: str) -> bool:
        """Whether the journal has this certificate."""
        ...

    async def close(self) -> None:
        """Stop leading; what is open stays open."""
        ...
