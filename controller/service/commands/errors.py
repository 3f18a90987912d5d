"""`micropen errors`: every numbered error with cause and action, or the one that was met."""

from typing import Annotated

import typer

from controller.errors import WrongUsage
from controller.service.error_tree import error_page, meaning, numbered
from controller.service.exit_codes import exit_code_page


def errors(
    number: Annotated[
        str | None,
        typer.Argument(metavar="NUMBER", help="A number as an error prints it, such as E2002."),
    ] = None,
    exit_codes: Annotated[
        bool, typer.Option("--exit-codes", help="List the exit codes instead.")
    ] = False,
) -> None:
    """Explain an error by its NUMBER, or list them all."""
    if number is None:
        typer.echo(exit_code_page() if exit_codes else error_page(), nl=False)
        return
    digits = number.upper().removeprefix("E")
    found = numbered()
    if not digits.isdecimal() or int(digits) not in found:
        raise WrongUsage(f"There is no error {number}.", action="List all with `micropen errors`.")
    kind = found[int(digits)]
    typer.echo(
        f"E{kind.number} {meaning(kind)}\n"
        f"  Likely cause: {kind.cause}\n  What to do: {kind.action}\n  Exit code: {kind.exit_code}"
    )
