"""`micropen serve` as it ships, on a simulated pen that runs at 150 Hz, in a folder of its own."""

import json
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from controller.service.demo.children import (
    LOOPBACK,
    Children,
    free_port,
    wait_for_path,
    wait_for_port,
)
from tests.benchmark.figures import pause
from tests.benchmark.stage import CONFIG, PLAN, SCENARIO

WITHIN_S: Final = 30.0
SESSION: Final = {"plan": PLAN.stem, "patient": "benchmark"}
CURRENT: Final = "/api/sessions/current"
RUNNING_PUNCTURES: Final = 45
"""0.3 s at 150 Hz."""


class Arrival(msgspec.Struct, frozen=True):
    """When a STOP was on the pty, and when the pen's echo of it."""

    sent_ns: int
    echoed_ns: int


class Tapped:
    """What the tap saw, by stop id."""

    def __init__(self, tap: "subprocess.Popen[str]") -> None:
        assert tap.stdout is not None
        self._lines = tap.stdout
        self.path = Path(self._lines.readline().strip())
        self.arrivals: dict[int, Arrival] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._lines:
            stop_id, sent_ns, echoed_ns = map(int, line.split())
            self.arrivals[stop_id] = Arrival(sent_ns, echoed_ns)


class Room(msgspec.Struct, frozen=True):
    """A controller that serves its screen at `address`. `tapped` is None without a tap."""

    address: str
    controller_pid: int
    tapped: Tapped | None

    def ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """GET, or POST with a body, as a page of the same origin would."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"X-Micropen": "1", "Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, content, headers)
        with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first view that fits. Raises TimeoutError."""
        deadline_mono_s = time.monotonic() + WITHIN_S
        while not condition(view := self.ask("/api/state")):
            if time.monotonic() > deadline_mono_s:
                raise TimeoutError(f"The controller is not so within {WITHIN_S:.0f} s: {view}")
            pause(0.05)
        return view

    def start_session(self) -> None:
        """Open the session of the plan at 150 Hz, without any page."""
        self.until(lambda view: "open" in view["allowed"])
        self.ask("/api/sessions", SESSION)

    def treat(self) -> None:
        """Arm, and wait until the needles have run for a moment."""
        self.until(lambda view: "treat" in view["allowed"])
        made = _punctures(self.ask(f"{CURRENT}/treat", {}))
        self.until(lambda view: _punctures(view) >= made + RUNNING_PUNCTURES)

    def clear(self) -> None:
        """Unlatch the stop, and wait until the pen can be armed or stopped again."""
        self.until(lambda view: "clear" in view["allowed"])
        self.ask(f"{CURRENT}/clear", {})
        self.until(lambda view: not view["pen"]["flags"]["stop_latched"])


def _punctures(view: dict[str, Any]) -> int:
    return sum(zone["punctures"] for zone in view["session"]["zones"])


@contextmanager
def room(folder: Path, *, tapped: bool) -> Iterator[Room]:
    """Pen, tap and controller; all gone at the end. `folder` is made."""
    folder.mkdir()
    children = Children(folder)
    try:
        where = ["--pty", str(folder / "pen"), "--scenario", str(SCENARIO)]
        pen = children.start("pen", "-m", "simulator", *where, "--nvm", str(folder / "pen.life"))
        wait_for_path(pen, folder / "pen")
        if not tapped:
            yield _serve(children, folder, folder / "pen", None)
            return
        line = [sys.executable, "-m", "tests.benchmark.tap", str(folder / "pen")]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as tap:
            try:
                seen = Tapped(tap)
                yield _serve(children, folder, seen.path, seen)
            finally:
                tap.terminate()
    finally:
        children.end_all()


def _serve(children: Children, folder: Path, pen: Path, tapped: Tapped | None) -> Room:
    config, port = folder / "config", free_port()
    shutil.copytree(CONFIG, config)
    shutil.copy(PLAN, config / "plans")
    files = ["--config", str(config), "--state", str(folder / "state"), "--json-log"]
    where = ["--port", str(pen), "--listen", f"{LOOPBACK}:{port}"]
    line = ["-m", "controller.service", "serve", *files, *where]
    controller = children.start("controller", *line)
    wait_for_port(controller, port)
    return Room(f"http://{LOOPBACK}:{port}", controller.process.pid, tapped)
