"""A fault in a running service leaves the wire's last minute, and a bundle, in its state folder."""

import asyncio
from pathlib import Path

import pytest

from controller.service.app import Wanted, running
from controller.service.bundle.archive import read_bundle
from controller.service.flight.box import recordings
from controller.service.flight.recording import read_recording
from protocol.codec import decode_payload
from protocol.framing import Decoder, Discard, Frame
from protocol.messages import Hello, HelloReply, Message, Stop, Stopped
from tests.support.command_line import ROOT
from tests.support.inputs import CONFIG
from tests.support.processes import simulated_pen, until

WITHIN_S = 40.0


def messages(data: bytes) -> list[Message | Discard]:
    found = Decoder().feed(data)
    return [decode_payload(each) for each in found if isinstance(each, Frame)]


@pytest.mark.hazard("H34")
@pytest.mark.real_time("a process and a pty")
async def test_a_stop_leaves_a_recording_and_a_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    state = tmp_path / "state"
    async with simulated_pen(tmp_path, CONFIG / "simulator" / "ideal.toml") as port:
        wanted = Wanted(str(port), state / "journal", "training", config=CONFIG)
        async with running(wanted) as service:
            changes = service.engine.changes
            assert await changes.until(lambda: service.engine.reconciled, WITHIN_S)
            service.stop("key")
            assert await changes.until(lambda: service.engine.is_latched, WITHIN_S)
            bundles = state / "bundles"
            await until(lambda: bool(list(bundles.glob("bundle-*.gz"))), WITHIN_S)
    (path,) = recordings(state / "flight")
    recording = read_recording(path.read_bytes(), path.name)
    assert recording.header.reason == "stop-latched"
    sent = messages(b"".join(data for _, way, data in recording.chunks if way == ">"))
    heard = messages(b"".join(data for _, way, data in recording.chunks if way == "<"))
    (hello,) = {each.nonce for each in sent if isinstance(each, Hello)}
    assert hello in {each.nonce for each in heard if isinstance(each, HelloReply)}
    assert {each.stop_id for each in sent if isinstance(each, Stop)} == {
        each.stop_id for each in heard if isinstance(each, Stopped)
    }
    (made,) = (state / "bundles").iterdir()
    assert made.name == "bundle-000001-stop-latched.tar.gz"
    found = await asyncio.to_thread(read_bundle, made)
    assert found[f"flight/{path.name}"] == path.read_bytes()
    assert b'"kind":"stop_sent"' in found["journal/extract.jsonl"]
