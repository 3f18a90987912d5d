"""A batch of strokes as the journal has it: the same bytes whoever made it, nothing unchecked read.

The hot path fills plain dataclasses; pydantic must write and refuse them as it would a model.
"""

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from controller.pen.strokes import PenStroke
from controller.record.events import Stroke, Strokes
from controller.session.intake import to_record
from protocol.words import EventFlag, EventKind

U64 = st.integers(0, 2**64 - 1)
U16 = st.integers(0, 0xFFFF)
PEN_STROKES = st.builds(
    PenStroke,
    index=U64,
    pen_ticks=U64,
    kind=st.sampled_from(EventKind),
    flags=st.integers(0, 15).map(lambda bits: EventFlag(bits << 3)),
    protrusion_um=U16,
    steps=U16,
    peak_load_dn=st.integers(0, 255),
    arm_id=st.integers(0, 2**32 - 1),
)


def body_of(strokes: list[PenStroke]) -> Strokes:
    return Strokes(
        arm_id=1,
        pen_uid="f000000000000001",
        pen_boot_id=1,
        strokes=tuple(map(to_record, strokes)),
        puncture_ceiling=7,
        step_ceiling=0,
    )


def plain(stroke: PenStroke) -> dict[str, Any]:
    """The documented order and names, spelled out once more."""
    return {
        "index": stroke.index,
        "pen_ticks": stroke.pen_ticks,
        "kind": EventKind(stroke.kind).name.lower(),
        "steps": stroke.steps,
        "protrusion_um": stroke.protrusion_um,
        "contact": EventFlag.CONTACT in stroke.flags,
        "partial": EventFlag.PARTIAL in stroke.flags,
        "load_trip": EventFlag.LOAD_TRIP in stroke.flags,
        "depth_miss": EventFlag.DEPTH_MISS in stroke.flags,
        "peak_load_dn": stroke.peak_load_dn,
    }


@given(st.lists(PEN_STROKES, max_size=14))
def test_the_bytes_are_those_of_plain_json(strokes: list[PenStroke]) -> None:
    body = body_of(strokes)
    expected = {
        "arm_id": 1,
        "pen_uid": "f000000000000001",
        "pen_boot_id": 1,
        "strokes": [plain(stroke) for stroke in strokes],
        "puncture_ceiling": 7,
        "step_ceiling": 0,
    }
    written = body.model_dump_json()
    assert written == json.dumps(expected, separators=(",", ":"))
    assert Strokes.model_validate_json(written) == body


@given(PEN_STROKES, st.sampled_from(list(Stroke.__dataclass_fields__)))
def test_a_stroke_that_lacks_a_field_is_not_read(stroke: PenStroke, missing: str) -> None:
    fields = asdict(to_record(stroke))
    del fields[missing]
    with pytest.raises(ValidationError, match=missing):
        Strokes.model_validate_json(written_with(fields))


@pytest.mark.parametrize(
    "odd", [{"depth_um": 1}, {"kind": "stamp"}, {"steps": 1.5}, {"contact": "perhaps"}]
)
def test_a_stroke_that_says_something_else_is_not_read(odd: dict[str, Any]) -> None:
    stroke = PenStroke(0, 1, EventKind.PUNCTURE, EventFlag.CONTACT, 1_000, 0, 12, 1)
    with pytest.raises(ValidationError, match=next(iter(odd))):
        Strokes.model_validate_json(written_with(asdict(to_record(stroke)) | odd))


def written_with(fields: dict[str, Any]) -> str:
    return json.dumps(body_of([]).model_dump() | {"strokes": [fields]})
