"""The command that feeds 100 million hostile frames, with some tens of thousands of them.

And what it says when a check that should refuse them is gone.
"""

import pytest

from protocol import framing
from protocol.framing import Discard, Frame, cobs_decode, cobs_encode, crc32c
from protocol.words import Result
from simulator.firmware import granting
from tests.fuzz import hostile_frames
from tests.fuzz.forgery import FORGERIES
from tests.fuzz.noise import DAMAGE
from tests.fuzz.rules import RULES

CLASSES = {*DAMAGE, *FORGERIES, *RULES, "old_link"}


@pytest.mark.hazard("H11", "H12")
def test_none_of_many_hostile_frames_is_acted_on() -> None:
    found = hostile_frames.run(20_000, seed=7, volley=100)
    assert found["problems"] == []
    assert found["acted_on"] == 0
    assert found["frames"] >= 20_000
    assert set(found["classes"]) == CLASSES
    assert sum(row["frames"] for row in found["classes"].values()) == found["frames"]
    assert sum(n for at, n in found["moments"].items() if at.startswith("running")) > 10_000


def test_the_same_seed_feeds_the_same_frames() -> None:
    first, second = (hostile_frames.run(1_500, seed=3, volley=100) for _ in range(2))
    for found in (first, second):
        del found["cpu_s"], found["frames_a_cpu_s"], found["wall_s"]
    assert first == second


def test_a_decoder_without_its_checksum_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = framing._decode_block

    def blind(block: bytes) -> Frame | Discard:
        raw = cobs_decode(block)
        if raw is None or len(raw) < 11:
            return real(block)
        return real(cobs_encode(raw[:-4] + crc32c(raw[:-4]).to_bytes(4, "little")))

    monkeypatch.setattr(framing, "_decode_block", blind)
    found = hostile_frames.run(20_000, seed=1, volley=100)
    assert found["acted_on"]
    assert any("handled" in problem for problem in found["problems"])
    assert any("is another" in problem for problem in found["problems"])


def test_a_pen_that_takes_any_lease_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(granting, "judge_validity", lambda *_: Result.OK)
    found = hostile_frames.run(60_000, seed=1, volley=50)
    assert found["problems"] == ["refused_grant: the pen is another"]


def test_the_command_ends_with_its_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["hostile_frames", "--frames", "3000", "--seed", "5"])
    monkeypatch.setattr(hostile_frames, "quiet", lambda: None)
    assert hostile_frames.main() == 0
    assert '"acted_on": 0' in capsys.readouterr().out
