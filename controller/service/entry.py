"""Where `micropen` begins. `serve` reads what it needs and no other command: a pen waits for it.

Reading all the others takes a third of the time until the pen is ready (docs/proof.md).
"""

import sys


def main() -> None:
    """Entry point of the installed program and of `python -m controller.service`."""
    if sys.argv[1:2] == ["serve"]:
        _serve(sys.argv[2:])
    else:
        # Here and not above: this is what `serve` does without.
        from controller.service.cli import main as every_command  # noqa: PLC0415

        every_command()


def _serve(words: list[str]) -> None:
    import typer  # noqa: PLC0415

    from controller.service.commands.serve import serve  # noqa: PLC0415
    from controller.service.endings import run_to_the_end  # noqa: PLC0415

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
    app.command("serve")(serve)
    run_to_the_end(app, "micropen serve", words)
