"""A small synchronous host on a simulated world: hello, configure, arm, grants, in world time.

It is no controller: it trusts the pen and grants freely. For tests of the simulator itself.
"""

from typing import TypeVar

from protocol.codec import decode_payload, encode_payload, settings_digest
from protocol.framing import Decoder, Frame, encode_frame
from protocol.messages import (
    Arm,
    ArmRecord,
    ArmReply,
    Cartridge,
    Configure,
    Configured,
    Disarm,
    EventRecord,
    Events,
    Grant,
    Hello,
    HelloReply,
    Message,
    Query,
    Status,
    StrokeSettings,
)
from protocol.words import Mode, QueryTopic, Result
from simulator.world import World

M = TypeVar("M", bound=Message)

PRIME = StrokeSettings(Mode.PRIME, 0, 100_000, 1_850, 0)
DOSE = StrokeSettings(Mode.DOSE, 1_500, 333_333, 738, 80_000)
RUN = StrokeSettings(Mode.NO_DISPENSE, 1_500, 10_000, 0, 0)


class WorldHost:
    """One host, one link at a time."""

    def __init__(self, world: World, host_id: int = 7) -> None:
        self.world = world
        self.now_us = 0
        self.events: list[EventRecord] = []
        self.heard: list[Message] = []
        self._status: Status | None = None
        self._decoder = Decoder()
        self._host_id = host_id
        self._link_id = 0
        self._request_id = 0

    @property
    def status(self) -> Status:
        """The newest status."""
        assert self._status is not None, "the pen has not been heard"
        return self._status

    def send(self, message: Message) -> None:
        """One frame, now."""
        link_id = 0 if isinstance(message, Hello) else self._link_id
        frame = encode_frame(Frame(message.KIND, link_id, 0, encode_payload(message)))
        self.world.host_sends(frame, self.now_us)
        self._listen()

    def run(self, for_us: int) -> None:
        """Let the world run on."""
        end_us = self.now_us + for_us
        while True:
            wakes = (self.world.next_wake_us(), self.world.next_for_host_us())
            due_us = min((wake for wake in wakes if wake is not None), default=end_us)
            self.now_us = max(self.now_us, min(due_us, end_us))
            self.world.advance(self.now_us)
            self._listen()
            if due_us >= end_us:
                return

    def ask(self, message: Message, kind: type[M], deadline_us: int = 3_000_000) -> M:
        """Send and wait for an answer of that kind."""
        self.heard.clear()
        self.send(message)
        end_us = self.now_us + deadline_us
        while self.now_us < end_us:
            self.run(1_000)
            for answer in self.heard:
                if isinstance(answer, kind):
                    return answer
        raise AssertionError(f"no {kind.__name__} to {message}")

    def connect(self, nonce: int) -> HelloReply:
        """A new link."""
        self._link_id = nonce & 0xFFFF_FFFF
        return self.ask(Hello(nonce, self._host_id), HelloReply)

    def arm(self, arm_id: int, settings: StrokeSettings) -> ArmReply:
        """Configure, wait for rest, arm."""
        configured = self.ask(Configure(self._next_id(), settings), Configured)
        assert configured.result is Result.OK, configured
        self.run(1_500_000)
        cartridge = self.ask(Query(self._next_id(), QueryTopic.CARTRIDGE, 0), Cartridge)
        digest, counters = settings_digest(settings), self.status.counters
        arm = Arm(self._next_id(), arm_id, digest, cartridge.cartridge_uid, 0, 0, counters)
        return self.ask(arm, ArmReply)

    def disarm(self, arm_id: int) -> ArmRecord:
        """The final record."""
        return self.ask(Disarm(self._next_id(), arm_id), ArmRecord)

    def grant(self, arm_id: int, punctures: int, steps: int) -> None:
        """One grant with a lease of 200 ms."""
        now = self.status
        valid_until = now.pen_ticks + 200_000
        self.send(Grant(now.boot_id, arm_id, punctures, steps, valid_until, now.next_index))

    def drive(self, arm_id: int, for_us: int, punctures: int, steps: int) -> None:
        """Grant up to that many more, each 25 ms, until the arm ends or the time is over."""
        first, end_us = self.status.counters, self.now_us + for_us
        while self.now_us < end_us and self.status.arm_id == arm_id:
            self.grant(arm_id, first.punctures + punctures, first.forward_steps + steps)
            self.run(25_000)

    def _next_id(self) -> int:
        self._request_id += 1
        return self._request_id

    def _listen(self) -> None:
        for piece in self.world.take_for_host(self.now_us):
            for frame in self._decoder.feed(piece):
                message = decode_payload(frame) if isinstance(frame, Frame) else None
                if isinstance(message, Message):
                    self._take(message)

    def _take(self, message: Message) -> None:
        self.heard.append(message)
        status = getattr(message, "status", None)
        if isinstance(status, Status):
            self._status = status
        if isinstance(message, Events):
            self.events += message.records


def ready_host(world: World) -> WorldHost:
    """A linked host of a pen that has homed."""
    host = WorldHost(world)
    host.run(2_000_000)
    host.connect(0x1_0000_0001)
    host.run(200_000)
    return host


def primed_host(world: World) -> WorldHost:
    """A linked host whose pen is preloaded; arm id 1 is spent."""
    host = ready_host(world)
    assert host.arm(1, PRIME).result is Result.OK
    host.drive(1, 4_000_000, 0, 2 * PRIME.steps)
    host.disarm(1)
    return host
