"""The architecture page can be followed: its files, names and bytes are those of the program."""

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from controller.pen.strokes import StrokeStream
from controller.record.events import Stroke, Strokes
from controller.session.allowance import dose_allowance
from controller.session.amounts import of_strokes
from controller.session.drive import ceilings_for
from controller.session.intake import to_record
from protocol.codec import decode_payload
from protocol.framing import Decoder, Frame, encode_frame
from protocol.limits import LEASE_HOST_MAX_US, STOP_REPEAT_US, STOP_UNCONFIRMED_US
from protocol.messages import EventRecord, Events, Grant, Message, StatusPush, Stop
from tests.architecture import repo
from tests.support.arms import counters, opened

PAGE = repo.text(Path("docs/architecture.md"))
SPEC = repo.text(Path("protocol/SPEC.md"))
NAMED = re.compile(r"`([\w/]+\.py)`((?: `[\w.]+`)+)")


def steps() -> list[tuple[str, str]]:
    """Every (file, name) of the page's tables."""
    return [
        (file, name)
        for file, names in NAMED.findall(PAGE)
        for name in re.findall(r"`(.+?)`", names)
    ]


@cache
def defined(file: str) -> frozenset[str]:
    """Functions, classes and methods of a module, methods as `Class.method`."""
    found = set()
    for node in repo.tree(Path(file)).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = (ast.FunctionDef, ast.AsyncFunctionDef)
            found |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, inner)}
    return frozenset(found)


def test_the_page_goes_step_by_step() -> None:
    assert len(steps()) > 50


@pytest.mark.parametrize(("file", "name"), sorted(set(steps())))
def test_every_step_is_defined_where_the_page_says(file: str, name: str) -> None:
    assert Path(file) in repo.files()
    assert name in defined(file)


def spec_example(kind: type[Message]) -> bytes:
    """The wire bytes of SPEC's example of a message."""
    part = SPEC[SPEC.index(f"(`{kind.__name__}`") :]
    found = re.search(r"wire -> ([0-9A-F \n]+)```", part)
    assert found is not None
    return bytes.fromhex(found[1])


def message(wire: bytes) -> Any:
    (frame,) = Decoder().feed(wire)
    assert isinstance(frame, Frame)
    assert encode_frame(frame) == wire
    return decode_payload(frame)


def strokes() -> tuple[Stroke, ...]:
    """Steps 4 to 9 of the puncture, on SPEC's bytes."""
    events = message(spec_example(Events))
    return tuple(to_record(each) for each in StrokeStream(7, 2).feed(events))


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def test_the_record_of_the_page_is_that_of_the_frame() -> None:
    record = bytes.fromhex(blocks("text")[0].splitlines()[0].replace("|", ""))
    made = message(spec_example(Events)).records[1]
    assert made == EventRecord(4_000_000, 1 | 8 | 16, 998, 41, 11)
    assert record == bytes.fromhex("00093D0019E60329000B")
    assert record == b"".join(
        value.to_bytes(size, "little")
        for value, size in zip((4_000_000, 25, 998, 41, 11), (4, 1, 2, 2, 1), strict=True)
    )
    assert len(spec_example(Events)) == 125
    assert "125 bytes" in PAGE


def test_the_entry_of_the_page_is_what_the_frame_becomes() -> None:
    made = Strokes(
        arm_id=12,
        pen_uid="f000000000000001",
        pen_boot_id=7,
        strokes=strokes(),
        puncture_ceiling=1_504,
        step_ceiling=94_840,
    )
    assert json.loads(blocks("json")[0]) == json.loads(made.model_dump_json())


def test_the_ceilings_of_the_page_follow_from_its_strokes() -> None:
    arm = opened(
        12,
        steps=60,
        stroke_period_us=500_000,
        first=counters(punctures=1_500, dose_steps=90_000, prime_steps=4_000, preload_steps=600),
    )
    allowance = dose_allowance(
        punctures_left=4, steps_a_puncture=60, picolitres_a_step=1, rooms=(), units_a_nl=None
    )
    whole = strokes()[0]
    done = of_strokes((whole, whole, *strokes()))
    assert (done.punctures, done.forward_steps) == (4, 221)
    assert ceilings_for(arm, done, allowance) == (1_504, 94_840)


def test_the_grant_of_the_page_is_spec_s_and_says_that() -> None:
    fields, wire = blocks("text")[1:3]
    assert bytes.fromhex(wire) == spec_example(Grant)
    tick = message(spec_example(StatusPush)).status.pen_ticks
    assert message(bytes.fromhex(wire)) == Grant(
        7, 12, 1_504, 94_840, tick + LEASE_HOST_MAX_US, acked_index=4
    )
    raw = bytes.fromhex(" ".join(line[:24] for line in fields.splitlines()))
    (frame,) = Decoder().feed(bytes.fromhex(wire))
    assert isinstance(frame, Frame)
    assert raw[7:-4] == frame.payload
    assert raw[-4:] in bytes.fromhex(wire)
    assert f"{len(bytes.fromhex(wire))} bytes" in PAGE


def test_the_stop_of_the_page_is_spec_s_with_its_times() -> None:
    assert spec_example(Stop).hex(" ").upper() in PAGE
    assert f"each {STOP_REPEAT_US // 1_000} ms until" in PAGE
    assert f"no echo in {STOP_UNCONFIRMED_US // 1_000} ms" in PAGE
