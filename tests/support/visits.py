"""A technician's visit that issues a certificate, in the theatre: prepared, struck, and judged.

The journal holds the pen's calibrations already; a visit links, issues, stores, and ends.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from controller.clock import Clock
from controller.errors import InputError, SessionError
from controller.pen.identity import text_of
from controller.record.calibration_events import CalibrationClosed, CalibrationOpened
from controller.record.events import hex_id
from controller.service.app import Service
from controller.service.certifying import Approval, issue_for_pen
from controller.service.opening import terms_with_pen
from controller.session.catalogue import Catalogue
from controller.session.terms import Terms
from tests.support.bills import CONFIG, dosing, pen_for, wish_for
from tests.support.measured import APPROVER, entries
from tests.support.points import CountedTheatre, Points
from tests.support.technician import TECHNICIAN, dose_terms, protrusion_terms
from tests.support.theatre import Theatre

PLAN = dosing(2, dose_nl=5_000)
SEED = 7
APPROVAL = Approval(APPROVER)
PUMP_HEAD = Catalogue(CONFIG).pump_head
PROVISIONAL = "00000000000c0001"


async def linked(theatre: Theatre) -> Service:
    """The started service with its pen read, as `visiting` makes it."""
    theatre.engine.pump_head = PUMP_HEAD
    await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
    return theatre.service


async def calibrate(theatre: Theatre) -> None:
    """Put a calibration of the doses and one of the protrusion into the journal."""
    service = await linked(theatre)
    pen = service.bench.pen
    facts: dict[str, Any] = {
        "pen_uid": hex_id(pen.uid),
        "firmware": text_of(pen.identity.firmware),
        "cartridge_type": (await pen.cartridge()).type_code,
        "pump_head": PUMP_HEAD,
    }
    for terms in (dose_terms(periods_us=(2_000_000, 200_000)), protrusion_terms()):
        first, *readings, last = entries(terms, **facts)
        assert isinstance(first, CalibrationOpened)
        assert isinstance(last, CalibrationClosed)
        await service.bench.open(f"cal-{terms.procedure}", first)
        await service.bench.record(*readings)
        await service.bench.close(last.outcome, last.reason, last.result, TECHNICIAN)


async def prepare(folder: Path) -> None:
    """A journal folder in which the theatre's pen was calibrated."""
    async with Theatre(folder, pen_for(PLAN), seed=SEED) as theatre:
        await calibrate(theatre)


def terms_now(theatre: Theatre, clock: Clock) -> Terms | None:
    """What a session would be opened with now; None when something forbids it."""
    engine = theatre.engine
    try:
        return terms_with_pen(wish_for(PLAN), engine.books, clock, engine.pen)
    except (InputError, SessionError):
        return None


class StruckVisit:
    """A visit that is killed at one of its points, and one after it."""

    def __init__(self, prepared: Path, folder: Path, point: int) -> None:
        shutil.copytree(prepared, folder)
        self._killed = asyncio.get_running_loop().create_future()
        self.points = Points(point, self._kill)
        self.theatre = CountedTheatre(folder, pen_for(PLAN), self.points, SEED)
        self.was = ""

    async def play(self) -> str | None:
        """Where it was killed; None when it has fewer points than that."""
        async with self.theatre:
            visiting = asyncio.create_task(self.story())
            await asyncio.wait({visiting, self._killed}, return_when=asyncio.FIRST_COMPLETED)
            if not self._killed.done():
                visiting.result()
                return None
            self.points.bury()
            await self.theatre.crash()
            self.was = await self._judge()
        return self.points.places[0]

    async def story(self) -> None:
        """One visit."""
        await self.theatre.start()
        await issue_for_pen(await linked(self.theatre), APPROVAL)
        await self.theatre.stop()

    async def _judge(self) -> str:
        """What the journal then says is what may be dosed by; the next visit completes it.

        Returns how far the struck visit had come.
        """
        await self.theatre.start()
        service = await linked(self.theatre)
        books, uid = service.engine.books, hex_id(service.bench.pen.uid)
        stored_id = service.bench.pen.identity.certificate_id
        was_stored = uid in books.stored
        terms = terms_now(self.theatre, self.theatre.clock)
        state = "nothing"
        if not books.certificates:
            assert terms is not None
            assert terms.certificate is not None
            assert terms.certificate.certificate_id == PROVISIONAL == hex_id(stored_id)
        elif not was_stored:
            state = "in the pen" if stored_id != int(PROVISIONAL, 16) else "issued"
            assert terms is None, "issued, not known to be stored, and it could dose"
        else:
            state = "stored"
            assert terms is not None
        certificate = await issue_for_pen(service, APPROVAL)
        again = terms_now(self.theatre, self.theatre.clock)
        assert again is not None
        assert again.certificate == certificate
        assert service.bench.pen.identity.certificate_id == certificate.wire_id
        assert books.stored[uid].certificate_id == certificate.certificate_id
        assert len(books.certificates) == 1 + was_stored, (
            "what was issued is completed, not doubled"
        )
        self.theatre.check()
        return state

    def _kill(self) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        self.points.die()
        self._killed.set_result(None)
