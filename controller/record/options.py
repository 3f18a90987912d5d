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
from controller.record.mqtt import Broker


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


def run_process(make: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run until SIGTERM or SIGINT; gives the exit code and prints numbered errors.

    Errors may come alone or in the group of a TaskGroup; the first gives the exit code. Log lines
    are JSON, except on a terminal.
    """
    set_up_logs(as_json=not sys.stderr.isatty())
    errors: list[MicropenError] = []
    try:
        asyncio.run(_until_signal(make))
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


async def _until_signal(make: Callable[[], Coroutine[Any, Any, None]]) -> None:
    loop = asyncio.get_running_loop()
    running = loop.create_task(make())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, running.cancel)
    await asyncio.wait({running})
    if not running.cancelled():
        running.result()
