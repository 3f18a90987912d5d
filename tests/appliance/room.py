"""A Debian in a folder, and its systemd in namespaces of its own: a machine to install on.

Touches the folder it is given, one control group and its own processes; `close` ends all of them.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.architecture import repo
from tests.benchmark.figures import pause

PACKAGES: Final = (
    *("systemd", "systemd-sysv", "udev", "dbus", "util-linux"),
    *("python3", "python3-venv", "make", "sudo"),
)
"""A lean Raspberry Pi OS has all of these."""
BOOT: Final = Path(__file__).with_name("boot.sh")
BOOT_WITHIN_S: Final = 60.0
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_WAIT_S: Final = 0.1
_READY: Final = "ready"


class CommandFailed(Exception):
    """A command in the room ended with another code than was wanted."""


class Room:
    """A folder `place` with the room's file systems, and its first process while it runs."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.root = place / "root"
        self.sources = place / "sources"
        self._group = _unified() / f"micropen-trial-{os.getpid()}"
        self._first: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    # --- making ----------------------------------------------------------------------------------

    def make(self) -> None:
        """Debian (kept in `base` for the next time), packages of the locks, and our sources."""
        self.place.mkdir(parents=True, exist_ok=True)
        _make_base(self.place)
        _fetch_wheels(self.place / "wheels")
        self.forget()
        shutil.rmtree(self.sources, ignore_errors=True)
        for path in repo.files():
            target = self.sources / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repo.ROOT / path, target)

    def forget(self) -> None:
        """A Debian on which nothing was ever installed."""
        for name in ("changes", "work", "root"):
            shutil.rmtree(self.place / name, ignore_errors=True)
            (self.place / name).mkdir()

    def install_from_outside(self) -> None:
        """`make install ROOT=...` with the release that was built last; nothing runs there."""
        layers = f"lowerdir={self.place}/base,upperdir={self.place}/changes"
        script = (
            f'mount -t overlay overlay -o "{layers},workdir={self.place}/work" {self.root}\n'
            f"mkdir {self.root}/wheels\nmount --bind {self.place}/wheels {self.root}/wheels\n"
            f"mount -t proc proc {self.root}/proc\nmount --rbind /dev {self.root}/dev\n"
            f'echo "[global]\nno-index = true\nfind-links = /wheels" >{self.root}/etc/pip.conf\n'
            f"python3 -B -m controller.service.appliance install --root {self.root}\n"
        )
        line = ("unshare", "--mount", "sh", "-e", "-c", script)
        done = subprocess.run(
            line,
            cwd=self.sources,
            env={"PATH": _PATH},  # pip's settings are the image's own
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise CommandFailed(f"from outside: {done.returncode}\n{done.stdout}{done.stderr}")

    # --- power -----------------------------------------------------------------------------------

    def boot(self, *how: str) -> None:
        """Switch it on, and wait until systemd has started everything that is enabled.

        how: "fixed" for a read-only root.
        """
        self._group.mkdir(exist_ok=True)
        log = (self.place / "boot.log").open("ab")
        script = f'echo $$ >"{self._group}/cgroup.procs"; exec "$@"'
        spaces = ("--pid", "--fork", "--mount", "--uts", "--ipc", "--cgroup", "--net")
        shell = ("sh", "-c", script, "sh", "unshare", *spaces, "sh")
        line = [*shell, str(BOOT), str(self.place), *how]
        self._process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        self.until(self._find_first, BOOT_WITHIN_S, "its first process")
        self.until(lambda: self._state() in {"running", "degraded"}, BOOT_WITHIN_S, "systemd")

    def _find_first(self) -> bool:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        found = children.read_text().split() if children.exists() else []
        if not found:
            return False
        self._first = int(found[0])
        return Path(f"/proc/{self._first}/comm").read_text().strip() == "systemd"

    def _state(self) -> str:
        return self.run("systemctl", "is-system-running", code=None).strip()

    def cut_power(self) -> None:
        """Every process of the room is gone at once; what was synced stays."""
        if self._first is not None:
            os.kill(self._first, signal.SIGKILL)
            self._first = None
        if self._process is not None:
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End all of it."""
        self.cut_power()
        for folder, _, _ in os.walk(self._group, topdown=False):
            Path(folder).rmdir()

    # --- inside ----------------------------------------------------------------------------------

    def run(self, *words: str | Path, code: int | None = 0, feed: str = "") -> str:
        """What a command of root in the room wrote. `code` None: any.

        Raises CommandFailed with all that it wrote.
        """
        assert self._first is not None, "the room is dark"
        inside = ("env", "-i", f"PATH={_PATH}", "HOME=/root", "LC_ALL=C.UTF-8", "COLUMNS=200")
        enter = ("nsenter", "-t", str(self._first), "-a", "-r", "-w")
        line = [*enter, *inside, *(str(word) for word in words)]
        done = subprocess.run(line, input=feed, capture_output=True, text=True, check=False)
        if code is not None and done.returncode != code:
            shown = " ".join(str(word) for word in words)
            raise CommandFailed(f"{shown}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def shell(self, script: str, code: int | None = 0) -> str:
        """`run` of a line of shell."""
        return self.run("sh", "-c", script, code=code)

    def show(self, unit: str, key: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", "-p", key, unit).strip()

    def until(self, condition: Callable[[], Any], within_s: float, what: str) -> float:
        """Seconds until `condition` held. Raises TimeoutError with `what`."""
        began_s = time.monotonic()
        while not condition():
            if time.monotonic() - began_s > within_s:
                raise TimeoutError(f"not within {within_s:.0f} s: {what}")
            pause(_WAIT_S)
        return time.monotonic() - began_s


@contextmanager
def room(place: Path, *, is_new: bool) -> Iterator[Room]:
    """A room that is made (or found as it was left), switched on, and ended whatever happens."""
    made = Room(place)
    if is_new:
        made.make()
    try:
        made.boot()
        yield made
    finally:
        made.close()


def _unified() -> Path:
    """Where the second version of control groups is mounted; systemd needs one of its own."""
    rows = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    found = [Path(row[1]) for row in rows if row[2] == "cgroup2"]
    if not found or not os.access(found[0], os.W_OK):
        raise CommandFailed(
            "systemd cannot run here: there is no control group (version 2) to write to. "
            "tests/scenario/test_supervised.py shows start, bite and hand-over without it."
        )
    return found[0]


def _make_base(place: Path) -> None:
    """debootstrap of the release that this machine runs, from the mirror that it uses."""
    base = place / "base"
    if (place / _READY).exists():
        return
    if shutil.which("debootstrap") is None:
        _run("apt-get", "install", "-qy", "--no-install-recommends", "debootstrap")
    shutil.rmtree(base, ignore_errors=True)
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if line
    )["VERSION_CODENAME"]
    mirror = _run("apt-get", "indextargets", "--format", "$(REPO_URI)").split()[0]
    packages = f"--include={','.join(PACKAGES)}"
    _run("debootstrap", "--variant=minbase", packages, release, str(base), mirror)
    (place / _READY).touch()


def _fetch_wheels(folder: Path) -> None:
    """The packages of both locks, by this machine's own pip settings; the room has no network."""
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "-d", folder)
    for lock in ("run.txt", "build.txt"):
        _run(*pip, "-r", repo.ROOT / "requirements" / lock)


def _run(*words: str | Path) -> str:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise CommandFailed(
            f"{words[0]}: {done.returncode}\n{(done.stdout + done.stderr)[-3_000:]}"
        )
    return done.stdout
