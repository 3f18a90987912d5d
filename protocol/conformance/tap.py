"""A rig that listens in: what was said on the wire for the report, and the guard's watch.

Fits `Rig` and stands before another one. Everything goes through it, also raw bytes of a check and
the frames of its second host.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from protocol.codec import decode_payload, encode_payload
from protocol.conformance.guard import ContactGuard, Dosed
from protocol.conformance.rig import Hand, Numbers, Rig
from protocol.framing import Decoder, Discard, Frame, encode_frame
from protocol.messages import Message, Stop

KEPT = 20
"""How many messages a failed check shows."""


class TookTooLong(AssertionError):
    """A check was still at it when its time was over."""


class Spoken(NamedTuple):
    """One message, or what a receiver dropped."""

    at_us: int
    from_pen: bool
    said: Message | Discard


class _TappedHand:
    def __init__(self, hand: Hand, guard: ContactGuard) -> None:
        self._hand = hand
        self._guard = guard
        self.press: Callable[[], None] = hand.press
        self.release: Callable[[], None] = hand.release
        self.lift: Callable[[], None] = hand.lift

    def touch(self) -> None:
        self._guard.touching()
        self._hand.touch()


class Tap:
    """`spoken` holds the last messages both ways, oldest first."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.guard = ContactGuard()
        self.hand: Hand = _TappedHand(rig.hand, self.guard)
        self.spoken: deque[Spoken] = deque(maxlen=KEPT)
        self.deadline_us: int | None = None
        self.late_us = 0
        """How late the rig came back at most, when nothing had come, since this was last put to 0:
        the computer's own delay."""
        self.worst_late_us = 0
        self._to_pen = Decoder()
        self._from_pen = Decoder()

    @property
    def numbers(self) -> Numbers:
        """Those of the rig."""
        return self._rig.numbers

    @property
    def is_quick(self) -> bool:
        """As the rig."""
        return self._rig.is_quick

    @property
    def latency_us(self) -> int:
        """That of the rig."""
        return self._rig.latency_us

    def now_us(self) -> int:
        """The rig's time."""
        return self._rig.now_us()

    def write(self, data: bytes) -> None:
        """Bytes to the pen. Raises WouldDose before the first of them, or TookTooLong."""
        self._check_time()
        for said in self._decoded(self._to_pen, data):
            if not isinstance(said, Discard):
                self._let_pass(said)
            self.spoken.append(Spoken(self.now_us(), from_pen=False, said=said))
        self._rig.write(data)

    def _let_pass(self, said: Message) -> None:
        try:
            self.guard.sending(said)
        except AssertionError:
            self._to_pen = Decoder()
            raise

    def read(self, until_us: int) -> bytes:
        """Bytes of the pen. Raises TookTooLong, and Dosed after a STOP."""
        self._check_time()
        data = self._rig.read(until_us)
        if not data:
            self.late_us = max(self.late_us, self.now_us() - until_us)
            self.worst_late_us = max(self.worst_late_us, self.late_us)
        for said in self._decoded(self._from_pen, data):
            self.spoken.append(Spoken(self.now_us(), from_pen=True, said=said))
            if not isinstance(said, Discard):
                self._watch(said)
        return data

    def _watch(self, said: Message) -> None:
        try:
            self.guard.heard(said)
        except Dosed:
            self.stop_now()
            raise

    def stop_now(self) -> int:
        """Send STOP past everything; it may cut a frame, and needs no link. Returns its id."""
        stop = Stop(self.numbers.fresh_id())
        self._rig.write(encode_frame(Frame(Stop.KIND, 0, 0, encode_payload(stop))))
        return stop.stop_id

    def power_cycle(self) -> None:
        """As the rig does."""
        self._rig.power_cycle()

    def close(self) -> None:
        """Let go of the rig."""
        self._rig.close()

    def _check_time(self) -> None:
        if self.deadline_us is not None and self.now_us() > self.deadline_us:
            self.deadline_us = None
            raise TookTooLong("the check did not come to its end in time")

    @staticmethod
    def _decoded(decoder: Decoder, data: bytes) -> list[Message | Discard]:
        return [
            item if isinstance(item, Discard) else decode_payload(item)
            for item in decoder.feed(data)
        ]
