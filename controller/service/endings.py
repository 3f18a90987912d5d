"""How the command line ends: a numbered error is a sentence and an exit code, a defect a trace."""

import sys
import traceback
from types import TracebackType

import typer

from controller.errors import MicropenError, SystemRefused


def run_to_the_end(app: typer.Typer, name: str, words: list[str]) -> None:
    """Run an app as a program. Exit codes: see `exit_codes`."""
    sys.excepthook = tell_of_defect
    try:
        app(words, prog_name=name)
    except MicropenError as error:
        _end(error)
    except OSError as error:
        _end(SystemRefused.of(error))


def tell_of_defect(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """What nobody foresaw: the whole trace for us, and a numbered sentence for the user."""
    traceback.print_exception(kind, error, trace)
    sys.stderr.write(f"\n{MicropenError('The program met a defect of its own; see above.')}\n")


def _end(error: MicropenError) -> None:
    sys.stderr.write(f"{error}\n")
    sys.exit(error.exit_code)
