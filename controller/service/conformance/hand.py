"""Who presses, touches and switches: a person who is asked, a machine, or nobody."""

import select
import shlex
import subprocess
from collections.abc import Callable
from contextlib import suppress

from controller.errors import WrongUsage
from protocol.conformance.granting import NobodyActed
from protocol.conformance.rules import Needs

Ask = Callable[[str], None]
JIG_WITHIN_S = 5.0
"""A machine that takes longer for one act hangs. Engineering estimate."""


class PersonHand:
    """Asks a person; that it was done is seen in the pen's own status, so nothing is typed."""

    is_quick = False
    offers = Needs.HAND | Needs.CONTACT | Needs.POWER

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def press(self) -> None:
        """Ask for the trigger."""
        self._ask("PRESS the trigger and hold it")

    def release(self) -> None:
        """Ask to let go."""
        self._ask("LET GO of the trigger")

    def touch(self) -> None:
        """Ask for contact."""
        self._ask("PUT the pen ON the dummy skin")

    def lift(self) -> None:
        """Ask for no contact."""
        self._ask("LIFT the pen OFF the dummy skin")

    def cycle_power(self) -> None:
        """Ask for the switch."""
        self._ask("SWITCH the pen OFF and ON again")

    def close(self) -> None:
        """Nothing is held."""


class NoHand:
    """Nobody is there: what needs an act cannot be run."""

    is_quick = True
    offers = Needs.NOTHING

    def press(self) -> None:
        """Nobody does."""
        raise NobodyActed("it needs a hand")

    def release(self) -> None:
        """Nobody holds it."""

    def touch(self) -> None:
        """Nobody does."""
        raise NobodyActed("it needs a hand")

    def lift(self) -> None:
        """Nobody touches."""

    def cycle_power(self) -> None:
        """Nobody does."""
        raise NobodyActed("it needs a power switch")

    def close(self) -> None:
        """Nothing is held."""


class JigHand:
    """A machine: a command that reads `press`, `release`, `touch`, `lift` or `power`, one a line,
    and answers each with a line within 10 ms of having done it.

    Raises WrongUsage when the command cannot be started or ends.
    """

    is_quick = True
    offers = (
        Needs.HAND | Needs.CONTACT | Needs.QUICK_HAND | Needs.POWER | Needs.QUICK_POWER
    )  # fmt: skip

    def __init__(self, command: str) -> None:
        try:
            self._process = subprocess.Popen(
                shlex.split(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for this program, which then lets go
            )
        except (OSError, ValueError) as error:
            raise WrongUsage(f"--jig {command!r} cannot be started: {error}.") from error

    def _do(self, act: str) -> None:
        line_in, line_out = self._process.stdin, self._process.stdout
        try:
            if line_in is not None and line_out is not None:
                line_in.write(act.encode() + b"\n")
                if select.select([line_out], [], [], JIG_WITHIN_S)[0] and line_out.readline():
                    return
        except OSError as error:
            raise WrongUsage(f"The command of --jig is gone: {error}.") from error
        raise WrongUsage(f"The command of --jig has ended, or does not answer {act!r}.")

    def press(self) -> None:
        """Have the trigger pressed and held."""
        self._do("press")

    def release(self) -> None:
        """Have it let go."""
        self._do("release")

    def touch(self) -> None:
        """Have the pen put on the dummy skin."""
        self._do("touch")

    def lift(self) -> None:
        """Have it taken off."""
        self._do("lift")

    def cycle_power(self) -> None:
        """Have the supply cut and given back."""
        self._do("power")

    def close(self) -> None:
        """End the command: it is told by the end of its input, and given a moment."""
        with self._process as process:
            if process.stdin is not None:
                with suppress(OSError):
                    process.stdin.close()
            try:
                process.wait(JIG_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
