"""What a pen tells the one who drives it. All calls come on the event loop and must not block."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from controller.errors import LinkError, PenError
from controller.pen.strokes import PenStroke
from protocol.messages import Health, Status, Stopped

if TYPE_CHECKING:
    from controller.pen.pen import Pen


class PenListener(Protocol):
    """Between `pen_up` and the one `pen_lost` that answers it, all calls name that same pen."""

    def pen_up(self, pen: "Pen") -> None:
        """A link stands, and the pen's identity, envelope and first status are known."""
        ...

    def pen_failed(self, error: LinkError | PenError) -> None:
        """No link could be made; told once for each run of equal errors, tried on for ever."""
        ...

    def pen_lost(self, pen: "Pen", reason: str) -> None:
        """The link has ended; nothing of it comes after this."""
        ...

    def pen_status(self, pen: "Pen", status: Status) -> None:
        """A status newer than all before; after the strokes or the stop that came with it."""
        ...

    def pen_strokes(self, pen: "Pen", arm_id: int, strokes: Sequence[PenStroke]) -> None:
        """Events of one arm (0 = outside any arm), each exactly once and in index order."""
        ...

    def pen_health(self, pen: "Pen", health: Health) -> None:
        """Battery and temperature, once a second."""
        ...

    def pen_stopped(self, pen: "Pen", stopped: Stopped) -> None:
        """The pen echoed a stop; told once for each stop id."""
        ...

    def pen_gap(self, pen: "Pen", first_missing: int, first_present: int) -> None:
        """The pen no longer has the events from `first_missing` to before `first_present`."""
        ...
