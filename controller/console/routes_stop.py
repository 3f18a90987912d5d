"""STOP before everything else that the application does: no route table, no body, no login."""

import orjson
from fastapi import FastAPI, Request

from controller.console.bridge import Bridge
from controller.console.console import Console
from controller.console.requests import (
    StopAnswer,
)
from controller.console.security import (
    LOGIN_COOKIE,
    STOP_PATH,
    App,
    Receive,
    Scope,
    Send,
    cookie,
)


def add_stop(api: FastAPI, console: Console, bridge: Bridge) -> None:
    """Describes POST /api/stop; `StopFirst` answers it before any route is looked up."""

    @api.post(STOP_PATH, tags=["stop"])
    async def stop(request: Request) -> StopAnswer:
        """STOP. Needs no login, no header and no body; only a foreign page is refused."""
        return await _press(console, bridge, request.scope)


async def _press(console: Console, bridge: Bridge, scope: Scope) -> StopAnswer:
    asked_mono_s = console.room.clock.mono_s()
    actor = console.logins.who(cookie(scope, LOGIN_COOKIE))
    return await console.stop_door.press(bridge, actor, asked_mono_s)


class StopFirst:
    """Takes POST /api/stop itself; the rest goes on to the application."""

    def __init__(self, app: App, console: Console, bridge: Bridge) -> None:
        self._app = app
        self._console = console
        self._bridge = bridge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The request's body is not even read: whatever it says, the pen stops."""
        is_stop = scope["type"] == "http" and scope["path"] == STOP_PATH
        if not is_stop or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        answer = await _press(self._console, self._bridge, scope)
        body = orjson.dumps(answer.model_dump())
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
