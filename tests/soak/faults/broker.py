"""The broker's faults of the catalogue. Telemetry and archive may suffer; the drive may not know.

What a row's fields mean is said by each class; `lasts_s` is always how long until it is taken back.
Each effect is counted by `SimBroker` when it really struck, not when it was ordered.
"""

from typing import ClassVar

from tests.soak.catalogue import FaultId
from tests.soak.fault import Fault, Room
from tests.soak.script import FaultRow
from tests.support import hostile
from tests.support.sim_session import Link

QUEUE_LIMIT = 8
"""Messages that a broker keeps for a slow consumer: few, so that losses come soon."""


class _BrokerFault:
    """Base: hands what the broker tells to the room."""

    id: ClassVar[FaultId]

    def __init__(self, room: Room, row: FaultRow) -> None:
        self.room = room
        self.row = row
        self.broker = room.broker
        self.broker.on_effect = lambda name: room.happened(FaultId[name])

    async def begin(self) -> None:
        """Let it happen."""

    async def end(self) -> None:
        """Take back what lasts."""


class Down(_BrokerFault):
    """B1: nobody listens any more; with `value` 1 the host is gone without a word."""

    id = FaultId.B1

    async def begin(self) -> None:
        if self.row.value:
            self.broker.silent = True
        else:
            self.broker.refuses = True
            if self.broker.break_all(wills=False):
                self.room.happened(self.id)

    async def end(self) -> None:
        self.broker.refuses = False
        if self.broker.silent:
            self.broker.silent = False


class Flapping(_BrokerFault):
    """B2: each connection breaks after at most `value` seconds, 2 if it is 0."""

    id = FaultId.B2

    async def begin(self) -> None:
        self.broker.lives_s = (0.01, self.row.value or 2.0)
        if self.broker.break_all():
            self.room.happened(self.id)

    async def end(self) -> None:
        self.broker.lives_s = None


class NeverPubacks(_BrokerFault):
    """B3: messages are taken and delivered, but no PUBACK comes."""

    id = FaultId.B3

    async def begin(self) -> None:
        self.broker.never_acks = True

    async def end(self) -> None:
        self.broker.never_acks = False


class Loses(_BrokerFault):
    """B4: the share `rate` of all messages, half of them if it is 0, is acknowledged and lost."""

    id = FaultId.B4

    async def begin(self) -> None:
        self.broker.loses = self.row.rate or 0.5

    async def end(self) -> None:
        self.broker.loses = 0.0


class Forgets(_BrokerFault):
    """B5: a restart without what was on its disk: sessions, queues and retained messages."""

    id = FaultId.B5

    async def begin(self) -> None:
        self.broker.forget()


class Repeats(_BrokerFault):
    """B6: the share `rate` of deliveries, half of them if it is 0, comes again, also much later."""

    id = FaultId.B6

    async def begin(self) -> None:
        self.broker.repeats = self.row.rate or 0.5

    async def end(self) -> None:
        self.broker.repeats = 0.0


class Expired(_BrokerFault):
    """B7: the broker comes back with a certificate that is not valid (any more, or yet)."""

    id = FaultId.B7

    async def begin(self) -> None:
        self.broker.expired = True
        self.broker.break_all()

    async def end(self) -> None:
        self.broker.expired = False


class SlowConsumer(_BrokerFault):
    """B8: each delivery takes `value` seconds, 0.5 if it is 0; a full queue drops the rest."""

    id = FaultId.B8

    async def begin(self) -> None:
        self.broker.slow_s = self.row.value or 0.5
        self.broker.queue_limit = QUEUE_LIMIT

    async def end(self) -> None:
        self.broker.slow_s = 0.0
        self.broker.queue_limit = None


class Takeover(_BrokerFault):
    """B9: others come with the client ids of telemetry and archive, and take what is theirs."""

    id = FaultId.B9

    def __init__(self, room: Room, row: FaultRow) -> None:
        super().__init__(room, row)
        self._intruders: list[Link] = []

    async def begin(self) -> None:
        ours = [name for name in self.broker.clients if name.startswith("micropen-")]
        for client_id in ours:
            link = self.broker.intrude(client_id, clean=self.room.rng.random() < 0.5)
            self._intruders += [] if link is None else [link]

    async def end(self) -> None:
        for link in self._intruders:
            self.broker.part(link)
        self._intruders.clear()


class Hostile(_BrokerFault):
    """B10: `value` forgeries, 5 if it is 0, to any topic."""

    id = FaultId.B10

    async def begin(self) -> None:
        for _ in range(int(self.row.value) or 5):
            hostile.strike(self.broker, self.room.rng)


BROKER: dict[FaultId, type[Fault]] = {
    fault.id: fault
    for fault in (
        *(Down, Flapping, NeverPubacks, Loses, Forgets),
        *(Repeats, Expired, SlowConsumer, Takeover, Hostile),
    )
}
