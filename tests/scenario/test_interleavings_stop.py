"""A stop and the answer to an earlier one; a stop while the disk stands still."""

from pathlib import Path

import pytest

from controller.record.events import Actor, hex_id
from controller.service.program import PROGRAM
from protocol.codec import decode_payload
from protocol.framing import Decoder, Frame, encode_frame
from protocol.messages import Stopped
from tests.support.bills import dosing, pen_for
from tests.support.delay_line import DelayLine
from tests.support.theatre import Theatre
from tests.support.virtual import advance

PLAN = dosing(8, 6)
OPERATOR = Actor(name="Op", role="operator")
REST_S = 0.35


async def in_a_dose(theatre: Theatre) -> None:
    oracle = theatre.stage.world.mechanism.oracle
    await theatre.until(lambda: oracle.in_stroke)
    await advance(0.01)


def record_echoes(theatre: Theatre, patch: pytest.MonkeyPatch) -> dict[int, bytes]:
    """From now on the STOPPED frames that the pen sends, the last of each stop id."""
    line, decoder = theatre.stage.world.line, Decoder()
    send, echoes = line.pen_sends, dict[int, bytes]()

    def note(now_us: int, data: bytes) -> None:
        for frame in decoder.feed(data):
            if isinstance(frame, Frame) and frame.kind == Stopped.KIND:
                message = decode_payload(frame)
                assert isinstance(message, Stopped)
                echoes[message.stop_id] = encode_frame(frame)
        send(now_us, data)

    patch.setattr(line, "pen_sends", note)
    return echoes


def say_again(theatre: Theatre, frame: bytes) -> None:
    """A frame of the pen that lingered in a buffer arrives at the host."""
    driver = theatre.stage.driver
    driver.run()
    theatre.stage.world.line.pen_sends(driver.now_us(), frame)
    driver.run()


@pytest.mark.hazard("H35")
@pytest.mark.parametrize("same_link", [True, False])
async def test_a_stop_is_not_confirmed_by_the_answer_to_an_earlier_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, same_link: bool
) -> None:
    """Late echoes of the first stop arrive all the time while the second one is lost."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        echoes = record_echoes(theatre, monkeypatch)
        line = DelayLine(theatre.stage, monkeypatch)
        await theatre.begin(PLAN)
        work = theatre.operate()
        await in_a_dose(theatre)
        work.cancel()
        first = theatre.engine.stop("first")
        await theatre.until(lambda: not theatre.engine.stops.under_way)
        if not same_link:
            theatre.unplug()
            await advance(0.1)
            theatre.replug()
            await theatre.until(lambda: theatre.engine.reconciled)
        await theatre.acts.clear(OPERATOR)
        await (theatre.acts.prime if theatre.acts.needs_prime else theatre.acts.treat)(PROGRAM)
        await theatre.until(lambda: theatre.stage.moves)
        line.lose_all()
        second = theatre.engine.stop("second")
        assert second != first
        for _ in range(20):
            say_again(theatre, echoes[first])
            await advance(0.01)
        assert theatre.engine.stops.under_way
        active = theatre.service.line.stop_line.active
        assert active is not None
        assert active.stop_id == second
        referee = theatre.referee()
        assert [each["stop_id"] for each in referee.all("stop_confirmed")] == [hex_id(first)]
        assert "stop_unconfirmed" in referee.alarms
        assert await theatre.rest(1.0) <= REST_S  # without the stop it is the lease that ends it
        line.lose_nothing()
        await theatre.until(lambda: not theatre.engine.stops.under_way)
        await theatre.operate()
        referee = theatre.check()
    confirmed = [each["stop_id"] for each in referee.all("stop_confirmed")]
    assert confirmed == [hex_id(first), hex_id(second)]
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H34", "H36")
async def test_the_answer_to_an_earlier_stop_does_not_clear_or_rearm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After two stops the first one's echo comes again: ARM names the newest, CLEAR too."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        echoes = record_echoes(theatre, monkeypatch)
        await theatre.begin(PLAN)
        stops = []
        for name in ("first", "second"):
            stops.append(theatre.engine.stop(name))
            await theatre.until(lambda: not theatre.engine.stops.under_way)
            await advance(0.05)
        say_again(theatre, echoes[stops[0]])
        await advance(0.05)
        assert theatre.engine.pen is not None
        assert theatre.engine.pen.last_stop_id == stops[1]
        await theatre.acts.clear(OPERATOR)
        await theatre.operate()
        referee = theatre.check()
    assert [each["stop_id"] for each in referee.all("latch_cleared")] == [hex_id(stops[1])]
    assert referee.all("session_closed")[0]["outcome"] == "complete"
