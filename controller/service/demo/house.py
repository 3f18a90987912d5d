"""Starts the house, lets it treat, ends it in order, and compares what everybody says."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from controller.record.broker import broker_command
from controller.service.demo.agreement import Check, archived, checks, read_truth
from controller.service.demo.children import (
    LOOPBACK,
    Child,
    ChildFailed,
    Children,
    free_port,
    wait_for_path,
    wait_for_port,
)
from controller.service.demo.follow import Follower
from controller.service.looking import PenFacts, look
from controller.service.places import journal_folder
from controller.settings import ControllerSettings

REFRESH_S = 0.2
ARCHIVE_WITHIN_S = 20.0
DEMO_VIAL_AGE = timedelta(hours=1)
DEMO_EXPIRY = timedelta(days=180)


class DemoWish(msgspec.Struct, frozen=True):
    """What to play: files and the folder that this run leaves behind."""

    plan: Path
    scenario: Path
    config: Path
    folder: Path
    patient: str
    seed: int | None = None


class House:
    """One run of the demo."""

    def __init__(self, wish: DemoWish, settings: ControllerSettings) -> None:
        self._wish = wish
        self._settings = settings
        self._children = Children(wish.folder)
        self._port = free_port()
        self.pen_path = wish.folder / "pen"
        self.journal = journal_folder(wish.folder)
        self.archive = wish.folder / "archive"
        self.oracle = wish.folder / "oracle.json"
        self.follower = Follower(self.journal)

    def run(self, refresh: Callable[[Follower], None]) -> list[Check]:
        """Play the plan to its end; returns every comparison. Raises ChildFailed."""
        try:
            pen = self._start_pen()
            self._start_outside()
            controller = self._start_controller()
            self._watch(controller, refresh)
            facts = asyncio.run(look(str(self.pen_path)))
            pen.end()
            self._wait_for_archive()
        finally:
            self._children.end_all()
            self.follower.close()
        return self._compare(facts, controller)

    def _start_pen(self) -> Child:
        wish = self._wish
        files = ["--nvm", str(wish.folder / "pen.life"), "--oracle", str(self.oracle)]
        seed = [] if wish.seed is None else ["--seed", str(wish.seed)]
        where = ["--pty", str(self.pen_path), "--scenario", str(wish.scenario)]
        child = self._children.start("pen", "-m", "simulator", *where, *files, *seed)
        wait_for_path(child, self.pen_path)
        return child

    def _start_outside(self) -> None:
        broker = self._children.start("broker", *broker_command(self._port)[1:])
        wait_for_port(broker, self._port)
        where = ["--broker", f"{LOOPBACK}:{self._port}"]
        where += ["--site", self._settings.site, "--room", self._settings.room]
        self._children.start(
            "archive", "-m", "controller.record.archive", *where, "--folder", str(self.archive)
        )
        self._children.start(
            "telemetry",
            "-m",
            "controller.record.telemetry",
            *where,
            "--journal",
            str(self.journal),
            "--state",
            str(self._wish.folder / "telemetry"),
            "--archive",
        )

    def _start_controller(self) -> Child:
        wish, now_wall = self._wish, datetime.now(UTC)
        vial = [
            "--lot",
            "TRAINING",
            "--expiry",
            (now_wall + DEMO_EXPIRY).date().isoformat(),
            "--reconstituted-at",
            (now_wall - DEMO_VIAL_AGE).isoformat(),
        ]
        return self._children.start(
            "controller",
            "-m",
            "controller.service",
            "run",
            "--program",
            "--json-log",
            "--port",
            str(self.pen_path),
            "--plan",
            str(wish.plan),
            "--config",
            str(wish.config),
            "--state",
            str(wish.folder),
            "--patient",
            wish.patient,
            *vial,
        )

    def _watch(self, controller: Child, refresh: Callable[[Follower], None]) -> None:
        while controller.is_running:
            self.follower.read()
            refresh(self.follower)
            time.sleep(REFRESH_S)
        self.follower.read()
        refresh(self.follower)
        if controller.process.returncode != 0:
            controller.require_running()

    def _wait_for_archive(self) -> None:
        deadline_mono_s = time.monotonic() + ARCHIVE_WITHIN_S
        while time.monotonic() < deadline_mono_s:
            if len(archived(self.archive)) >= self.follower.entries:
                return
            time.sleep(REFRESH_S)

    def _compare(self, facts: PenFacts, controller: Child) -> list[Check]:
        if not self.oracle.exists():
            raise ChildFailed(f"The simulated pen left no oracle; see {self._wish.folder}.")
        code = controller.process.returncode
        ended = Check("controller ended well", f"exit code {code}", "exit code 0", holds=code == 0)
        truth = read_truth(self.oracle)
        pen = facts.status.counters
        return [ended, *checks(self.follower, pen, truth, self.journal, self.archive)]
