"""Who may talk to the pen: frames in, the handshake, and the list of replaced nonces (C1, C2)."""

from collections import deque
from collections.abc import Iterator

from protocol.codec import decode_payload
from protocol.framing import Decoder, Discard, Frame
from protocol.limits import REPLACED_NONCES_KEPT
from protocol.messages import HOST_KINDS, Disarm, Hello, Message, Stop
from simulator.firmware.records import LAST_ARM_ID

LINK_MASK = 0xFFFF_FFFF
_ANY_LINK = frozenset({Hello.KIND, Stop.KIND})


class Inbox:
    """Bytes to messages of the current link. All else is counted and dropped."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self.link_id = 0
        self.discarded = 0

    def feed(self, data: bytes) -> Iterator[Message]:
        """Messages completed by `data`; a HELLO of another protocol version is `ForeignHello`."""
        for item in self._decoder.feed(data):
            message = self._open(item)
            if message is None:
                self.discarded = (self.discarded + 1) & 0xFFFF
            else:
                yield message

    def _open(self, item: Frame | Discard) -> Message | None:
        if isinstance(item, Discard):
            return _foreign_hello(item)
        is_ours = item.kind in _ANY_LINK or (item.link_id == self.link_id != 0)
        if item.kind not in HOST_KINDS or not is_ours:
            return None
        message = decode_payload(item)
        return None if isinstance(message, Discard) or _spends_all(message) else message


def _spends_all(message: Message) -> bool:
    """A DISARM that would leave the pen no arm id for the rest of its life."""
    return isinstance(message, Disarm) and message.arm_id == LAST_ARM_ID


class ForeignHello(Message, frozen=True):
    """A HELLO whose sender speaks another version; the pen answers but makes no link."""

    nonce: int


def _foreign_hello(discard: Discard) -> ForeignHello | None:
    if discard.frame is None or discard.frame.kind != Hello.KIND:
        return None
    message = decode_payload(discard.frame)
    return ForeignHello(message.nonce) if isinstance(message, Hello) else None


class Handshake:
    """The current nonce and the last 16 that it replaced; all forgotten at a boot."""

    def __init__(self) -> None:
        self.nonce = 0
        self.host_id = 0
        self._replaced: deque[int] = deque(maxlen=REPLACED_NONCES_KEPT)

    def is_repeat(self, hello: Hello) -> bool:
        """Whether this is the HELLO of the current link again."""
        return hello.nonce == self.nonce and hello.host_id == self.host_id

    def accepts(self, hello: Hello) -> bool:
        """Whether this HELLO may open a new link. Its link id must be fresh, not only its nonce."""
        link_id = hello.nonce & LINK_MASK
        used = {nonce & LINK_MASK for nonce in (*self._replaced, self.nonce)}
        return link_id != 0 and link_id not in used

    def replace(self, hello: Hello) -> None:
        """Make it the current link."""
        if self.nonce:
            self._replaced.append(self.nonce)
        self.nonce, self.host_id = hello.nonce, hello.host_id
