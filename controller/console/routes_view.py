"""What is true now: one view, and the stream of views."""

from collections.abc import AsyncIterator

import orjson
from fastapi import FastAPI, Request
from starlette.responses import StreamingResponse

from controller.console.bridge import Bridge
from controller.console.console import Console
from controller.console.mailbox import Mailbox
from controller.console.requests import (
    ErrorView,
)
from controller.console.security import LOGIN_COOKIE, cookie
from controller.console.views import (
    Strip,
    StripPoint,
    View,
)

REFUSALS: dict[int | str, dict[str, object]] = {
    status: {"model": ErrorView} for status in (401, 403, 404, 409, 422, 503)
}
RETRY_MS = 500


def add_view(api: FastAPI, console: Console, bridge: Bridge) -> None:
    """GET /api/state and /api/events."""

    @api.get("/api/state", tags=["view"])
    async def state(request: Request) -> View:
        """Everything that the screen shows of this moment."""
        token = cookie(request.scope, LOGIN_COOKIE)
        return await bridge.ask(lambda: console.guarded(console.state(token)))

    @api.get("/api/events", tags=["view"], response_class=StreamingResponse, responses=REFUSALS)
    async def events(request: Request) -> StreamingResponse:
        """Server-sent events: `view` with a View, `strip` with a Strip, and `calibration` with a
        CalibrationView whenever that has changed. At most 4 pages listen.
        """
        box = Mailbox(cookie(request.scope, LOGIN_COOKIE))

        async def listen() -> None:
            console.publisher.listen(box)

        await bridge.ask(lambda: console.guarded(listen()))
        return StreamingResponse(_stream(console, bridge, box), media_type="text/event-stream")


async def _stream(console: Console, bridge: Bridge, box: Mailbox) -> AsyncIterator[bytes]:
    async def leave() -> None:
        console.publisher.leave(box)

    try:
        yield b"retry: %d\n\n" % RETRY_MS
        while not box.is_closed:
            view, calibration, points = await box.take()
            if points:
                yield _event("strip", _strip(points))
            if view is not None:
                yield _event("view", view)
            if calibration is not None:
                yield _event("calibration", calibration)
    finally:
        box.close()
        await bridge.ask(leave)


def _event(name: str, data: bytes) -> bytes:
    # JSON of ours has no line break, so one data line holds it.
    return b"event: %s\ndata: %s\n\n" % (name.encode(), data)


def _strip(points: list[StripPoint]) -> bytes:
    return orjson.dumps(Strip(points=points).model_dump())
