"""`micropen session`: what the journal says about sessions. Reads the files, moves nothing.

Works on the journal alone, with or without a running service; heavy work stays in this process.
"""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.table import Table

from controller.errors import JournalCorrupt, SystemRefused, UnknownSession, WrongUsage
from controller.record.export import write_csv, write_jsonl
from controller.record.reader import JournalReader
from controller.record.sessions import marks_of, session_entries, session_ids
from controller.record.verify import verify as verify_journal
from controller.service.commands.options import (
    ConfigOption,
    JournalOption,
    StateOption,
    journal_of,
)
from controller.service.story import read_story, story_dict
from controller.service.story_page import story_page

session_app = typer.Typer(
    no_args_is_help=True, help="Look at recorded sessions: list, show, verify, export."
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
SessionId = Annotated[
    str | None,
    typer.Argument(
        metavar="SESSION",
        help="A session's id, as `session list` names it. Default: the newest.",
        show_default=False,
    ),
]


class Format(StrEnum):
    """What an export looks like."""

    CSV = "csv"
    JSONL = "jsonl"


@session_app.command("list")
def list_sessions(
    journal: JournalOption = None,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """List all sessions, oldest first."""
    with closing(JournalReader(journal_of(journal, state, config))) as reader:
        rows = [marks_of(reader, session_id) for session_id in session_ids(reader)]
        realm = reader.realm
    if as_json:
        typer.echo(json.dumps(rows))
        return
    Console().print(list_table(rows, realm))


def list_table(rows: list[dict[str, str | None]], realm: str) -> Table:
    """Rows of `marks_of`. Ids are whole at any width: other commands ask for them."""
    table = Table(title=realm)
    table.add_column("session", no_wrap=True)
    table.add_column("opened, closed (UTC)")
    table.add_column("outcome")
    table.add_column("plan", overflow="fold")
    for row in rows:
        opened, closed = ((row[name] or "")[:16] for name in ("opened_wall", "closed_wall"))
        times = f"{opened} - {closed[11:]}".replace("T", " ")
        id_ = row["session_id"] or ""
        table.add_row(id_, times, row["outcome"] or "open", row["plan_name"] or "")
    return table


@session_app.command()
def show(
    session_id: SessionId = None,
    journal: JournalOption = None,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Show what a session gave: zones, units, syringes, arms, alarms; certain and possible."""
    path = journal_of(journal, state, config)
    with closing(JournalReader(path)) as reader:
        chosen = session_id or _newest(reader)
    story = read_story(path, chosen)
    if as_json:
        typer.echo(json.dumps(story_dict(story), indent=2))
    else:
        Console().print(story_page(story))


@session_app.command()
def verify(
    journal: JournalOption = None,
    state: StateOption = None,
    config: ConfigOption = None,
    head: Annotated[
        str | None, typer.Option(help="SEQ:HASH noted elsewhere; shows a cut-off end.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute every hash of the journal. Exit code 50 when an entry is not what was written."""
    report = verify_journal(journal_of(journal, state, config), expected_head=_head(head))
    if as_json:
        names = ("files", "head_seq", "head_hash", "disowned", "first_bad_seq", "problem")
        typer.echo(json.dumps({name: getattr(report, name) for name in names}))
    if report.problem is not None:
        error = JournalCorrupt(report.problem, report.first_bad_seq)
        error.action = "Treat nobody with this journal; keep the folder, restore from the archive."
        raise error
    if not as_json:
        typer.echo(f"{report.head_seq} entries in {report.files} file(s): all as they were written")
        typer.echo(f"Head, to be noted elsewhere: {report.head_seq}:{report.head_hash}")
        if report.disowned:
            typer.echo(f"{report.disowned} unconfirmed entries before a successor: not counted")


@session_app.command()
def export(
    session_id: SessionId = None,
    journal: JournalOption = None,
    state: StateOption = None,
    config: ConfigOption = None,
    form: Annotated[
        Format, typer.Option("--format", help="csv: every stroke; jsonl: every entry.")
    ] = Format.CSV,
    out: Annotated[
        Path | None,
        typer.Option(help="A file; standard output without it. With --all: a new folder."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every session, a file each, into the folder --out.")
    ] = False,
) -> None:
    """Export a session for other programs: strokes as CSV, or all entries as JSON lines."""
    if everything:
        number = _export_all(journal_of(journal, state, config), form, out, session_id)
        typer.echo(f"{number} sessions exported", err=True)
        return
    write = write_csv if form is Format.CSV else write_jsonl
    with closing(JournalReader(journal_of(journal, state, config))) as reader, _output(out) as file:
        number = write(session_entries(reader, session_id or _newest(reader)), file)
    what = "strokes" if form is Format.CSV else "entries"
    typer.echo(f"{number} {what} exported", err=True)


def _export_all(journal: Path, form: Format, out: Path | None, session_id: str | None) -> int:
    """A file for each session, written whole or not at all; gives their number."""
    if out is None or session_id is not None:
        raise WrongUsage("--all needs --out FOLDER, and no session.")
    write = write_csv if form is Format.CSV else write_jsonl
    with closing(JournalReader(journal)) as reader:
        known = session_ids(reader)
        rows = [marks_of(reader, each) for each in known]
        try:
            out.mkdir(parents=True, exist_ok=True)
            if any(out.iterdir()):
                raise WrongUsage(f"{out} is not empty.", action="Name a new folder.")
            for each in known:
                name = re.sub(r"[^\w-]", "_", each)  # a damaged journal may hold any text
                with (out / f"{name}.{form}").open("x", encoding="utf-8", newline="") as file:
                    write(session_entries(reader, each), file)
            (out / "sessions.json").write_text(json.dumps(rows, indent=1) + "\n")
        except OSError as error:
            raise SystemRefused.of(error) from error
    return len(known)


def _newest(reader: JournalReader) -> str:
    known = session_ids(reader)
    if not known:
        raise UnknownSession(
            f"{reader.path} holds no session yet.", cause="None was opened in this journal."
        )
    return known[-1]


def _head(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    seq, _, own_hash = text.partition(":")
    if not (seq.isascii() and seq.isdigit() and len(own_hash) == 64):
        raise WrongUsage(
            f"{text} is no head of a journal.",
            cause="A head is a number, a colon and 64 hexadecimal digits.",
            action="Give SEQ:HASH as `session verify` printed it.",
        )
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
        raise SystemRefused.of(error) from error
