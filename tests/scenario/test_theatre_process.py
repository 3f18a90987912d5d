"""The theatre's process: one after the other, as on a machine, also when one ends by an error."""

from pathlib import Path

from controller.session.plan import load_plan
from tests.support.bills import CONFIG, pen_for
from tests.support.process import INJECTED
from tests.support.theatre import Theatre

PLAN = load_plan(CONFIG / "plans" / "short_check.toml")


async def test_the_next_process_starts_when_the_last_one_has_ended(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.until(lambda: theatre.engine.reconciled)
        before = theatre.service
        before.give_up(MemoryError(INJECTED))
        await theatre.until(lambda: not theatre.is_running)
        await theatre.start()
        assert theatre.service is not before
        await theatre.until(lambda: theatre.engine.reconciled)
        await theatre.stop()
