"""The screen as a real process: uvicorn, its thread, the simulated pen as child, real sockets."""

import asyncio
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from controller.record.verify import verify
from controller.service.demo.children import free_port
from tests.support.bills import CONFIG
from tests.support.command_line import environment
from tests.support.processes import started, until
from tests.support.screen import PLAN

WITHIN_S = 30.0
HEADERS = {"X-Micropen": "1", "Sec-Fetch-Site": "same-origin"}
REAL = "processes, sockets and ptys have no virtual time"
BEFORE = """
import sys
import controller.service.cli
from controller.service.commands.run import run
from controller.record import telemetry
heavy = {"fastapi", "starlette", "uvicorn"} & set(sys.modules)
assert not heavy, heavy
"""


def test_nothing_but_the_serving_thread_reads_the_framework() -> None:
    subprocess.run([sys.executable, "-c", BEFORE], check=True, env=environment())


async def _state(client: httpx.AsyncClient) -> dict[str, Any]:
    return dict((await client.get("/api/state")).json())


async def _act(client: httpx.AsyncClient, path: str, body: Any = None) -> dict[str, Any]:
    told = await client.post(path, json=body or {}, timeout=WITHIN_S)
    assert told.status_code == 200, told.text
    return dict(told.json())


@pytest.mark.hazard("H34")
@pytest.mark.real_time(REAL)
async def test_first_run_without_hardware_stop_measured_and_a_deaf_page_beside_it(
    tmp_path: Path,
) -> None:
    line = (sys.executable, "-m", "controller.service", "serve", "--state", str(tmp_path))
    where = ("--config", str(CONFIG), "--port", str(tmp_path / "no-pen"), "--json-log")
    port = free_port()
    door = ("--listen", f"127.0.0.1:{port}")
    async with started(*line, *where, *door, ready=b"The screen is at") as service:
        address = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=address, headers=HEADERS) as client:
            first = await _state(client)
            assert first["pen"] is None
            assert first["checklist"][0]["ok"] is False
            view = await _act(client, "/api/training/start")
            assert view["simulated"]
            view = await _linked(client)
            assert view["pen"]["simulated"]
            await _act(client, "/api/training/start")  # again: another pen, a new cartridge
            again = await _linked(client, not_uid=view["pen"]["uid"])
            assert again["pen"]["uid"] != view["pen"]["uid"]
            deaf = _deaf(address)
            latencies = []
            for _ in range(5):
                told = await _act(client, "/api/stop")
                latencies.append(told["latency_ms"])
                await _act(client, "/api/sessions/current/clear")
            assert all(latency is not None for latency in latencies)
            assert min(latencies) < 100.0
            view = await _act(client, "/api/self-test")
            assert view["stop"]["self_test"]["latency_ms"] > 0
            preview = await _act(client, "/api/sessions/preview", {"plan": PLAN})
            assert preview["plan"]["zones"]
            events = await _events(address)
            assert orjson.loads(events["view"])["pen"]["connected"]
            view = await _act(client, "/api/training/end")
            assert view["pen"] is None or not view["pen"]["connected"]
            deaf.close()
        service.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(service.wait(), WITHIN_S) == 0
    assert verify(tmp_path / "training" / "journal").ok
    assert verify(tmp_path / "journal").ok


async def _linked(client: httpx.AsyncClient, not_uid: str = "") -> dict[str, Any]:
    async with asyncio.timeout(WITHIN_S):
        while True:
            view = await _state(client)
            pen = view["pen"] or {"connected": False, "uid": not_uid}
            if pen["connected"] and pen["uid"] != not_uid and "open" in view["allowed"]:
                return view
            await asyncio.sleep(0)


def _deaf(address: str) -> socket.socket:
    """A page that asks for the stream and never reads it, with the smallest buffer there is."""
    url = httpx.URL(address)
    page = socket.socket()
    page.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    page.connect((url.host, url.port))
    page.sendall(f"GET /api/events HTTP/1.1\r\nHost: {url.host}:{url.port}\r\n\r\n".encode())
    return page


async def _events(address: str) -> dict[str, str]:
    """The first event of each name."""
    found: dict[str, str] = {}
    async with (
        httpx.AsyncClient(base_url=address, headers=HEADERS, timeout=WITHIN_S) as client,
        client.stream("GET", "/api/events") as stream,
    ):
        name = ""
        async for row in stream.aiter_lines():
            if row.startswith("event: "):
                name = row.removeprefix("event: ")
            elif row.startswith("data: "):
                found[name] = row.removeprefix("data: ")
            if {"view", "strip"} <= found.keys():
                break
    return found


@pytest.mark.real_time(REAL)
async def test_a_door_to_the_network_is_refused_before_anything_starts(tmp_path: Path) -> None:
    line = (sys.executable, "-m", "controller.service", "serve", "--state", str(tmp_path / "s"))
    child = await asyncio.create_subprocess_exec(
        *line,
        *("--config", str(CONFIG), "--listen", "0.0.0.0:0"),
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(child.communicate(), WITHIN_S)
    assert b"E8037" in said
    assert child.returncode != 0
    assert not (tmp_path / "s").exists()
    await until(lambda: child.returncode is not None, WITHIN_S)
