"""The acts of a session. Each answers with the view after it."""

from fastapi import FastAPI, Request

from controller.console.bridge import Bridge
from controller.console.console import Console
from controller.console.doing import Done, doer
from controller.console.requests import (
    Nothing,
    OpenRequest,
    Preview,
    PreviewRequest,
    PurgeRequest,
    SwapRequest,
    TreatRequest,
)
from controller.console.routes_view import REFUSALS
from controller.console.security import LOGIN_COOKIE, cookie
from controller.console.views import (
    View,
)

CURRENT = "/api/sessions/current"


def add_session(api: FastAPI, console: Console, bridge: Bridge) -> None:
    """Opening a session, and all that only it allows."""

    done = doer(console, bridge)

    @api.post("/api/sessions/preview", tags=["session"], responses=REFUSALS)
    async def preview(request: Request, body: PreviewRequest) -> Preview:
        """What a plan would give, zone by zone, against each limit."""
        token = cookie(request.scope, LOGIN_COOKIE)
        return await bridge.ask(lambda: console.guarded(console.preview(token, body)))

    @api.post("/api/sessions", tags=["session"], responses=REFUSALS)
    async def open_session(request: Request, body: OpenRequest) -> View:
        """Open a session under a plan."""
        return await done(request, lambda token: console.open(token, body))

    _add_arms(api, done, console)
    _add_rest(api, done, console)


def _add_arms(api: FastAPI, done: Done, console: Console) -> None:

    @api.post(f"{CURRENT}/prime", tags=["session"], responses=REFUSALS)
    async def prime(request: Request, _: Nothing) -> View:
        """Arm for priming. The trigger starts it; the pen refuses it on contact."""
        return await done(request, console.prime)

    @api.post(f"{CURRENT}/treat", tags=["session"], responses=REFUSALS)
    async def treat(request: Request, body: TreatRequest) -> View:
        """Arm for the next zone. The trigger starts the needles."""
        return await done(request, lambda token: console.treat(token, body))

    @api.post(f"{CURRENT}/pause", tags=["session"], responses=REFUSALS)
    async def pause(request: Request, _: Nothing) -> View:
        """End the arm; the stroke under way is finished."""
        return await done(request, console.pause)


def _add_rest(api: FastAPI, done: Done, console: Console) -> None:

    @api.post(f"{CURRENT}/close", tags=["session"], responses=REFUSALS)
    async def close(request: Request, _: Nothing) -> View:
        """Close the session with its account."""
        return await done(request, console.close_session)

    @api.post(f"{CURRENT}/clear", tags=["session"], responses=REFUSALS)
    async def clear(request: Request, _: Nothing) -> View:
        """Unlatch a stop or fault; never arms. Needs no open session."""
        return await done(request, console.clear)

    @api.post(f"{CURRENT}/swap", tags=["session"], responses=REFUSALS)
    async def swap(request: Request, body: SwapRequest) -> View:
        """Another syringe; what was left in this one is discarded."""
        return await done(request, lambda token: console.swap(token, body.fill_nl))

    @api.post(f"{CURRENT}/purge", tags=["session"], responses=REFUSALS)
    async def purge(request: Request, body: PurgeRequest) -> View:
        """Arm for discarding a volume through the needle, off the skin."""
        return await done(request, lambda token: console.purge(token, body.volume_nl))
