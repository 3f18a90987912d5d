"""The processes of a demo: started together, logged to files, ended in order."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

from controller.errors import ServiceError

READY_WITHIN_S = 15.0
END_WITHIN_S = 10.0
LOOPBACK = "127.0.0.1"
LAST_LINES = 4
"""A numbered error takes three lines, and one more may say where it happened."""


class ChildFailed(ServiceError):
    """A process of the demo did not start, or ended by itself."""

    number = 8020
    cause = "See its last words above."
    action = "Do what they say; on a fresh machine run `make setup` first."


class Child:
    """One process with its log file."""

    def __init__(self, name: str, arguments: list[str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._log_file: BinaryIO = self.log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._log_file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def require_running(self) -> None:
        """Raises ChildFailed when it has ended."""
        if not self.is_running:
            code = self.process.returncode
            said = f"the end of {self.log}:\n{self._last_words()}"
            raise ChildFailed(f"'{self.name}' ended with code {code}; {said}")

    def _last_words(self) -> str:
        lines = self.log.read_text("utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-LAST_LINES:])

    def end(self) -> int:
        """SIGTERM, then SIGKILL if it does not listen; returns the exit code."""
        if self.is_running:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log_file.close()
        return self.process.returncode


class Children:
    """All processes; whatever happens, none is left behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._all: list[Child] = []

    def start(self, name: str, *arguments: str) -> Child:
        """Start a Python process with its log in the run folder."""
        child = Child(name, list(arguments), self._folder)
        self._all.append(child)
        return child

    def end_all(self) -> None:
        """End what still runs, last started first."""
        for child in reversed(self._all):
            child.end()


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def wait_for_port(child: Child, port: int) -> None:
    """Wait until `child` accepts connections. Raises ChildFailed."""
    deadline_mono_s = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline_mono_s:
        child.require_running()
        try:
            socket.create_connection((LOOPBACK, port), timeout=1.0).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise ChildFailed(f"'{child.name}' does not listen on port {port}; see {child.log}.")


def wait_for_path(child: Child, path: Path) -> None:
    """Wait until `child` has made `path`. Raises ChildFailed."""
    deadline_mono_s = time.monotonic() + READY_WITHIN_S
    while not path.exists():
        child.require_running()
        if time.monotonic() >= deadline_mono_s:
            raise ChildFailed(f"'{child.name}' did not make {path}; see {child.log}.")
        time.sleep(0.02)
