"""What may sit on a serial port instead of a pen of ours: silence, noise, a pen of another version.

Each is a pty whose other end is a small thread; it is gone when the `with` ends.
"""

import os
import pty
import select
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from struct import Struct

from protocol.codec import decode_payload, encode_payload
from protocol.framing import Decoder, Discard, Frame, cobs_encode, crc32c
from protocol.limits import PROTOCOL_VERSION
from protocol.messages import Hello, HelloReply
from protocol.words import PenState

UID = 0xF000_0000_0000_0002
Answer = Callable[[bytes], bytes]
"""What is sent back for what was heard; called with nothing every 20 ms."""


def silence(_: bytes) -> bytes:
    """A pen that is switched off."""
    return b""


def noise(_: bytes) -> bytes:
    """Another device: a GPS receiver, say."""
    return b"$GPGGA,092750.000,5321.6802,N,00630.3372,W,1,8,1.03,61.7,M*76\r\n"


def echo(heard: bytes) -> bytes:
    """A cable with its two lines tied together."""
    return heard


def pen_of_version(version: int) -> Answer:
    """A pen of another protocol version: it answers HELLO, as all versions must (C2)."""
    decoder = Decoder()

    def answer(heard: bytes) -> bytes:
        hellos = [
            message
            for frame in decoder.feed(heard)
            if isinstance(frame, Frame)
            and not isinstance(message := decode_payload(frame), Discard)
            and isinstance(message, Hello)
        ]
        return b"".join(_hello_reply(hello.nonce, version) for hello in hellos)

    return answer


def _hello_reply(nonce: int, version: int) -> bytes:
    reply = HelloReply(nonce, UID, version, 1, PenState.IDLE, 0, 0)
    head = Struct("<BBIB").pack(version << 4, HelloReply.KIND, 0, 0)
    body = head + encode_payload(reply)
    assert version != PROTOCOL_VERSION
    return b"\x00" + cobs_encode(body + Struct("<I").pack(crc32c(body))) + b"\x00"


@contextmanager
def stranger(answer: Answer) -> Iterator[str]:
    """A pty's path with `answer` behind it."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    done, end = os.pipe()
    thread = threading.Thread(target=_serve, args=(ours, done, answer), daemon=True)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        os.write(end, b"x")
        thread.join()
        for fd in (ours, theirs, done, end):
            os.close(fd)


def _serve(fd: int, done: int, answer: Answer) -> None:
    while True:
        ready, _, _ = select.select([fd, done], [], [], 0.02)
        if done in ready:
            return
        said = answer(os.read(fd, 4096) if fd in ready else b"")
        if said:
            os.write(fd, said)
