"""Starts the child process that makes a report, one at a time, and waits for it in a thread."""

import asyncio
import subprocess
import sys
from pathlib import Path

import orjson

from controller.console.errors import ReportFailed
from controller.errors import UnknownSession

REPORT = "controller.console.report"
WITHIN_S = 120.0
"""A day's journal is read in some seconds on a Pi (engineering estimate)."""
MOST_BYTES = 64 * 1024 * 1024
_UNKNOWN = UnknownSession.number


class Reports:
    """Asks for files of `python -m MODULE WHAT JOURNAL ID`, in the thread that speaks HTTP."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def make(
        self, what: str, journal: Path, session_id: str = "", *, module: str = REPORT
    ) -> bytes:
        """The report's bytes. Raises UnknownSession, ReportFailed."""
        line = [sys.executable, "-m", module, what, str(journal), session_id]
        async with self._one_at_a_time:
            loop = asyncio.get_running_loop()
            done = await loop.run_in_executor(None, _run, line)
        if done is None:
            raise ReportFailed(f"The report was not ready within {WITHIN_S:.0f} s.")
        if done.returncode != 0:
            raise _failed(done.stderr)
        if len(done.stdout) > MOST_BYTES:
            raise ReportFailed("The report is too large for the screen.")
        return done.stdout


def _run(line: list[str]) -> subprocess.CompletedProcess[bytes] | None:
    try:
        return subprocess.run(
            line, stdin=subprocess.DEVNULL, capture_output=True, timeout=WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired:
        return None


def _failed(said: bytes) -> UnknownSession | ReportFailed:
    try:
        told = orjson.loads(said)
    except orjson.JSONDecodeError:
        return ReportFailed("The process that makes reports ended without a report.")
    if told.get("number") == _UNKNOWN:
        return UnknownSession(str(told["what"]))
    return ReportFailed(f"E{told['number']} {told['what']}", action=str(told["action"]))
