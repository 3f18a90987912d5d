"""`micropen` with a hang inside, for a supervisor's tests: `python hanging.py serve ...`.

SIGUSR1 blocks the loop that drives the pen for ever; SIGUSR2 lets the pen line's task wait for what
never comes, while the loop turns. Nothing of this is in the program itself.
"""

import asyncio
import signal
import threading
from typing import Any

from controller.pen.follow import Follower
from controller.service.app import Service
from controller.service.cli import main

_start = Service.start


def _block() -> None:
    threading.Event().wait()


async def _never(*_: Any) -> None:
    await asyncio.get_running_loop().create_future()


async def _start_with_signals(self: Service, config_digest: str) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, _block)
    loop.add_signal_handler(signal.SIGUSR2, setattr, Follower, "_wait", _never)
    await _start(self, config_digest)


if __name__ == "__main__":
    setattr(Service, "start", _start_with_signals)  # noqa: B010 - mypy: no method is assigned
    main()
