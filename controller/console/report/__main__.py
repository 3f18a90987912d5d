"""`python -m controller.console.report WHAT JOURNAL [SESSION]`: one report to standard output.

The screen's API starts it as a child, so that nothing heavy runs beside the drive. Exit code 0, or
an error's own, with its number and sentence as JSON on standard error.
"""

import io
import os
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson

from controller.console.report.listing import alarm_lines, session_lines
from controller.console.report.sheet import read_sheet
from controller.errors import MicropenError
from controller.record.export import write_csv, write_jsonl
from controller.record.reader import JournalReader
from controller.record.sessions import session_entries
from controller.record.verify import verify

NICER = 10
"""The drive goes first, on a processor with few cores too."""


def report(what: str, journal: Path, session_id: str) -> bytes:
    """The report's bytes. Raises JournalError, UnknownSession."""
    return _MAKERS[what](journal, session_id)


def _list(journal: Path, _: str) -> bytes:
    with closing(JournalReader(journal)) as reader:
        return orjson.dumps([line.model_dump() for line in session_lines(reader)])


def _alarms(journal: Path, _: str) -> bytes:
    with closing(JournalReader(journal)) as reader:
        return orjson.dumps([line.model_dump() for line in alarm_lines(reader)])


def _show(journal: Path, session_id: str) -> bytes:
    return read_sheet(journal, session_id).model_dump_json().encode()


def _verify(journal: Path, session_id: str) -> bytes:
    with closing(JournalReader(journal)) as reader:
        number = sum(1 for _ in session_entries(reader, session_id))
    found = verify(journal)
    return orjson.dumps(
        {
            "holds": found.ok,
            "entries": found.head_seq,
            "entries_of_session": number,
            "head": f"{found.head_seq}:{found.head_hash}",
            "first_bad_seq": found.first_bad_seq,
            "problem": found.problem,
        }
    )


def _csv(journal: Path, session_id: str) -> bytes:
    out = io.StringIO()
    with closing(JournalReader(journal)) as reader:
        write_csv(session_entries(reader, session_id), out)
    return out.getvalue().encode()


def _jsonl(journal: Path, session_id: str) -> bytes:
    out = io.StringIO()
    with closing(JournalReader(journal)) as reader:
        write_jsonl(session_entries(reader, session_id), out)
    return out.getvalue().encode()


def _html(journal: Path, session_id: str) -> bytes:
    from controller.console.report.html import html_page  # noqa: PLC0415 - not for the others

    return html_page(read_sheet(journal, session_id)).encode()


def _pdf(journal: Path, session_id: str) -> bytes:
    from controller.console.report.pdf import pdf_page  # noqa: PLC0415 - reportlab is slow to load

    return pdf_page(read_sheet(journal, session_id))


_MAKERS: dict[str, Callable[[Path, str], bytes]] = {
    "list": _list,
    "alarms": _alarms,
    "show": _show,
    "verify": _verify,
    "csv": _csv,
    "jsonl": _jsonl,
    "html": _html,
    "pdf": _pdf,
}


def main(arguments: list[str]) -> int:
    """Write the report, or why there is none."""
    os.nice(NICER)
    what, journal, session_id = (*arguments, "")[:3]
    try:
        sys.stdout.buffer.write(report(what, Path(journal), session_id))
    except MicropenError as error:
        told = {"number": error.number, "what": error.what}
        told |= {"cause": error.cause, "action": error.action}
        sys.stderr.buffer.write(orjson.dumps(told))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
