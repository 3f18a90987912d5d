"""Has an act done for the person of a request, and answers with the view after it."""

from collections.abc import Callable, Coroutine
from typing import Any

from controller.console.bridge import Bridge
from controller.console.console import Console
from controller.console.security import LOGIN_COOKIE, Asked, cookie
from controller.console.views import View

Doing = Callable[[str | None], Coroutine[Any, Any, None]]
Done = Callable[[Asked, Doing], Coroutine[Any, Any, View]]


def doer(console: Console, bridge: Bridge) -> Done:
    """What the routes of acts share."""

    async def done(request: Asked, doing: Doing) -> View:
        token = cookie(request.scope, LOGIN_COOKIE)

        async def both() -> View:
            await doing(token)
            return await console.state(token)

        return await bridge.ask(lambda: console.guarded(both()))

    return done
