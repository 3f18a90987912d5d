"""The embedded MQTT broker of the demo and of tests: `python -m controller.record.broker --port N`.

Loopback only, no password, nothing kept over a restart; a treatment room uses mosquitto. The only
importer of amqtt, which is part of the demo extra.
"""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final

from controller.errors import BrokerNotInstalled, MicropenError

HOST: Final = "127.0.0.1"
READY: Final = "ready"
"""The one line on stdout, once connections are accepted."""


def broker_command(port: int) -> list[str]:
    """The command that starts the broker as a child process."""
    return [sys.executable, "-m", "controller.record.broker", "--port", str(port)]


def require_embedded_broker() -> None:
    """Raises BrokerNotInstalled without the demo extra."""
    if find_spec("amqtt") is None:
        raise BrokerNotInstalled("There is no embedded broker here.")


async def serve(port: int) -> None:
    """Be a broker until SIGTERM or SIGINT.

    Raises:
        BrokerNotInstalled: E6003.
    """
    require_embedded_broker()
    from amqtt.broker import Broker  # noqa: PLC0415 - an extra; its absence has a number
    from amqtt.contexts import BrokerConfig, ListenerConfig  # noqa: PLC0415 - as above

    config = BrokerConfig(
        listeners={"default": ListenerConfig(bind=f"{HOST}:{port}")},
        plugins={
            "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
        },
    )
    broker = Broker(config)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await broker.start()
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    await stop.wait()
    await broker.shutdown()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a process until SIGTERM; gives the exit code."""
    parser = argparse.ArgumentParser(description="MQTT broker for demo and tests, loopback only.")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    try:
        asyncio.run(serve(given.port))
    except MicropenError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
