"""Serves the screen: a thread of its own with uvicorn, beside the loop that drives the pen.

FastAPI and uvicorn are imported in that thread and only when `open` is called, which is after the
pen link is up: the pen never waits for them. When the controller's loop hangs, STOP still leaves
from here; when this thread ends by itself the pen is stopped, because nobody could press STOP.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import structlog

from controller.console.bridge import OtherLoop
from controller.console.console import Console
from controller.console.errors import DoorGone, DoorNotSafe
from controller.console.security import Address
from controller.service.supervised.sockets import let_go, listen

READY_WITHIN_S = 30.0
"""A Pi's slow card needs some seconds to read FastAPI for the first time."""
END_WITHIN_S = 3.0
GRACE_S = 1

log = structlog.get_logger("screen")


class Tls(msgspec.Struct, frozen=True):
    """Certificate chain and private key, PEM."""

    certificate: Path
    key: Path


class Door:
    """The open door of one console. `open` and `close` are called on the controller's loop."""

    def __init__(
        self,
        console: Console,
        address: Address,
        tls: Tls | None = None,
        handed_over: Sequence[socket.socket] = (),
    ) -> None:
        """With sockets that were handed over the screen is served there, and nothing is bound."""
        self._console = console
        self._address = address
        self._handed_over = handed_over
        self.turns = 0
        self._tls = tls
        self._thread: threading.Thread | None = None
        self._end: Callable[[], None] = lambda: None
        self._nudge: Callable[[], None] = lambda: None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closing = False

    @property
    def page_turns(self) -> int:
        """How often the page was told what is true; belongs to the controller's loop."""
        return self._console.publisher.turns

    def nudge(self) -> None:
        """Let the serving thread answer: it counts one in `turns` when it comes round."""
        self._nudge()

    async def open(self) -> Address:
        """Listen; returns the address with the port that was found for port 0.

        Raises DoorNotSafe, SystemRefused when the port is taken, SocketFileTaken, DoorGone when it
        cannot serve, HandedOverWrongly.
        """
        address, listening = listen(self._address, self._handed_over)
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._run, args=(loop, listening, address), name="screen", daemon=True
        )
        self._thread.start()
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self._ready
        except TimeoutError as error:
            raise DoorGone(f"The screen was not ready in {READY_WITHIN_S:.0f} s.") from error
        return address

    async def until_gone(self) -> None:
        """Wait for the end of a door that nobody closed. Raises DoorGone."""
        await self._gone

    async def close(self) -> None:
        """End every stream, then the thread."""
        self._closing = True
        await self._console.close()
        self._end()
        if self._thread is not None:
            thread, self._thread = self._thread, None
            await asyncio.get_running_loop().run_in_executor(None, thread.join, END_WITHIN_S)

    # --- in the thread -------------------------------------------------------------------------

    def _run(
        self, loop: asyncio.AbstractEventLoop, listening: Sequence[socket.socket], address: Address
    ) -> None:
        try:
            asyncio.run(self._serve(loop, listening, address))
        finally:
            let_go(listening, self._address.path)
            if not self._closing:
                self._console.room.stop("the screen is gone")
                loop.call_soon_threadsafe(self._ended)

    async def _serve(
        self, loop: asyncio.AbstractEventLoop, listening: Sequence[socket.socket], address: Address
    ) -> None:
        # Here and not above: these cost a second of a Pi's processor.
        import uvicorn  # noqa: PLC0415

        from controller.console.api import make_app  # noqa: PLC0415

        app = make_app(self._console, OtherLoop(loop), address)
        config = uvicorn.Config(
            app,
            loop="none",
            http="h11",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            ssl_certfile=None if self._tls is None else str(self._tls.certificate),
            ssl_keyfile=None if self._tls is None else str(self._tls.key),
        )
        server = uvicorn.Server(config)
        here = asyncio.get_running_loop()

        def end() -> None:
            server.should_exit = True

        self._end = lambda: _soon(here, end)
        self._nudge = lambda: _soon(here, self._turn)
        loop.call_soon_threadsafe(self._is_ready)
        await server.serve(list(listening))

    def _turn(self) -> None:
        self.turns += 1

    def _is_ready(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def _ended(self) -> None:
        gone = DoorGone("The thread that serves the screen has ended.")
        for future in (self._ready, self._gone):
            if not future.done():
                future.set_exception(gone)
                future.exception()  # seen, whoever waits


def _soon(loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(work)


def read_token(file: Path) -> str:
    """The token of an address that is not loopback. Raises DoorNotSafe."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise DoorNotSafe(f"{file} cannot be read: {error.strerror}.") from error
