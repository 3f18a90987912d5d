"""`micropen install` and `micropen uninstall`: this program onto a machine, and off it again."""

from pathlib import Path
from typing import Annotated

import typer

from controller.service.appliance.install import install as install_release
from controller.service.appliance.layout import Layout
from controller.service.appliance.machine import Machine
from controller.service.appliance.uninstall import uninstall as take_away

RootOption = Annotated[
    Path, typer.Option("--root", help="Root folder of an image, instead of this machine.")
]


def install(
    release: Annotated[
        Path, typer.Argument(metavar="RELEASE", help="A folder that `make release` made.")
    ],
    root: RootOption = Path("/"),
) -> None:
    """Install a release: accounts, units, udev rule, config, and start it. Needs root.

    The second time it is an update: config and record stay as they are.
    """
    install_release(Machine(Layout(root.resolve())), release.resolve(), typer.echo)


def uninstall(root: RootOption = Path("/")) -> None:
    """Stop micropen and remove what `install` put. Record, config and accounts stay."""
    take_away(Machine(Layout(root.resolve())), typer.echo)
