"""`micropen serve` under a service manager: ready, fed, bitten when it hangs, and its port kept.

The unit files are those that ship; a drop-in replaces the command and shortens the waits. The
manager is `tests/support/supervisor.py`, because systemd itself runs in no test.
"""

import asyncio
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.record.verify import verify
from protocol.limits import BRAKE_TO_REST_MAX_US, LEASE_HOST_MAX_US
from tests.support.bills import CONFIG
from tests.support.command_line import ROOT
from tests.support.processes import until_answer
from tests.support.real_room import PenProcess, journal_of, judged, pen_process, write_plan
from tests.support.supervisor import Supervisor
from tests.support.unit_file import Service, Socket

pytestmark = [
    pytest.mark.real_time("processes, sockets and a pty have no virtual time"),
    pytest.mark.slow,
]

UNITS = ROOT / "config" / "systemd"
WATCHDOG_S = 2.0
WITHIN_S = 30.0
PUNCTURES = 60
REST_US = LEASE_HOST_MAX_US + BRAKE_TO_REST_MAX_US + 100_000
"""Lease and braking (C5, C6), and a tenth of a second for two processes on a busy machine."""
HEADERS = {"X-Micropen": "1", "Sec-Fetch-Site": "same-origin"}
SESSION = "/api/sessions/current"
NO_NETWORK = ("unshare", "--net")
DROP_IN = """
[Unit]
StartLimitBurst=4
[Service]
ExecStart=
ExecStart={command}
Environment=PYTHONPATH={root} MICROPEN_BUNDLES=0
WatchdogSec={watchdog_s}
RestartSec=100ms
[Socket]
ListenStream=
ListenStream=127.0.0.1:0
"""


def supervisor(folder: Path, port: Path, *program: str, before: tuple[str, ...] = ()) -> Supervisor:
    """The shipped units around a program in this folder."""
    config = folder / "config"
    if not config.exists():
        shutil.copytree(CONFIG, config)
        shutil.copy(write_plan(folder, PUNCTURES), config / "plans" / "many_small_doses.toml")
    where = ("--config", str(config), "--state", str(folder / "state"), "--port", str(port))
    command = shlex.join([*before, sys.executable, *program, "serve", "--json-log", *where])
    drop_in = DROP_IN.format(command=command, root=ROOT, watchdog_s=WATCHDOG_S)
    service = Service.read(UNITS / "micropen-controller.service", drop_in)
    door = Socket.read(UNITS / "micropen-console.socket", drop_in)
    return Supervisor(service, door, folder)


def can_leave_the_network() -> bool:
    return subprocess.run([*NO_NETWORK, "true"], check=False, capture_output=True).returncode == 0


def _interfaces(pid: int) -> set[str]:
    lines = Path(f"/proc/{pid}/net/dev").read_text("utf-8").splitlines()[2:]
    return {line.partition(":")[0].strip() for line in lines}


class Page:
    """What a page asks, on the port that the supervisor listens on."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def view(self) -> dict[str, Any]:
        return dict((await self._client.get("/api/state")).json())

    async def act(self, path: str, body: Any = None) -> dict[str, Any]:
        told = await self._client.post(path, json=body or {})
        assert told.status_code == 200, told.text
        return dict(told.json())

    async def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        return await until_answer(self.view, condition)


def page_of(manager: Supervisor) -> httpx.AsyncClient:
    address = f"http://127.0.0.1:{manager.port}"
    return httpx.AsyncClient(base_url=address, headers=HEADERS, timeout=WITHIN_S)


def given(view: dict[str, Any]) -> int:
    return sum(zone["punctures"] for zone in view["session"]["zones"])


async def open_session(page: Page) -> None:
    """Open and prime."""
    await page.until(lambda view: "open" in view["allowed"])
    now = datetime.now(UTC)
    vial = {
        "lot": "T1",
        "expiry": f"{now + timedelta(days=9):%F}",
        "reconstituted_at_wall": (now - timedelta(hours=1)).isoformat(),
    }
    await page.act("/api/sessions", {"plan": "many_small_doses", "patient": "p-1", "vial": vial})
    await page.until(lambda view: "prime" in view["allowed"])
    await page.act(f"{SESSION}/prime")
    await page.until(lambda view: "treat" in view["allowed"] and not _needs_prime(view))


def _needs_prime(view: dict[str, Any]) -> bool:
    return bool(view["session"]["syringe"]["needs_prime"])


def _is_ready(view: dict[str, Any]) -> bool:
    return view["session"] is not None and view["session"]["state"] == "ready"


async def treat(page: Page) -> None:
    """Arm, and wait until the needles have run for a moment."""
    view = await page.until(lambda view: "treat" in view["allowed"])
    before = given(view)
    await page.act(f"{SESSION}/treat")
    await page.until(lambda view: given(view) >= before + 3)


async def bitten(
    manager: Supervisor, pen: PenProcess, number: signal.Signals
) -> Awaitable[httpx.Response]:
    """Hang it, see the pen rest, then the bite; a request that is made before the next start."""
    bites = manager.count("bite")
    manager_pid, hung = manager.pid, await pen.oracle()
    os.kill(manager_pid, number)
    await manager.until("bite", WITHIN_S, bites + 1)
    client = page_of(manager)

    async def ask() -> httpx.Response:
        async with client:
            return await client.get("/api/state")

    asked = asyncio.create_task(ask())
    seen = await pen.oracle()
    assert manager.pid == manager_pid, "the oracle was asked before the next start"
    if number is signal.SIGUSR1:
        assert seen.moved_us - hung.world_us <= REST_US
        assert seen.world_us - seen.moved_us >= (WATCHDOG_S - 1.0) * 1e6 - REST_US
    return asked


@pytest.mark.hazard("H09", "H08")
async def test_a_hung_service_is_bitten_and_started_again_and_nothing_is_given_twice(
    tmp_path: Path,
) -> None:
    hanging = str(ROOT / "tests" / "support" / "hanging.py")
    async with (
        pen_process(tmp_path) as pen,
        supervisor(tmp_path, pen.port, hanging) as manager,
    ):
        await manager.start()
        await manager.until_status("pen ready", WITHIN_S)
        async with page_of(manager) as client:
            page = Page(client)
            await open_session(page)
            await treat(page)
            asked = await bitten(manager, pen, signal.SIGUSR1)
        await manager.until("ready", WITHIN_S, 2)
        assert (await asked).status_code == 200
        async with page_of(manager) as client:
            page = Page(client)
            await treat(page)
            asked = await bitten(manager, pen, signal.SIGUSR2)
            assert "pen line has not turned" in manager.last("bite").detail
        await manager.until("ready", WITHIN_S, 3)
        assert (await asked).status_code == 200
        async with page_of(manager) as client:
            page = Page(client)
            while given(await page.until(_is_ready)) < PUNCTURES:
                await page.until(lambda view: "treat" in view["allowed"])
                await page.act(f"{SESSION}/treat")
        assert await manager.stop() == 0
        referee = await judged(pen, tmp_path)
        totals = (await pen.oracle()).totals
    assert [event.detail for event in manager.events if event.kind == "exited"] == ["-6", "-6", "0"]
    assert "Current thread" in manager.words(), "the fault handler says where each thread was"
    assert referee.open_arms == referee.residuals == []
    assert sum(arm.certain[0] for arm in referee.arms.values()) == totals.punctures == PUNCTURES
    assert sum(arm.certain[1] for arm in referee.arms.values()) == totals.forward_steps
    assert verify(journal_of(tmp_path)).ok


async def test_ready_means_that_the_page_answers_and_stopping_is_said(tmp_path: Path) -> None:
    """Without a pen; the socket is the supervisor's, and stays open when the service is gone.

    Where this user may make one, in a network namespace with nothing in it, as PrivateNetwork=yes.
    """
    program = ("-m", "controller.service")
    before = NO_NETWORK if can_leave_the_network() else ()
    async with supervisor(tmp_path, tmp_path / "no-pen", *program, before=before) as manager:
        await manager.start()
        async with page_of(manager) as client:
            assert (await client.get("/")).status_code == 200
            assert (await Page(client).view())["pen"] is None
            refused = await client.get("/api/state", headers={"Host": "evil.example"})
            assert refused.status_code == 403
        await manager.until_status("waiting for the pen: There is no serial port", WITHIN_S)
        await manager.until("fed", WITHIN_S, 4)
        if before:
            assert _interfaces(manager.pid) == {"lo"}
        assert await manager.stop() == 0
        kinds = [event.kind for event in manager.events]
        assert kinds.index("ready") < kinds.index("stopping") < kinds.index("exited")
        assert kinds.index("extended") < kinds.index("ready"), "a long record gets its time"
        assert manager.count("bite") == 0
        _, connected = await asyncio.open_connection("127.0.0.1", manager.port)
        connected.close()
        await connected.wait_closed()
