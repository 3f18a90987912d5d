"""After a recording a bundle: made by a process of its own, at the lowest priority, left to itself.

The service neither waits for it nor ends with it; under systemd it ends with the unit.
"""

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Final

import structlog

from controller.clock import Clock

APART_S: Final = 60.0
"""A recording reaches 60 s back: bundles of one trouble need not overlap."""
SWITCH: Final = "MICROPEN_BUNDLES"
"""Set to 0 in the environment, only recordings are left: for a machine with little room."""
_DETACHED: Final = 'nice -n 19 "$@" </dev/null >/dev/null 2>&1 &'

log = structlog.get_logger("flight")


class Bundler:
    """Starts `micropen support-bundle` for a fault, at most once a minute."""

    def __init__(self, state: Path, config: Path, clock: Clock) -> None:
        self._state = state
        self._config = config
        self._clock = clock
        self._last_mono_s = float("-inf")

    async def __call__(self, recording: Path) -> None:
        """A recording was written."""
        now_mono_s = self._clock.mono_s()
        if now_mono_s - self._last_mono_s < APART_S:
            return
        self._last_mono_s = now_mono_s
        words = command(self._state, self._config, recording)
        try:
            child = await asyncio.create_subprocess_exec("/bin/sh", "-c", _DETACHED, "sh", *words)
            await child.wait()
        except OSError as error:
            log.error("no support bundle", error=str(error))


def are_wanted() -> bool:
    """Whether this machine makes bundles by itself."""
    return os.environ.get(SWITCH) != "0"


def command(state: Path, config: Path, recording: Path) -> list[str]:
    """The command line that makes the bundle of a recording's fault."""
    reason = re.sub(r"^flight-\d+-", "", recording.stem)
    where = ["--state", str(state.absolute()), "--config", str(config.absolute())]
    words = ["-m", "controller.service", "support-bundle", *where, "--of-fault", reason]
    return [sys.executable, *words]
