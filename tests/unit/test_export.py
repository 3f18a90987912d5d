"""`micropen session` on a journal file: list, show, verify, export."""

import csv
import io
import json
from pathlib import Path

import apsw
import pytest
from rich.console import Console
from typer.testing import CliRunner

from controller.errors import JournalCorrupt, JournalMissing, UnknownSession, WrongUsage
from controller.record.export import STROKE_COLUMNS, write_csv, write_jsonl
from controller.record.reader import JournalReader
from controller.record.sessions import session_entries
from controller.record.verify import documented_hash, verify
from controller.service.commands.session import list_table, session_app
from tests.support import journals
from tests.support.journals import open_journal, whole_session

runner = CliRunner()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sessions, the second one open, with entries of nobody between them."""
    journal = open_journal(tmp_path / "journal")
    for drafts in whole_session("s-1", batches=5):
        journal.append(drafts)
    journal.append([journals.health()])
    journal.append([journals.opened("s-2"), journals.changed("running", "chin", "s-2")])
    journal.append([journals.armed(2, "chin", "s-2")])
    journal.append([journals.strokes(2, 20, 3, session_id="s-2"), journals.health()])
    journal.close()
    return tmp_path / "journal"


def ask(*arguments: str) -> str:
    result = runner.invoke(session_app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_list_names_sessions_in_order(folder: Path) -> None:
    rows = json.loads(ask("list", "--journal", str(folder), "--json"))
    assert [(r["session_id"], r["outcome"]) for r in rows] == [("s-1", "complete"), ("s-2", None)]
    assert rows[0]["opened_wall"] < rows[0]["closed_wall"] < rows[1]["opened_wall"]
    text = ask("list", "--state", str(folder.parent))
    assert text.index("s-1") < text.index("s-2")
    assert "training" in text


def test_an_id_is_shown_whole_on_a_narrow_terminal() -> None:
    session_id = "20261123-062837-456ba648"
    row = {
        "session_id": session_id,
        "opened_wall": "2026-11-23T06:28:37.495465Z",
        "closed_wall": None,
        "outcome": None,
        "plan_name": "lower_face_one_side_and_more",
    }
    console = Console(width=80, file=io.StringIO())
    console.print(list_table([row], "training"))
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert session_id in said
    assert "open" in said


def test_show_adds_up(folder: Path) -> None:
    shown = json.loads(ask("show", "s-1", "--journal", str(folder), "--json"))
    assert (shown["state"], shown["outcome"], shown["realm"]) == ("running", "complete", "training")
    (zone,) = shown["account"]["zones"]
    assert (zone["zone"], zone["punctures_certain"], zone["punctures_possible"]) == (
        "forehead",
        20,
        20,
    )
    assert shown["account"]["dose"]["certain_nl_rounded"] == 20 * 4 * 2.5
    assert [arm["end"] for arm in shown["arms"]] == ["final (disarm)"]
    assert [alarm["alarm_id"] for alarm in shown["alarms"]] == ["occlusion-1"]


def test_open_arm_counts_its_ceiling_as_possible(folder: Path) -> None:
    shown = json.loads(ask("show", "--journal", str(folder), "--json"))
    (zone,) = shown["account"]["zones"]
    assert (zone["zone"], zone["punctures_certain"], zone["punctures_possible"]) == ("chin", 3, 25)
    assert (zone["certain_nl"], zone["possible_nl"]) == ("30/1", "250/1")
    text = ask("show", "s-2", "--journal", str(folder))
    for words in ("chin", "3 to 25", "0.03 to 0.25", "open: the pen's last word", "SIMULATED"):
        assert words in text


def test_csv_has_every_stroke_with_its_arm(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "strokes.csv"
    ask("export", "s-1", "--journal", str(folder), "--out", str(out))
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert tuple(rows[0]) == STROKE_COLUMNS
    assert [int(r["index"]) for r in rows] == list(range(20))
    assert {r["volume_pl"] for r in rows} == {"10000"}
    assert {(r["zone"], r["contact"], r["partial"]) for r in rows} == {("forehead", "1", "0")}


def test_csv_of_an_unknown_arm_stays_bare(folder: Path) -> None:
    reader = JournalReader(folder)
    entries = [e for e in session_entries(reader, "s-1") if e.kind == "strokes"]
    reader.close()
    out = io.StringIO()
    assert write_csv(entries, out) == 20
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert {(r["volume_pl"], r["zone"], r["steps"]) for r in rows} == {("", "", "4")}


def test_jsonl_keeps_bodies_byte_for_byte(folder: Path) -> None:
    reader = JournalReader(folder)
    entries = list(session_entries(reader, "s-1"))
    out = io.StringIO()
    assert write_jsonl(entries, out) == len(entries)
    reader.close()
    for line, entry in zip(out.getvalue().splitlines(), entries, strict=True):
        found = json.loads(line)
        body = line.partition(',"body":')[2][:-1].encode()
        row = tuple(
            None if v is None else str(int(v) if isinstance(v, bool) else v).encode()
            for v in list(found.values())[:-1]
        )
        assert documented_hash((*row, body)).decode() == entry.hash


def test_export_goes_to_standard_output(folder: Path) -> None:
    text = ask("export", "s-2", "--journal", str(folder), "--format", "jsonl")
    assert [json.loads(line)["session_id"] for line in text.splitlines()] == ["s-2"] * 4


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_export_of_all_has_a_file_for_each_session(folder: Path, tmp_path: Path, form: str) -> None:
    place = tmp_path / "all"
    words = ("--journal", str(folder), "--format", form)
    ask("export", "--all", "--out", str(place), *words)
    assert sorted(path.name for path in place.iterdir()) == [
        f"s-1.{form}",
        f"s-2.{form}",
        "sessions.json",
    ]
    for session_id in ("s-1", "s-2"):
        assert (place / f"{session_id}.{form}").read_text() == ask("export", session_id, *words)
    rows = json.loads((place / "sessions.json").read_text())
    assert rows == json.loads(ask("list", "--journal", str(folder), "--json"))
    for wrong in (
        ("--all",),
        ("s-1", "--all", "--out", str(place)),
        ("--all", "--out", str(place)),
    ):
        with pytest.raises(WrongUsage):
            ask("export", *wrong, *words)


def test_a_session_id_is_never_a_path(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal")
    journal.append([journals.opened("../../evil")])
    journal.close()
    ask("export", "--all", "--out", str(tmp_path / "all"), "--journal", str(tmp_path / "journal"))
    assert (tmp_path / "all" / "______evil.csv").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all", "journal"]


def test_verify_prints_a_head_that_it_accepts(folder: Path) -> None:
    text = ask("verify", "--journal", str(folder))
    head = text.split()[-1]
    assert head == "{0.head_seq}:{0.head_hash}".format(verify(folder))
    assert ask("verify", "--journal", str(folder), "--head", head) == text
    report = json.loads(ask("verify", "--journal", str(folder), "--json"))
    assert report["first_bad_seq"] is None


def test_verify_of_a_changed_journal_is_an_error(folder: Path) -> None:
    other = apsw.Connection(str(folder / "journal.db"))
    other.execute("DROP TRIGGER no_update")
    other.execute("UPDATE entries SET wall = 'x' WHERE seq = 5")
    other.close()
    result = runner.invoke(session_app, ["verify", "--journal", str(folder)])
    assert isinstance(result.exception, JournalCorrupt)
    assert result.exception.first_bad_seq == 5
    assert result.exception.exit_code == 50


@pytest.mark.parametrize(
    ("arguments", "error"),
    [(["show", "s-9"], UnknownSession), (["export", "s-9"], UnknownSession)],
)
def test_unknown_session_is_said(
    folder: Path, arguments: list[str], error: type[Exception]
) -> None:
    result = runner.invoke(session_app, [*arguments, "--journal", str(folder)])
    assert isinstance(result.exception, error)


def test_no_journal_is_said(tmp_path: Path) -> None:
    result = runner.invoke(session_app, ["list", "--journal", str(tmp_path)])
    assert isinstance(result.exception, JournalMissing)


def test_a_head_that_is_none_is_wrong_usage(folder: Path) -> None:
    result = runner.invoke(session_app, ["verify", "--journal", str(folder), "--head", "5"])
    assert isinstance(result.exception, WrongUsage)
