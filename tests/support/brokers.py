"""Real processes on loopback for the MQTT tests: broker, telemetry, archive, and a subscriber."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt

from controller.record.broker import READY, broker_command

PATIENCE_S = 20.0
"""Real seconds a process may take to do what it is waited for."""

ROOM = ("--site", "test", "--room", "one")


def free_port() -> int:
    """A TCP port of loopback that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.asynccontextmanager
async def process(*command: str, exit_code: int = 0) -> AsyncIterator[asyncio.subprocess.Process]:
    """A child process, ended with SIGTERM if it still runs; it must end with `exit_code`."""
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        async with asyncio.timeout(PATIENCE_S):
            await child.communicate()
    assert child.returncode == exit_code, f"{command[2]} ended with {child.returncode}"


@contextlib.asynccontextmanager
async def broker(port: int) -> AsyncIterator[None]:
    """The embedded broker, accepting connections."""
    async with process(*broker_command(port)) as child:
        assert child.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            assert (await child.stdout.readline()).decode().strip() == READY
        yield


def telemetry(
    port: int, journal: Path, *more: str, exit_code: int = 0
) -> contextlib.AbstractAsyncContextManager[asyncio.subprocess.Process]:
    """The telemetry process on a journal."""
    return process(
        *(sys.executable, "-m", "controller.record.telemetry", *ROOM),
        *("--broker", f"127.0.0.1:{port}", "--journal", str(journal), *more),
        exit_code=exit_code,
    )


def archive(
    port: int, folder: Path
) -> contextlib.AbstractAsyncContextManager[asyncio.subprocess.Process]:
    """The archive process into a folder."""
    return process(
        *(sys.executable, "-m", "controller.record.archive", *ROOM),
        *("--broker", f"127.0.0.1:{port}", "--folder", str(folder)),
    )


@contextlib.asynccontextmanager
async def subscriber(port: int, topic: str = "micropen/#") -> AsyncIterator[aiomqtt.Client]:
    """Somebody who listens; an ordinary MQTT client, not ours."""
    async with aiomqtt.Client("127.0.0.1", port, timeout=PATIENCE_S) as client:
        await client.subscribe(topic, qos=1)
        yield client
