"""The doctor beside a running service: it disturbs nothing, and says what the record says."""

from pathlib import Path

from controller.service.doctor import disk, pen, record
from controller.service.doctor.examination import Asked, examine
from controller.service.doctor.line import Line
from controller.session.catalogue import Catalogue
from tests.support.bills import dosing, pen_for
from tests.support.inputs import CONFIG
from tests.support.theatre import Theatre
from tests.support.virtual import advance

PLAN = dosing(6)


def looked(theatre: Theatre) -> dict[str, Line]:
    asked = Asked(Catalogue(CONFIG), theatre.folder.parent, "/dev/null/none", fsync_rounds=2)
    return {line.name: line for line in examine(asked, theatre.clock)}


async def test_beside_a_session(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "journal", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        idle = looked(theatre)
        assert idle["journal"].state == "green"
        assert idle["fsync"] == disk.skipped()
        assert (idle["pen"].state, idle["firmware"].state) == ("green", "green")
        assert theatre.stage.uid in idle["pen"].sentence
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 2)
        assert "an arm is under way" in looked(theatre)["journal"].sentence
        theatre.unplug()
        await theatre.until(lambda: theatre.engine.pen is None)
        await advance(0.1)  # the alarm reaches the disk
        lost = looked(theatre)
        assert (lost["journal"].state, lost["alarms"].state) == ("warning", "red")
        theatre.replug()
        await work
        assert looked(theatre)["alarms"].state != "red"
        theatre.check()


async def test_after_its_end_the_record_alone_is_left(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "journal", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        await theatre.stop()
        found = record.read_record(theatre.folder, "training")
        assert found.service is None
        assert found.is_busy
        line = record.journal(found)
        assert (line.state, "--resume" in line.action) == ("warning", True)
        assert pen.firmware(pen.Found(), found).state == "unknown"
