"""Other web pages, other names, frames, injections, floods: what the screen's door keeps out."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.console.api import make_app
from controller.console.bridge import SameLoop
from controller.console.errors import DoorNotSafe
from controller.console.routes_history import REPORT_CSP
from controller.console.security import CSP, MAX_BODY_BYTES, Address
from controller.session.plan import load_plan
from tests.support.bills import CONFIG, pen_for
from tests.support.screen import (
    HOST,
    PAGE_HEADERS,
    PLAN,
    VIAL,
    Screen,
    answer,
    elsewhere,
    refused,
    renamed,
    without,
)
from tests.support.theatre import Theatre

CHECK = load_plan(CONFIG / "plans" / f"{PLAN}.toml")
SCRIPT = "<script>alert(1)</script>"
ACTS = (
    "/api/login",
    "/api/logout",
    "/api/enter",
    "/api/self-test",
    "/api/calibration/start",
    "/api/calibration/answer",
    "/api/calibration/redo",
    "/api/calibration/vessel-moved",
    "/api/calibration/abort",
    "/api/certificates/issue",
    "/api/training/start",
    "/api/training/end",
    "/api/sessions",
    "/api/sessions/preview",
    "/api/alarms/pause-audio",
    "/api/alarms/stop-latched/acknowledge",
    *(
        f"/api/sessions/current/{act}"
        for act in ("prime", "treat", "pause", "close", "clear", "swap", "purge")
    ),
)


def room(tmp_path: Path) -> Theatre:
    return Theatre(tmp_path / "j", pen_for(CHECK))


@pytest.mark.hazard("H38")
async def test_a_foreign_page_can_do_nothing(tmp_path: Path) -> None:
    foreign: list[dict[str, str]] = [
        {**PAGE_HEADERS, "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {**PAGE_HEADERS, "Sec-Fetch-Site": "same-site", "Origin": "http://localhost:9999"},
        {**PAGE_HEADERS, "Sec-Fetch-Site": "cross-site"},
        {**PAGE_HEADERS, "Origin": "null"},
        {**PAGE_HEADERS, "Origin": "https://127.0.0.1:8080"},
        {**PAGE_HEADERS, "Host": "evil.example:8080", "Origin": "http://evil.example:8080"},
        {**PAGE_HEADERS, "Host": "127.0.0.1:8080.evil.example"},
        without(PAGE_HEADERS, "X-Micropen"),
        {**PAGE_HEADERS, "X-Micropen": "0"},
    ]
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open()
        for headers in foreign:
            screen.client.headers = headers
            for path in ACTS:
                refused(await screen.client.post(path, json={}), 403, 8033)
        assert theatre.state == "ready"


@pytest.mark.hazard("H38")
async def test_what_a_form_can_send_is_not_read(tmp_path: Path) -> None:
    """A form needs no permission to send these three kinds, so none of them is taken."""
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open()
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            sent = await screen.client.post(
                "/api/sessions/current/prime", content=b"{}", headers={"content-type": kind}
            )
            refused(sent, 415, 8034)
        assert theatre.state == "ready"


@pytest.mark.hazard("H38")
async def test_a_name_that_was_pointed_here_reads_nothing(tmp_path: Path) -> None:
    """DNS rebinding: the browser thinks it talks to its own site, and says so in `Host`."""
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        for path in ("/", "/api/state", "/api/events", "/api/openapi.json"):
            refused(await screen.get(path, Host="rebound.example:8080"), 403, 8033)
        for host in ("127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "[::1]:8080"):
            told = await screen.client.get("/api/state", headers={"Host": host, "Origin": ""})
            assert told.status_code == 200, host
        assert theatre.is_running


async def test_reading_across_sites_is_refused_too(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        for site in ("cross-site", "same-site"):
            refused(await screen.get("/api/state", **{"Sec-Fetch-Site": site}), 403, 8033)
        assert theatre.is_running


@pytest.mark.hazard("H38")
async def test_every_answer_forbids_frames_scripts_and_guesses(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        paths = ("/", "/api/state", "/no/such/page", "/api/people", "/api/openapi.json")
        answers = [await screen.get(path) for path in paths]
        answers.append(await screen.get("/api/state", Host="evil.example"))
        answers.append(await screen.post("/api/stop"))
        for told in answers:
            assert told.headers["content-security-policy"] == CSP
            assert told.headers["x-content-type-options"] == "nosniff"
            assert told.headers["x-frame-options"] == "DENY"
            assert told.headers["referrer-policy"] == "no-referrer"
            assert told.headers["cache-control"] == "no-store"
            assert "access-control-allow-origin" not in told.headers
        assert theatre.is_running
    assert "frame-ancestors 'none'" in CSP
    assert "unsafe" not in CSP
    assert "script-src" not in REPORT_CSP
    assert "sandbox" in REPORT_CSP


async def test_a_body_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        large = b'{"plan": "' + b"x" * MAX_BODY_BYTES + b'"}'
        json_kind = {"content-type": "application/json"}
        told = await screen.client.post("/api/sessions/preview", content=large, headers=json_kind)
        refused(told, 413, 8034)

        async def endless() -> Any:  # says no length, and never ends by itself
            for _ in range(MAX_BODY_BYTES):
                yield b" " * 1024

        told = await screen.client.post(
            "/api/sessions/preview", content=endless(), headers=json_kind
        )
        assert told.status_code in (400, 413)
        assert told.json()["number"] == 8034
        assert theatre.is_running


async def test_the_pages_files_and_no_others_are_served(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        for path in (
            "/../views.py",
            "/%2e%2e/views.py",
            "/..%2fviews.py",
            "/page/../../views.py",
            "/etc/passwd",
            "//etc/passwd",
            "/texts/",
            "/index.html%00.js",
        ):
            refused(await screen.get(path), 404, 8035)
        refused(await screen.client.put("/api/state"), 415, 8034)
        refused(await screen.client.request("TRACE", "/api/state"), 415, 8034)
        refused(await screen.client.put("/api/state", json={}), 405, 8035)
        assert theatre.is_running


async def test_no_text_of_a_request_becomes_anything_but_json(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        for told in (
            await screen.post("/api/sessions", {"plan": SCRIPT, "patient": SCRIPT}),
            await screen.post(f"/api/alarms/{SCRIPT}/acknowledge"),
            await screen.post("/api/login", {"person": SCRIPT, "pin": SCRIPT}),
            await screen.get(f"/api/plans/{SCRIPT}"),
            await screen.get(f"/api/sessions/{SCRIPT}"),
            await screen.get(f"/{SCRIPT}"),
        ):
            assert told.status_code >= 400
            assert told.headers["content-type"] == "application/json"
            assert told.headers["x-content-type-options"] == "nosniff"
            assert re.search(r"^\{.*\}$", told.text, re.DOTALL)


async def test_cookies_and_headers_that_make_no_sense_are_nobodys(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        quoted = 'micropen_login="' + "\\" * 8_000 + '"'
        for cookie in (
            quoted,
            "micropen_login=" + "x" * 5_000,
            "\xff\xfe=;;;=",
            "micropen_login",
            "",
        ):
            told = await screen.client.get("/api/state", headers=[(b"cookie", cookie.encode())])
            assert told.status_code == 200
        double = [("Host", HOST), ("Host", "evil.example")]
        request = httpx.Request("GET", f"http://{HOST}/api/state", headers=double)
        refused(await screen.client.send(request), 403, 8033)
        assert theatre.is_running


# --- another address than loopback ---------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        Address("0.0.0.0"),
        Address("192.0.2.7", tls=True),
        Address("192.0.2.7", token="t" * 32),
        Address("192.0.2.7", tls=True, token="short"),
        Address("example.org", tls=False, token="t" * 32),
        Address("::", tls=True),
    ],
)
async def test_the_network_needs_tls_and_a_token(tmp_path: Path, address: Address) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        with pytest.raises(DoorNotSafe):
            make_app(screen.console, SameLoop(), address)
        assert theatre.is_running


@pytest.mark.hazard("H38")
async def test_elsewhere_the_token_is_shown_once_and_stop_needs_none(tmp_path: Path) -> None:
    address = renamed(elsewhere(), "room-1.local")
    async with room(tmp_path) as theatre, Screen(theatre, address=address) as screen:
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        base = "https://192.0.2.7:8443"
        screen.client.headers = {**PAGE_HEADERS, "Origin": base}
        screen.client.base_url = httpx.URL(base)
        refused(await screen.get("/api/state"), 401, 8033)
        refused(await screen.get("/api/state", **{"X-Micropen-Token": "u" * 32}), 401, 8033)
        assert (await screen.get("/")).status_code in (200, 404)  # holds the form for the token
        answer(await screen.post("/api/stop"))
        assert theatre.stage.phase == "latched"
        refused(await screen.post("/api/enter", {"token": "u" * 32}), 403, 8033)
        shown = await screen.post("/api/enter", {"token": "t" * 32})
        for word in ("HttpOnly", "SameSite=strict", "Secure"):
            assert word in shown.headers["set-cookie"]
        answer(await screen.get("/api/state"))
        told = await screen.get("/api/state", Host="room-1.local:8443", Origin="")
        assert told.status_code in (200, 401)
        refused(await screen.get("/api/state", Host="127.0.0.1:8443"), 403, 8033)


async def test_the_description_names_every_request(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        described = answer(await screen.get("/api/openapi.json"))
        posts = {path for path, ways in described["paths"].items() if "post" in ways}
        plain = {path.replace("stop-latched", "{alarm_id}") for path in ACTS}
        assert posts == plain | {"/api/stop"}
        page = (await screen.get("/api/docs")).text
        assert all(path in page for path in posts)
        assert "<script" not in page
        assert VIAL.keys() == described["components"]["schemas"]["VialRequest"]["properties"].keys()
        assert theatre.is_running
