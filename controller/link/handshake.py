"""The handshake (C2): nothing is believed until the pen has answered our own nonce.

Ends in an `Exchange` that already knows the pen's hello and its first status of this link, so that
no field of a link is ever "not there yet".
"""

import asyncio
from typing import Final

from controller.errors import GreetingIgnored, LinkError, NoAnswer, NotAPen, UnsupportedProtocol
from controller.link.exchange import Exchange
from controller.link.heard import Heard
from controller.link.stopline import StopLine
from controller.link.wire import Wire
from protocol.codec import decode_payload, encode_payload
from protocol.framing import Discard, DiscardReason, Frame
from protocol.limits import PROTOCOL_VERSION
from protocol.messages import HOST_KINDS, Events, Hello, HelloReply, StatusPush

HELLO_PERIOD_S: Final = 0.1
HANDSHAKE_S: Final = 3.0
"""SPEC.md, "Handshake": HELLO each 100 ms; after 3 s the port is closed and opened again."""


class Handshake:
    """One attempt to link the pen on one wire, with one nonce."""

    def __init__(self, wire: Wire, stop_line: StopLine, hello: Hello) -> None:
        self._wire = wire
        self._stop_line = stop_line
        self._hello = hello
        self._link_id = hello.nonce & 0xFFFF_FFFF
        self._reply: HelloReply | None = None
        self._frames = 0
        self._echoes = 0
        self._done: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()

    async def run(self) -> Exchange:
        """The link. Raises UnsupportedProtocol, NotAPen, NoAnswer, GreetingIgnored.

        On a wire that is lost meanwhile it raises one of these too, with the loss as the sentence.
        """
        self._wire.start(self._on_frame)
        payload = encode_payload(self._hello)
        deadline_mono_s = self._wire.clock.mono_s() + HANDSHAKE_S
        while self._wire.is_open and self._wire.clock.mono_s() < deadline_mono_s:
            if self._reply is None:
                self._wire.send(Hello.KIND, 0, payload)
            await asyncio.wait(
                (self._done, self._wire.lost),
                timeout=HELLO_PERIOD_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if self._done.done():
                return self._done.result()
        raise self._failure()

    def _on_frame(self, found: Frame | Discard, mono_s: float) -> None:
        if self._done.done():
            return
        if isinstance(found, Discard):
            self._on_discard(found)
        elif found.link_id == self._link_id and self._reply is not None:
            self._on_linked(found, self._reply, mono_s)
        else:
            self._on_unlinked(found)

    def _on_discard(self, found: Discard) -> None:
        """Only the reply to our own nonce can prove that the pen speaks another version."""
        if found.reason is DiscardReason.UNKNOWN_VERSION and found.frame is not None:
            reply = self._own_reply(found.frame)
            if reply is not None:
                self._done.set_exception(_unsupported(found.detail, reply.uid))

    def _on_unlinked(self, frame: Frame) -> None:
        self._frames += 1
        self._echoes += frame.kind in HOST_KINDS
        reply = self._own_reply(frame)
        if reply is None:
            self._wire.counts["before_link"] += 1
        elif reply.protocol_version != PROTOCOL_VERSION:
            self._done.set_exception(_unsupported(reply.protocol_version, reply.uid))
        else:
            self._reply = reply

    def _own_reply(self, frame: Frame) -> HelloReply | None:
        if frame.kind != HelloReply.KIND:
            return None
        message = decode_payload(frame)
        own = isinstance(message, HelloReply) and message.nonce == self._hello.nonce
        return message if own and isinstance(message, HelloReply) else None

    def _on_linked(self, frame: Frame, reply: HelloReply, mono_s: float) -> None:
        message = decode_payload(frame)
        if isinstance(message, StatusPush | Events) and message.status.boot_id == reply.boot_id:
            heard = Heard(message.status, mono_s, self._wire.clock)
            link = Exchange(self._wire, self._stop_line, reply, heard)
            self._wire.hand_over(link.on_frame)
            self._done.set_result(link)

    def _failure(self) -> LinkError:
        if self._wire.lost.done():
            return NoAnswer(f"The line was lost during the handshake: {self._wire.lost.result()}.")
        if self._reply is not None:
            return NoAnswer("The pen answered the greeting and then sent no status.")
        if self._frames:
            what = "our own frames come back" if self._echoes == self._frames else "frames arrive"
            return GreetingIgnored(f"No answer to the greeting in {HANDSHAKE_S:.0f} s; {what}.")
        if self._wire.received_bytes:
            return NotAPen(f"{self._wire.received_bytes} bytes arrived and not one intact frame.")
        return NoAnswer(f"Nothing arrived in {HANDSHAKE_S:.0f} s.")


def _unsupported(version: int, uid: int) -> UnsupportedProtocol:
    side = "this program" if version > PROTOCOL_VERSION else "the pen's firmware"
    return UnsupportedProtocol(
        f"Pen {uid:016x} speaks protocol version {version}, this program {PROTOCOL_VERSION}.",
        action=f"Update {side}.",
    )
