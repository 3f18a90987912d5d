"""The program of one environment, asked as the account that owns the record.

An installer runs as root and never opens a journal itself: SQLite would leave files beside it that
the service could not write. And only the program that is to run can say what it accepts.
"""

import json
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from controller.service.appliance.accounts import CONTROLLER, READERS
from controller.service.appliance.errors import StepFailed
from controller.service.appliance.machine import Machine

REFUSED: Final = 80
"""Exit code of a preflight with a red line."""
_AS_THE_SERVICE: Final = (
    *("setpriv", f"--reuid={CONTROLLER}", f"--regid={READERS}", "--init-groups"),
    *("sh", "-c", 'umask 027; cd /; exec "$0" "$@"'),
)


class Look(NamedTuple):
    """What a preflight printed, line by line."""

    lines: list[dict[str, Any]]

    @property
    def red(self) -> list[dict[str, Any]]:
        """What refuses the switch."""
        return [line for line in self.lines if line["state"] == "red"]

    def line(self, name: str) -> dict[str, Any]:
        """One line; an empty one when the program did not get that far."""
        found = [line for line in self.lines if line["name"] == name]
        return found[0] if found else {"name": name, "state": "unknown", "figures": {}}

    def figure(self, name: str, key: str) -> Any:
        """A figure of a line, or None."""
        return self.line(name)["figures"].get(key)


class Program:
    """`micropen` of a complete environment."""

    def __init__(self, machine: Machine, slot: str) -> None:
        self._machine = machine
        self.slot = slot

    def preflight(self, *, ask_pen: bool = False) -> Look:
        """Its lines. Raises StepFailed when it cannot even look."""
        asks = "--ask-pen" if ask_pen else "--no-ask-pen"
        return Look(list(self._ask("preflight", "--json", asks, accept=(0, REFUSED))))

    def migrate(self, *words: str) -> dict[str, Any]:
        """Bring the journal to its layout, or back (`--undo`). Raises StepFailed: it could not."""
        return dict(self._ask("migrate", "--json", *words))

    def way_back(self) -> dict[str, Any]:
        """What going back to the layout before would leave out. Raises StepFailed."""
        return dict(self._ask("migrate", "--json", "--look"))

    def _ask(self, *words: str, accept: tuple[int, ...] = (0,)) -> Any:
        layout = self._machine.layout
        program = layout.seen_inside(layout.slot(self.slot)) / "bin" / "micropen"
        config = layout.seen_inside(layout.config)
        line: list[str | Path] = [*_AS_THE_SERVICE, program, *words, "--config", config]
        said = self._machine.run_inside(*line, accept=accept)
        try:
            return json.loads(said)
        except ValueError as error:
            raise StepFailed(f"`{program} {words[0]}` printed no JSON: {said[-200:]!r}.") from error


def unnumbered(line: dict[str, Any]) -> str:
    """What a line says, for an error that has the number itself."""
    return re.sub(r"^E\d{4} ", "", str(line["sentence"]))


def printed(line: dict[str, Any]) -> str:
    """A line of a preflight for people."""
    word = str(line["state"]).upper() if line["state"] == "red" else line["state"]
    said = f"  {word:8} {line['name']:12} {line['sentence']}"
    return f"{said}\n{'':24}{line['action']}" if line.get("action") else said
