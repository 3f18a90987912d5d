"""A paper machine whose programs answer: real preflights, real journals, a service that comes up.

Each version is a `Version`: which layout of the journal it writes, and what is wrong with it. Its
"process" is this one, for as long as it is asked. The service is a journal held open.
"""

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from controller.clock import SystemClock
from controller.record.entry import Draft
from controller.record.events import ServiceStarted
from controller.record.journal import Journal
from controller.record.migration import bring_forward
from controller.service.appliance import known_pen
from controller.service.appliance.errors import StepFailed
from controller.service.appliance.install import install
from controller.service.appliance.rollback import rollback
from controller.service.appliance.units import CONTROLLER
from controller.service.appliance.update import update
from controller.service.doctor.line import Line, green, red
from controller.service.places import journal_folder
from tests.support.command_line import in_process
from tests.support.image import SYSTEM, Image, fill, release
from tests.support.next_layout import next_layout

PERSON = "T. Echnician"


@dataclass(frozen=True)
class Version:
    """What is special about a program.

    comes_up: whether its service starts. says_so: whether that is in the record. looks: whether its
    preflight runs at all. certifies: whether it accepts the pen's certificate.
    """

    newer_layout: bool = False
    comes_up: bool = True
    says_so: bool = True
    looks: bool = True
    certifies: bool = True


class RoomMachine(Image):
    """Systemd runs here. `versions` by name; one that is not in it is an ordinary one.

    on_stop: what happens in the room at the last moment before the service is stopped.
    held_on: whether something else than the service goes on to hold the journal after that.
    """

    def __init__(self, root: Path, versions: dict[str, Version] | None = None) -> None:
        super().__init__(root, (*SYSTEM, "setpriv"), boots=True)
        self.versions = versions or {}
        self.on_stop: Callable[[Journal | None], None] = lambda _: None
        self.on_run: Callable[[str], None] = lambda _: None
        self.held_on = False
        self.service: Journal | None = None
        self.said: list[str] = []

    @property
    def is_image(self) -> bool:
        return False

    @property
    def state(self) -> Path:
        return self.layout.training_state

    @property
    def journal(self) -> Path:
        return journal_folder(self.state)

    # --- what a person does ---------------------------------------------------------------------

    def installs(self, folder: Path, version: str = "1.0.0") -> None:
        install(self, release(folder / f"release-{version}", version), self.said.append, fill)

    def updates(self, folder: Path, version: str, *, restart: bool = True) -> None:
        made = released(folder / f"release-{version}", version)
        update(self, made, self.said.append, who=PERSON, restart=restart, fill=fill)

    def rolls_back(self, *, takes_back: bool = False) -> None:
        rollback(self, self.said.append, who=PERSON, reason="worse", takes_back=takes_back)

    # --- what the machine does ------------------------------------------------------------------

    def run(self, *words: str | Path, accept: Container[int] = (0,)) -> str:
        line = [str(word) for word in words]
        self.on_run(" ".join(line))
        if line[0] == "setpriv":
            self.ran.append(" ".join(line))
            return self._program(line, accept)
        if line[0] == "systemctl" and CONTROLLER in line:
            if line[1] == "stop":
                self.on_stop(self.service)
                if not self.held_on:
                    self.halt()
            if line[1] == "restart":
                self.halt()
                super().run(*words)
                self.boot()
                return ""
        return super().run(*words)

    def halt(self) -> None:
        """The service ends; the power may go now."""
        if self.service is not None:
            self.service.close()
            self.service = None

    def boot(self) -> None:
        """Start the service of the program that is current. Raises StepFailed."""
        name = self.layout.current_program.read_text()
        version = self._version(name)
        with self._being(version):
            bring_forward(self.journal, SystemClock(), "training", min_free_bytes=0)
            service = Journal.open(self.journal, SystemClock(), realm="training", min_free_bytes=0)
            if version.says_so:
                started = ServiceStarted(software_version=name, config_digest="-")
                service.append([Draft(started)])
        if not version.comes_up:
            service.close()
            raise StepFailed(f"{CONTROLLER} of {name} failed.")
        self.service = service

    def _program(self, line: list[str], accept: Container[int]) -> str:
        at = next(n for n, word in enumerate(line) if word.endswith("/bin/micropen"))
        name = self.layout.at(line[at]).read_text()
        version = self._version(name)
        if not version.looks:
            raise StepFailed(f"{name} ended with 1: no module named x.")
        words = line[at + 1 : line.index("--config")]
        where = ("--config", self.layout.config, "--state", self.state)
        port = ("--port", self.state / "tty") if words[0] == "preflight" else ()
        with self._being(version):
            said = in_process(*words, *where, *port)
        if said.code not in accept:
            raise StepFailed(f"{' '.join(words)} ended with {said.code}: {said.err}")
        return said.out

    def _version(self, name: str) -> Version:
        return self.versions.get(name, Version())

    @contextmanager
    def _being(self, version: Version) -> Iterator[None]:
        def certificate(*_: object) -> Line:
            return green("certificate", "-") if version.certifies else red("certificate", "-", "-")

        with (
            next_layout() if version.newer_layout else nullcontext(),
            patch.object(known_pen, "certificate", certificate),
        ):
            yield


def released(folder: Path, version: str) -> Path:
    """A release; the one that is there already, if any."""
    return folder if folder.exists() else release(folder, version)
