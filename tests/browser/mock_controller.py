"""A controller made of paper: the real page with the real headers, and views as a test has them.

Views come from `scenes`, ten times a second with a rising number, until it is told to be silent
(no event) or frozen (the same view again and again); `hangs`: no request but STOP is answered.
Requests are kept; what a test wants to happen on one is a function in `on`.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from controller.console import views
from controller.console.routes_page import TYPES, read_page
from controller.console.security import HEADERS
from tests.browser import answers, scenes

EVERY_S = 0.1
Answer = tuple[int, Any]
Act = Callable[[dict[str, Any]], Answer | None]


class MockController:
    """`show(view)` is what every page hears next; `requests` is what pages asked for."""

    def __init__(self, view: views.View, missing: frozenset[str]) -> None:
        self.view = view
        self.requests: list[tuple[str, Any]] = []
        self.on: dict[str, Act] = {}
        self.stop_answer: Answer = (200, {"stop_id": "00" * 8, "latency_ms": 4.2})
        self.is_silent = False
        self.is_frozen = False
        self.hangs = False
        self.streams = 0
        self.stream_refusal: Answer | None = None
        self.address = ""
        self._ended = asyncio.Event()
        self._seq = 0
        self._points: list[dict[str, Any]] = []
        self._files = {k: v for k, v in read_page().items() if k not in missing}
        self._changed = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self._hanging = 0
        self._hung = asyncio.Event()

    def show(self, view: views.View) -> None:
        """Every page hears this at once, and then again and again."""
        self.view = view
        self._changed.set()

    def strip(self, points: list[dict[str, Any]]) -> None:
        """Pages hear these points with the next view."""
        self._points += points
        self._changed.set()

    def asked(self, path: str) -> list[Any]:
        """The bodies of all requests for a path."""
        return [body for asked, body in self.requests if asked == path]

    async def until_hanging(self, requests: int) -> None:
        """Wait until so many requests get no answer."""
        async with asyncio.timeout(10):
            while self._hanging < requests:
                self._hung.clear()
                await self._hung.wait()

    # --- HTTP --------------------------------------------------------------------------------

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request after the other."""
        self._open.add(writer)
        try:
            while not writer.transport.is_closing():
                await self._serve_one(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the page was left
        finally:
            self._open.discard(writer)
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split("\r\n")[0].split(" ")
        lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
        headers = {name.strip().lower(): value.strip() for name, _, value in lines}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        body = json.loads(raw) if raw else None
        await self._answer(method, target, headers, body, writer)

    async def _answer(
        self, method: str, target: str, headers: dict[str, str], body: Any, writer: Any
    ) -> None:
        path = target.partition("?")[0]
        if path == "/api/events":
            await self.stream(writer)
            return
        if path.startswith("/api/"):
            self.requests.append((path, body))
            if self.hangs and path != "/api/stop":
                self._hanging += 1
                self._hung.set()
                await self._ended.wait()
                return
            if method == "POST" and headers.get("x-micropen") != "1":
                status, answer = 403, answers.refusal(8033, "The request lacks the header.")
            else:
                status, answer = self._api(method, path, body or {})
            await _send(writer, status, "application/json", json.dumps(answer).encode())
            return
        name = path.lstrip("/") or "index.html"
        found = self._files.get(name)
        kind = TYPES.get(Path(name).suffix, "text/plain")
        await _send(writer, 404 if found is None else 200, kind, found or b"")

    def _api(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        if path == "/api/stop":
            return self.stop_answer
        if method == "GET" and path in answers.GET:
            return 200, answers.GET[path]()
        if method == "POST" and path in self.on:
            return self.on[path](body) or (200, self._next())
        return 404, answers.refusal(8035, "There is nothing at this address.")

    # --- events ------------------------------------------------------------------------------

    async def stream(self, writer: asyncio.StreamWriter) -> None:
        """Everything that one listening page hears."""
        if self.stream_refusal is not None:
            status, answer = self.stream_refusal
            await _send(writer, status, "application/json", json.dumps(answer).encode())
            return
        self.streams += 1
        writer.write(head(200, "text/event-stream"))
        while not self._ended.is_set():
            if not self.is_silent:
                writer.write(event("view", self._next()))
                if self._points:
                    writer.write(event("strip", {"points": self._points}))
                    self._points = []
            await writer.drain()
            await self.next_turn()

    async def next_turn(self) -> None:
        """Until something changed, and not for longer than `EVERY_S`."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EVERY_S):
                await self._changed.wait()

    def _next(self) -> dict[str, Any]:
        self._seq += 0 if self.is_frozen else 1
        return self.view.model_dump(mode="json") | {"seq": self._seq}

    def hang_up(self) -> None:
        """Every connection breaks."""
        for writer in self._open:
            writer.transport.abort()

    def end(self) -> None:
        """Every connection breaks, and nothing serves it any more."""
        self._ended.set()
        self._changed.set()
        self.hang_up()


def event(name: str, data: Any) -> bytes:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def head(status: int, kind: str, length: int | None = None) -> bytes:
    """An answer's status line and headers; length None: the content has no end."""
    lines = [f"HTTP/1.1 {status} -", f"content-type: {kind}"]
    lines += ["connection: close"] if length is None else [f"content-length: {length}"]
    lines += [f"{name.decode()}: {value.decode()}" for name, value in HEADERS]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _send(writer: asyncio.StreamWriter, status: int, kind: str, content: bytes) -> None:
    writer.write(head(status, kind, len(content)) + content)
    await writer.drain()


@asynccontextmanager
async def mock_controller(
    view: views.View | None = None, *, missing: frozenset[str] = frozenset()
) -> AsyncIterator[MockController]:
    """It listens on loopback until the end. Files in `missing` are not there."""
    mock = MockController(view or scenes.prepared(), missing)
    async with listening(mock):
        yield mock


@asynccontextmanager
async def listening(mock: MockController) -> AsyncIterator[None]:
    """`mock` listens on loopback until the end."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await mock.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    mock.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield
    finally:
        server.close()
        mock.end()
        await asyncio.gather(*tasks)
