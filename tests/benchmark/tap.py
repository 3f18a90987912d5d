"""Between controller and simulated pen: hands every byte on, and notes each STOP and its echo.

`python -m tests.benchmark.tap PEN`: prints the path of its own pty, then a line "stop id, ns of the
first STOP, ns of the pen's echo" for each stop that the pen confirmed, by CLOCK_MONOTONIC. What it
costs to hand bytes on is part of what is measured.
"""

import os
import select
import sys
import time
import tty

from protocol.codec import decode_payload
from protocol.framing import Decoder, Frame
from protocol.messages import Stop, Stopped


class Tap:
    """One pen, one controller."""

    def __init__(self, pen_path: str) -> None:
        self._pen = os.open(pen_path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._pen)
        self._host, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self._from_pen, self._from_host = Decoder(), Decoder()
        self._sent_ns: dict[int, int] = {}

    def run(self) -> None:
        """Until one end is gone."""
        while True:
            ready = select.select([self._pen, self._host], [], [])[0]
            if self._host in ready:
                self._pass(self._host, self._pen, self._from_host)
            if self._pen in ready:
                self._pass(self._pen, self._host, self._from_pen)

    def _pass(self, source: int, target: int, decoder: Decoder) -> None:
        data = os.read(source, 4096)
        at_ns = time.monotonic_ns()
        os.write(target, data)
        for found in decoder.feed(data):
            if isinstance(found, Frame) and found.kind in (Stop.KIND, Stopped.KIND):
                self._note(found, at_ns)

    def _note(self, frame: Frame, at_ns: int) -> None:
        message = decode_payload(frame)
        if isinstance(message, Stop):
            self._sent_ns.setdefault(message.stop_id, at_ns)
        elif isinstance(message, Stopped) and message.stop_id in self._sent_ns:
            sent_ns = self._sent_ns.pop(message.stop_id)
            sys.stdout.write(f"{message.stop_id} {sent_ns} {at_ns}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    tap = Tap(sys.argv[1])
    sys.stdout.write(f"{tap.path}\n")
    sys.stdout.flush()
    tap.run()
