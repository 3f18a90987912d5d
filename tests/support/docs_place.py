"""A room in which the pages' commands can be typed: config, record, fault, backup, a pen.

Made once in virtual time, copied for each block of commands. `SAID_AND_MEANT` is the whole list of
what a page writes and which file of the room stands for it.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from controller.console.people import Person, read_people, write_people
from tests.support.arms import TECHNICIAN
from tests.support.bills import dosing, pen_for
from tests.support.command_line import environment, in_process
from tests.support.flown import FlownTheatre
from tests.support.inputs import CONFIG, rewrite
from tests.support.journals import armed, changed, open_journal, opened, pen_seen, strokes
from tests.support.virtual import advance, run_virtual

_NOW = datetime.now(UTC)
_RECORDING = "flight-000001-stop-latched"

SAID_AND_MEANT = {
    "/mnt/usb": "usb",
    "/var/lib/micropen/training": "state",
    "/var/lib/micropen/treatment": "state",
    "/var/lib/micropen": "state",
    "/etc/micropen": "config",
    "/srv/micropen": "archive",
    "/tmp/pen": "pen",
    "/tmp/balance": "balance",
    "/dev/serial/by-id/usb-micropen-pen-if00": "pen",
    "~/.local/state/micropen/training/20260115-093000-beef": "state",
    "STATE/": "state/",
    "flight-000012-link-lost": _RECORDING,
    "000012": "000001",
    "2027-06-30": f"{_NOW + timedelta(days=300):%F}",
    "2026-01-15T09:30+01:00": (_NOW - timedelta(hours=1)).isoformat(timespec="minutes"),
}
"""What a page writes -> what is there. The first that is found in a word counts."""


async def _record(state: Path) -> str:
    """A session with a STOP in the middle, cleared and brought to its end; its id."""
    plan = dosing(4)
    async with FlownTheatre(state / "journal", pen_for(plan)) as theatre:
        session_id = await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 2)
        theatre.service.stop("key")
        await theatre.until(lambda: theatre.engine.is_latched)
        work.cancel()
        await advance(0.5)
        await theatre.acts.clear(TECHNICIAN)
        await theatre.operate()
        await theatre.recorded()
        return session_id


class Place:
    """One room; `root` is where the commands are typed."""

    def __init__(self, root: Path, session_id: str) -> None:
        self.root = root
        self.config = root / "config"
        self.state = root / "state"
        self.session_id = session_id

    @classmethod
    def make(cls, root: Path) -> "Place":
        """With one session and one fault on record, a bundle of it, a plan and a setup."""
        shutil.copytree(CONFIG, root / "config")
        for folder in ("state", "state-telemetry", "state-data", "usb", "archive"):
            (root / folder).mkdir()
        place = cls(root, run_virtual(lambda: _record(root / "state")))
        shutil.rmtree(place.state / "journal-config", ignore_errors=True)
        toml = place.config / "controller.toml"
        rewrite(toml, "state_folder", 'state_folder = "state"')
        rewrite(toml, "path", 'path = "pen"')
        shutil.copy(place.config / "plans" / "short_check.toml", root / "my_plan.toml")
        shutil.copy(place.config / "calibration-setup.toml", root / "bench.toml")
        recording = place.state / "flight" / f"{_RECORDING}.jsonl"
        shutil.copy(recording, root / recording.name)
        where = ("--config", place.config, "--state", place.state)
        bundle = in_process("support-bundle", *where, "--out", root / "fault.tar.gz")
        assert bundle.code == 0, bundle.err
        backup = in_process("backup", root / "backup", *where)
        assert backup.code == 0, backup.err
        return place

    def copy(self, root: Path) -> "Place":
        """The same again, to be spoilt."""
        return Place(Path(shutil.copytree(self.root, root)), self.session_id)

    def meant(self, word: str) -> str:
        """What stands for a word of a page here. Nothing outside of the room may be touched."""
        word = word.replace("20260115-093000-0badcafe", self.session_id)
        for said, here in SAID_AND_MEANT.items():
            if said in word:
                word = word.replace(said, here)
                break
        assert not word.startswith(("/", "~")), f"{word}: SAID_AND_MEANT does not say what it is"
        return word

    # --- what must be so before a command is typed ----------------------------------------------

    def backed_up(self) -> None:
        """Backups are where pages have them, and the journal's folder was moved away."""
        for name in ("usb/micropen-2026-11-23", "state/journal-before-layout-2"):
            if not (self.root / name).exists():
                shutil.copytree(self.root / "backup", self.root / name)
        self.without_journal()

    def without_journal(self) -> None:
        """The state folder of a machine on its first day."""
        shutil.rmtree(self.state / "journal", ignore_errors=True)

    def interrupted(self) -> None:
        """Arm 12 of a session is open, as a crash leaves it."""
        self.without_journal()
        journal = open_journal(self.state / "journal")
        for drafts in (pen_seen(), [opened()], [armed(12)], [strokes(12, 0, 2)]):
            journal.append(drafts)
        journal.append([changed("running")])
        journal.close()

    def peopled(self) -> None:
        """A. Nurse may log in."""
        known = read_people(self.state)
        write_people(self.state, known.with_person(Person.with_pin("A. Nurse", "operator", "4711")))

    @contextmanager
    def pen(self) -> Iterator[None]:
        """A simulated pen of another uid than the recorded session's, on the port of the config."""
        scenario = self.config / "simulator" / "ideal.toml"
        line = [sys.executable, "-m", "simulator", "--pty", "pen", "--scenario", str(scenario)]
        child = subprocess.Popen(
            [*line, "--seed", "77"],
            cwd=self.root,
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert child.stdout is not None
            assert "pen" in child.stdout.readline()
            yield
        finally:
            child.terminate()
            child.communicate()
