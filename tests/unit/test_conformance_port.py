"""The port and the hands of the conformance tool: a port that vanishes with its pen, a jig."""

import os
import sys
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.errors import LinkLost, PortMissing, WrongUsage
from controller.service.conformance import hand as hands
from controller.service.conformance.hand import JigHand, NoHand, PersonHand
from controller.service.conformance.port_rig import PortRig
from protocol.conformance.granting import NobodyActed

JIG = """
import sys
for line in sys.stdin:
    print(line.strip(), file=open(sys.argv[1], "a"))
    print("done", flush=True)
"""


class Socketful:
    """A pty behind a path, which can be pulled out and put back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fds: tuple[int, int] | None = None
        self.put()

    def put(self) -> None:
        """A new pty behind the path."""
        self._fds = os.openpty()
        tty.setraw(self._fds[1])
        self.path.symlink_to(os.ttyname(self._fds[1]))

    def pull(self) -> None:
        """The pty and its path are gone."""
        self.path.unlink()
        for fd in self._fds or ():
            os.close(fd)
        self._fds = None

    def say(self, data: bytes) -> None:
        """The pen sends."""
        assert self._fds is not None
        os.write(self._fds[0], data)

    def heard(self) -> bytes:
        """What came to the pen."""
        assert self._fds is not None
        return os.read(self._fds[0], 100)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Socketful]:
    made = Socketful(tmp_path / "pen")
    yield made
    made.pull()


def test_bytes_go_both_ways_and_silence_lasts_as_long_as_was_asked(line: Socketful) -> None:
    rig = PortRig(str(line.path), NoHand())
    rig.write(b"to the pen")
    assert line.heard() == b"to the pen"
    line.say(b"from the pen")
    assert rig.read(rig.now_us() + 1_000_000) == b"from the pen"
    until_us = rig.now_us() + 5_000
    assert rig.read(until_us) == b""
    assert rig.now_us() >= until_us
    rig.close()


def test_a_port_that_goes_away_is_told(line: Socketful) -> None:
    rig = PortRig(str(line.path), NoHand())
    line.pull()
    with pytest.raises(LinkLost):
        rig.read(rig.now_us() + 1_000_000)
    with pytest.raises(PortMissing):
        rig.read(rig.now_us() + 1_000_000)
    line.put()


def test_a_port_that_goes_away_with_its_pen_s_power_is_waited_for(line: Socketful) -> None:
    said: list[str] = []
    rig = PortRig(str(line.path), PersonHand(said.append))
    rig.power_cycle()
    assert said == ["SWITCH the pen OFF and ON again"]
    line.pull()
    assert rig.read(rig.now_us() + 1_000) == b""
    rig.write(b"lost")
    assert rig.read(rig.now_us() + 1_000) == b""
    line.put()
    line.say(b"booted")
    assert rig.read(rig.now_us() + 1_000_000) in {b"", b"booted"}
    line.say(b", ready")
    assert rig.read(rig.now_us() + 1_000_000).endswith(b"ready")
    rig.close()


def test_ids_are_fit_and_the_host_is_the_same_each_time(line: Socketful) -> None:
    rig = PortRig(str(line.path), NoHand())
    ids = [rig.numbers.fresh_id() for _ in range(100)]
    assert len(set(ids)) == 100
    assert all(each & 0xFFFF_FFFF > 0 and each < 1 << 64 for each in ids)
    assert 0 < rig.numbers.host_id < 1 << 64
    rig.close()


def test_a_jig_does_each_act_before_its_answer(tmp_path: Path) -> None:
    script, done = tmp_path / "jig.py", tmp_path / "done"
    script.write_text(JIG)
    hand = JigHand(f"{sys.executable} {script} {done}")
    for act in (hand.touch, hand.press, hand.release, hand.lift, hand.cycle_power):
        act()
    assert done.read_text().split() == ["touch", "press", "release", "lift", "power"]
    hand.close()


@pytest.mark.parametrize("command", ["true", "sleep 60"], ids=["ends", "hangs"])
def test_a_jig_that_does_not_answer_is_told(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hands, "JIG_WITHIN_S", 0.3)
    hand = JigHand(command)
    with pytest.raises(WrongUsage, match="--jig"):
        hand.press()
    hand.close()


def test_nobody_s_hand_lets_go_and_does_nothing_else() -> None:
    hand = NoHand()
    hand.release()
    hand.lift()
    for act in (hand.press, hand.touch, hand.cycle_power):
        with pytest.raises(NobodyActed):
            act()
