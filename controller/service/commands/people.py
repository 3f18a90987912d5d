"""`micropen people`: who may log in on the screen. Works on the state folder's file alone."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from controller.console.errors import RequestRejected
from controller.console.people import People, Person, read_people, write_people
from controller.console.views import Role
from controller.service.commands.options import ConfigOption, StateOption, state_of

people_app = typer.Typer(no_args_is_help=True, help="Who may log in on the screen, and as what.")

PersonName = Annotated[str, typer.Argument(metavar="NAME", help="The name that the record shows.")]


@people_app.command("list")
def list_people(state: StateOption = None, config: ConfigOption = None) -> None:
    """List names and roles."""
    table = Table("name", "role")
    for person in read_people(state_of(state, config)).people:
        table.add_row(person.name, person.role)
    Console().print(table)


@people_app.command("add")
def add(
    name: PersonName,
    role: Annotated[
        str, typer.Option(help="operator treats, technician calibrates, administrator does both.")
    ] = "operator",
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Enter a person, or give a known one a new PIN or role. Asks for the PIN.

    A running service reads the file at each login.
    """
    folder = state_of(state, config)
    known = read_people(folder)
    pin = typer.prompt("PIN, 4 to 12 digits", hide_input=True, confirmation_prompt=True)
    write_people(folder, known.with_person(Person.with_pin(name, _role(role), pin)))
    typer.echo(f"{name} may log in as {role}.")


@people_app.command("remove")
def remove(name: PersonName, state: StateOption = None, config: ConfigOption = None) -> None:
    """Take a person out. What this person did stays in the record."""
    folder = state_of(state, config)
    known = read_people(folder)
    _require(known, name)
    write_people(folder, known.without(name))
    typer.echo(f"{name} may not log in any more.")


def _role(text: str) -> Role:
    if text == "operator":
        return "operator"
    if text == "technician":
        return "technician"
    if text == "administrator":
        return "administrator"
    raise RequestRejected(f"'{text}' is no role: operator, technician or administrator.")


def _require(known: People, name: str) -> None:
    if known.named(name) is None:
        raise RequestRejected(f"Nobody is called '{name}' here.")
