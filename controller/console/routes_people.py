"""Logging in and out. The PIN's slow comparison runs beside both loops, one at a time."""

import asyncio
import hmac
from typing import Literal

from fastapi import FastAPI, Request, Response

from controller.console.bridge import Bridge
from controller.console.console import Console
from controller.console.errors import ForeignRequest
from controller.console.requests import (
    EnterRequest,
    LoginRequest,
    Nothing,
    PersonView,
)
from controller.console.routes_view import REFUSALS
from controller.console.security import (
    ENTER_PATH,
    LOGIN_COOKIE,
    TOKEN_COOKIE,
    Address,
    cookie,
)
from controller.console.views import (
    View,
)

_STRICT: Literal["strict"] = "strict"


def add_people(api: FastAPI, console: Console, bridge: Bridge, address: Address) -> None:
    """GET /api/people, POST /api/login, /api/logout and /api/enter."""
    one_at_a_time = asyncio.Lock()

    @api.get("/api/people", tags=["login"], responses=REFUSALS)
    async def people() -> list[PersonView]:
        """Names and roles of those who can log in."""
        return await bridge.ask(lambda: console.guarded(console.people()))

    @api.post("/api/login", tags=["login"], responses=REFUSALS)
    async def login(request: Request, body: LoginRequest, response: Response) -> View:
        """Log in with a PIN; the cookie holds the login. Five wrong PINs lock for 5 minutes."""
        old = cookie(request.scope, LOGIN_COOKIE)
        async with one_at_a_time:
            person = await bridge.ask(lambda: console.candidate(body.person))
            right = await asyncio.to_thread(person.knows, body.pin)
            token = await bridge.ask(lambda: console.enter(person, old, pin_is_right=right))
        response.set_cookie(
            LOGIN_COOKIE, token, httponly=True, samesite=_STRICT, secure=address.tls, path="/"
        )
        return await bridge.ask(lambda: console.guarded(console.state(token)))

    @api.post("/api/logout", tags=["login"])
    async def logout(request: Request, response: Response, _: Nothing) -> View:
        """Log out on this screen."""
        token = cookie(request.scope, LOGIN_COOKIE)
        await bridge.ask(lambda: console.leave(token))
        response.delete_cookie(LOGIN_COOKIE, httponly=True, samesite=_STRICT, path="/")
        return await bridge.ask(lambda: console.guarded(console.state(None)))

    @api.post(ENTER_PATH, tags=["login"], responses=REFUSALS)
    async def enter(body: EnterRequest, response: Response) -> Nothing:
        """Show the token of an address that is not loopback; once for each browser."""
        token = address.token or ""
        if not hmac.compare_digest(body.token.encode(), token.encode()):
            raise ForeignRequest("This is not the token of this address.")
        response.set_cookie(
            TOKEN_COOKIE, token, httponly=True, samesite=_STRICT, secure=address.tls, path="/"
        )
        return Nothing()
