"""A stop and the answer to an earlier one; a stop while the disk stands still."""

from collections.abc import Callable
from pathlib import Path

import pytest

from controller.errors import PenRefused
from controller.record.events import Actor, hex_id
from controller.service.program import PROGRAM
from controller.session.states import State
from protocol.codec import decode_payload, encode_payload
from protocol.framing import Decoder, Frame, encode_frame
from protocol.messages import Stop, Stopped
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


async def goes_on(theatre: Theatre) -> None:
    """The operator has cleared the stop and armed again, and the pen moves."""
    await theatre.until(lambda: theatre.engine.state is State.LATCHED)
    await theatre.until(lambda: theatre.engine.state is State.RUNNING and theatre.stage.moves)


def record_echoes(
    theatre: Theatre, patch: pytest.MonkeyPatch, lost: Callable[[int], bool] = lambda _: False
) -> dict[int, bytes]:
    """From now on the STOPPED frames that the pen sends, the last of each stop id.

    The echo of a stop id that `lost` picks never arrives.
    """
    line, decoder = theatre.stage.world.line, Decoder()
    send, echoes = line.pen_sends, dict[int, bytes]()

    def note(now_us: int, data: bytes) -> None:
        for frame in decoder.feed(data):
            assert isinstance(frame, Frame)
            message = decode_payload(frame)
            if isinstance(message, Stopped):
                echoes[message.stop_id] = encode_frame(frame)
            if not isinstance(message, Stopped) or not lost(message.stop_id):
                send(now_us, encode_frame(frame))

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


@pytest.mark.hazard("H35", "H36")
async def test_a_late_copy_of_an_earlier_stop_whose_answer_is_lost_can_be_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC 10: an older id latches again. Nobody told the host, so CLEAR must find out."""
    deaf = False
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        record_echoes(theatre, monkeypatch, lambda stop_id: deaf and stop_id == first)
        await theatre.begin(PLAN)
        work = theatre.operate()
        await in_a_dose(theatre)
        first = theatre.engine.stop("first")
        await goes_on(theatre)
        second = theatre.engine.stop("second")
        await goes_on(theatre)
        work.cancel()
        deaf = True
        frame = Frame(Stop.KIND, 0, 0, encode_payload(Stop(first)))
        theatre.stage.driver.host_sends(encode_frame(frame))
        assert await theatre.rest(1.0) <= REST_S
        assert theatre.engine.state is State.LATCHED
        assert theatre.engine.pen is not None
        assert theatre.engine.pen.last_stop_id == second
        with pytest.raises(PenRefused):  # the operator meant the second one
            await theatre.acts.clear(OPERATOR)
        assert await theatre.rest(1.0) == 0.0
        await theatre.acts.clear(OPERATOR)
        await theatre.operate()
        referee = theatre.check()
    cleared = [each["stop_id"] for each in referee.all("latch_cleared")]
    assert cleared == [hex_id(first), hex_id(second), hex_id(first)]
    assert referee.all("session_closed")[0]["outcome"] == "complete"
