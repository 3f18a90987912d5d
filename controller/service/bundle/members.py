"""The files of a bundle, one after the other, each of them scrubbed."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

import msgspec

from controller.service.bundle.extract import extract
from controller.service.bundle.knowledge import learn
from controller.service.bundle.scrubbing import Scrubber
from controller.service.doctor.line import Line
from controller.service.flight.box import FOLDER, recordings
from controller.service.flight.decoded import decoded_lines
from controller.service.flight.recording import RecordingUnreadable, read_recording
from controller.session.catalogue import Catalogue

LOG_BYTES: Final = 1024 * 1024
MOST_LOGS: Final = 20
MOST_RECORDINGS: Final = 5
UNITS: Final = "micropen*"
LOG_LINES: Final = 5_000
_ASK_WITHIN_S: Final = 20.0

Member = tuple[str, bytes]


class Source(msgspec.Struct, frozen=True):
    """Where a bundle is made from. `examine`: the doctor, run when its turn comes."""

    catalogue: Catalogue
    state: Path
    journal: Path
    examine: Callable[[], list[Line]]


def members(source: Source) -> Iterator[Member]:
    """Name and content of each file. What cannot be read is left out; the manifest tells."""
    scrubber = Scrubber()
    learn(scrubber, source.catalogue, source.state, source.journal)
    lines = source.examine()
    yield _json("doctor.json", scrubber.plain([msgspec.to_builtins(line) for line in lines]))
    yield "doctor.txt", scrubber.text(_page(lines)).encode()
    yield _json("system.json", _system())
    for path in sorted(source.catalogue.folder.rglob("*.toml")):
        name = path.relative_to(source.catalogue.folder).as_posix()
        yield f"config/{name}", scrubber.toml(_tail(path)).encode()
    facts, text = extract(source.journal, scrubber)
    yield _json("journal/facts.json", facts)
    yield "journal/extract.jsonl", text.encode()
    for path in _logs(source.state):
        name = path.relative_to(source.state).as_posix().replace("/", "-")
        yield f"logs/{name}", scrubber.text(_tail(path)).encode()
    yield "logs/journalctl.txt", scrubber.text(_journalctl()).encode()
    for path in recordings(source.state / FOLDER)[-MOST_RECORDINGS:]:
        text = scrubber.known(path.read_text("ascii", errors="replace"))
        yield f"{FOLDER}/{path.name}", text.encode()
        yield f"wiretap/{path.name}", scrubber.known(_decoded(text, path.name)).encode()


def _decoded(text: str, name: str) -> str:
    try:
        return decoded_lines(read_recording(text.encode(), name))
    except RecordingUnreadable as error:
        return f"{error}\n"


def _json(name: str, value: Any) -> Member:
    return name, (json.dumps(value, indent=1, default=str) + "\n").encode()


def _page(lines: list[Line]) -> str:
    rows = [f"{line.state:8} {line.name:12} {line.sentence} {line.action}" for line in lines]
    return "".join(f"{row.rstrip()}\n" for row in rows)


def _system() -> dict[str, Any]:
    memory = [line.split() for line in _text(Path("/proc/meminfo")).splitlines()[:3]]
    return {
        "machine": platform.machine(),
        "kernel": platform.release(),
        "board": _text(Path("/proc/device-tree/model")).strip("\0"),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
        "memory": {words[0].rstrip(":"): words[1] for words in memory if len(words) > 1},
        "packages": {each.name: each.version for each in distributions()},
    }


def _logs(state: Path) -> list[Path]:
    found = [path for pattern in ("*.log", "log/*.log") for path in state.glob(pattern)]
    return sorted(found, key=lambda path: path.stat().st_mtime)[-MOST_LOGS:]


def _journalctl() -> str:
    """What systemd kept of our units; nothing where there is no systemd."""
    program = shutil.which("journalctl")
    if program is None:
        return ""
    words = [program, "--unit", UNITS, "--lines", str(LOG_LINES), "--no-pager", "--quiet"]
    try:
        done = subprocess.run(words, capture_output=True, timeout=_ASK_WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")


def _tail(path: Path) -> str:
    """The end of a text file, whole lines."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LOG_BYTES))
            data = file.read()
    except OSError as error:
        return f"(cannot be read: {error.strerror})\n"
    if size > LOG_BYTES:
        data = data[data.find(b"\n") + 1 :]
    return data.decode("utf-8", "replace")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
