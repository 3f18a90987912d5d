"""A whole short session by the command line, then every question that may be asked about it."""

import csv
import io
import json
import re
from fractions import Fraction
from pathlib import Path

import pytest

from tests.support.command_line import in_process, micropen
from tests.support.inputs import CONFIG


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `micropen simulate` on the short plan: two zones of four droplets."""
    place = tmp_path_factory.mktemp("short") / "run"
    where = ("--config", CONFIG, "--folder", place)
    said = micropen("simulate", "--plan", "short_check", "--no-progress", *where)
    assert said.code == 0, said.out + said.err
    assert "NO " not in said.out
    assert "nobody was treated" in said.out
    return place


def ask(*words: str | Path) -> str:
    said = in_process("session", *words)
    assert said.code == 0, said.err
    return said.out


def test_list_names_the_session(run: Path) -> None:
    (session,) = json.loads(ask("list", "--state", run, "--json"))
    assert (session["outcome"], session["plan_name"]) == ("complete", "short_check")
    assert session["session_id"] in ask("list", "--state", run)


def test_show_adds_up_for_people(run: Path) -> None:
    page = ask("show", "--state", run)
    assert "SIMULATED pen, training: nobody was treated" in page
    assert "closed, complete" in page
    assert "lot TRAINING" in page
    for zone in ("cheek", "neck"):
        assert re.search(rf"{zone} +│ +4 │ +4 │ +36.80 │ +0.88 │ +14.72", page), page
    assert re.search(r"prime +│ +0 │", page)
    assert "final" in page
    assert "No alarms." in page


def test_show_adds_up_for_programs(run: Path) -> None:
    shown = json.loads(ask("show", "--state", run, "--json"))
    assert shown["realm"] == "training"
    (syringe,) = shown["account"]["syringes"]
    nl = {name: Fraction(value) for name, value in syringe.items()}
    assert nl["loaded_nl"] == 100_000
    parts = ("delivered_nl", "primed_nl", "discarded_nl", "unknown_nl", "left_nl")
    assert sum(nl[part] for part in parts) == nl["loaded_nl"]
    assert nl["unknown_nl"] == nl["left_nl"] == 0
    dose = shown["account"]["dose"]
    assert Fraction(dose["certain_nl"]) == Fraction(dose["possible_nl"]) == nl["delivered_nl"]
    assert Fraction(dose["certain_units"]) == nl["delivered_nl"] * Fraction(24, 1_000_000)
    assert [arm["purpose"] for arm in shown["arms"]] == ["prime", "zone", "zone"]


def test_verify_and_its_head(run: Path) -> None:
    head = ask("verify", "--state", run).split()[-1]
    assert ask("verify", "--state", run, "--head", head).split()[-1] == head
    seq, _, own_hash = head.partition(":")
    cut = in_process("session", "verify", "--state", run, "--head", f"{int(seq) + 1}:{own_hash}")
    assert (cut.code, cut.number) == (50, 5004)


def test_export_has_every_stroke(run: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(ask("export", "--state", run))))
    droplets = [row for row in rows if row["kind"] == "puncture"]
    assert [row["zone"] for row in droplets] == ["cheek"] * 4 + ["neck"] * 4
    shown = json.loads(ask("show", "--state", run, "--json"))
    made_pl = sum(int(row["volume_pl"]) for row in droplets)
    assert Fraction(made_pl, 1_000) == Fraction(shown["account"]["dose"]["certain_nl"])


def test_export_has_every_entry(run: Path) -> None:
    lines = ask("export", "--state", run, "--format", "jsonl").splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds[0] == "session_opened"
    assert "session_closed" in kinds


def test_what_a_run_leaves_behind(run: Path) -> None:
    assert (run / "oracle.json").is_file()
    assert list((run / "archive").glob("*.jsonl"))
    assert not (run / "pen").exists(), "the simulated pen is still plugged in"
    log = (run / "controller.log").read_text()
    assert "Traceback" not in log


def test_the_folder_above_the_runs_names_the_newest(run: Path) -> None:
    said = in_process("session", "list", "--state", run.parent)
    assert (said.code, said.number) == (50, 5001)
    assert f"the newest is --state {run}" in said.err
