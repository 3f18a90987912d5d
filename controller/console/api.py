"""The HTTP application: what is asked under which address, in words of FastAPI and nothing more.

Imported only once the pen link is up, in the thread that serves (`controller/service/serving.py`).
No sentence of a request is ever put into HTML; every answer is JSON, a file of the page, or a
report that a child process wrote.
"""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from controller.console.answers import error_view, status_of
from controller.console.bridge import Bridge
from controller.console.console import Console
from controller.console.errors import NoSuchPage, RequestRejected
from controller.console.routes_board import add_board
from controller.console.routes_calibration import add_calibration
from controller.console.routes_docs import add_docs
from controller.console.routes_history import add_history
from controller.console.routes_page import add_page
from controller.console.routes_people import add_people
from controller.console.routes_prepare import add_prepare
from controller.console.routes_session import add_session
from controller.console.routes_stop import StopFirst, add_stop
from controller.console.routes_view import add_view
from controller.console.security import Address, App, Guard, Send
from controller.errors import MicropenError

TITLE = "micropen"
DESCRIPTION = (
    "The treatment-room screen's API. Nothing here starts needles: an act arms, the trigger on the "
    "pen starts. STOP needs no login. Every POST but STOP carries the header X-Micropen: 1. "
    "Engineering software, not a cleared medical device."
)
_SILENT: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
"""Nothing here reports to anybody."""


def make_app(console: Console, bridge: Bridge, address: Address) -> App:
    """The whole application, guarded. Raises DoorNotSafe for an address without protection."""
    address.check()
    api = FastAPI(
        title=TITLE,
        description=DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_SILENT,
    )
    add_view(api, console, bridge)
    add_people(api, console, bridge, address)
    add_prepare(api, console, bridge)
    add_session(api, console, bridge)
    add_board(api, console, bridge)
    add_history(api, console, bridge)
    add_calibration(api, console, bridge)
    add_stop(api, console, bridge)
    add_docs(api)
    add_page(api)
    _add_errors(api)
    return Guard(StopFirst(api, console, bridge), address, _refuse)


def _add_errors(api: FastAPI) -> None:
    async def on_known(_: Request, error: Exception) -> Response:
        assert isinstance(error, MicropenError)
        return _answer(error, status_of(error))

    async def on_invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return _answer(RequestRejected(f"'{where}': {first['msg']}."), 422)

    async def on_http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code in (404, 405):
            return _answer(NoSuchPage("There is nothing at this address."), error.status_code)
        return _answer(RequestRejected("The request cannot be read."), error.status_code)

    async def on_defect(_: Request, __: Exception) -> Response:
        return _answer(MicropenError("The program met a defect of its own."), 500)

    api.add_exception_handler(MicropenError, on_known)
    api.add_exception_handler(RequestValidationError, on_invalid)
    api.add_exception_handler(HTTPException, on_http)
    api.add_exception_handler(Exception, on_defect)


def _answer(error: MicropenError, status: int) -> JSONResponse:
    return JSONResponse(error_view(error).model_dump(), status_code=status)


async def _refuse(error: MicropenError, status: int, send: Send) -> None:
    answer = _answer(error, status)
    await send({"type": "http.response.start", "status": status, "headers": [*answer.raw_headers]})
    await send({"type": "http.response.body", "body": bytes(answer.body)})
