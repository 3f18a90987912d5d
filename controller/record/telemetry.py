"""Sends the journal to an MQTT broker: `python -m controller.record.telemetry`, a process apart.

Why a process: the broker may be down, slow or hostile, and none of that may reach the drive. Its
only input is the journal, read-only; it subscribes to nothing but the archive's receipts.
"""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from controller.clock import Clock, SystemClock
from controller.errors import JournalMissing
from controller.record import options
from controller.record.cursor import CursorFile
from controller.record.entry import Entry
from controller.record.incoming import NotAMessage, read_message
from controller.record.messages import Availability, Receipt, batch_json
from controller.record.mqtt import Broker, Connect, Connection, MqttError, Will, connect
from controller.record.outbox import Outbox
from controller.record.reader import JournalReader
from controller.record.room import Changed, Room, is_simulated
from controller.record.signing import Signer
from controller.record.topics import Topics, topic_id

POLL_S: Final = 0.1
"""Batches of 10 Hz. What telemetry costs is the number of its exchanges with the broker."""

FIGURES_PERIOD_S: Final = 1.0
"""How often `state` is published when only its figures changed."""

HEARTBEAT_S: Final = 10.0
EXPIRES_S: Final = 30.0
"""Without three heartbeats the room counts as offline, whatever the broker retains."""

BACK_OFF_S: Final = 0.5
BACK_OFF_MAX_S: Final = 30.0
CATCH_UP: Final = 200

_logger = structlog.get_logger(process="telemetry")


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """What the telemetry process is told."""

    journal: Path
    broker: Broker
    topics: Topics
    state_folder: Path
    archive: bool = False
    signer: Signer = field(default_factory=Signer)


class Telemetry:
    """Publishes one journal for one room, for ever.

    `connect`, `jitter` and `vfs` are the test's in virtual time; the jitter spreads the waits
    between two attempts to connect, `vfs` is the disk that the journal is on.
    """

    def __init__(
        self,
        settings: TelemetrySettings,
        clock: Clock,
        schemas: dict[str, Any],
        *,
        connect: Connect = connect,
        jitter: random.Random | None = None,
        vfs: str | None = None,
    ) -> None:
        self._settings = settings
        self._topics = settings.topics
        self._clock = clock
        self._schemas = schemas
        self._connect = connect
        self._jitter = jitter or random.Random()
        self._vfs = vfs
        self._state_mono_s = 0.0
        self._heartbeat_mono_s = 0.0
        self._pending = Changed.NOTHING

    async def run(self) -> None:
        """Connect, send, lose the connection, wait, again; ends only by cancellation.

        Raises:
            JournalError: E5002, E5004. CursorNotWritable: E6004. Out of a connection they come in
                an ExceptionGroup.
        """
        broker = self._settings.broker
        cursor = CursorFile.of_broker(self._settings.state_folder, broker.host, broker.port)
        with closing(await self._open_journal()) as self._reader:
            self._outbox = Outbox(self._reader, cursor, self._clock, archive=self._settings.archive)
            self._room = Room(self._reader)
            self._room.start()
            try:
                await self._reconnect_for_ever()
            finally:
                self._outbox.save(now=True)

    @property
    def _log(self) -> Any:
        """A logger whose lines carry the session and the pen that are being sent."""
        return _logger.bind(
            realm=self._reader.realm,
            session=None if self._room.session is None else self._room.session.session_id,
            pen=self._room.pen_uid,
        )

    async def _open_journal(self) -> JournalReader:
        waited = False
        while True:
            try:
                return JournalReader(self._settings.journal, vfs=self._vfs, durable_only=True)
            except JournalMissing as error:
                if not waited:
                    _logger.warning("waiting for the journal", reason=error.what)
                waited = True
                await asyncio.sleep(1.0)

    async def _reconnect_for_ever(self) -> None:
        back_off_s = BACK_OFF_S
        while True:
            connected_mono_s = self._clock.mono_s()
            try:
                async with self._connected() as connection:
                    await self._serve(connection)
            except* MqttError as group:
                self._log.warning("no broker", error=str(group.exceptions[0]))
            if _is_cancelled():
                raise asyncio.CancelledError
            if self._clock.mono_s() - connected_mono_s > BACK_OFF_MAX_S:
                back_off_s = BACK_OFF_S
            await asyncio.sleep(back_off_s * self._jitter.uniform(0.5, 1.5))
            back_off_s = min(2 * back_off_s, BACK_OFF_MAX_S)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        offline = Availability(state="offline").json()
        will = Will(self._topics.availability, offline)
        client_id = f"micropen-{self._reader.host_id}-{topic_id(self._topics.room)}"
        broker = self._settings.broker
        async with self._connect(broker, client_id=client_id, will=will) as connection:
            self._log.info("connected", host=broker.host, port=broker.port)
            try:
                yield connection
            except asyncio.CancelledError:
                # An orderly goodbye sends no will, so it says offline itself.
                with suppress(MqttError):
                    await connection.publish(self._topics.availability, offline, retain=True)
                raise

    async def _serve(self, connection: Connection) -> None:
        await self._greet(connection)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(connection), name="telemetry-listen")
            # Not a task of its own: a group that only waits leaves this task cancelled once too
            # often when a child fails (Python 3.11), and _is_cancelled would be wrong.
            await self._pump(connection)

    async def _greet(self, connection: Connection) -> None:
        """Everything retained, at every connection: a broker may have forgotten it."""
        for _ in self._room.catch_up(CATCH_UP):
            await asyncio.sleep(0)
        await self._heartbeat(connection)
        await self._publish_info(connection)
        await self._publish_state(connection)
        for alarm_id in list(self._room.alarms):
            await self._publish_alarm(connection, alarm_id)
        if self._settings.archive:
            await connection.subscribe(self._topics.receipt)

    async def _listen(self, connection: Connection) -> None:
        """Receipts, and the news that the connection broke."""
        async for topic, payload in connection.messages():
            if topic != self._topics.receipt:
                continue
            if not self._settings.signer.is_signed(topic, payload):
                self._log.warning("a receipt that the archive did not sign was ignored")
                continue
            try:
                receipt = read_message(payload, Receipt)
            except NotAMessage:
                self._log.warning("a receipt that is none was ignored")
                continue
            self._outbox.received(receipt)

    async def _pump(self, connection: Connection) -> None:
        while True:
            batch = self._outbox.take()
            if batch:
                await self._send(connection, batch)
            self._outbox.save()
            await self._keep_retained(connection)
            if not batch or batch[-1].seq >= self._room.seq:
                await asyncio.sleep(POLL_S)

    async def _send(self, connection: Connection, batch: Sequence[Entry]) -> None:
        for entry in batch:
            self._pending |= self._room.feed(entry)
        payload = batch_json(
            batch,
            chain_id=self._reader.chain_id,
            journal_id=self._reader.journal_id(batch[0].seq),
            realm=self._reader.realm,
            simulated=any(is_simulated(entry.pen_uid) for entry in batch),
            sent_wall=self._wall(),
        )
        topic = self._topics.events(batch[0].session_id)
        await connection.publish(topic, self._settings.signer.signed(topic, payload))
        self._outbox.sent(batch)
        for entry in batch:
            if entry.kind in {"alarm_raised", "alarm_cleared"}:
                await self._publish_alarm(connection, json.loads(entry.body_json)["alarm_id"])

    async def _keep_retained(self, connection: Connection) -> None:
        now = self._clock.mono_s()
        if Changed.INFO in self._pending:
            await self._publish_info(connection)
        figures_due = now - self._state_mono_s >= FIGURES_PERIOD_S
        if Changed.STATE in self._pending or (Changed.FIGURES in self._pending and figures_due):
            await self._publish_state(connection)
        if now - self._heartbeat_mono_s >= HEARTBEAT_S:
            await self._heartbeat(connection)

    async def _heartbeat(self, connection: Connection) -> None:
        message = Availability(
            state="online", heartbeat_wall=self._wall(), expires_wall=self._wall(EXPIRES_S)
        )
        payload = message.json()
        await connection.publish(self._topics.availability, payload, retain=True)
        self._heartbeat_mono_s = self._clock.mono_s()

    async def _publish_info(self, connection: Connection) -> None:
        self._pending &= ~Changed.INFO
        payload = self._room.info(self._schemas).json()
        await connection.publish(self._topics.info, payload, retain=True)

    async def _publish_state(self, connection: Connection) -> None:
        self._pending &= ~(Changed.STATE | Changed.FIGURES)
        self._state_mono_s = self._clock.mono_s()
        payload = self._room.state().json()
        await connection.publish(self._topics.state, payload, retain=True)

    async def _publish_alarm(self, connection: Connection, alarm_id: str) -> None:
        """What is true of the alarm now, whichever of its entries is being sent."""
        alarm = self._room.alarms.get(alarm_id)
        payload = b"" if alarm is None else alarm.json()
        await connection.publish(self._topics.alarm(alarm_id), payload, retain=True)

    def _wall(self, ahead_s: float = 0.0) -> str:
        wall = self._clock.now_wall().astimezone(UTC) + timedelta(seconds=ahead_s)
        return wall.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _is_cancelled() -> bool:
    """Whether this task was told to end: a TaskGroup with an error too does not pass that on."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def read_schemas() -> dict[str, Any]:
    """The messages' JSON Schemas, made by a child so that their models are not loaded here."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "controller.record.schema", stdout=asyncio.subprocess.PIPE
    )
    text, _ = await child.communicate()
    schemas: dict[str, Any] = json.loads(text) if child.returncode == 0 else {}
    return schemas


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a process until SIGTERM; gives the exit code."""
    parser = options.parser("telemetry", "Sends a journal to an MQTT broker.")
    parser.add_argument("--journal", type=Path, required=True, help="folder of the journal")
    parser.add_argument("--state", type=Path, help="folder of the cursor; beside the journal")
    parser.add_argument("--archive", action="store_true", help="wait for an archive's receipts")
    given = parser.parse_args(arguments)

    async def run() -> None:
        settings = TelemetrySettings(
            given.journal,
            options.broker_of(given),
            Topics(given.site, given.room),
            given.state or given.journal.absolute().parent / "telemetry",
            given.archive,
            Signer.from_file(given.signing_key_file),
        )
        await Telemetry(settings, SystemClock(), await read_schemas()).run()

    return options.run_process(run)


if __name__ == "__main__":
    sys.exit(main())
