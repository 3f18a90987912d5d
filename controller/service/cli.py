"""`micropen`: puts all commands together."""

import sys

import typer

from controller.service.commands.appliance import install, uninstall
from controller.service.commands.backup import backup, restore
from controller.service.commands.bundle import support_bundle
from controller.service.commands.calibrate import calibrate_app
from controller.service.commands.config import config_app
from controller.service.commands.doctor import doctor
from controller.service.commands.errors import errors
from controller.service.commands.pen import pen_app
from controller.service.commands.people import people_app
from controller.service.commands.plan import plan_app
from controller.service.commands.replay import replay
from controller.service.commands.run import run
from controller.service.commands.seal import seal
from controller.service.commands.serve import serve
from controller.service.commands.session import session_app
from controller.service.commands.simulate import simulate
from controller.service.commands.telemetry import archive, telemetry
from controller.service.commands.update import migrate, preflight, rollback, update
from controller.service.endings import run_to_the_end
from controller.service.exit_codes import epilog

NAME = "micropen"

app = typer.Typer(
    name=NAME,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Drives a microneedling pen and records every puncture and nanolitre. "
    "Engineering software, not a cleared medical device.",
    epilog=epilog(),
)

app.command("simulate")(simulate)
app.command("run")(run)
app.command("serve")(serve)
app.add_typer(plan_app, name="plan")
app.add_typer(config_app, name="config")
app.add_typer(pen_app, name="pen")
app.add_typer(session_app, name="session")
app.add_typer(people_app, name="people")
app.add_typer(calibrate_app, name="calibrate")
session_app.command("seal")(seal)
app.command("telemetry")(telemetry)
app.command("archive")(archive)
app.command("doctor")(doctor)
app.command("support-bundle")(support_bundle)
app.command("replay")(replay)
app.command("backup")(backup)
app.command("restore")(restore)
app.command("install")(install)
app.command("uninstall")(uninstall)
app.command("preflight")(preflight)
app.command("update")(update)
app.command("rollback")(rollback)
app.command("migrate")(migrate)
app.command("errors")(errors)


def main() -> None:
    """Every command; `entry` comes here unless it is one that a pen waits for."""
    run_to_the_end(app, NAME, sys.argv[1:])
