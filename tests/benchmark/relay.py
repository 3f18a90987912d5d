"""Between controller and simulated pen: notes when each STOP arrives, and keeps it from the pen.

`python -m tests.benchmark.relay PEN`: prints the path of its own pty, then a line "stop id,
monotonic ns" for each new STOP, read off the pty by a process that does nothing else. It answers
in the pen's place, so that hundreds of stops can be measured in one arm.
"""

import os
import select
import sys
import time
import tty

from protocol.codec import decode_payload, encode_payload
from protocol.framing import Decoder, Frame, encode_frame
from protocol.messages import Events, Status, StatusPush, Stop, Stopped


class Relay:
    """One pen, one controller."""

    def __init__(self, pen_path: str) -> None:
        self._pen = os.open(pen_path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._pen)
        self._host, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self._from_pen, self._from_host = Decoder(), Decoder()
        self._status: Status | None = None
        self._link_id = 0
        self._last_stop_id = 0

    def run(self) -> None:
        """Until one end is gone."""
        while True:
            ready = select.select([self._pen, self._host], [], [])[0]
            if self._host in ready:
                self._take_from_host(os.read(self._host, 4096))
            if self._pen in ready:
                self._take_from_pen(os.read(self._pen, 4096))

    def _take_from_host(self, data: bytes) -> None:
        at_ns = time.monotonic_ns()
        for found in self._from_host.feed(data):
            if not isinstance(found, Frame):
                continue
            if found.kind == Stop.KIND:
                self._answer(found, at_ns)
            else:
                self._link_id = found.link_id or self._link_id
                os.write(self._pen, encode_frame(found))

    def _answer(self, frame: Frame, at_ns: int) -> None:
        stop = decode_payload(frame)
        if not isinstance(stop, Stop):
            return
        if stop.stop_id != self._last_stop_id:
            self._last_stop_id = stop.stop_id
            sys.stdout.write(f"{stop.stop_id} {at_ns}\n")
            sys.stdout.flush()
        if self._status is not None:
            payload = encode_payload(Stopped(stop.stop_id, self._status))
            os.write(self._host, encode_frame(Frame(Stopped.KIND, self._link_id, 0, payload)))

    def _take_from_pen(self, data: bytes) -> None:
        os.write(self._host, data)
        for found in self._from_pen.feed(data):
            if isinstance(found, Frame) and found.kind in (StatusPush.KIND, Events.KIND):
                message = decode_payload(found)
                if isinstance(message, StatusPush | Events):
                    self._status = message.status


if __name__ == "__main__":
    relay = Relay(sys.argv[1])
    sys.stdout.write(f"{relay.path}\n")
    sys.stdout.flush()
    relay.run()
