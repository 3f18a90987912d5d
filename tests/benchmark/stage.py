"""Every process of a treatment at 150 Hz, in a folder of its own: pen, broker, archive, telemetry
and controller, as `micropen simulate` starts them, with a plan and a hand made for measuring.
"""

import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from controller.errors import JournalMissing
from controller.record.broker import broker_command
from controller.record.reader import JournalReader
from controller.service.demo.children import (
    LOOPBACK,
    Child,
    ChildFailed,
    Children,
    free_port,
    wait_for_path,
    wait_for_port,
)
from tests.benchmark.figures import pause

HERE: Final = Path(__file__).parent
PLAN: Final = HERE / "cadence_150.toml"
SCENARIO: Final = HERE / "gliding_pen.toml"
CONFIG: Final = HERE.parents[1] / "config"
RUNNING_WITHIN_S: Final = 30.0


class Stage:
    """One treatment under way. Use as a context manager; `folder` must be empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pen_path = folder / "pen"
        self.journal = folder / "journal"
        self._children = Children(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._children.end_all()

    def start_pen(self) -> Child:
        """The simulated pen and the hand that holds it."""
        where = ["--pty", str(self.pen_path), "--scenario", str(SCENARIO)]
        life = ["--nvm", str(self.folder / "pen.life")]
        child = self._children.start("pen", "-m", "simulator", *where, *life)
        wait_for_path(child, self.pen_path)
        return child

    def start_telemetry(self) -> Child:
        """Broker and archive, then the telemetry that is measured."""
        port = free_port()
        broker = self._children.start("broker", *broker_command(port)[1:])
        wait_for_port(broker, port)
        room = ["--broker", f"{LOOPBACK}:{port}", "--site", "benchmark", "--room", "room-1"]
        archive = ["-m", "controller.record.archive", *room, "--folder", str(self.folder / "kept")]
        self._children.start("archive", *archive)
        sender = ["-m", "controller.record.telemetry", *room, "--journal", str(self.journal)]
        return self._children.start("telemetry", *sender, "--archive")

    def start_controller(self, pen_path: Path | None = None) -> Child:
        """The controller, with a program at the operator's place."""
        files = ["--plan", str(PLAN), "--config", str(CONFIG), "--state", str(self.folder)]
        how = ["--program", "--json-log", "--port", str(pen_path or self.pen_path)]
        return self._children.start("controller", "-m", "controller.service", "run", *how, *files)

    def wait_until_running(self, controller: Child) -> JournalReader:
        """The journal, once strokes are in it. Raises ChildFailed."""
        deadline_mono_s = time.monotonic() + RUNNING_WITHIN_S
        while time.monotonic() < deadline_mono_s:
            controller.require_running()
            pause(0.2)
            try:
                reader = JournalReader(self.journal)
            except JournalMissing:
                continue
            if any(entry.kind == "strokes" for entry in reader.entries()):
                return reader
            reader.close()
        raise ChildFailed(f"No stroke within {RUNNING_WITHIN_S:.0f} s; see {controller.log}.")
