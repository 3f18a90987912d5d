"""`micropen calibrate status|certificate` and `pen certify`: what a technician sees and leaves."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from controller.calibration.certificate import exporting
from controller.calibration.certificate.errors import NoReportExtra, PdfNotMade
from controller.calibration.certificate.issuing import Wish, issue
from controller.calibration.certificate.report import CalibrationReport
from controller.clock import SystemClock
from controller.pen.identity import text_of
from controller.record.calibration_events import CertificateStored
from controller.record.entry import Draft
from controller.record.events import hex_id
from controller.record.journal import Journal
from controller.service.app import read_books
from controller.service.looking import look
from controller.session.validity import Built
from tests.support.command_line import Said, in_process, micropen
from tests.support.inputs import CONFIG
from tests.support.measured import APPROVER, PEN, entries
from tests.support.processes import simulated_pen
from tests.support.technician import dose_terms, protrusion_terms
from tests.support.visits import PUMP_HEAD

ID = "00000000000000a1"


class DaysAgo(SystemClock):
    """The host's clock as it was some days ago."""

    def __init__(self, days: int = 0) -> None:
        self._ago = timedelta(days=days)

    def now_wall(self) -> datetime:
        return super().now_wall() - self._ago


def recorded(state: Path, days_ago: int = 0, **facts: Any) -> Path:
    """A journal in which a pen's doses and protrusion were measured."""
    facts = {"pump_head": PUMP_HEAD} | facts
    journal = Journal.open(state / "journal", DaysAgo(days_ago), realm="training")
    for terms in (dose_terms(periods_us=(2_000_000, 200_000)), protrusion_terms()):
        for body in entries(terms, **facts):
            journal.append([Draft(body, f"cal-{terms.procedure}", facts.get("pen_uid", PEN))])
    journal.close()
    return state


def issued(state: Path, *, stored: bool = True, days_ago: int = 0) -> Path:
    """The same with a certificate."""
    built = Built("1.4.2", 1, PUMP_HEAD)
    books = read_books(recorded(state, days_ago) / "journal")
    now_wall = DaysAgo(days_ago).now_wall()
    body = issue(books, Wish(ID, "j" * 16, "0.1.0", now_wall, PEN, built, APPROVER))
    done = CertificateStored(pen_uid=PEN, certificate_id=ID, actor=APPROVER)
    journal = Journal.open(state / "journal", SystemClock(), realm="training")
    journal.append([Draft(each, None, PEN) for each in ([body, done] if stored else [body])])
    journal.close()
    return state


def said(*words: str | Path, state: Path) -> Said:
    return in_process("calibrate", *words, "--state", state, "--config", CONFIG)


def test_status_shows_the_certificate_its_ends_and_what_a_new_one_wants(tmp_path: Path) -> None:
    shown = said("status", state=issued(tmp_path))
    assert shown.code == 0, shown.err
    for text in (ID, "Ana, Jo Second", "30.0 days left", "10000 doses left", "50.0 h left"):
        assert text in shown.out
    assert "1.00 to 10.00" in shown.out
    assert "BLOCK" not in shown.out
    assert "A new certificate can be issued" in shown.out


@pytest.mark.hazard("H26")
def test_status_says_what_is_missing_and_what_was_cut_short(tmp_path: Path) -> None:
    assert "was ever calibrated" in said("status", state=tmp_path / "none").out
    shown = said("status", state=issued(tmp_path, stored=False)).out
    assert "BLOCK The pen is not known to store it" in shown
    only_doses = tmp_path / "doses"
    journal = Journal.open(only_doses / "journal", SystemClock(), realm="training")
    bodies = entries(dose_terms(), pump_head="another one")
    for body in bodies:
        journal.append([Draft(body, "cal-1", PEN)])
    journal.append([Draft(body, "cal-2", PEN) for body in entries(protrusion_terms())[:4]])
    journal.close()
    shown = said("status", state=only_doses).out
    assert "It has no certificate." in shown
    assert "is of pump head another one; it is" in shown
    assert "Calibration cal-2 (protrusion) is open since" in shown
    assert "There is no calibration of the protrusion." in shown


@pytest.mark.hazard("H25")
@pytest.mark.parametrize(
    ("days_ago", "code", "word"),
    [(22, 0, "Every limit holds"), (24, 0, "WARN CERTIFICATE_NEAR_END"), (31, 10, "BLOCK CERT")],
)
def test_a_plan_is_checked_against_the_newest_certificate_and_its_end(
    tmp_path: Path, days_ago: int, code: int, word: str
) -> None:
    state = issued(tmp_path, days_ago=days_ago)
    shown = in_process("plan", "check", "short_check", "--state", state, "--config", CONFIG)
    assert (shown.code, word in shown.out) == (code, True), shown.out + shown.err
    assert ("CERTIFICATE" in shown.out) == (days_ago > 22)


def test_list_and_show_as_table_and_as_json(tmp_path: Path) -> None:
    state = issued(tmp_path)
    assert ID in said("certificate", "list", state=state).out
    (row,) = json.loads(said("certificate", "list", "--json", state=state).out)
    assert (row["certificate_id"], row["pen_uid"], row["in_force"]) == (ID, PEN, True)
    page = said("certificate", "show", ID[:15], state=state).out
    assert "PASS. SIMULATED." in page
    assert row["report_digest"] in page
    text = said("certificate", "show", ID, "--json", state=state).out.rstrip("\n")
    report = CalibrationReport.model_validate_json(text)
    assert report.canonical_json().decode() == text
    assert report.digest == row["report_digest"]
    assert said("certificate", "show", "ff", state=state).number == 7091


def test_export_gives_the_json_and_the_same_pdf_each_time(tmp_path: Path) -> None:
    state, files = issued(tmp_path), []
    for name in ("one", "two"):
        assert said("certificate", "export", ID, "--to", tmp_path / name, state=state).code == 0
        files.append([(tmp_path / name / f"{ID}.{kind}").read_bytes() for kind in ("json", "pdf")])
    assert files[0] == files[1]
    report = CalibrationReport.model_validate_json(files[0][0])
    assert report.digest[:16].encode() in files[0][1]
    assert [path.name for path in sorted((tmp_path / "one").iterdir())] == [
        f"{ID}.json",
        f"{ID}.pdf",
    ]


def test_without_the_extra_or_in_trouble_the_json_is_there_and_the_error_numbered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = read_books(issued(tmp_path / "state") / "journal")
    report = CalibrationReport.model_validate(books.certificates[ID].body.report)
    with pytest.raises(PdfNotMade, match=r"not made within 0\.001 s"):
        exporting.export(report, tmp_path / "late", within_s=0.001)
    (tmp_path / "taken" / f"{ID}.pdf").mkdir(parents=True)
    with pytest.raises(PdfNotMade, match="No PDF was made"):
        exporting.export(report, tmp_path / "taken")
    monkeypatch.setattr(exporting, "find_spec", lambda _: None)
    with pytest.raises(NoReportExtra):
        exporting.export(report, tmp_path / "plain")
    for folder in ("late", "taken", "plain"):
        assert (tmp_path / folder / f"{ID}.json").read_bytes() == report.canonical_json()


@pytest.mark.hazard("H38")
def test_an_operator_may_not_issue_and_without_a_pen_nothing_is_written(tmp_path: Path) -> None:
    asked: list[str | Path] = [
        "certificate",
        "issue",
        "--approved-by",
        "Jo",
        "--port",
        tmp_path / "tty",
        "--role",
    ]
    assert said(*asked, "operator", state=tmp_path / "state").code == 2
    assert said(*asked, "administrator", state=tmp_path / "state").number == 2001
    assert not (tmp_path / "state").exists()


@pytest.mark.hazard("H26")
@pytest.mark.real_time("processes and a pty")
async def test_the_connected_pen_gets_its_certificate_and_both_are_on_record(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    where: list[str | Path] = ["--config", CONFIG, "--state", state]
    async with simulated_pen(tmp_path, CONFIG / "simulator" / "ideal.toml") as pen:
        seen = await look(str(pen))
        uid = hex_id(seen.identity.uid)
        facts: dict[str, Any] = {"pen_uid": uid, "firmware": text_of(seen.identity.firmware)}
        recorded(state, cartridge_type=seen.cartridge.type_code, **facts)
        who: list[str | Path] = ["--approved-by", "Jo", "--role", "administrator"]
        done = await asyncio.to_thread(
            micropen, "calibrate", "certificate", "issue", *who, "--port", pen, *where
        )
        assert done.code == 0, done.err
        books = read_books(state / "journal")
        certificate_id = books.expected[uid]
        assert f"Certificate {certificate_id} is issued" in done.out
        assert books.unstored(uid) is None
        assert (await look(str(pen))).identity.certificate_id == int(certificate_id, 16)
        again = await asyncio.to_thread(
            micropen,
            "pen",
            "certify",
            "simulated_provisional",
            "--by",
            "Ana",
            "--port",
            pen,
            *where,
        )
        assert again.code == 0, again.err
        info = await asyncio.to_thread(micropen, "pen", "info", "--port", pen, *where)
        assert "The certificate holds until 2099-12-31 23:59 UTC" in info.out
        assert (await look(str(pen))).identity.certificate_id == 0xC0001
    stored = read_books(state / "journal").stored[uid]
    assert stored.certificate_id == "00000000000c0001"
    assert (stored.actor.name, stored.actor.role) == ("Ana", "technician")
