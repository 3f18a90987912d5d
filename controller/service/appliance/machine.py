"""The machine that is being installed: this one, or an image below another root.

The only place of the installer that starts programs. Commands that belong to an image run inside it
(chroot), so that its own Python and its own accounts are used.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Container
from pathlib import Path
from typing import Final

from controller.service.appliance.errors import AccountMissing, NotRoot, StepFailed
from controller.service.appliance.layout import Layout

Say = Callable[[str], None]
LAST_LINES: Final = 12
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""sudo's own; in a plain `su` the sbin folders are missing."""


class Machine:
    """Starts programs and gives files to accounts. `root` is absolute."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    @property
    def is_image(self) -> bool:
        """Whether it is another root than the one that runs."""
        return self.layout.root != Path("/")

    @property
    def runs_systemd(self) -> bool:
        """Whether units can be started here now."""
        return not self.is_image and self.layout.systemd_runs.is_dir()

    def require_root(self) -> None:
        """Raises NotRoot."""
        if os.geteuid() != 0:
            raise NotRoot("This changes programs, accounts and services of the machine.")

    def has(self, program: str) -> bool:
        """Whether a program can be run by `run`."""
        return shutil.which(program, path=_PATH) is not None

    def run(self, *words: str | Path, accept: Container[int] = (0,)) -> str:
        """What a program of this machine wrote to its standard output.

        Raises StepFailed, unless it ended with one of the codes to `accept`.
        """
        line = [str(word) for word in words]
        try:
            done = subprocess.run(
                line,
                env=_environment(),
                umask=0o022,  # services must be able to read what root's own umask might hide
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise StepFailed(f"{line[0]} cannot be run: {error.strerror}.") from error
        if done.returncode not in accept:
            said = (done.stdout + done.stderr).strip().splitlines()[-LAST_LINES:]
            last = "\n".join(f"    {each}" for each in said)
            raise StepFailed(f"`{' '.join(line)}` ended with {done.returncode}:\n{last}")
        return done.stdout

    def run_inside(self, *words: str | Path, accept: Container[int] = (0,)) -> str:
        """`run`, by programs of the image. Paths are those that the image knows."""
        inside = ("chroot", str(self.layout.root)) if self.is_image else ()
        return self.run(*inside, *words, accept=accept)

    def give(self, path: Path, user: str, group: str, mode: int) -> None:
        """Set owner and mode of a file or folder. Raises AccountMissing, OSError."""
        uid, gid = self._number("etc/passwd", user), self._number("etc/group", group)
        os.chown(path, uid, gid, follow_symlinks=False)
        path.chmod(mode)  # after chown, which clears the set-group bit

    def owner_is_another(self, path: Path, user: str) -> bool:
        """Whether a file belongs neither to `user` nor to root. Raises AccountMissing, OSError."""
        return path.stat().st_uid not in {0, self._number("etc/passwd", user)}

    def knows_user(self, name: str) -> bool:
        """Whether an account of that name is in its passwd file."""
        return name in self._table("etc/passwd")

    def knows_group(self, name: str) -> bool:
        """Whether a group of that name is in its group file."""
        return name in self._table("etc/group")

    def _number(self, table: str, name: str) -> int:
        found = self._table(table).get(name)
        if found is None:
            raise AccountMissing(f"{self.layout.at(table)} has no {name}.")
        return found

    def _table(self, name: str) -> dict[str, int]:
        """Names and numbers of passwd(5) or group(5): an image's are not this machine's."""
        try:
            lines = self.layout.at(name).read_text("utf-8").splitlines()
        except FileNotFoundError:
            return {}
        rows = [line.split(":") for line in lines]
        return {row[0]: int(row[2]) for row in rows if len(row) > 2 and row[2].isdigit()}


def _environment() -> dict[str, str]:
    """Ours, without what would lead a new environment's Python back into the caller's."""
    dropped = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "PATH": _PATH, "LC_ALL": "C.UTF-8"}
