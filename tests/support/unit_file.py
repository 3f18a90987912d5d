"""What a test's supervisor reads of systemd's unit files: few keys, with systemd's own rules.

A key given again adds to a list, an empty one clears it; a drop-in is read after the unit. What is
not asked for (users, sandbox) is not looked at.
"""

import re
import shlex
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Final, Self

_UNITS_S: Final = {"": 1.0, "us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0}
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")


def seconds(text: str) -> float:
    """A span as systemd.time(7) has it: `10`, `500ms`, `2min 3s`, `infinity`."""
    if text == "infinity":
        return inf
    spans = _SPAN.findall(text)
    assert spans, f"no span of time: {text}"
    return sum(float(number) * _UNITS_S[unit] for number, unit in spans)


class UnitFile:
    """Sections and keys of one unit with its drop-ins."""

    def __init__(self, *texts: str) -> None:
        self._values: dict[tuple[str, str], list[str]] = {}
        for text in texts:
            self._read(text)

    def _read(self, text: str) -> None:
        section = ""
        for line in re.sub(r"\\\n", " ", text).splitlines():
            line = line.strip()  # noqa: PLW2901 - the line itself is not needed any more
            if not line or line[0] in "#;":
                continue
            if line.startswith("["):
                section = line.strip("[]")
                continue
            key, _, value = (part.strip() for part in line.partition("="))
            values = self._values.setdefault((section, key), [])
            values[:] = [*values, value] if value else []

    def all(self, section: str, key: str) -> list[str]:
        """Every value of a key."""
        return list(self._values.get((section, key), []))

    def last(self, section: str, key: str, default: str = "") -> str:
        """The value that holds."""
        return (self.all(section, key) or [default])[-1]

    def words(self, section: str, key: str) -> list[str]:
        """All values of a list key, word by word."""
        return [word for value in self.all(section, key) for word in shlex.split(value)]


@dataclass(frozen=True)
class Service:
    """A .service unit, as far as a test supervisor keeps to it."""

    exec_start: tuple[str, ...]
    environment: dict[str, str]
    kind: str
    watchdog_s: float
    watchdog_signal: str
    restart: str
    restart_s: float
    never_restart_on: frozenset[int]
    start_limit_s: float
    start_limit_burst: int
    start_within_s: float
    stop_within_s: float

    @classmethod
    def read(cls, path: Path, *drop_ins: str) -> Self:
        """The unit with its drop-ins; what it does not say is systemd's default."""
        unit = UnitFile(path.read_text("utf-8"), *drop_ins)
        (command,) = unit.all("Service", "ExecStart")
        pairs = (each.partition("=") for each in unit.words("Service", "Environment"))
        codes = unit.words("Service", "RestartPreventExitStatus")
        return cls(
            exec_start=tuple(shlex.split(command)),
            environment={name: value for name, _, value in pairs},
            kind=unit.last("Service", "Type", "simple"),
            watchdog_s=seconds(unit.last("Service", "WatchdogSec", "0")) or inf,
            watchdog_signal=unit.last("Service", "WatchdogSignal", "SIGABRT"),
            restart=unit.last("Service", "Restart", "no"),
            restart_s=seconds(unit.last("Service", "RestartSec", "100ms")),
            never_restart_on=frozenset(int(code) for code in codes if code.isdigit()),
            start_limit_s=seconds(unit.last("Unit", "StartLimitIntervalSec", "10s")),
            start_limit_burst=int(unit.last("Unit", "StartLimitBurst", "5")),
            start_within_s=seconds(unit.last("Service", "TimeoutStartSec", "90s")),
            stop_within_s=seconds(unit.last("Service", "TimeoutStopSec", "90s")),
        )

    def restarts_after(self, code: int, *, was_bitten: bool) -> bool:
        """Whether it is started again after this end (systemd.service(5), Restart=)."""
        if code in self.never_restart_on:
            return False
        if was_bitten:
            return self.restart in ("always", "on-failure", "on-abnormal", "on-watchdog")
        by_signal = code < 0
        match self.restart:
            case "always":
                return True
            case "on-failure":
                return code != 0
            case "on-abnormal" | "on-abort":
                return by_signal
            case _:
                return False


@dataclass(frozen=True)
class Socket:
    """A .socket unit: what it listens on, and how that is named."""

    streams: tuple[str, ...]
    name: str

    @classmethod
    def read(cls, path: Path, *drop_ins: str) -> Self:
        """The unit with its drop-ins."""
        unit = UnitFile(path.read_text("utf-8"), *drop_ins)
        assert unit.last("Socket", "Accept", "no") == "no"
        return cls(
            tuple(unit.all("Socket", "ListenStream")),
            unit.last("Socket", "FileDescriptorName", path.name),
        )
