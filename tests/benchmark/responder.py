"""A pen that only answers: `python -m tests.benchmark.responder` prints the path of its pty.

HELLO and QUERY get their replies at once, and a status goes out each 100 ms; nothing else is a pen
here. Floor and link are measured against the same answers.
"""

import os
import select
import sys
import time
import tty
from typing import Final

from protocol.codec import decode_payload, encode_payload
from protocol.framing import Decoder, Frame, encode_frame
from protocol.limits import PROTOCOL_VERSION, SIMULATED_UID_MIN
from protocol.messages import (
    Cartridge,
    Envelope,
    Hello,
    HelloReply,
    Identity,
    Message,
    Query,
    StatusPush,
)
from protocol.words import PenState, QueryTopic
from tests.benchmark.player import status

UID: Final = SIMULATED_UID_MIN | 1
STATUS_S: Final = 0.1
_TEXT: Final = b"BENCHMARK".ljust(16, b"\x00")


def answer(message: Message) -> Message | None:
    """The reply to a HELLO or a QUERY."""
    match message:
        case Hello():
            return HelloReply(message.nonce, UID, PROTOCOL_VERSION, 1, PenState.IDLE, 0, 0)
        case Query(request_id, QueryTopic.IDENTITY):
            return Identity(request_id, UID, _TEXT, _TEXT, 0, 0, 0)
        case Query(request_id, QueryTopic.ENVELOPE):
            return Envelope(request_id, 2_500, 6_666, 1, 1, 1, 1, 1, 1_024, 1)
        case Query(request_id):
            return Cartridge(request_id, 1, 0, 1, 12, 12, 1_500)
        case _:
            return None


def run(fd: int) -> None:
    """Until the process is ended."""
    decoder, link_id, status_mono_s = Decoder(), 0, time.monotonic()
    while True:
        left_s = max(0.0, status_mono_s - time.monotonic())
        if select.select([fd], [], [], left_s)[0]:
            for found in decoder.feed(os.read(fd, 4096)):
                asked = decode_payload(found) if isinstance(found, Frame) else found
                reply = answer(asked) if isinstance(asked, Message) else None
                if reply is None or not isinstance(found, Frame):
                    continue
                to = asked.nonce & 0xFFFF_FFFF if isinstance(asked, Hello) else found.link_id
                if isinstance(asked, Hello) or to != link_id:  # the floor gets no statuses
                    link_id = to if isinstance(asked, Hello) else 0
                os.write(fd, encode_frame(Frame(reply.KIND, to, 0, encode_payload(reply))))
        if time.monotonic() >= status_mono_s:
            status_mono_s += STATUS_S
            if link_id:
                push = encode_payload(StatusPush(status(0, arm_id=0)))
                os.write(fd, encode_frame(Frame(StatusPush.KIND, link_id, 0, push)))


if __name__ == "__main__":
    master, slave = os.openpty()
    tty.setraw(slave)
    sys.stdout.write(f"{os.ttyname(slave)}\n")
    sys.stdout.flush()
    run(master)
