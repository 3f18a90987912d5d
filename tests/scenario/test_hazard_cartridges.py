"""Cartridges: the wrong one, a used one, a copied one, one that is changed at any moment."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from controller.record.events import hex_id
from controller.service.program import PROGRAM
from controller.session.act_errors import DosingBlocked
from controller.session.books import Books
from controller.session.catalogue import Catalogue
from controller.session.interlocks import check_cartridge
from controller.session.states import State
from protocol.messages import Cartridge
from simulator.ports import Chip
from tests.support.arms import opened
from tests.support.bills import CONFIG, dosing, pen_for
from tests.support.theatre import Theatre
from tests.support.virtual import advance

SHELF = Catalogue(CONFIG)
TYPES = SHELF.names("cartridges")
HISTORIES = 100_000


def fitted(name: str, **changes: int) -> Cartridge:
    """A fresh cartridge of a type as the pen reads it."""
    type_ = SHELF.cartridge(name)
    fields = {
        "request_id": 1,
        "present": 1,
        "used": 0,
        "cartridge_uid": 7,
        "type_code": type_.type_code,
        "needles": type_.needles,
        "max_protrusion_um": type_.max_protrusion_um,
    }
    return Cartridge(**(fields | changes))


def clean(chip: Chip | None) -> Chip:
    """The same uid on a chip that says it was never used."""
    assert chip is not None
    return msgspec.structs.replace(chip, used=False)


@pytest.mark.hazard("H22")
@pytest.mark.parametrize(("planned", "seen"), list(itertools.product(TYPES, TYPES)))
def test_only_the_planned_type_fits(planned: str, seen: str) -> None:
    found = check_cartridge(SHELF.cartridge(planned), fitted(seen), armed_here=False)
    assert (found == ()) is (planned == seen)


@pytest.mark.hazard("H23")
async def test_a_copied_cartridge_is_refused_to_the_next_patient(tmp_path: Path) -> None:
    """Its chip says that it is new; the record knows better, also after a restart."""
    async with Theatre(tmp_path / "j", pen_for(dosing())) as theatre:
        await theatre.play(dosing(2))
        theatre.stage.fit_cartridge(clean(theatre.stage.fit_cartridge(None)))
        await theatre.stop()
        await theatre.start()
        await theatre.begin(dosing(2, patient="p-2"))
        before = theatre.stage.truth.so_far().counted
        with pytest.raises(DosingBlocked, match="has this cartridge in another session"):
            await theatre.operate()
        assert theatre.stage.truth.so_far().punctures == before[0]
        theatre.stage.fit_cartridge(Chip(0xFEED, 1, 1, 1_000, used=False))
        await theatre.operate()
        theatre.check()


@pytest.mark.hazard("H23")
async def test_a_copied_cartridge_on_another_pen_is_refused(tmp_path: Path) -> None:
    """Of one session, even: nobody can tell the copy from the cartridge that was moved."""
    plan = dosing(3, 2)
    async with Theatre(tmp_path / "j", pen_for(plan), seed=1) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 3)
        await theatre.until(lambda: theatre.engine.state is State.READY)
        work.cancel()
        copy = clean(theatre.stage.fit_cartridge(None))
        theatre.plug_in_other(pen_for(plan), seed=2)
        theatre.stage.fit_cartridge(copy)
        await theatre.until(lambda: theatre.engine.reconciled)
        with pytest.raises(DosingBlocked, match="in another session or pen"):
            await theatre.operate()
        theatre.stage.fit_cartridge(Chip(0xFEED, 1, 1, 1_000, used=False))
        await theatre.operate()
        theatre.check()


@pytest.mark.hazard("H23")
async def test_a_crash_between_flag_and_first_puncture_leaves_a_used_cartridge(
    tmp_path: Path,
) -> None:
    """The arm is in the record and the chip is marked before anything can touch a skin."""
    plan = dosing(3, 2)
    lazy = pen_for(plan)
    lazy = msgspec.structs.replace(lazy, hand=msgspec.structs.replace(lazy.hand, reaction_us=10**7))
    async with Theatre(tmp_path / "j", lazy) as theatre:
        await theatre.begin(plan, max_zone_nl=100_000)
        await theatre.until(lambda: theatre.engine.reconciled)
        theatre.operate()
        await theatre.until(lambda: bool(theatre.engine.books.cartridges), 120.0)
        await theatre.until(lambda: theatre.engine.state is State.RUNNING)
        await theatre.crash()
        assert theatre.stage.truth.so_far().punctures == 0
        chip = theatre.stage.world.mechanism.chip_fitted
        assert chip is not None
        assert chip.used
        await theatre.start()
        await theatre.until(lambda: theatre.engine.state is State.READY)
        await theatre.acts.close(PROGRAM)
        theatre.stage.fit_cartridge(clean(theatre.stage.fit_cartridge(None)))
        await theatre.begin(dosing(3, patient="p-2"))
        with pytest.raises(DosingBlocked, match="in another session"):
            await theatre.operate()
        theatre.check()


@pytest.mark.hazard("H23")
def test_one_uid_in_a_hundred_thousand_histories_is_found() -> None:
    books, one = Books(), opened()
    for number in range(1, HISTORIES + 1):
        body = one.model_copy(update={"arm_id": number, "cartridge_uid": hex_id(number)})
        books.apply(body, f"s-{number}", "2030-01-01T00:00:00.000000Z")
    began_s = time.process_time()
    for number in (1, HISTORIES // 2, HISTORIES):
        assert books.cartridges[hex_id(number)][0] == f"s-{number}"
    assert hex_id(HISTORIES + 1) not in books.cartridges
    assert time.process_time() - began_s < 0.01
    assert len(books.cartridges) == HISTORIES


Moment = Callable[[Theatre], bool]
MOMENTS: dict[str, Moment] = {
    "arming": lambda theatre: theatre.engine.state is State.ARMING and _in_zone(theatre),
    "armed": lambda theatre: theatre.engine.state is State.RUNNING and _in_zone(theatre),
    "in the skin": lambda theatre: theatre.stage.world.mechanism.oracle.in_stroke,
    "pumping": lambda theatre: (
        _strokes(theatre) > 0 and theatre.stage.world.mechanism.plunger.end_us() is not None
    ),
    "between strokes": lambda theatre: _strokes(theatre) == 2 and not theatre.stage.moves,
    "ending": lambda theatre: theatre.engine.state is State.ENDING and _in_zone(theatre),
}


def _in_zone(theatre: Theatre) -> bool:
    return bool(theatre.engine.books.cartridges)


def _strokes(theatre: Theatre) -> int:
    return theatre.stage.truth.so_far().punctures


@pytest.mark.hazard("H24")
@pytest.mark.parametrize("name", MOMENTS)
async def test_a_cartridge_changed_at_any_moment(tmp_path: Path, name: str) -> None:
    """No stroke begins on the new one under the old one's arm."""
    plan = dosing(5, 4)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: MOMENTS[name](theatre))
        arm, strokes = theatre.stage.truth.present, theatre.stage.truth.so_far().punctures
        theatre.stage.fit_cartridge(Chip(0xFEED, 1, 1, 1_000, used=False))
        await advance(0.3)
        await work
        referee = theatre.check()
        assert theatre.stage.truth.segments()[arm].punctures == strokes
    uids = [arm.opened["cartridge_uid"] for arm in referee.arms.values() if arm.opened["zone"]]
    assert uids[-1] == hex_id(0xFEED)
    assert referee.all("session_closed")[0]["outcome"] == "complete"
