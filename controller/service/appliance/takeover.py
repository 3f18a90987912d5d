"""Makes the other environment's program the one that runs, or has the present one run on.

The same steps whichever way it goes: the program that is to run is asked, the service is stopped
while nothing is under way, the switch is moved, the program's own files are put, it is started, and
must say that it runs. Whatever fails before the switch starts the present program again; whatever
fails after it brings the one before back. Cut short at any step, the machine starts with the
program that the switch names, on a journal that this program can go on with.
"""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from controller.errors import MicropenError
from controller.service.appliance import files, units
from controller.service.appliance.errors import StepFailed
from controller.service.appliance.ground import prepare
from controller.service.appliance.layout import Layout
from controller.service.appliance.machine import Machine, Say
from controller.service.appliance.placing import SHIPPED
from controller.service.appliance.programs import Look, Program, printed, unnumbered
from controller.service.appliance.switches import current_slot, note, release_facts, switch
from controller.service.appliance.update_errors import (
    NeitherRuns,
    NotIdle,
    PreflightRefused,
    UpdateUndone,
)

TOO_NEW: Final = 5002
"""The number of an older program's refusal of a newer journal."""
FAILED: Final = "failed.json"
"""In a complete environment that must not run: when, who tried, and why it failed."""


class Takeover:
    """One change of programs, from the slot that is current to another one.

    who, why: for switches.jsonl. restart: stop and start the service around it.
    """

    def __init__(
        self, machine: Machine, slot: str, say: Say, *, who: str, why: str, restart: bool = True
    ) -> None:
        before = current_slot(machine.layout)
        assert before not in (None, slot), "there is a program before, and it is another one"
        self._machine = machine
        self._say = say
        self._who = who
        self._why = why
        self._restarts = restart and machine.runs_systemd
        self._slot, self._before = slot, str(before)
        self._new, self._old = Program(machine, slot), Program(machine, self._before)

    @property
    def _layout(self) -> Layout:
        return self._machine.layout

    def run(self, *, is_rescue: bool = False, takes_back: bool = False) -> None:
        """Do it, or leave everything as it was.

        is_rescue: what is open is no obstacle while no service runs: the present one may be what
        does not. takes_back: the present program undoes its change of the journal first.

        Raises PreflightRefused, NotIdle. UpdateUndone: the one before runs again. NeitherRuns.
        StepFailed, OSError.
        """
        tolerated = {"journal"} if takes_back else set()
        self._ask(self._new.preflight(ask_pen=True), tolerated, is_rescue=is_rescue)
        with uninterrupted():
            self._change(is_rescue=is_rescue, takes_back=takes_back)

    def _change(self, *, is_rescue: bool, takes_back: bool) -> None:
        with ExitStack() as undo:
            if self._restarts:
                undo.callback(units.restart, self._machine, self._say)
                self._say("The service is stopped.")
                units.stop(self._machine)
            if takes_back:
                self._say(f"The journal goes back: {self._old.migrate('--undo')['aside']}.")
            if takes_back or self._restarts:
                self._look_again(is_rescue=is_rescue)
            switch(self._layout, self._slot, self._who, self._why)
            undo.pop_all()
        self._say(f"{self._layout.current} is {self._slot}: micropen {self._version(self._slot)}.")
        try:
            self._settle()
        except (MicropenError, OSError) as error:
            self._go_back(error)

    def _ask(self, look: Look, tolerated: set[str], *, is_rescue: bool, say: bool = True) -> None:
        """Print the lines; refuse unless none is red. Raises PreflightRefused, NotIdle."""
        if say:
            for line in look.lines:
                self._say(printed(line))
        is_dead = is_rescue and not look.figure("journal", "served")
        allowed = tolerated | ({"idle"} if is_dead else set())
        red = [line for line in look.red if line["name"] not in allowed]
        if [line["name"] for line in red] == ["certificate"] and self._is_refused_anyhow():
            self._say("The present program refuses the certificate too: that is no reason to wait.")
            return
        if red and red[0]["name"] == "idle":
            raise NotIdle(unnumbered(red[0]))
        if red:
            names = ", ".join(str(line["name"]) for line in red)
            version = self._version(self._slot)
            raise PreflightRefused(f"micropen {version} may not run here: {names}.")

    def _is_refused_anyhow(self) -> bool:
        try:
            return bool(self._old.preflight().line("certificate")["state"] == "red")
        except StepFailed:
            return False

    def _look_again(self, *, is_rescue: bool) -> None:
        """A session may have been opened between the look and the stop. Raises as `_ask` does."""
        look = self._new.preflight()
        if look.figure("journal", "served"):
            raise NotIdle(
                "The service is stopped, and another process has the journal open.",
                action="End what somebody started by hand in a terminal, then try again.",
            )
        self._ask(look, set(), is_rescue=is_rescue, say=False)

    def _settle(self) -> None:
        """After the switch: the journal, the files around the program, and its start."""
        if self._restarts:
            self._say("The journal is looked at; a copy of a long one takes some minutes.")
            done = self._new.migrate()
            if done["kept"] is not None:
                said = f"from layout {done['before']} to {done['after']}; copy: {done['kept']}"
                self._say(f"The journal went forward {said}.")
        self._start(self._slot)
        if self._restarts:
            figures = self._new.preflight().line("journal")["figures"]
            version = self._version(self._slot)
            if figures.get("started") != version or not figures.get("served"):
                raise StepFailed(f"micropen {version} was started; the record does not say so.")

    def _start(self, slot: str) -> None:
        prepare(self._machine, self._layout.slot(slot) / SHIPPED, self._say)
        if self._restarts:
            units.restart(self._machine, self._say)
        else:
            self._say("Nothing was restarted: the service's next start is this program's.")

    def _go_back(self, error: MicropenError | OSError) -> None:
        """What came after the switch failed: the program before runs again. Always raises."""
        said = str(getattr(error, "what", error))
        version, before = self._version(self._slot), self._version(self._before)
        self._say(f"micropen {version} did not come up: {said}")
        mark_failed(self._layout.slot(self._slot), self._who, said)
        try:
            if self._restarts:
                units.stop(self._machine)
            if self._went_too_far():
                self._new.migrate("--undo")
            switch(self._layout, self._before, self._who, f"undone: {said}")
            self._start(self._before)
        except (MicropenError, OSError) as second:
            further = str(getattr(second, "what", second))
            both = f"micropen {version}: {said}\nmicropen {before}: {further}"
            raise NeitherRuns(both) from error
        what = f"micropen {version} did not come up; {before} runs again, and no entry is lost."
        raise UpdateUndone(what) from error

    def _went_too_far(self) -> bool:
        """Whether the program before refuses the journal; one that cannot say may have to try."""
        try:
            return bool(self._old.preflight().figure("journal", "error") == TOO_NEW)
        except StepFailed:
            return False

    def _version(self, slot: str) -> str:
        return str(release_facts(self._layout.slot(slot)).get("version"))


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Between stop and start neither Ctrl-C nor a lost terminal leaves the room without a service.

    Programs that are started meanwhile inherit it.
    """
    signals = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def mark_failed(slot: Path, who: str, why: str) -> None:
    """Write down why an environment must not run; the next build there forgets it."""
    wall = datetime.now(UTC).isoformat(timespec="seconds")
    mark = {"wall": wall, "who": who, "why": why}
    files.put(slot / FAILED, f"{json.dumps(mark)}\n".encode())


def failure_of(slot: Path) -> dict[str, Any] | None:
    """Why an environment must not run; None when nothing is known against it."""
    try:
        return dict(json.loads((slot / FAILED).read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {"wall": "an unknown time", "who": "nobody", "why": "its mark cannot be read"}


def refuse(layout: Layout, slot: str, who: str, why: str) -> None:
    """Mark an environment whose program was refused, with a line that nothing was switched."""
    mark_failed(layout.slot(slot), who, why)
    note(layout, current_slot(layout), current_slot(layout), who, f"refused: {why}")
