"""A small service manager for tests: starts a unit, hears it, bites, starts it again.

Honours NOTIFY_SOCKET (of the main process alone), WATCHDOG_USEC, LISTEN_FDS and LISTEN_PID, the
Restart= and StartLimit* keys, as systemd.service(5) and sd_notify(3) say. It gives no sandbox and
no other user; a root folder of its own, if told.
"""

import asyncio
import os
import signal
import socket
import struct
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Final, Self

from tests.support.unit_file import Service, Socket

_HAND_OVER: Final = Path(__file__).with_name("hand_over.py")
_CREDENTIALS: Final = struct.Struct("3i")
_MICRO: Final = 1_000_000


@dataclass(frozen=True)
class Event:
    """What happened, when, and with which process: started, ready, told, bite, exited, failed."""

    kind: str
    mono_s: float
    pid: int
    detail: str = ""


class Supervisor:
    """Keeps one service of one unit running. `async with` listens, and lets go of everything.

    environment: beside the unit's own. root: a folder that the program sees as `/`.
    """

    def __init__(
        self,
        service: Service,
        sockets: Socket | None,
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        root: Path | None = None,
    ) -> None:
        self.service = service
        self.events: list[Event] = []
        self.status = ""
        self.log = folder / "unit.log"
        self._sockets = sockets
        self._environment = dict(environment or {})
        self._root = root
        self._listening: list[socket.socket] = []
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        # A path, as systemd's own: an abstract name does not reach into a network namespace.
        self._notify_path = (root / "run" if root else folder) / "notify"
        self._child: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._told_to_stop: asyncio.Future[None] = self._loop.create_future()
        self._deadline_mono_s = inf
        self._is_ready = False

    async def __aenter__(self) -> Self:
        self._notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._notify.bind(str(self._notify_path))
        self._notify_path.chmod(0o666)
        self._loop.add_reader(self._notify.fileno(), self._hear)
        if self._sockets is not None:
            self._listening = [_listen(each) for each in self._sockets.streams]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
        if not self._told_to_stop.done():
            self._told_to_stop.set_result(None)
        if self._keeping is not None:
            await self._keeping
        self._loop.remove_reader(self._notify.fileno())
        for each in (self._notify, *self._listening):
            each.close()
        self._notify_path.unlink()

    # --- what a test asks ------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """The main process."""
        assert self._child is not None, "it has not been started"
        return self._child.pid

    @property
    def port(self) -> int:
        """The first port that is listened on."""
        port: int = self._listening[0].getsockname()[1]
        return port

    def count(self, kind: str) -> int:
        """How often something happened."""
        return sum(event.kind == kind for event in self.events)

    def last(self, kind: str) -> Event:
        """When it happened last."""
        return [event for event in self.events if event.kind == kind][-1]

    def words(self) -> str:
        """What the service wrote to its log."""
        return self.log.read_text("utf-8", errors="replace")

    async def start(self) -> None:
        """As `systemctl start`: begin to keep it running, and return when it is ready."""
        self._keeping = asyncio.create_task(self._keep(), name="supervisor")
        await self.until("ready", self.service.start_within_s)

    async def until(self, kind: str, within_s: float, count: int = 1) -> Event:
        """Wait until something has happened so often, in all."""
        async with asyncio.timeout(within_s):
            while self.count(kind) < count:
                assert not self._is_over(), f"it has ended for good:\n{self.words()[-3_000:]}"
                await self._next()
        return [event for event in self.events if event.kind == kind][count - 1]

    async def until_status(self, words: str, within_s: float) -> None:
        """Wait for a status with these words in it."""
        async with asyncio.timeout(within_s):
            while words not in self.status:
                await self._next()

    async def stop(self) -> int:
        """As `systemctl stop`: SIGTERM, patience, SIGKILL. Gives the exit code."""
        assert self._keeping is not None
        self._told_to_stop.set_result(None)
        await self._keeping
        return int(self.last("exited").detail)

    # --- keeping it running ----------------------------------------------------------------------

    def _is_over(self) -> bool:
        return self._keeping is not None and self._keeping.done()

    async def _keep(self) -> None:
        while not self._told_to_stop.done():
            if self._starts_too_often():
                self._tell("failed", "start limit")
                return
            code, was_bitten = await self._run_once()
            self._tell("exited", str(code))
            if not self.service.restarts_after(code, was_bitten=was_bitten):
                return
            await asyncio.wait({self._told_to_stop}, timeout=self.service.restart_s)

    def _starts_too_often(self) -> bool:
        since_mono_s = self._loop.time() - self.service.start_limit_s
        recent = [e for e in self.events if e.kind == "started" and e.mono_s > since_mono_s]
        return self.service.start_limit_s > 0 and len(recent) >= self.service.start_limit_burst

    async def _run_once(self) -> tuple[int, bool]:
        """Start it and see it to its end: its code, and whether the watchdog bit."""
        self._is_ready = False
        self._deadline_mono_s = self._loop.time() + self.service.start_within_s
        child = self._child = await self._spawn()
        self._tell("started")
        exited = asyncio.create_task(child.wait(), name="supervised child")
        was_bitten = told = False
        while not exited.done():
            if self._told_to_stop.done() and not told:
                told = True
                self._signal(child, signal.SIGTERM, self.service.stop_within_s)
            if self._loop.time() >= self._deadline_mono_s:
                was_bitten |= self._is_late(child)
            await self._look_again([exited] if told else [exited, self._told_to_stop])
        return exited.result(), was_bitten

    async def _look_again(self, watched: Iterable["asyncio.Future[Any]"]) -> None:
        news = asyncio.create_task(self._news.wait(), name="supervisor's news")
        left_s = max(0.0, self._deadline_mono_s - self._loop.time())
        await asyncio.wait(
            {news, *watched},
            timeout=None if left_s == inf else left_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        news.cancel()
        await asyncio.gather(news, return_exceptions=True)

    def _is_late(self, child: asyncio.subprocess.Process) -> bool:
        """The deadline has passed: bite what runs, kill what does not start or end."""
        if not self._is_ready:
            self._signal(child, signal.SIGKILL, inf)
            return False
        self._tell("bite", self.status)
        number = signal.Signals[self.service.watchdog_signal]
        self._signal(child, number, self.service.stop_within_s)
        return True

    def _signal(self, child: asyncio.subprocess.Process, number: int, patience_s: float) -> None:
        self._is_ready = False
        self._deadline_mono_s = self._loop.time() + patience_s
        if child.returncode is None:
            child.send_signal(number)

    async def _spawn(self) -> asyncio.subprocess.Process:
        fds = [each.fileno() for each in self._listening]
        command = self.service.exec_start
        if fds or self._root is not None:
            numbers = ",".join(map(str, fds)) or "-"
            launcher = (sys.executable, "-I", "-S", str(_HAND_OVER), numbers)
            command = (*launcher, str(self._root or "-"), *command)
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command,
                env=self._environ(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=fds,
            )

    def _environ(self) -> dict[str, str]:
        environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        environ |= {**self.service.environment, **self._environment}
        environ["NOTIFY_SOCKET"] = "/run/notify" if self._root else str(self._notify_path)
        if self.service.watchdog_s != inf:
            environ["WATCHDOG_USEC"] = str(round(self.service.watchdog_s * _MICRO))
        if self._sockets is not None:
            environ["LISTEN_FDS"] = str(len(self._listening))
            environ["LISTEN_FDNAMES"] = ":".join([self._sockets.name] * len(self._listening))
        return environ

    # --- what it says ----------------------------------------------------------------------------

    def _hear(self) -> None:
        while True:
            try:
                said, ancillary, _, _ = self._notify.recvmsg(
                    4_096, socket.CMSG_SPACE(_CREDENTIALS.size)
                )
            except BlockingIOError:
                return
            (sender, *_rest) = _CREDENTIALS.unpack(ancillary[0][2])
            if self._child is not None and sender == self._child.pid:
                for line in said.decode().splitlines():
                    self._take(*line.split("=", 1))

    def _take(self, name: str, value: str) -> None:
        now_mono_s, watchdog_s = self._loop.time(), self.service.watchdog_s
        match name:
            case "READY":
                self._is_ready = True
                self._deadline_mono_s = now_mono_s + watchdog_s
                self._tell("ready")
            case "WATCHDOG" if self._is_ready:
                self._deadline_mono_s = now_mono_s + watchdog_s
                self._tell("fed")
            case "STATUS":
                self.status = value
                self._tell("told", value)
            case "STOPPING":
                self._is_ready = False
                self._deadline_mono_s = now_mono_s + self.service.stop_within_s
                self._tell("stopping")
            case "EXTEND_TIMEOUT_USEC" if not self._is_ready:
                wanted_mono_s = now_mono_s + int(value) / _MICRO
                self._deadline_mono_s = max(self._deadline_mono_s, wanted_mono_s)
                self._tell("extended", value)
            case _:
                pass

    def _tell(self, kind: str, detail: str = "") -> None:
        self.events.append(Event(kind, self._loop.time(), self.pid if self._child else 0, detail))
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _next(self) -> None:
        await self._news.wait()


def _listen(stream: str) -> socket.socket:
    """One ListenStream=: a path, `host:port`, or a port; port 0 is whichever is free."""
    if stream.startswith("/"):
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(stream)
    else:
        host, _, port = stream.rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host.strip("[]") or "127.0.0.1", int(port)))
    listening.listen(64)
    return listening
