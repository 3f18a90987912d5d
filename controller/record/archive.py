"""An independent keeper of entries: MQTT to JSON lines, `python -m controller.record.archive`.

Why: a broker's PUBACK promises nothing about its disk. The archive writes what is new, syncs it,
and only then publishes a receipt; telemetry sends again what has none. It asks nothing, and knows
nothing of journals. Touches its folder and one broker.
"""

import asyncio
import random
import sys
from collections.abc import Sequence
from datetime import UTC
from math import inf
from pathlib import Path
from typing import Final

import structlog

from controller.clock import Clock, SystemClock
from controller.record import options
from controller.record.archive_file import BatchView, ChainFile
from controller.record.incoming import NotAMessage, read_message
from controller.record.messages import Receipt
from controller.record.mqtt import Broker, Connect, Connection, MqttError, connect
from controller.record.signing import Signer
from controller.record.topics import Topics, topic_id

BACK_OFF_S: Final = 0.5
BACK_OFF_MAX_S: Final = 30.0

log = structlog.get_logger(process="archive")


class Archive:
    """Subscribes to one room and keeps all chains that are sent there.

    `connect` and `jitter` are the test's in virtual time; the jitter spreads the waits between two
    attempts to connect.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        broker: Broker,
        topics: Topics,
        clock: Clock,
        *,
        signer: Signer | None = None,
        connect: Connect = connect,
        jitter: random.Random | None = None,
    ) -> None:
        self._name = name
        self._folder = folder
        self._broker = broker
        self._topics = topics
        self._clock = clock
        self._chains: dict[str, ChainFile] = {}
        self._signer = signer or Signer()
        self._connect = connect
        self._jitter = jitter or random.Random()

    async def run(self) -> None:
        """Connect, keep, lose the connection, wait, again; ends only by cancellation.

        Raises:
            ArchiveNotWritable: E6005. ArchiveDamaged: E6006.
        """
        try:
            for path in sorted(self._folder.glob("*.jsonl")):
                self._chains[path.stem] = ChainFile(path)
            await self._reconnect_for_ever()
        finally:
            for chain in self._chains.values():
                chain.close()

    async def _reconnect_for_ever(self) -> None:
        client_id = f"micropen-archive-{topic_id(self._name)}-{self._topics.room}"
        back_off_s = BACK_OFF_S
        while True:
            try:
                # A persistent session: the broker keeps for us what comes while we are away.
                async with self._connect(
                    self._broker, client_id=client_id, clean_session=False
                ) as connection:
                    back_off_s = BACK_OFF_S
                    await self._serve(connection)
            except MqttError as error:
                log.warning("no broker", error=str(error))
            await asyncio.sleep(back_off_s * self._jitter.uniform(0.5, 1.5))
            back_off_s = min(2 * back_off_s, BACK_OFF_MAX_S)

    async def _serve(self, connection: Connection) -> None:
        log.info("connected", host=self._broker.host, port=self._broker.port)
        for topic in self._topics.all_events:
            await connection.subscribe(topic)
        for chain_id in self._chains:
            await self._publish_receipt(connection, chain_id)
        async for topic, payload in connection.messages():
            kept = self._keep(topic, payload)
            if kept is not None:
                await self._publish_receipt(connection, kept)

    def _keep(self, topic: str, payload: bytes) -> str | None:
        """Keep a batch; gives its chain, None for what is no batch or from nobody who may."""
        if not self._signer.is_signed(topic, payload):
            log.warning("message that telemetry did not sign was ignored", topic=topic)
            return None
        try:
            batch = read_message(payload, BatchView)
            if not _is_hex_id(batch.chain_id):
                raise NotAMessage("chain_id")
            conflicts = self._chain(batch.chain_id).keep(batch)
        except NotAMessage as error:
            log.warning("message is no batch", topic=topic, error=str(error))
            return None
        if conflicts:
            log.error("entries contradict their chain, not kept", entries=conflicts, topic=topic)
        return batch.chain_id

    def _chain(self, chain_id: str) -> ChainFile:
        if chain_id not in self._chains:
            self._chains[chain_id] = ChainFile(self._folder / f"{chain_id}.jsonl")
        return self._chains[chain_id]

    async def _publish_receipt(self, connection: Connection, chain_id: str) -> None:
        index = self._chains[chain_id].index
        wall = self._clock.now_wall().astimezone(UTC).replace(tzinfo=None)
        receipt = Receipt(
            archive=self._name,
            chain_id=chain_id,
            seq=index.seq,
            hash=index.hash,
            wall=wall.isoformat(timespec="microseconds") + "Z",
        )
        topic = self._topics.receipt
        payload = self._signer.signed(topic, receipt.json())
        await connection.publish(topic, payload, retain=True)


def _is_hex_id(text: str) -> bool:
    """A chain id becomes a file's name: nothing else may."""
    return len(text) == 16 and set(text) <= set("0123456789abcdef")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a process until SIGTERM; gives the exit code."""
    parser = options.parser("archive", "Keeps a room's entries and acknowledges them.")
    parser.add_argument("--folder", type=Path, required=True, help="where the files go")
    parser.add_argument("--name", default="archive", help="who signs the receipts")
    given = parser.parse_args(arguments)

    async def run() -> None:
        topics = Topics(given.site, given.room)
        broker = options.broker_of(given)
        signer = Signer.from_file(given.signing_key_file)
        clock = SystemClock()
        await Archive(given.name, given.folder, broker, topics, clock, signer=signer).run()

    # A room where nothing happens sends nothing: waiting for that is no hang.
    return options.run_process(run, still_s=inf)


if __name__ == "__main__":
    sys.exit(main())
