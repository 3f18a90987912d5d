"""A simulated pen as a process, at a pty, whose hand and power switch obey a Unix socket.

`python -m tests.support.handled_pen PTY SOCKET [SCENARIO]` is the pen; with the socket alone it is
a jig: it passes lines of its input on and writes the answers, as `--jig` wants it.
"""

import asyncio
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from simulator.attach import PtyAttachment
from simulator.driver import Driver
from simulator.scenario import load
from simulator.world import World
from tests.conformance.world_rig import still_scenario


class HandledPen:
    """One pen and whoever handles it."""

    def __init__(self, pty: Path, world: World) -> None:
        loop = asyncio.get_running_loop()
        self._driver = Driver(world, loop)
        self._pty = PtyAttachment(self._driver, pty, loop)
        self._pty.plug()
        self._acts: dict[str, Callable[[], None]] = {
            "press": lambda: world.press(held=True),
            "release": lambda: world.press(held=False),
            "touch": lambda: world.touch(touching=True),
            "lift": lambda: world.touch(touching=False),
            "power": lambda: world.cut_power(self._driver.now_us()),
        }

    async def obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Do what each line says, and answer it."""
        while line := await reader.readline():
            self._driver.run()
            self._acts[line.decode().strip()]()
            self._driver.run()
            writer.write(b"done\n")
        writer.close()


async def pen(pty: Path, control: Path, scenario: Path | None) -> None:
    """Run until killed."""
    world = World(load(scenario) if scenario else still_scenario())
    handled = HandledPen(pty, world)
    server = await asyncio.start_unix_server(handled.obey, control)
    sys.stdout.write(f"pen at {pty}\n")
    sys.stdout.flush()
    await server.serve_forever()


def jig(control: Path) -> None:
    """Pass on lines until the input ends."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(control))
        while act := sys.stdin.buffer.readline():
            line.sendall(act)
            sys.stdout.buffer.write(line.recv(64))
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    paths = [Path(word) for word in sys.argv[1:]]
    if len(paths) == 1:
        jig(paths[0])
    else:
        asyncio.run(pen(paths[0], paths[1], paths[2] if len(paths) > 2 else None))
