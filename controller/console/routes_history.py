"""Recorded sessions: search, open one, verify its chain, take it along as a file."""

import re
from typing import Literal

import orjson
from fastapi import FastAPI, Request
from starlette.responses import Response

from controller.console.bridge import Bridge
from controller.console.children import Reports
from controller.console.console import Console
from controller.console.errors import NoSuchPage
from controller.console.report.sheet import Sheet
from controller.console.requests import (
    AlarmLine,
    SessionLine,
    Verified,
)
from controller.console.routes_view import REFUSALS
from controller.console.security import LOGIN_COOKIE, cookie

Form = Literal["html", "pdf", "csv", "jsonl"]
_TYPES: dict[Form, str] = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
}
_ID = re.compile(r"^[A-Za-z0-9-]{1,64}$")
REPORT_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
"""The report has its style within, so that it can be kept as one file; no script ever runs."""


def add_history(api: FastAPI, console: Console, bridge: Bridge) -> None:
    """GET /api/sessions and everything below it, and the alarm log."""
    reports = Reports()

    async def make(request: Request, what: str, session_id: str = "") -> bytes:
        token = cookie(request.scope, LOGIN_COOKIE)
        await bridge.ask(lambda: console.may_read(token))
        if session_id and not _ID.match(session_id):
            raise NoSuchPage("This is no session's id.")
        return await reports.make(what, console.room.journal, session_id)

    @api.get("/api/sessions", tags=["history"], responses=REFUSALS)
    async def sessions(request: Request, q: str = "") -> list[SessionLine]:
        """Recorded sessions, newest first; `q` looks in id, plan, patient, operator and day."""
        lines = [SessionLine(**each) for each in orjson.loads(await make(request, "list"))]
        return [line for line in lines if q.lower() in _text(line)]

    @api.get("/api/alarms", tags=["alarms"], responses=REFUSALS)
    async def alarms(request: Request) -> list[AlarmLine]:
        """The alarm log: what came, went and was seen by whom; newest first."""
        return [AlarmLine(**each) for each in orjson.loads(await make(request, "alarms"))]

    @api.get("/api/sessions/{session_id}", tags=["history"], responses=REFUSALS)
    async def session(request: Request, session_id: str) -> Sheet:
        """One session: plan against delivery, syringes, alarms, histograms."""
        return Sheet.model_validate_json(await make(request, "show", session_id))

    @api.get("/api/sessions/{session_id}/verify", tags=["history"], responses=REFUSALS)
    async def verify(request: Request, session_id: str) -> Verified:
        """Recompute every hash of the journal, from its bytes."""
        return Verified.model_validate_json(await make(request, "verify", session_id))

    @api.get("/api/sessions/{session_id}/report.{form}", tags=["history"], responses=REFUSALS)
    async def report(request: Request, session_id: str, form: Form) -> Response:
        """The report as a file: html, pdf, csv (strokes) or jsonl (entries)."""
        made = await make(request, form, session_id)
        place = "inline" if form in ("html", "pdf") else "attachment"
        headers = {"content-disposition": f'{place}; filename="session-{session_id}.{form}"'}
        if form == "html":
            headers["content-security-policy"] = REPORT_CSP
        return Response(made, media_type=_TYPES[form], headers=headers)


def _text(line: SessionLine) -> str:
    words = (line.id, line.plan_title, line.patient, line.operator, line.opened_wall)
    return "\n".join(words).lower()
