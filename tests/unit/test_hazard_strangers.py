"""Pens and hosts that do not belong together: other versions, the other realm, another firmware."""

import itertools
from pathlib import Path

import pytest

from controller.clock import SystemClock
from controller.errors import JournalError
from controller.pen.identity import Realm
from controller.record.journal import Journal
from protocol.conformance.host import DOSE
from protocol.framing import cobs_encode, crc32c
from protocol.messages import Hello, HelloReply
from simulator.misbehaviour import FaultName
from simulator.scenario import pen_uid
from tests.support.bills import dosing, pen_for
from tests.support.paper_pen import PaperPen, Room
from tests.support.pens import Bench
from tests.support.theatre import Theatre

REAL_UID = 0x0000_0000_0000_0123


def hello_of(version: int, nonce: int) -> bytes:
    body = bytes((version << 4, Hello.KIND)) + bytes(5)
    body += nonce.to_bytes(8, "little") + (77).to_bytes(8, "little")
    return b"\0" + cobs_encode(body + crc32c(body).to_bytes(4, "little")) + b"\0"


@pytest.mark.hazard("H46")
@pytest.mark.parametrize("version", [0, *range(2, 16)])
def test_a_host_of_another_version_moves_and_takes_nothing(version: int) -> None:
    """It is told ours, gets no link, and does not disturb the one there is."""
    bench = Bench()
    arm_id = bench.host.arm(DOSE)
    bench.host.rig.write(hello_of(version, 0x0102030405060708))
    reply = bench.host.await_message(HelloReply)
    assert reply.protocol_version == 1
    assert bench.host.fresh_status().arm_id == arm_id
    link_id = 0x05060708
    before = bench.host.counters()
    bench.host.send(bench.host.grant_message(arm_id, 99, 99_999), link_id=link_id)
    bench.hand.touch()
    bench.hand.press()
    bench.host.listen(500_000)
    assert bench.host.counters() == before
    assert bench.body.truth_punctures == 0


@pytest.mark.hazard("H46")
async def test_another_firmware_in_mid_session_is_a_new_boot_and_on_record(tmp_path: Path) -> None:
    """An update is a reset: the arm is over, and the link entry names what runs now."""
    plan = dosing(5, 4)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 2)
        theatre.stage.strike(FaultName.OTHER_FIRMWARE)
        await work
        referee = theatre.check()
    assert [each["firmware"] for each in referee.all("link_up")] == ["1.0.0-SIM", "9.9.9-SIM"]
    assert "boot" in referee.end_reasons


REALMS: tuple[Realm, ...] = ("training", "treatment")


@pytest.mark.hazard("H47")
@pytest.mark.parametrize(
    ("realm", "uid"), list(itertools.product(REALMS, (REAL_UID, pen_uid(1), pen_uid(2))))
)
async def test_a_pen_works_in_its_own_realm_only(realm: Realm, uid: int) -> None:
    fits = (uid == REAL_UID) is (realm == "treatment")
    async with Room(pen=PaperPen(uid=uid)) as room:
        room.engine.realm = realm
        await room.plug()
        assert room.engine.reconciled is fits
        assert (room.scribe.bodies != []) is fits


@pytest.mark.hazard("H47")
@pytest.mark.parametrize("realm", REALMS)
async def test_a_journal_is_of_one_realm_for_ever(tmp_path: Path, realm: Realm) -> None:
    other: Realm = "training" if realm == "treatment" else "treatment"
    clock = SystemClock()
    Journal.open(tmp_path, clock, realm=realm, min_free_bytes=0).close()
    with pytest.raises(JournalError):
        Journal.open(tmp_path, clock, realm=other, min_free_bytes=0)
