"""A certificate comes into journal and pen in an order that no kill can turn into a wrong dose.

The ordinary suite kills at each third point from the issue on; MICROPEN_EVERY_AWAIT=1 at all.
"""

import os
from pathlib import Path

import msgspec
import pytest

from controller.calibration.certificate.errors import NotIssuable
from controller.errors import PlanBlocked
from controller.record.events import Actor, ForeignMovement
from controller.service.certifying import Approval, issue_for_pen, store
from controller.service.commands.run import warn_of_certificate
from controller.service.opening import terms_with_pen
from controller.session.act_errors import NotAllowed, NotFit
from tests.support.arms import counters
from tests.support.bills import pen_for, wish_for
from tests.support.every_await import quiet
from tests.support.technician import TECHNICIAN
from tests.support.theatre import Theatre
from tests.support.virtual import run_virtual
from tests.support.visits import (
    APPROVAL,
    PLAN,
    StruckVisit,
    calibrate,
    linked,
    prepare,
    terms_now,
)

ALL = bool(os.environ.get("MICROPEN_EVERY_AWAIT"))
FROM, STEP = (1, 1) if ALL else (41, 3)


@pytest.mark.hazard("H26", "H04")
def test_a_visit_that_is_killed_anywhere_blocks_until_the_next_one_completes_it(
    tmp_path: Path,
) -> None:
    async def struck(point: int) -> tuple[str | None, str]:
        visit = StruckVisit(tmp_path / "prepared", tmp_path / f"struck-{point}", point)
        return await visit.play(), visit.was

    states = []
    with quiet():
        run_virtual(prepare(tmp_path / "prepared"))
        for point in range(FROM, 1_000, STEP):
            where, state = run_virtual(struck(point))
            if where is None:
                break
            states.append(state)
    assert set(states) == {"nothing", "issued", "in the pen", "stored"}
    assert len(states) > (60 if ALL else 9)


async def certified(theatre: Theatre) -> None:
    await calibrate(theatre)
    await issue_for_pen(await linked(theatre), APPROVAL)


async def test_from_the_journal_alone_a_session_gets_its_certificate_and_doses_by_it(
    tmp_path: Path,
) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await certified(theatre)
        terms = terms_now(theatre, theatre.clock)
        assert terms is not None
        assert terms.certificate is not None
        assert terms.certificate.certificate_id in theatre.engine.books.certificates
        session_id = await theatre.begin(PLAN)
        await theatre.operate()
        arms = theatre.engine.books.ledger.of_session(session_id)
        dosed = [arm.opened for arm in arms if arm.opened.mode == "dose"]
        certified_pl = terms.certificate.picolitres_for(5_000, 200_000)
        assert {each.picolitres_a_step for each in dosed} == {certified_pl}
        assert {each.certificate_id for each in dosed} == {terms.certificate.certificate_id}
        assert theatre.engine.books.wear.of(theatre.stage.uid).doses >= 2
        theatre.check()


@pytest.mark.hazard("H25", "H46")
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("firmware", "measured with firmware"),
        ("pump head", "measured with pump head"),
        ("wear", "holds until dose 10000; the pen has made more"),
        ("another id", "by the record it must be"),
    ],
)
async def test_what_changed_since_blocks_the_session_and_the_arm(
    tmp_path: Path, change: str, sentence: str
) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await certified(theatre)
        await theatre.begin(PLAN)
        engine = theatre.engine
        pen, uid = theatre.bench.pen, theatre.stage.uid
        if change == "firmware":
            pen.identity = msgspec.structs.replace(pen.identity, firmware=b"9.9.9")
        elif change == "pump head":
            engine.pump_head = "another one"
        elif change == "wear":
            moved = counters(punctures=20_001)
            body = ForeignMovement(pen_uid=uid, before=counters(), after=moved)
            engine.books.wear.apply(body, engine.books.ledger)
        else:
            engine.books.expected[uid] = "00000000000000ff"
        with pytest.raises(NotFit, match=sentence):
            await theatre.acts.prime(Actor(name="program", role="program"))
        if change != "pump head":
            with pytest.raises(PlanBlocked, match=sentence):
                terms_with_pen(wish_for(PLAN), engine.books, theatre.clock, pen)
        theatre.check()


async def test_an_operator_may_not_approve_and_a_session_is_closed_first(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await certified(theatre)
        service = await linked(theatre)
        with pytest.raises(NotAllowed):
            await issue_for_pen(service, Approval(Actor(name="Jo", role="operator")))
        await theatre.begin(PLAN)
        with pytest.raises(NotIssuable, match="is open"):
            await issue_for_pen(service, APPROVAL)


@pytest.mark.hazard("H25")
async def test_whoever_opens_a_session_is_warned_ahead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await certified(theatre)
        terms = terms_now(theatre, theatre.clock)
        assert terms is not None
        warn_of_certificate(wish_for(PLAN), terms, theatre.service, theatre.clock)
        assert capsys.readouterr().err == ""
        theatre.clock.step_wall(24 * 86_400)
        warn_of_certificate(wish_for(PLAN), terms, theatre.service, theatre.clock)
        assert "Warning: The certificate ends at 2030-01-31" in capsys.readouterr().err


@pytest.mark.hazard("H26")
async def test_an_older_certificate_that_is_stored_again_by_hand_is_the_one_expected(
    tmp_path: Path,
) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await certified(theatre)
        service = await linked(theatre)
        first = terms_now(theatre, theatre.clock)
        second = await issue_for_pen(service, APPROVAL)
        assert first is not None
        assert first.certificate is not None
        assert first.certificate != second
        await store(service, first.certificate, TECHNICIAN)
        now = terms_now(theatre, theatre.clock)
        assert now is not None
        assert now.certificate == first.certificate
        assert len(service.engine.books.certificates) == 2
