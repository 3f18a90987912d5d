"""`micropen config`: every mistake of the config folder at once, and the files' JSON Schemas."""

import json
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from controller.calibration.acceptance import AcceptanceFile, load_acceptance
from controller.errors import InputError, InputRejected
from controller.service.commands.options import ConfigOption, catalogue_of
from controller.session.cartridge import CartridgeType, PenModel
from controller.session.certificate import Certificate
from controller.session.limits import LimitsFile
from controller.session.plan import Plan
from controller.session.product import Recipe
from controller.settings import ControllerSettings, Written

config_app = typer.Typer(no_args_is_help=True, help="Check the config folder; print schemas.")


class SchemaName(StrEnum):
    """The kinds of file that have a schema."""

    CONTROLLER = "controller"
    PLAN = "plan"
    PRODUCT = "product"
    LIMITS = "limits"
    CERTIFICATE = "certificate"
    CARTRIDGE = "cartridge"
    PEN = "pen"
    CALIBRATION = "calibration"


MODELS: dict[SchemaName, type[Written]] = {
    SchemaName.CONTROLLER: ControllerSettings,
    SchemaName.PLAN: Plan,
    SchemaName.PRODUCT: Recipe,
    SchemaName.LIMITS: LimitsFile,
    SchemaName.CERTIFICATE: Certificate,
    SchemaName.CARTRIDGE: CartridgeType,
    SchemaName.PEN: PenModel,
    SchemaName.CALIBRATION: AcceptanceFile,
}


@config_app.command("check")
def check(
    config: ConfigOption = None,
) -> None:
    """Read every file of the config folder and name every mistake with its line.

    Exit code 0 when there is none, 10 otherwise.
    """
    console = Console(soft_wrap=True)
    faults: list[InputError] = []
    for path, fault in catalogue_of(config).faults(load_acceptance):
        console.print(f"[red]bad[/] {path}" if fault else f"[green]ok[/]  {path}")
        if fault is not None:
            faults.append(fault)
    if faults:
        raise InputRejected([each for fault in faults for each in _sentences(fault)])
    console.print("[green]The config folder is sound.[/]")


def _sentences(fault: InputError) -> tuple[object, ...]:
    if isinstance(fault, InputRejected):
        return fault.problems
    return (f"E{fault.number} {fault.what}",)


@config_app.command("schema")
def schema(
    name: Annotated[SchemaName, typer.Argument(help="The kind of file.")],
) -> None:
    """Print the JSON Schema of one kind of file, for editors and integrators."""
    typer.echo(json.dumps(MODELS[name].model_json_schema(), indent=2, sort_keys=True))
