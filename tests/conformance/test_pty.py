"""The same host and hand over a real pseudo-terminal, in real time: the transport adds nothing.

The rules themselves are proven in virtual time; here only what a kernel tty could break.
"""

import pathlib
from collections.abc import Iterator

import pytest

from protocol.conformance.host import RUN, RawHost
from protocol.words import EndReason, PenState, StatusFlag
from tests.conformance.pty_rig import PtyRig


@pytest.fixture
def pty_host(tmp_path: pathlib.Path) -> Iterator[RawHost]:
    rig = PtyRig(tmp_path)
    yield RawHost(rig)
    rig.close()


def test_one_story_over_a_pty(pty_host: RawHost) -> None:
    host = pty_host
    host.hello()
    host.wait_at_rest()
    before = host.counters()
    arm_id = host.arm(RUN)
    host.rig.hand.touch()
    host.drive(arm_id, 60_000, before.punctures + 500, before.forward_steps)
    host.rig.hand.press()
    host.drive(arm_id, 600_000, before.punctures + 500, before.forward_steps)
    assert host.status.state is PenState.RUNNING
    assert host.stop(0x9999, link_id=0).stop_id == 0x9999
    host.wait_at_rest()
    record = host.record(arm_id)
    assert record.end_reason is EndReason.STOP
    assert record.proven == host.counters()
    host.listen(60_000)
    assert [event.index for event in host.events] == list(range(record.proven.punctures))
    assert record.proven.punctures > before.punctures + 10
    host.clear_stop(0x9999)
    host.rig.power_cycle()
    host.hello()
    assert host.wait_at_rest().flags & StatusFlag.HOMED
    assert host.counters() == record.proven
    assert host.discards == []
