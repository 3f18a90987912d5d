"""`micropen`: puts the commands together and turns numbered errors into exit codes."""

import sys

import typer

from controller.errors import MicropenError
from controller.service.commands.config import config_app
from controller.service.commands.pen import pen_app
from controller.service.commands.plan import plan_app
from controller.service.commands.run import run
from controller.service.commands.simulate import simulate

app = typer.Typer(
    name="micropen",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Drives a microneedling pen and records every puncture and nanolitre. "
    "Engineering software, not a cleared medical device.",
)

app.command("run")(run)
app.command("simulate")(simulate)
app.add_typer(plan_app, name="plan")
app.add_typer(config_app, name="config")
app.add_typer(pen_app, name="pen")


def main() -> None:
    """Entry point. Exit codes: 0 done, 2 wrong usage, otherwise the error family's own."""
    try:
        app()
    except MicropenError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
