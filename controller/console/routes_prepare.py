"""What can be chosen: plans and products; and the self-test of STOP."""

from fastapi import FastAPI, Request

from controller.console.bridge import Bridge
from controller.console.console import Console
from controller.console.requests import (
    Nothing,
    PlanLine,
    PlanView,
    ProductView,
)
from controller.console.routes_view import REFUSALS
from controller.console.security import LOGIN_COOKIE, cookie
from controller.console.views import (
    View,
)
from controller.session.self_test import REASON


def add_prepare(api: FastAPI, console: Console, bridge: Bridge) -> None:
    """GET /api/plans and /api/products, POST /api/self-test."""

    @api.get("/api/plans", tags=["prepare"], responses=REFUSALS)
    async def plans() -> list[PlanLine]:
        """Every plan of the config folder, with what is wrong with it."""
        return await bridge.ask(lambda: console.guarded(console.plans()))

    @api.get("/api/plans/{name}", tags=["prepare"], responses=REFUSALS)
    async def plan(name: str) -> PlanView:
        """One plan as it is written."""
        return await bridge.ask(lambda: console.guarded(console.plan(name)))

    @api.get("/api/products", tags=["prepare"], responses=REFUSALS)
    async def products() -> list[ProductView]:
        """Every product of the config folder that can be read."""
        return await bridge.ask(lambda: console.guarded(console.products()))

    @api.post("/api/self-test", tags=["prepare"], responses=REFUSALS)
    async def self_test(request: Request, _: Nothing) -> View:
        """Send STOP, time the pen's echo, clear it again. Only while nothing is open."""
        token = cookie(request.scope, LOGIN_COOKIE)
        actor = await bridge.ask(lambda: console.guarded(console.may_test(token)))
        asked_mono_s = console.room.clock.mono_s()
        answer = await console.stop_door.press(bridge, actor, asked_mono_s, REASON)
        await bridge.ask(lambda: console.guarded(console.tested(actor, answer)))
        return await bridge.ask(lambda: console.guarded(console.state(token)))
