"""Calibrations and certificates: /api/calibration and /api/certificates."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Literal

from fastapi import FastAPI, Request
from starlette.responses import Response

from controller.console.bridge import Bridge
from controller.console.calibration_acts import CalibrationActs
from controller.console.calibration_views import (
    AnswerRequest,
    CalibrationPage,
    CalibrationView,
    IssueRequest,
    ReasonRequest,
    StartRequest,
)
from controller.console.children import Reports
from controller.console.console import Console
from controller.console.requests import Nothing
from controller.console.routes_view import REFUSALS
from controller.console.security import LOGIN_COOKIE, cookie

Form = Literal["json", "pdf"]
_TYPES: dict[Form, str] = {"json": "application/json", "pdf": "application/pdf"}
_PATH = "/api/calibration"


def add_calibration(api: FastAPI, console: Console, bridge: Bridge) -> None:
    """Everything under /api/calibration and /api/certificates."""
    acts = CalibrationActs(console)
    _add_measuring(api, console, bridge, acts)
    _add_issuing(api, console, bridge, acts)
    _add_files(api, console, bridge, acts)


def _add_measuring(api: FastAPI, console: Console, bridge: Bridge, acts: CalibrationActs) -> None:

    async def done(
        request: Request, doing: Callable[[str | None], Coroutine[Any, Any, CalibrationView]]
    ) -> CalibrationView:
        token = cookie(request.scope, LOGIN_COOKIE)
        return await bridge.ask(lambda: console.guarded(doing(token)))

    @api.get(_PATH, tags=["calibration"], responses=REFUSALS)
    async def page() -> CalibrationPage:
        """What is open, what is due, and the certificates."""
        return await bridge.ask(lambda: console.guarded(acts.page()))

    @api.post(f"{_PATH}/start", tags=["calibration"], responses=REFUSALS)
    async def start(request: Request, body: StartRequest) -> CalibrationView:
        """Begin, go on with what is open, or take it over. Technicians and administrators."""
        return await done(request, lambda token: acts.start(token, body))

    @api.post(f"{_PATH}/answer", tags=["calibration"], responses=REFUSALS)
    async def answer(request: Request, body: AnswerRequest) -> CalibrationView:
        """Answer the question that is asked."""
        return await done(request, lambda token: acts.answer(token, body))

    @api.post(f"{_PATH}/redo", tags=["calibration"], responses=REFUSALS)
    async def redo(request: Request, body: ReasonRequest) -> CalibrationView:
        """Take the last reading again. Nothing is deleted."""
        return await done(request, lambda token: acts.redo(token, body))

    @api.post(f"{_PATH}/vessel-moved", tags=["calibration"], responses=REFUSALS)
    async def vessel_moved(request: Request, _: Nothing) -> CalibrationView:
        """The vessel was touched or moved."""
        return await done(request, acts.vessel_moved)

    @api.post(f"{_PATH}/abort", tags=["calibration"], responses=REFUSALS)
    async def abort(request: Request, body: ReasonRequest) -> CalibrationView:
        """Give the calibration up; stops an arm that is open."""
        return await done(request, lambda token: acts.abort(token, body))


def _add_issuing(api: FastAPI, console: Console, bridge: Bridge, acts: CalibrationActs) -> None:
    one_at_a_time = asyncio.Lock()

    @api.post("/api/certificates/issue", tags=["calibration"], responses=REFUSALS)
    async def issue(request: Request, body: IssueRequest) -> CalibrationPage:
        """Issue the linked pen's certificate: a second person approves, with the own PIN."""
        token = cookie(request.scope, LOGIN_COOKIE)
        await bridge.ask(lambda: console.guarded(acts.may_issue(token)))
        async with one_at_a_time:
            person = await bridge.ask(lambda: console.candidate(body.person))
            right = await asyncio.to_thread(person.knows, body.pin)
            return await bridge.ask(
                lambda: console.guarded(acts.issue(person, body.remark, pin_is_right=right))
            )


def _add_files(api: FastAPI, console: Console, bridge: Bridge, acts: CalibrationActs) -> None:
    files = Reports()

    @api.get("/api/certificates/{certificate_id}.{form}", tags=["calibration"], responses=REFUSALS)
    async def certificate(request: Request, certificate_id: str, form: Form) -> Response:
        """A certificate as its canonical JSON, or as the PDF that is its picture."""
        token = cookie(request.scope, LOGIN_COOKIE)
        await bridge.ask(lambda: console.guarded(acts.may_fetch(token, certificate_id)))
        room = console.room
        maker = room.calibration.file_maker
        made = await files.make(form, room.journal, certificate_id, module=maker)
        place = "inline" if form == "pdf" else "attachment"
        name = f'{place}; filename="certificate-{certificate_id}.{form}"'
        return Response(made, media_type=_TYPES[form], headers={"content-disposition": name})
