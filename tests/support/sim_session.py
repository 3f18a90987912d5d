"""What `SimBroker` has for a client: packets on their way, session and queue, connection."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.record.mqtt import ANSWER_S, MqttError, Will

if TYPE_CHECKING:
    from tests.support.sim_broker import SimBroker

IN_FLIGHT = 20
"""Deliveries without a PUBACK that a broker allows at once; mosquitto's `max_inflight_messages`."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message on its way; `repeat`: it was delivered before."""

    topic: str
    payload: bytes
    retain: bool = False
    repeat: bool = False


class Filter:
    """A topic filter with `+` and `#`."""

    def __init__(self, text: str) -> None:
        self._parts = text.split("/")

    def matches(self, topic: str) -> bool:
        """Whether the topic is meant by the filter."""
        parts = topic.split("/")
        for number, wanted in enumerate(self._parts):
            if wanted == "#":
                return True
            if number >= len(parts) or wanted not in ("+", parts[number]):
                return False
        return len(parts) == len(self._parts)


class Pipe:
    """One direction of a connection: packets arrive in order, each after its latency."""

    def __init__(self, broker: "SimBroker") -> None:
        self._broker = broker
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[Callable[..., None], tuple[object, ...]]] = deque()
        self._newest_s = 0.0

    def send(self, arrive: Callable[..., None], *args: object, extra_s: float = 0.0) -> None:
        """Call `arrive` at the other end, unless the packet is lost on the way."""
        if self._broker.silent:
            self._broker.on_effect("B1")
            return
        self._waiting.append((arrive, args))
        due_s = self._loop.time() + self._broker.latency()
        self._newest_s = max(self._newest_s, due_s) + extra_s
        self._loop.call_at(self._newest_s, self._arrive)

    def cut(self) -> None:
        """What is under way never arrives."""
        self._waiting.clear()

    def _arrive(self) -> None:
        if self._waiting:
            arrive, args = self._waiting.popleft()
            arrive(*args)


class Session:
    """What a broker keeps for a client id: filters, and messages until their PUBACK."""

    def __init__(self, broker: "SimBroker", client_id: str, clean: bool) -> None:
        self.client_id = client_id
        self.clean = clean
        self.link: Link | None = None
        self._broker = broker
        self._filters: dict[str, Filter] = {}
        self._unacked: deque[Message] = deque()
        self._sent = 0

    @property
    def filters(self) -> list[str]:
        """All filters, as they were given."""
        return list(self._filters)

    def subscribe(self, topic_filter: str) -> Filter:
        """Add a filter; one that is there stays once."""
        return self._filters.setdefault(topic_filter, Filter(topic_filter))

    def wants(self, topic: str) -> bool:
        """Whether one of the filters means the topic."""
        return any(wanted.matches(topic) for wanted in self._filters.values())

    def queue(self, message: Message) -> None:
        """Deliver at least once, in order; a full queue takes no more."""
        limit = self._broker.queue_limit
        if limit is not None and len(self._unacked) >= limit:
            self._broker.on_effect("B8")
            return
        self._unacked.append(message)
        self._pump()

    def joined(self, link: "Link") -> None:
        """The client is back: everything without a PUBACK comes again."""
        self.link = link
        self._sent = 0
        self._pump()

    def acked(self, link: "Link") -> None:
        """The client's PUBACK for its oldest delivery arrives."""
        if link is self.link and self._sent:
            self._sent -= 1
            self._unacked.popleft()
            self._pump()

    def _pump(self) -> None:
        link = self.link
        while link is not None and self._sent < min(len(self._unacked), IN_FLIGHT):
            message = self._unacked[self._sent]
            self._sent += 1
            if self._broker.slow_s:
                self._broker.on_effect("B8")
            link.down.send(link.deliver, message, extra_s=self._broker.slow_s)


class Link:
    """One connection as its client has it; fits `controller.record.mqtt.Connection`."""

    def __init__(self, broker: "SimBroker", session: Session, will: Will | None) -> None:
        self.session = session
        self.will = will
        self.broken = False
        self.up = Pipe(broker)
        self.down = Pipe(broker)
        self._broker = broker
        self._inbox: deque[Message] = deque()
        self._news = asyncio.Event()

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Returns at the PUBACK; MqttError without one."""
        await self._ask("PUBACK", self._broker.published, Message(topic, payload, retain))

    async def subscribe(self, topic: str) -> None:
        """Returns at the SUBACK; MqttError without one."""
        await self._ask("SUBACK", self._broker.subscribed, topic)

    async def _ask(self, what: str, arrive: Callable[..., None], asked: object) -> None:
        if self.broken:
            raise MqttError("the connection is broken")
        acked = asyncio.get_running_loop().create_future()
        self.up.send(arrive, self, asked, acked)
        try:
            async with asyncio.timeout(ANSWER_S):
                await acked
        except TimeoutError:
            raise MqttError(f"no {what} within {ANSWER_S:.0f} s") from None

    async def messages(self) -> AsyncIterator[tuple[str, bytes]]:
        """What was delivered, also after the connection broke; then MqttError."""
        while True:
            while self._inbox:
                message = self._inbox.popleft()
                yield message.topic, message.payload
            if self.broken:
                raise MqttError("Disconnected during message iteration")
            self._news.clear()
            await self._news.wait()

    def deliver(self, message: Message) -> None:
        """A message arrives; as in the real client it is acknowledged before anybody reads it."""
        self._inbox.append(message)
        self._news.set()
        self.up.send(self.session.acked, self)
        if message.repeat:
            self._broker.on_effect("B6")
        else:
            self._broker.repeat(self.session, message)

    def broke(self) -> Will | None:
        """The connection is over for both ends; gives the will that is to be published."""
        self.broken = True
        self.up.cut()
        self.down.cut()
        if self.session.link is self:
            self.session.link = None
        self._news.set()
        will, self.will = self.will, None
        return will
