"""SIGTERM in the middle of a session by the command line, and going on with it."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.command_line import command, in_process, micropen
from tests.support.inputs import CONFIG
from tests.support.processes import simulated_pen, started

SCENARIO = CONFIG / "simulator" / "micro_dosing.toml"


def begin(where: tuple[str | Path, ...]) -> list[str | Path]:
    """Treat by the short plan with a fresh vial."""
    now = datetime.now(UTC)
    vial = ("--lot", "L1", "--expiry", f"{now + timedelta(days=9):%F}")
    mixed = ("--reconstituted-at", (now - timedelta(hours=1)).isoformat())
    return ["run", "--program", "--json-log", "--plan", "short_check", *vial, *mixed, *where]


@pytest.mark.hazard("H02")
@pytest.mark.real_time("processes and a pty")
async def test_a_stopped_service_leaves_the_session_open_and_resumes(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with simulated_pen(tmp_path, SCENARIO) as pen:
        where = ("--config", CONFIG, "--state", state, "--port", pen)
        async with started(*command(*begin(where)), ready=b'"after":"running"') as service:
            service.terminate()
            said, _ = await service.communicate()
        assert service.returncode == 80
        assert "E8010 The session stays open." in said.decode()
        again = await asyncio.to_thread(micropen, *begin(where))
        assert (again.code, again.number) == (40, 4034)
        resumed = await asyncio.to_thread(micropen, "run", "--program", "--resume", *where)
    assert resumed.code == 0, resumed.err
    shown = json.loads(in_process("session", "show", "--state", state, "--json").out)
    assert shown["outcome"] == "complete"
    assert [zone["punctures_possible"] for zone in shown["account"]["zones"]] == [4, 4]
