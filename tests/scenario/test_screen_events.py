"""The stream of views: how often, how much, and what a page that does not read costs: nothing."""

from pathlib import Path
from unittest.mock import patch

import pytest

from controller.console.mailbox import MOST_POINTS, Mailbox
from controller.console.publishing import MOST_PAGES, UNWATCHED_S
from controller.console.views import Strip, StripPoint, View
from controller.session.ledger import Interval
from controller.session.plan import load_plan
from tests.support.bills import CONFIG, dosing, pen_for
from tests.support.screen import PLAN, Screen, answer, refused
from tests.support.theatre import Theatre
from tests.support.virtual import advance

CHECK = load_plan(CONFIG / "plans" / f"{PLAN}.toml")
POINT = StripPoint(
    mono_s=1.0, dose_nl=0.0, cadence_hz=0.0, protrusion_um=0, contact=False, trigger=False
)


def room(tmp_path: Path) -> Theatre:
    return Theatre(tmp_path / "j", pen_for(CHECK))


async def test_a_page_sees_every_change_at_most_ten_times_a_second(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open()
        async with screen.listening() as page:
            await advance(3.0)
            views = page.events("view")
        assert 27 <= len(views) <= 32
        seqs = [View.model_validate(view).seq for view in views]
        assert seqs == sorted(set(seqs))
        assert views[-1]["session"]["state"] == "ready"


async def test_without_a_pen_a_page_still_hears_twice_a_second(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        theatre.unplug()
        await theatre.until(lambda: theatre.engine.pen is None)
        async with screen.listening() as page:
            await advance(5.0)
            assert 9 <= len(page.events("view")) <= 12
            assert page.events("strip") == []


async def test_the_strip_tells_what_moves(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open()
        await screen.act("prime")
        await theatre.until(lambda: theatre.state == "ready")
        async with screen.listening() as page:
            await screen.act("treat")
            await theatre.until(lambda: theatre.state == "ready")
            points = [
                point
                for event in page.events("strip")
                for point in Strip.model_validate(event).points
            ]
        times = [point.mono_s for point in points]
        assert times == sorted(set(times))
        assert max(point.dose_nl for point in points) > 20_000
        assert 2.0 < max(point.cadence_hz for point in points) < 4.0
        assert any(point.contact and point.trigger for point in points)
        assert points[-1].protrusion_um == 700


async def test_a_page_that_comes_later_gets_the_last_thirty_seconds(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        await advance(40.0)
        async with screen.listening() as page:
            await advance(0.2)
            first = page.events("strip")[0]["points"]
        assert len(first) == MOST_POINTS
        assert 29.0 < first[-1]["mono_s"] - first[0]["mono_s"] < 31.0


async def test_a_page_that_stops_reading_costs_the_controller_nothing(tmp_path: Path) -> None:
    """It is sent nothing more, its mailbox is bounded, and a whole session goes on beside it."""
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open()
        async with screen.listening(reads=False) as deaf, screen.listening() as page:
            await screen.act("prime")
            await theatre.until(lambda: theatre.state == "ready")
            for _ in range(2):
                await screen.act("treat")
                await theatre.until(lambda: theatre.state == "ready")
            await advance(60.0)
            assert len(deaf.bytes) < 200
            assert len(page.events("view")) > 500
            boxes = screen.console.publisher.boxes
            newest = ("view", "calibration")
            assert max(box.waiting for box in boxes) <= MOST_POINTS + len(newest)
        assert (await screen.state())["session"]["zones"][1]["is_complete"]
        theatre.check()


@pytest.mark.hazard("H44")
async def test_when_the_last_page_is_gone_the_arm_is_paused(tmp_path: Path) -> None:
    plan = dosing(100, cadence_hz=2)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre, Screen(theatre) as screen:
        await theatre.begin(plan)
        async with screen.listening():
            await screen.act("prime")
            await theatre.until(lambda: theatre.state == "ready")
            await screen.act("treat")
            await theatre.until(lambda: theatre.stage.moves)
        await advance(UNWATCHED_S - 2.0)
        assert theatre.state == "running"
        async with screen.listening():  # loaded again: nothing happens
            await advance(UNWATCHED_S)
            assert theatre.state == "running"
        await theatre.until(lambda: theatre.state == "ready", within_s=UNWATCHED_S + 2.0)
        assert not (await screen.state())["session"]["zones"][0]["is_complete"]
        theatre.check()


async def test_whoever_never_listened_is_not_missed(tmp_path: Path) -> None:
    plan = dosing(100, cadence_hz=2)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre, Screen(theatre) as screen:
        await theatre.begin(plan)
        await screen.act("prime")
        await theatre.until(lambda: theatre.state == "ready")
        await screen.act("treat")
        await theatre.until(lambda: theatre.stage.moves)
        await advance(UNWATCHED_S + 1.0)
        assert theatre.state == "running"


async def test_a_mailbox_keeps_the_newest_view_and_the_newest_points() -> None:
    box = Mailbox(None)
    for number in range(1_000):
        box.put(b"%d" % number)
        box.add(POINT.model_copy(update={"mono_s": float(number)}))
    view, _calibration, points = await box.take()
    assert view == b"999"
    assert len(points) == MOST_POINTS
    assert (points[0].mono_s, points[-1].mono_s) == (1_000.0 - MOST_POINTS, 999.0)


async def test_only_so_many_pages_listen_that_stop_has_a_connection_left(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        boxes = [Mailbox(None) for _ in range(MOST_PAGES)]
        for box in boxes:
            screen.console.publisher.listen(box)
        refused(await screen.get("/api/events"), 503, 8036)
        screen.console.publisher.leave(boxes[0])
        async with screen.listening() as page:
            assert page.status == 200
        assert theatre.is_running


async def test_every_stream_ends_with_the_console(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen, screen.listening() as page:
        await advance(0.2)
        await screen.console.close()
        await advance(0.1)
        seen = len(page.bytes)
        await advance(2.0)
        assert len(page.bytes) == seen
        answer(await screen.post("/api/stop"))
        assert theatre.is_running


async def test_a_view_costs_the_same_in_a_journal_of_years(tmp_path: Path) -> None:
    """By what is asked, not by time: other sessions' arms are looked at once, not each time."""
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open()
        await screen.act("prime")
        await theatre.until(lambda: theatre.state == "ready")
        picture, ledger = screen.console.picture, theatre.engine.books.ledger
        picture.renew()
        asked: list[str] = []
        of_session = ledger.of_session

        def counted(session_id: str) -> list[Interval]:
            asked.append(session_id)
            return of_session(session_id)

        with patch.object(ledger, "of_session", counted):
            for _ in range(100):
                picture.renew()
            assert asked == []
            await screen.act("treat")
            await theatre.until(lambda: theatre.state == "ready")
        view = await screen.state()
        assert view["session"]["zones"][0]["is_complete"]
