"""An MQTT 3.1.1 broker in virtual time, which keeps its promises until a fault takes them away.

Has what telemetry and archive use: QoS 1, retained messages, wills, persistent sessions, takeover
of a client id, redelivery, order. No socket, no task: packets are timers, drawn from one seed. Its
`connect` fits `controller.record.mqtt.Connect`. `on_effect` is told of each fault at the moment at
which it really struck, by the short name of the catalogue ("B3").
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

from controller.record.mqtt import ANSWER_S, KEEPALIVE_S, Broker, MqttError, Will
from tests.support.sim_session import Link, Message, Session
from tests.support.virtual import advance

EXPIRED = "certificate verify failed: certificate has expired"
LATE_S = (0.1, 8.0)
"""After how long a broker may come with a message a second time."""


class SimBroker:
    """One broker. `latency_s` is the range of a packet's time in each direction.

    The switches, each one a fault of the catalogue while it is set:

    - `refuses` (B1) no listener; `silent` (B1) the host is gone without a word;
    - `lives_s` (B2) each connection breaks after a time drawn from this range;
    - `never_acks` (B3), `loses` (B4) the share of messages acknowledged and then lost;
    - `repeats` (B6) the share of deliveries that come again, at once or seconds later;
    - `expired` (B7) no TLS handshake succeeds any more;
    - `slow_s` (B8) how long each delivery takes, for `queue_limit` messages at most a client.

    `taken` counts the messages that clients published, `heard` are the newest of them.
    """

    def __init__(self, rng: Random, latency_s: tuple[float, float] = (0.000_5, 0.005)) -> None:
        self.on_effect: Callable[[str], None] = lambda _: None
        self.latency_s = latency_s
        self.refuses = False
        self.lives_s: tuple[float, float] | None = None
        self.never_acks = False
        self.loses = 0.0
        self.repeats = 0.0
        self.expired = False
        self.slow_s = 0.0
        self.queue_limit: int | None = None
        self.taken = 0
        self.heard: deque[Message] = deque(maxlen=40)
        self._silent = False
        self._rng = rng
        self._sessions: dict[str, Session] = {}
        self._retained: dict[str, bytes] = {}

    # --- what clients do -----------------------------------------------------------------------

    @asynccontextmanager
    async def connect(
        self,
        broker: Broker,
        *,
        client_id: str,
        will: Will | None = None,
        clean_session: bool = True,
    ) -> AsyncIterator[Link]:
        """Fits `controller.record.mqtt.Connect`; the address counts for nothing."""
        link = await self._handshake(client_id, will, clean_session)
        try:
            yield link
        finally:
            self._leave(link)

    async def _handshake(self, client_id: str, will: Will | None, clean: bool) -> Link:
        await advance(self.latency())
        if self._silent:
            self.on_effect("B1")
            await advance(ANSWER_S)
            raise MqttError(f"no CONNACK within {ANSWER_S:.0f} s")
        if self.refuses:
            self.on_effect("B1")
            raise MqttError("[Errno 111] Connection refused")
        if self.expired:
            self.on_effect("B7")
            raise MqttError(EXPIRED)
        link = self.attach(client_id, will, clean)
        try:
            await advance(self.latency())
        except asyncio.CancelledError:
            self._broke(link)
            raise
        if link.broken:
            raise MqttError("the connection broke before its CONNACK")
        return link

    def attach(self, client_id: str, will: Will | None = None, clean: bool = True) -> Link:
        """A CONNECT arrives: takes the client id over, and finds or makes its session."""
        session = self._sessions.get(client_id)
        if session is not None and session.link is not None:
            self._broke(session.link)
            session = self._sessions.get(client_id)
        if session is None or clean or session.clean:
            session = self._sessions[client_id] = Session(self, client_id, clean)
        link = Link(self, session, will)
        session.joined(link)
        if self.lives_s is not None:
            self._later(self._rng.uniform(*self.lives_s), self._flap, link)
        return link

    def _leave(self, link: Link) -> None:
        """An orderly DISCONNECT, without a will; of a broken connection nothing is left to say."""
        if not link.broken and not self._silent:
            link.up.send(self._left, link)

    def published(self, link: Link, message: Message, acked: "asyncio.Future[None]") -> None:
        """A PUBLISH arrives. Lost or not, it is acknowledged, unless the broker never does."""
        self.taken += 1
        self.heard.append(message)
        if self._rng.random() < self.loses:
            self.on_effect("B4")
        else:
            self.route(message)
        if self.never_acks:
            self.on_effect("B3")
        else:
            link.down.send(_answer, acked)

    def subscribed(self, link: Link, topic_filter: str, acked: "asyncio.Future[None]") -> None:
        """A SUBSCRIBE arrives: retained messages follow its SUBACK."""
        link.down.send(_answer, acked)
        wanted = link.session.subscribe(topic_filter)
        for topic, payload in self._retained.items():
            if wanted.matches(topic):
                link.session.queue(Message(topic, payload, retain=True))

    # --- what the broker does --------------------------------------------------------------------

    def route(self, message: Message) -> None:
        """Keep what is to be retained, and hand the message to everybody who wants it."""
        if message.retain:
            self._retained.pop(message.topic, None)
            if message.payload:
                self._retained[message.topic] = message.payload
        for session in list(self._sessions.values()):
            if session.wants(message.topic):
                session.queue(Message(message.topic, message.payload))

    def repeat(self, session: Session, message: Message) -> None:
        """After each delivery: it may come again, now, or seconds later and out of order."""
        if self.repeats and self._rng.random() < self.repeats:
            again = Message(message.topic, message.payload, message.retain, repeat=True)
            if self._rng.random() < 0.5:
                session.queue(again)
            else:
                self._later(self._rng.uniform(*LATE_S), self._queue_late, session, again)

    def latency(self) -> float:
        """Seconds of the next packet's way."""
        return self._rng.uniform(*self.latency_s)

    def break_all(self, *, wills: bool = True) -> int:
        """Break every connection; gives how many there were. Without wills the broker died."""
        links = [s.link for s in self._sessions.values() if s.link is not None]
        for link in links:
            if not wills:
                link.will = None
            self._broke(link)
        return len(links)

    def break_client(self, client_id: str) -> None:
        """The client's process or its network is gone: its will is published."""
        session = self._sessions.get(client_id)
        if session is not None and session.link is not None:
            self._broke(session.link)

    def forget(self) -> int:
        """A restart with nothing on its disk; gives how many sessions and messages are lost."""
        self.break_all(wills=False)
        lost = len(self._sessions) + len(self._retained)
        if lost:
            self.on_effect("B5")
        self._sessions.clear()
        self._retained.clear()
        return lost

    def intrude(self, client_id: str, *, clean: bool) -> Link | None:
        """Somebody else connects under this id, and takes everything that is meant for its owner.

        None when nobody has that id.
        """
        if client_id not in self._sessions:
            return None
        self.on_effect("B9")
        return self.attach(client_id, clean=clean)

    def part(self, link: Link) -> None:
        """An intruder goes away."""
        self._broke(link)

    def inject(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Somebody else publishes; counted when it is delivered to anybody or retained."""
        if retain or any(session.wants(topic) for session in self._sessions.values()):
            self.on_effect("B10")
        self.route(Message(topic, payload, retain))

    @property
    def silent(self) -> bool:
        """Whether packets vanish in both directions; the links find out by their keepalive."""
        return self._silent

    @silent.setter
    def silent(self, silent: bool) -> None:
        self._silent = silent
        for session in list(self._sessions.values()):
            if session.link is None:
                continue
            if silent:
                wait_s = self._rng.uniform(1.0, 2.0) * KEEPALIVE_S
                self._later(wait_s, self._unanswered, session.link)
            else:
                self._broke(session.link)

    @property
    def clients(self) -> list[str]:
        """The ids of those who are connected, in the order of their first connection."""
        return [name for name, session in self._sessions.items() if session.link is not None]

    @property
    def filters(self) -> dict[str, list[str]]:
        """What each client has subscribed to, by its id."""
        return {name: session.filters for name, session in self._sessions.items()}

    @property
    def retained(self) -> dict[str, bytes]:
        """A copy of what is retained, by topic."""
        return dict(self._retained)

    def _left(self, link: Link) -> None:
        link.will = None
        self._broke(link)

    def _flap(self, link: Link) -> None:
        if not link.broken and self.lives_s is not None:
            self.on_effect("B2")
            self._broke(link)

    def _unanswered(self, link: Link) -> None:
        if not link.broken and self._silent:
            self.on_effect("B1")
            self._broke(link)

    def _queue_late(self, session: Session, again: Message) -> None:
        if self._sessions.get(session.client_id) is session:
            session.queue(again)

    def _broke(self, link: Link) -> None:
        """The connection is over; a clean session ends with it, and a will is published."""
        if link.broken:
            return
        will = link.broke()
        if link.session.clean and self._sessions.get(link.session.client_id) is link.session:
            del self._sessions[link.session.client_id]
        if will is not None:
            self.route(Message(will.topic, will.payload, retain=True))

    def _later(self, delay_s: float, act: Callable[..., None], *args: object) -> None:
        asyncio.get_running_loop().call_later(delay_s, act, *args)


def _answer(acked: "asyncio.Future[None]") -> None:
    if not acked.done():
        acked.set_result(None)
