"""`micropen`: puts the commands together and turns numbered errors into exit codes."""

import sys

import typer

from controller.errors import MicropenError

app = typer.Typer(
    name="micropen",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Drives a microneedling pen and records every puncture and nanolitre. "
    "Engineering software, not a cleared medical device.",
)


def main() -> None:
    """Entry point. Exit codes: 0 done, 2 wrong usage, otherwise the error family's own."""
    try:
        app()
    except MicropenError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
