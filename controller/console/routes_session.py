"""The acts of a session, alarms and training. Each answers with the view after it."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI, Request

from controller.console.alarm_list import AUDIO_PAUSE_S
from controller.console.bridge import Bridge
from controller.console.console import Console
from controller.console.routes_view import REFUSALS
from controller.console.security import LOGIN_COOKIE, cookie
from controller.console.views import (
    Nothing,
    OpenRequest,
    Preview,
    PreviewRequest,
    PurgeRequest,
    SwapRequest,
    View,
)

Doing = Callable[[str | None], Coroutine[Any, Any, None]]


def add_session(api: FastAPI, console: Console, bridge: Bridge) -> None:
    """Every POST under /api/sessions, /api/alarms, /api/training, and /api/self-test."""

    async def done(request: Request, doing: Doing) -> View:
        token = cookie(request.scope, LOGIN_COOKIE)

        async def both() -> View:
            await doing(token)
            return await console.state(token)

        return await bridge.ask(lambda: console.guarded(both()))

    @api.post("/api/sessions/preview", tags=["session"], responses=REFUSALS)
    async def preview(request: Request, body: PreviewRequest) -> Preview:
        """What a plan would give, zone by zone, against each limit."""
        token = cookie(request.scope, LOGIN_COOKIE)
        return await bridge.ask(lambda: console.guarded(console.preview(token, body)))

    @api.post("/api/sessions", tags=["session"], responses=REFUSALS)
    async def open_session(request: Request, body: OpenRequest) -> View:
        """Open a session under a plan."""
        return await done(request, lambda token: console.open(token, body))

    current = "/api/sessions/current"

    @api.post(f"{current}/prime", tags=["session"], responses=REFUSALS)
    async def prime(request: Request, _: Nothing) -> View:
        """Arm for priming. The trigger starts it; the pen refuses it on contact."""
        return await done(request, console.prime)

    @api.post(f"{current}/treat", tags=["session"], responses=REFUSALS)
    async def treat(request: Request, _: Nothing) -> View:
        """Arm for the next zone. The trigger starts the needles."""
        return await done(request, console.treat)

    @api.post(f"{current}/pause", tags=["session"], responses=REFUSALS)
    async def pause(request: Request, _: Nothing) -> View:
        """End the arm; the stroke under way is finished."""
        return await done(request, console.pause)

    @api.post(f"{current}/close", tags=["session"], responses=REFUSALS)
    async def close(request: Request, _: Nothing) -> View:
        """Close the session with its account."""
        return await done(request, console.close_session)

    @api.post(f"{current}/clear", tags=["session"], responses=REFUSALS)
    async def clear(request: Request, _: Nothing) -> View:
        """Unlatch a stop or fault; never arms. Needs no open session."""
        return await done(request, console.clear)

    @api.post(f"{current}/swap", tags=["session"], responses=REFUSALS)
    async def swap(request: Request, body: SwapRequest) -> View:
        """Another syringe; what was left in this one is discarded."""
        return await done(request, lambda token: console.swap(token, body.fill_nl))

    @api.post(f"{current}/purge", tags=["session"], responses=REFUSALS)
    async def purge(request: Request, body: PurgeRequest) -> View:
        """Arm for discarding a volume through the needle, off the skin."""
        return await done(request, lambda token: console.purge(token, body.volume_nl))

    @api.post("/api/alarms/pause-audio", tags=["alarms"], responses=REFUSALS)
    async def pause_audio(request: Request, _: Nothing) -> View:
        """Sound off for two minutes, or until the next alarm."""
        seconds = round(AUDIO_PAUSE_S)
        return await done(request, lambda token: console.pause_audio(token, seconds))

    @api.post("/api/alarms/{alarm_id}/acknowledge", tags=["alarms"], responses=REFUSALS)
    async def acknowledge(request: Request, alarm_id: str, _: Nothing) -> View:
        """Somebody has seen this alarm; it leaves the board when its cause is gone too."""
        return await done(request, lambda token: console.acknowledge(token, alarm_id))

    @api.post("/api/training/start", tags=["training"], responses=REFUSALS)
    async def start_training(request: Request, _: Nothing) -> View:
        """A simulated pen takes the real one's place; every record says so."""
        return await done(request, console.start_training)

    @api.post("/api/training/end", tags=["training"], responses=REFUSALS)
    async def end_training(request: Request, _: Nothing) -> View:
        """Back to the pen of the settings."""
        return await done(request, console.end_training)
