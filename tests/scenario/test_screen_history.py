"""Recorded sessions by the screen: search, open, verify, and every kind of report."""

import csv
import io
import json
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from controller.console import children, routes_history
from controller.console.report.__main__ import main, report
from controller.console.report.content import content_of
from controller.console.report.html import html_page
from controller.console.report.pdf import pdf_page
from controller.console.report.sheet import Sheet, SheetAlarm, SheetPart, read_sheet
from controller.errors import UnknownSession
from controller.session.plan import load_plan
from tests.support.bills import CONFIG, pen_for
from tests.support.screen import PLAN, Screen, answer, refused, three_people
from tests.support.theatre import Theatre
from tests.support.virtual import run_virtual

CHECK = load_plan(CONFIG / "plans" / f"{PLAN}.toml")
EVIL = '"><script>alert(1)</script><b onload=x>'


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One session that was stopped once and came to its end, and one that was not begun."""
    place = tmp_path_factory.mktemp("history")

    async def play() -> None:
        async with Theatre(place / "j", pen_for(CHECK)) as theatre, Screen(theatre) as screen:
            await screen.open()
            await screen.act("prime")
            await theatre.until(lambda: theatre.state == "ready")
            await screen.act("treat")
            await theatre.until(lambda: theatre.stage.moves)
            answer(await screen.post("/api/stop"))
            await theatre.until(lambda: theatre.state == "latched")
            answer(await screen.post("/api/alarms/stop-latched/acknowledge"))
            await screen.act("clear")
            for _ in CHECK.zones:
                await screen.act("treat")
                await theatre.until(lambda: theatre.state == "ready")
            await screen.act("close")
            await screen.open(patient="p-2")
            await screen.act("close")

    run_virtual(play)
    return place / "j"


def ids(journal: Path) -> list[str]:
    """The sessions' ids, newest first."""
    return [line["id"] for line in json.loads(report("list", journal, ""))]


def treated(journal: Path) -> Sheet:
    return read_sheet(journal, ids(journal)[1])


def test_each_component_has_a_certain_and_a_possible_volume(journal: Path) -> None:
    sheet = treated(journal)
    zone = sheet.zones[1]
    parts = [
        SheetPart(name=part.name, certain_nl=part.certain_nl, possible_nl=part.certain_nl + 1_500)
        for part in zone.parts
    ]
    part = zone.parts[0]
    unsure = sheet.model_copy(update={"zones": [zone.model_copy(update={"parts": parts})]})
    table = content_of(unsure).tables[0]
    assert table.heads[6] == f"{part.name} uL"
    low, high = table.rows[0][6].split(" - ")
    assert float(low) == pytest.approx(part.certain_nl / 1000, abs=0.005)
    assert float(high) - float(low) == pytest.approx(1.5, abs=0.011)


def test_a_histogram_says_how_many_its_highest_bar_stands_for(journal: Path) -> None:
    sheet = treated(journal)
    most = max(bar.count for bar in sheet.protrusion)
    assert f"highest bar: {most} of 8" in content_of(sheet).charts[0].title
    empty = sheet.model_copy(update={"protrusion": []})
    assert "highest" not in content_of(empty).charts[0].title


def test_the_list_is_newest_first_and_says_what_was_simulated(journal: Path) -> None:
    lines = json.loads(report("list", journal, ""))
    assert [line["patient"] for line in lines] == ["p-2", "p-1"]
    assert [line["outcome"] for line in lines] == ["ended_early", "complete"]
    assert all(line["simulated"] and line["closed_wall"] for line in lines)


def test_a_sheet_compares_plan_and_delivery(journal: Path) -> None:
    sheet = treated(journal)
    assert sheet.simulated
    assert [zone.planned_punctures for zone in sheet.zones] == [4, 4]
    assert [zone.punctures_certain for zone in sheet.zones] == [4, 4]
    assert sheet.zones[1].certain_units == pytest.approx(0.883, abs=0.001)
    assert sum(part.certain_nl for part in sheet.zones[1].parts) < sheet.zones[1].certain_nl
    (syringe,) = sheet.syringes
    whole_nl = syringe.delivered_nl + syringe.primed_nl + syringe.purged_nl
    assert whole_nl + syringe.discarded_nl + syringe.unknown_nl == pytest.approx(100_000)
    assert sheet.alarms[0].priority == "high"
    assert sum(bar.count for bar in sheet.protrusion) == 8
    assert len(sheet.dots) == 8
    assert sum(dot.partial for dot in sheet.dots) <= 1
    assert sheet.operator == "trainee"
    assert sheet.lot == "T1"
    assert len(sheet.chain_hash) == 64
    assert sheet.pens[0].startswith("f0000000616bc0ac MICROPEN-SIM")


def test_a_session_that_was_not_begun_has_a_report_too(journal: Path) -> None:
    sheet = read_sheet(journal, ids(journal)[0])
    assert [zone.punctures_certain for zone in sheet.zones] == [0, 0]
    assert "<td>cheek</td>" in html_page(sheet)
    assert pdf_page(sheet).startswith(b"%PDF")


def test_the_chain_is_recomputed(journal: Path, tmp_path: Path) -> None:
    told = json.loads(report("verify", journal, ids(journal)[1]))
    assert told["holds"]
    assert told["entries"] > told["entries_of_session"] > 20
    assert told["problem"] is None


def test_csv_and_json_lines_hold_every_stroke(journal: Path) -> None:
    chosen = ids(journal)[1]
    rows = list(csv.DictReader(io.StringIO(report("csv", journal, chosen).decode())))
    assert sum(row["kind"] == "puncture" for row in rows) == 8
    kinds = [json.loads(line)["kind"] for line in report("jsonl", journal, chosen).splitlines()]
    assert (kinds[0], kinds[-1]) == ("session_opened", "session_closed")


class Reader(HTMLParser):
    """Collects what an HTML file would do and say."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def read_html(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    return reader


def test_the_html_says_all_of_it_and_runs_nothing(journal: Path) -> None:
    sheet = treated(journal)
    page = read_html(html_page(sheet))
    for word in ("SIMULATED", "p-1", "trainee", "T1", "cheek", "neck", sheet.chain_hash):
        assert word in page.text, word
    assert page.tags.count("rect") >= 2
    assert page.tags.count("circle") == 8
    assert "script" not in page.tags


def test_hostile_texts_stay_texts_in_every_report(journal: Path) -> None:
    sheet = treated(journal).model_copy(
        update={
            "plan_title": EVIL,
            "patient": EVIL,
            "operator": "Łukasz \u202e",
            "product": EVIL,
            "cartridge": EVIL,
            "pens": [EVIL],
            "zones": [treated(journal).zones[0].model_copy(update={"name": EVIL})],
            "alarms": [SheetAlarm(wall="", priority=EVIL, sentence=EVIL, cause=EVIL)],
            "dots": [treated(journal).dots[0].model_copy(update={"zone": EVIL})],
        }
    )
    page = read_html(html_page(sheet))
    assert "script" not in page.tags
    assert "b" not in page.tags
    assert not [name for name in page.attributes if name.startswith("on")]
    assert page.text.count(EVIL) >= 5
    assert pdf_page(sheet).startswith(b"%PDF")


def test_the_pdf_is_one_page_and_the_same_each_time(journal: Path) -> None:
    made = pdf_page(treated(journal))
    assert made == pdf_page(treated(journal))
    assert made.count(b"/Type /Page\n") == 1
    assert b"SIMULATED" in made


def test_an_unknown_session_is_told_by_number(
    journal: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for what in ("show", "verify", "csv", "jsonl", "html", "pdf"):
        with pytest.raises(UnknownSession):
            report(what, journal, "no-such-session")
    monkeypatch.setattr("os.nice", lambda _: 0)
    assert main(["show", str(journal), "no-such-session"]) == UnknownSession.exit_code
    assert json.loads(capfdbinary.readouterr().err)["number"] == UnknownSession.number


def test_the_alarm_log_says_what_came_went_and_was_seen(journal: Path) -> None:
    lines = json.loads(report("alarms", journal, ""))
    walls = [each["raised_wall"] for each in lines]
    assert walls == sorted(walls, reverse=True)
    line = lines[-1]
    assert (line["id"], line["priority"]) == ("stop-latched", "high")
    assert line["cause"] == "STOP on the screen"
    assert line["raised_wall"] < line["acknowledged_wall"]
    assert line["raised_wall"] < line["cleared_wall"]
    assert line["acknowledged_by"] == "trainee"
    assert line["session_id"] == ids(journal)[1]


# --- by the API ----------------------------------------------------------------------------------


async def test_the_api_searches_opens_and_hands_out(tmp_path: Path, journal: Path) -> None:
    """One real child process; the others are asked for within this one."""
    async with Theatre(tmp_path / "j", pen_for(CHECK)) as theatre, Screen(theatre) as screen:
        session_id = (await screen.open())["session"]["id"]
        lines = (await screen.get("/api/sessions")).json()
        assert [line["id"] for line in lines] == [session_id]
        assert theatre.is_running


@pytest.fixture
def _within(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports are made in this process, for speed."""

    def run(line: list[str]) -> Any:
        out = report(line[3], Path(line[4]), line[5])
        return subprocess.CompletedProcess(line, 0, out, b"")

    monkeypatch.setattr(children, "_run", run)


@pytest.mark.usefixtures("_within")
async def test_every_report_has_its_type_and_its_name(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(CHECK)) as theatre, Screen(theatre) as screen:
        session_id = (await screen.open(patient="p-77"))["session"]["id"]
        for word, count in (("P-77", 1), (PLAN, 1), ("nobody-like-this", 0), ("2030-01", 1)):
            assert len((await screen.get(f"/api/sessions?q={word}")).json()) == count
        answer(await screen.post("/api/stop"))
        assert [line["id"] for line in (await screen.get("/api/alarms")).json()] == ["stop-latched"]
        sheet = answer(await screen.get(f"/api/sessions/{session_id}"))
        assert sheet["patient"] == "p-77"
        assert answer(await screen.get(f"/api/sessions/{session_id}/verify"))["holds"]
        for form, kind in (
            ("html", "text/html; charset=utf-8"),
            ("pdf", "application/pdf"),
            ("csv", "text/csv; charset=utf-8"),
            ("jsonl", "application/x-ndjson"),
        ):
            told = await screen.get(f"/api/sessions/{session_id}/report.{form}")
            assert told.status_code == 200
            assert told.headers["content-type"] == kind
            assert f"session-{session_id}.{form}" in told.headers["content-disposition"]
        told = await screen.get(f"/api/sessions/{session_id}/report.html")
        assert told.headers["content-security-policy"] == routes_history.REPORT_CSP
        refused(await screen.get(f"/api/sessions/{session_id}/report.exe"), 422, 8034)
        refused(await screen.get("/api/sessions/..%2f..%2fx"), 404, 8035)
        refused(await screen.get("/api/sessions/a b/verify"), 404, 8035)
        assert theatre.is_running


async def test_the_history_is_for_those_who_are_logged_in(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(CHECK)) as theatre:
        async with Screen(theatre, people=three_people(), realm="treatment") as screen:
            for path in ("", "/x-1", "/x-1/verify", "/x-1/report.csv"):
                refused(await screen.get(f"/api/sessions{path}"), 401, 8030)
        assert theatre.is_running


@pytest.mark.parametrize(
    ("code", "out", "err", "status", "number"),
    [
        (1, b"", b"Traceback: no JSON", 503, 8039),
        (50, b"", b'{"number": 5004, "what": "w", "cause": "c", "action": "a"}', 503, 8039),
        (50, b"", b'{"number": 5020, "what": "w", "cause": "c", "action": "a"}', 404, 5020),
        (None, b"", b"", 503, 8039),
    ],
)
async def test_a_child_that_fails_is_told_by_number(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int | None,
    out: bytes,
    err: bytes,
    status: int,
    number: int,
) -> None:
    def run(line: list[str]) -> Any:
        if code is None:
            return None
        return subprocess.CompletedProcess(line, code, out, err)

    monkeypatch.setattr(children, "_run", run)
    async with Theatre(tmp_path / "j", pen_for(CHECK)) as theatre, Screen(theatre) as screen:
        refused(await screen.get("/api/sessions/x-1"), status, number)
        assert theatre.is_running
