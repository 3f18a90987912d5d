"""A connection to the broker; the only importer of aiomqtt.

Why so thin: MQTT 3.1.1, QoS 1, TCP_NODELAY, one will, and errors of one kind. Touches one TCP
socket; nothing that arrives here can reach a pen. `Connect` is the seam where a simulated broker
fits.
"""

import asyncio
import math
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, Self, TypeAlias

import aiomqtt

from controller.errors import BrokerAddressRefused

MqttError: TypeAlias = aiomqtt.MqttError
"""Anything that ends a connection; the caller waits and connects again."""

KEEPALIVE_S: Final = 15
ANSWER_S: Final = 10.0
"""How long a CONNACK, SUBACK or PUBACK may take."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and how to be let in. `ca_file` turns TLS on."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None

    @classmethod
    def parse(
        cls,
        address: str,
        username: str | None = None,
        password_file: Path | None = None,
        ca_file: Path | None = None,
    ) -> Self:
        """A broker from `host:port`; the password is the first line of a file.

        Raises:
            BrokerAddressRefused: E6002.
        """
        host, _, port = address.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
            raise BrokerAddressRefused(f'"{address}" is not the address of a broker.')
        try:
            password = password_file.read_text("utf-8").splitlines()[0] if password_file else None
        except (OSError, UnicodeDecodeError, IndexError) as error:
            raise BrokerAddressRefused(
                f"{password_file} holds no password.", action="Put it on the file's first line."
            ) from error
        return cls(host.strip("[]"), int(port), username, password, ca_file)

    def tls(self) -> ssl.SSLContext | None:
        """The TLS context, None without `ca_file`.

        Raises:
            BrokerAddressRefused: E6002.
        """
        if self.ca_file is None:
            return None
        try:
            return ssl.create_default_context(cafile=str(self.ca_file))
        except (OSError, ssl.SSLError) as error:
            raise BrokerAddressRefused(
                f"{self.ca_file} is no certificate.", action="Name a PEM file with --ca-file."
            ) from error


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained, when the connection breaks."""

    topic: str
    payload: bytes


class Connection(Protocol):
    """An open connection. Every method raises MqttError once it is broken."""

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish with QoS 1; returns at the PUBACK."""
        ...

    async def subscribe(self, topic: str) -> None:
        """Subscribe with QoS 1; returns at the SUBACK."""
        ...

    def messages(self) -> AsyncIterator[tuple[str, bytes]]:
        """Topic and payload of each message; ends with MqttError when the connection breaks."""
        ...


class Connect(Protocol):
    """How to connect for the time of an `async with`; `connect` is the one over TCP."""

    def __call__(
        self,
        broker: Broker,
        *,
        client_id: str,
        will: Will | None = None,
        clean_session: bool = True,
    ) -> AbstractAsyncContextManager[Connection]:
        """Connect; raises MqttError when there is no connection, and when it breaks inside."""
        ...


class _TcpConnection:
    """Fits `Connection`."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        async with _answered("PUBACK"):
            await self._client.publish(topic, payload, qos=1, retain=retain)

    async def subscribe(self, topic: str) -> None:
        async with _answered("SUBACK"):
            await self._client.subscribe(topic, qos=1)

    async def messages(self) -> AsyncIterator[tuple[str, bytes]]:
        async for message in self._client.messages:
            yield str(message.topic), message.payload


@asynccontextmanager
async def connect(
    broker: Broker, *, client_id: str, will: Will | None = None, clean_session: bool = True
) -> AsyncIterator[Connection]:
    """Connect to the broker for the time of the `async with`.

    Raises:
        MqttError: no connection, refused, or broken inside.
    """
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.username,
        password=broker.password,
        identifier=client_id,
        protocol=aiomqtt.ProtocolVersion.V311,
        will=None if will is None else aiomqtt.Will(will.topic, will.payload, 1, retain=True),
        clean_session=clean_session,
        timeout=math.inf,  # see _answered
        keepalive=KEEPALIVE_S,
        tls_context=broker.tls(),
        # Nagle's algorithm would hold small batches back for an acknowledgement.
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )
    async with AsyncExitStack() as stack:
        async with _answered("CONNACK"):
            await client.__aenter__()
        stack.push_async_exit(partial(_leave, client))
        yield _TcpConnection(client)


async def _leave(client: aiomqtt.Client, *error: Any) -> None:
    async with _answered("end of the connection"):
        await client.__aexit__(*error)


@asynccontextmanager
async def _answered(what: str) -> AsyncIterator[None]:
    """Limit the wait for an answer.

    The library's own limit is asyncio.wait_for, which before Python 3.12 loses a cancellation that
    comes in the same turn as the answer: a SIGTERM would be forgotten.
    """
    try:
        async with asyncio.timeout(ANSWER_S):
            yield
    except TimeoutError:
        raise MqttError(f"no {what} within {ANSWER_S:.0f} s") from None
