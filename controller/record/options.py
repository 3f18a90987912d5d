"""Command-line options and exit codes that telemetry and archive have in common.

Why argparse: these two processes are kept small and need nothing else of the command line.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

from controller.errors import MicropenError
from controller.logs import set_up_logs
from controller.notify import Notifier
from controller.record.mqtt import Broker
from controller.turning import Turning

MOST_STILL_S = 60.0
"""The longest single wait is telemetry's back-off: 30 s and half as much again."""


def parser(name: str, purpose: str) -> argparse.ArgumentParser:
    """A parser with the options of the broker and the room."""
    options = argparse.ArgumentParser(prog=f"micropen {name}", description=purpose)
    options.add_argument("--broker", required=True, help="host:port")
    options.add_argument("--site", required=True, help="a-z, 0-9 and hyphen")
    options.add_argument("--room", required=True, help="a-z, 0-9 and hyphen")
    options.add_argument("--username")
    options.add_argument("--password-file", type=Path, help="its first line is the password")
    options.add_argument("--ca-file", type=Path, help="PEM; turns TLS on")
    options.add_argument(
        "--signing-key-file", type=Path, help="what telemetry and archive sign with"
    )
    return options


def broker_of(options: argparse.Namespace) -> Broker:
    """The broker that the options name.

    Raises:
        BrokerAddressRefused: E6002.
    """
    return Broker.parse(options.broker, options.username, options.password_file, options.ca_file)


def run_process(
    make: Callable[[], Coroutine[Any, Any, None]], still_s: float = MOST_STILL_S
) -> int:
    """Run until SIGTERM or SIGINT; gives the exit code and prints numbered errors.

    A service manager's watchdog is fed while the loop turns and the work has turned within
    `still_s` seconds; a broker that is down is no hang. Errors may come alone or in the group of a
    TaskGroup; the first gives the exit code. Log lines are JSON, except on a terminal.
    """
    set_up_logs(as_json=not sys.stderr.isatty())
    notifier = Notifier.from_environment()
    errors: list[MicropenError] = []
    try:
        asyncio.run(_until_signal(make, notifier, still_s))
    except* MicropenError as group:
        errors = list(_flat(group))
    for error in errors:
        sys.stderr.write(f"{error}\n")
    return errors[0].exit_code if errors else 0


def _flat(group: BaseExceptionGroup[MicropenError]) -> Iterator[MicropenError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error


async def _until_signal(
    make: Callable[[], Coroutine[Any, Any, None]], notifier: Notifier, still_s: float
) -> None:
    loop = asyncio.get_running_loop()
    work = Turning(make())
    running = loop.create_task(work)

    def end() -> None:
        notifier.tell("STOPPING=1")
        running.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    await asyncio.sleep(0)  # what is wrong from the beginning is known after its first turn
    if not running.done():
        await _feed(running, work, notifier, still_s)
    if not running.cancelled():
        running.result()


async def _feed(
    running: "asyncio.Task[None]", work: Turning[None], notifier: Notifier, still_s: float
) -> None:
    """Wait for the end of the work; until then, give the manager signs of its life."""
    loop, watchdog_s = asyncio.get_running_loop(), notifier.watchdog_s
    period_s = None if watchdog_s is None else watchdog_s / 3
    turns, since_s = 0, loop.time()
    ready = notifier.tell("READY=1")
    while not (await asyncio.wait({running}, timeout=period_s))[0]:
        if work.turns != turns:
            turns, since_s = work.turns, loop.time()
        if loop.time() - since_s <= still_s:
            ready = notifier.tell(*([] if ready else ["READY=1"]), "WATCHDOG=1")
