"""Spies at every place where a frame would begin to act: both ends' handlers, port and journal.

They call what they stand in front of, so that a frame that gets through does its harm and is seen.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from controller.link.exchange import Exchange
from simulator.attach import InProcessPort
from tests.fuzz.facts import device_of
from tests.support.theatre import Theatre


class Spies:
    """What acted while a volley was fed."""

    def __init__(self) -> None:
        self.pen_handled: Counter[str] = Counter()
        self.host_dispatched: Counter[str] = Counter()
        self.host_wrote = 0
        self.submitted = 0

    @contextmanager
    def watching(self, theatre: Theatre, link: Exchange, port: InProcessPort) -> Iterator[None]:
        """Stand at every place where a frame would begin to act."""
        device, desk = device_of(theatre), theatre._desks[-1]
        with ExitStack() as stack:
            stack.enter_context(patch.object(device, "_handle", self._pen_handles(device._handle)))
            stack.enter_context(
                patch.object(link, "_dispatch", self._host_dispatches(link._dispatch))
            )
            stack.enter_context(patch.object(port, "write", self._host_writes(port.write)))
            stack.enter_context(patch.object(desk, "submit", self._submits(desk.submit)))
            yield

    def _pen_handles(self, real: Callable[[Any], None]) -> Callable[[Any], None]:
        def handle(message: Any) -> None:
            self.pen_handled[type(message).__name__] += 1
            real(message)

        return handle

    def _host_dispatches(self, real: Callable[[Any, float], None]) -> Callable[[Any, float], None]:
        def dispatch(message: Any, mono_s: float) -> None:
            self.host_dispatched[type(message).__name__] += 1
            real(message, mono_s)

        return dispatch

    def _host_writes(self, real: Callable[[bytes], None]) -> Callable[[bytes], None]:
        def write(data: bytes) -> None:
            self.host_wrote += len(data)
            real(data)

        return write

    def _submits(self, real: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def submit(drafts: Any) -> Any:
            self.submitted += len(drafts)
            return real(drafts)

        return submit
