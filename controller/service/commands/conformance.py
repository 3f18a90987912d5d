"""`micropen pen conformance`: every rule of the wire contract, put to the pen at a port."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from controller.errors import PenError, WrongUsage
from controller.link.port import check_port
from controller.service.commands.options import ConfigOption, PortOption, catalogue_of
from controller.service.conformance.conducting import Conditions, chosen, conduct
from controller.service.conformance.fitness import PenFound, greet, is_latched, look_first
from controller.service.conformance.hand import JigHand, NoHand, PersonHand
from controller.service.conformance.port_rig import PortRig
from controller.service.conformance.report import text_of_run
from controller.service.conformance.sheets import CheckSheet, RunSheet, Verdict
from protocol.conformance.rules import RULES
from protocol.conformance.tap import Tap

INTERRUPTED = 130


class ConformanceFailed(PenError):
    """The pen does not keep a rule of the wire contract."""

    number = 3022
    exit_code = 35
    cause = "A defect in the pen's firmware; the report above names rule, line and messages."
    action = "Do not use this pen; give the report, or --json, to whoever writes its firmware."


class ConformanceUnfinished(PenError):
    """Nothing failed, but checks that were asked for came to no verdict."""

    number = 3023
    exit_code = 36
    cause = "Nobody acted in time, the line was lost, or the pen was switched off."
    action = "Run it again; --rule runs a part only, --no-hand what needs nobody."


def conformance(
    port: PortOption = "",
    config: ConfigOption = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", help="Only this rule, C1 to C13; repeatable.")
    ] = None,
    no_hand: Annotated[
        bool, typer.Option("--no-hand", help="Only what needs no hand and no power switch.")
    ] = False,
    jig: Annotated[
        str, typer.Option("--jig", help="A command that is hand and switch: docs/conformance.md.")
    ] = "",
    as_json: Annotated[
        str, typer.Option("--json", help="Write the report as JSON too: a file, or - .")
    ] = "",
    latency_ms: Annotated[
        int, typer.Option("--latency", help="What a slow line may add, in ms.", min=0, max=1_000)
    ] = 0,
    yes: Annotated[bool, typer.Option("--yes", help="Start without asking.")] = False,
) -> None:
    """Put the pen to every rule of the wire contract: pass or fail, with times.

    The needle moves and the pump pumps: dummy skin and a cup, never a person. A real pen is never
    let dose with contact. Not while a session is open: the run takes the pen for itself.
    """
    rules = _rules(rule or [])
    hand = _hand(jig, no_hand=no_hand)
    path = port or catalogue_of(config).settings.pen_port.path
    try:
        check_port(path)
        conditions = Conditions(path, _word(jig, no_hand), hand.offers, latency_ms)
        tap = Tap(PortRig(path, hand, latency_ms * 1_000))
        try:
            sheet, interrupted = _run(tap, conditions, rules, yes=yes)
        finally:
            tap.close()
    except KeyboardInterrupt:  # before anything moved, or after all was over
        raise typer.Exit(INTERRUPTED) from None
    finally:
        hand.close()
    _publish(sheet, as_json)
    _judge(sheet, interrupted=interrupted)


def _rules(given: list[str]) -> list[str]:
    if not __debug__:
        raise WrongUsage("Python was started with -O: it leaves every check out.")
    named = [each.upper() for each in given]
    unknown = [each for each in named if each not in RULES]
    if unknown:
        raise WrongUsage(f"There is no rule {unknown[0]}: C1 to C13.")
    return named


def _hand(jig: str, *, no_hand: bool) -> PersonHand | NoHand | JigHand:
    if jig and no_hand:
        raise WrongUsage("--jig is a hand, and --no-hand says that there is none.")
    if jig:
        return JigHand(jig)
    return NoHand() if no_hand else PersonHand(_say)


def _word(jig: str, no_hand: bool) -> str:
    return "jig" if jig else "none" if no_hand else "person"


def _say(words: str) -> None:
    typer.echo(f">>> {words}", err=True)


def _run(tap: Tap, conditions: Conditions, rules: list[str], *, yes: bool) -> tuple[RunSheet, bool]:
    look_first(tap)
    pen = greet(tap)
    runs = chosen(rules)
    typer.echo(_warning(pen, conditions, len(runs)), err=True)
    if not yes:
        _ask_to_start()
    done = 0

    def tell(name: str, sheet: CheckSheet) -> None:
        nonlocal done
        done += 1
        if sheet.verdict is not Verdict.NOT_RUN:
            word = "FAIL" if sheet.verdict is Verdict.FAILED else sheet.verdict.value
            typer.echo(f"{done:4}/{len(runs)}  {name:4} {word:10} {sheet.name}", err=True)

    sheet, found = conduct(tap, pen, conditions, runs, tell)
    return sheet, found.interrupted


def _warning(pen: PenFound, conditions: Conditions, checks: int) -> str:
    identity = pen.identity
    lines = [
        f"Pen {identity.uid:016x} on {conditions.port}: {checks} checks, hand: {conditions.hand}.",
        "The needle will move and the pump will pump. Put the pen over a cup, fill the cartridge",
        "with water, have the dummy skin at hand, and keep people away from the needle.",
        "The run uses up arm ids and moves the pen's counters; a service that knows the pen books",
        "this as foreign movement afterwards. Its certificate and its record stay as they are.",
    ]
    if is_latched(pen):
        lines.append("A stop or a fault is latched now: the run CLEARS it.")
    return "\n".join(lines)


def _ask_to_start() -> None:
    typer.echo("Start? Type yes: ", err=True, nl=False)
    answer = sys.stdin.readline().strip().lower()
    if answer not in {"y", "yes"}:
        typer.echo("", err=True)
        raise WrongUsage("Not started: nobody said yes. --yes starts without asking.")


def _publish(sheet: RunSheet, as_json: str) -> None:
    typer.echo(text_of_run(sheet), err=as_json == "-")
    if not as_json:
        return
    text = msgspec.json.format(msgspec.json.encode(sheet), indent=1)
    if as_json == "-":
        sys.stdout.write(f"{text.decode()}\n")
    else:
        Path(as_json).write_bytes(text + b"\n")


def _judge(sheet: RunSheet, *, interrupted: bool) -> None:
    if interrupted:
        raise typer.Exit(INTERRUPTED)
    bad = [rule.rule for rule in sheet.rules if rule.verdict is sheet.verdict]
    if sheet.verdict is Verdict.FAILED:
        raise ConformanceFailed(f"The pen does not keep {', '.join(bad)}.")
    if sheet.verdict in {Verdict.UNFINISHED, Verdict.NOT_RUN}:
        raise ConformanceUnfinished(f"No verdict on {', '.join(bad)}.")
