"""`micropen session`: what the journal says about sessions. Reads the files, moves nothing.

Works on the journal alone, with or without a running service; heavy work stays in this process.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.table import Table

from controller.errors import JournalCorrupt, JournalNotWritable
from controller.record.export import write_csv, write_jsonl
from controller.record.reader import JournalReader
from controller.record.sessions import marks_of, session_entries, session_ids, tally_of
from controller.record.tally import SessionTally, figures
from controller.record.verify import verify as verify_journal
from controller.service.places import journal_folder

session_app = typer.Typer(no_args_is_help=True, help="Look at recorded sessions.")

Journal = Annotated[Path | None, typer.Option(help="Folder of the journal, or one of its files.")]
State = Annotated[Path | None, typer.Option(help="State folder; its journal is read.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


class Format(StrEnum):
    """What an export looks like."""

    CSV = "csv"
    JSONL = "jsonl"


@session_app.command("list")
def list_sessions(journal: Journal = None, state: State = None, as_json: AsJson = False) -> None:
    """All sessions, oldest first."""
    with closing(JournalReader(_path(journal, state))) as reader:
        rows = [marks_of(reader, session_id) for session_id in session_ids(reader)]
        realm = reader.realm
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("session", "opened (UTC)", "closed (UTC)", "outcome", "plan", title=f"{realm}")
    for row in rows:
        table.add_row(*(str(value or "") for value in row.values()))
    Console().print(table)


@session_app.command()
def show(
    session_id: Annotated[str, typer.Argument(help="As `session list` names it.")],
    journal: Journal = None,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """One session: its state, and what each zone got, as far as it is certain."""
    with closing(JournalReader(_path(journal, state))) as reader:
        tally = tally_of(reader, session_id)
    if as_json:
        typer.echo(json.dumps(_summary(tally)))
        return
    typer.echo(f"Session {tally.session_id}: {tally.state}, plan {tally.plan_name}")
    typer.echo(f"Opened {tally.opened_wall}, closed {tally.closed_wall or 'not yet'}")
    table = Table("zone", "punctures", "dose nl", title=f"patient {tally.patient}")
    for zone, amount in [*tally.zones.items(), ("all", tally.total)]:
        found = figures(amount)
        table.add_row(
            zone,
            _between(found["punctures_certain"], found["punctures_possible"]),
            _between(found["dose_certain_nl"], found["dose_possible_nl"]),
        )
    Console().print(table)


@session_app.command()
def verify(
    journal: Journal = None,
    state: State = None,
    head: Annotated[
        str | None, typer.Option(help="SEQ:HASH noted elsewhere; shows a cut-off end.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the whole chain. Exit code 50 when an entry is not what was written."""
    report = verify_journal(_path(journal, state), expected_head=_head(head))
    if as_json:
        names = ("files", "head_seq", "head_hash", "disowned", "first_bad_seq", "problem")
        typer.echo(json.dumps({name: getattr(report, name) for name in names}))
    if report.problem is not None:
        raise JournalCorrupt(report.problem, report.first_bad_seq)
    if not as_json:
        typer.echo(f"{report.head_seq} entries in {report.files} file(s): all as they were written")
        typer.echo(f"Head, to be noted elsewhere: {report.head_seq}:{report.head_hash}")
        if report.disowned:
            typer.echo(f"{report.disowned} unconfirmed entries before a successor: not counted")


@session_app.command()
def export(
    session_id: Annotated[str, typer.Argument(help="As `session list` names it.")],
    journal: Journal = None,
    state: State = None,
    form: Annotated[
        Format, typer.Option("--format", help="csv: every stroke; jsonl: every entry.")
    ] = Format.CSV,
    out: Annotated[Path | None, typer.Option(help="A file; standard output without it.")] = None,
) -> None:
    """One session for other programs."""
    write = write_csv if form is Format.CSV else write_jsonl
    with closing(JournalReader(_path(journal, state))) as reader, _output(out) as file:
        number = write(session_entries(reader, session_id), file)
    what = "strokes" if form is Format.CSV else "entries"
    typer.echo(f"{number} {what} exported", err=True)


def _path(journal: Path | None, state: Path | None) -> Path:
    if journal is not None:
        return journal
    if state is not None:
        return journal_folder(state)
    raise typer.BadParameter("name the journal with --journal or --state")


def _head(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    seq, _, own_hash = text.partition(":")
    if not (seq.isascii() and seq.isdigit() and len(own_hash) == 64):
        raise typer.BadParameter("a head is SEQ:HASH, as `session verify` prints it")
    return int(seq), own_hash


@contextmanager
def _output(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise JournalNotWritable(f"{out} cannot be written: {error.strerror}.") from error


def _summary(tally: SessionTally) -> dict[str, Any]:
    return {
        "session_id": tally.session_id,
        "state": tally.state,
        "zone": tally.zone,
        "plan_name": tally.plan_name,
        "patient": tally.patient,
        "opened_wall": tally.opened_wall,
        "closed_wall": tally.closed_wall,
        "outcome": tally.outcome,
        "zones": {zone: figures(amount) for zone, amount in tally.zones.items()},
        **figures(tally.total),
    }


def _between(certain: float, possible: float) -> str:
    return f"{certain}" if certain == possible else f"{certain} to {possible}"
