"""Somebody who reads the room's entries over MQTT and has nothing but docs/telemetry.md.

Drops what it has seen and what is not signed; a gap in the numbers is a loss that it can name.
"""

import hashlib
import hmac
import json
from typing import Any

from controller.record.mqtt import Broker, MqttError
from tests.support.sim_broker import SimBroker
from tests.support.virtual import advance

AGAIN_S = 0.3
SIGNATURE = len(b',"signature":"' + b"0" * 64 + b'"}')


class Subscriber:
    """`client_id` keeps a session at the broker. `seen` is the hash of each entry by its number."""

    def __init__(self, broker: SimBroker, client_id: str, key: bytes) -> None:
        self.seen: dict[int, str] = {}
        self.repeats = 0
        self.contradictions: list[str] = []
        self._broker = broker
        self._client_id = client_id
        self._key = key

    async def run(self) -> None:
        """Listen, and come back whenever the connection breaks."""
        while True:
            try:
                await self._listen()
            except MqttError:
                await advance(AGAIN_S)

    @property
    def gaps(self) -> list[int]:
        """Numbers that it never saw, below the greatest that it saw."""
        return [seq for seq in range(1, max(self.seen, default=0)) if seq not in self.seen]

    async def _listen(self) -> None:
        connect = self._broker.connect(
            Broker("broker", 1883), client_id=self._client_id, clean_session=False
        )
        async with connect as connection:
            await connection.subscribe("micropen/v1/#")
            async for topic, payload in connection.messages():
                if topic.endswith("/events") and self._is_signed(topic, payload):
                    self._take(json.loads(payload)["entries"])

    def _is_signed(self, topic: str, payload: bytes) -> bool:
        said = topic.encode() + b"\0" + payload[:-SIGNATURE] + b"}"
        mac = hmac.new(self._key, said, hashlib.sha256).hexdigest()
        return payload.endswith(b',"signature":"%s"}' % mac.encode())

    def _take(self, entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            seq, own = entry["seq"], entry["hash"]
            self.repeats += seq in self.seen
            if self.seen.setdefault(seq, own) != own:
                self.contradictions.append(f"entry {seq}: {self.seen[seq]} and {own}")
