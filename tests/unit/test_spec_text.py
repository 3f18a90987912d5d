"""SPEC.md against the code: every table, every number, every worked byte.

The page is what a stranger builds a pen from, so a table that drifts from the code is a defect of
the wire. Tables are found by their headings; nothing here knows a layout.
"""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocol import limits, words
from protocol.codec import decode_payload, settings_digest
from protocol.faults import FAULTS
from protocol.fields import Leaf, layout_of, slots_of
from protocol.framing import Decoder, DiscardReason, Frame, cobs_decode, crc32c
from protocol.messages import (
    MESSAGES,
    Configure,
    Configured,
    Counters,
    EventRecord,
    Message,
    Status,
    StrokeSettings,
)

SPEC = (Path(__file__).parents[2] / "protocol" / "SPEC.md").read_text(encoding="utf-8")
BLOCKS: tuple[type[msgspec.Struct], ...] = (Counters, Status, StrokeSettings, EventRecord)
ENUMS = (
    words.Mode,
    words.PenState,
    words.StatusFlag,
    words.EventKind,
    words.EventFlag,
    words.EndReason,
    words.RecordState,
    words.QueryTopic,
)
BY_KIND = {message.KIND: message for message in MESSAGES}


def section(heading: str) -> str:
    """The text from the heading that begins like this to the next heading of any depth."""
    found = re.search(rf"^#+ {heading}.*?\n(.*?)(?=^#|\Z)", SPEC, re.MULTILINE | re.DOTALL)
    assert found is not None, f"SPEC.md has no heading {heading!r}"
    return found[1]


def table(text: str) -> list[list[str]]:
    """The cells of the first table in a text, without its header."""
    lines = re.findall(r"^\|(.*)\|$", text, re.MULTILINE)[2:]
    rows = [re.split(r"(?<!\\)\|", line) for line in lines]
    return [[cell.strip().replace("\\|", "|") for cell in row] for row in rows]


def range_text(leaf: Leaf) -> str:
    """How SPEC writes the range of a leaf."""
    if leaf.code == "16s":
        return "ASCII"
    if leaf.unit == "kind|flags":
        return f"kind 1 to 5, mask 0x{leaf.high & 0x78:02X}"
    if leaf.allowed is not None:
        return f"mask 0x{leaf.high:02X}" if leaf.unit.endswith("Flag") else "member"
    if not leaf.is_narrow:
        return "any"
    top = (1 << 8 * leaf.size_bytes) - 1
    return f">= {leaf.low}" if leaf.high == top else f"{leaf.low} to {leaf.high}"


def size_bytes(block: type[msgspec.Struct]) -> int:
    """Bytes of a block without its repeated tail."""
    last = [row for row in layout_of(block) if "[]" not in row.path][-1]
    return last.offset + last.leaf.size_bytes


def expected_rows(block: type[msgspec.Struct]) -> list[list[str]]:
    """Offset, field, type, unit and range of each row that SPEC must show."""
    rows, offset = [], 0
    for slot in slots_of(block):
        if slot.leaf is not None:
            shown = [slot.leaf.type_name, slot.leaf.unit, range_text(slot.leaf)]
            step = slot.leaf.size_bytes
        elif slot.tail is not None:
            shown, step = [f"{slot.python_type.__name__} x n", "-", f"1 to {slot.tail.high}"], 0
        else:
            step = size_bytes(slot.python_type)
            shown = [slot.python_type.__name__, "-", f"{step} bytes"]
        rows.append([str(offset), slot.name, *shown])
        offset += step
    return rows


def heading_of(block: type[msgspec.Struct]) -> str:
    """The heading that a message or block has, with its size."""
    if not issubclass(block, Message):
        return rf"{block.__name__} \({size_bytes(block)} bytes\)"
    more = r" \+ 10 n" if block.__name__ == "Events" else ""
    return rf"0x{block.KIND:02X} [A-Z_]+ \(`{block.__name__}`, {size_bytes(block)}{more} bytes\)"


@pytest.mark.parametrize("block", [*BLOCKS, *MESSAGES], ids=lambda block: block.__name__)
def test_field_table_equals_the_layout_in_code(block: type[msgspec.Struct]) -> None:
    rows = table(section(heading_of(block)))
    assert [row[:5] for row in rows] == expected_rows(block)
    assert all(row[5] for row in rows), "every field says what it means"


def test_spec_shows_no_message_or_block_that_the_code_lacks() -> None:
    shown = re.findall(r"^### 0x([0-9A-F]{2}) [A-Z_]+ \(`(\w+)`", SPEC, re.MULTILINE)
    assert shown == [(f"{message.KIND:02X}", message.__name__) for message in MESSAGES]


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_enum_table_equals_the_code(enum: type[words.Mode]) -> None:
    rows = table(section(f"{enum.__name__}\n"))
    assert [(int(row[0], 0), row[1]) for row in rows] == [(int(m), m.name) for m in enum]
    assert all(row[2] for row in rows)


def test_result_table_equals_the_code() -> None:
    rows = table(section("12.1 "))
    sentences = words.RESULT_SENTENCES
    assert [(int(row[0]), row[1], row[3]) for row in rows] == [
        (int(result), result.name, sentences[result]) for result in words.Result
    ]


def test_fault_table_equals_the_catalogue() -> None:
    rows = table(section("12.2 "))
    assert [(int(row[0]), row[1], row[2], row[5], row[6]) for row in rows] == [
        (fault.number, fault.name, fault.priority.name, fault.sentence, fault.action)
        for fault in FAULTS.values()
    ]
    assert all(row[3] and row[4] for row in rows), "each says when it latches and may be cleared"


def test_constants_table_equals_limits() -> None:
    shown = {row[0]: int(row[1], 0) for row in table(section("13. Constants"))}
    assert shown == {name: value for name, value in vars(limits).items() if name.isupper()}


def test_discard_table_names_every_reason() -> None:
    rows = table(SPEC[SPEC.index("| reason | detail | when |") :].split("\n\n", 1)[0])
    assert {row[0].strip("`") for row in rows} == {reason.value for reason in DiscardReason}


def test_interleaving_table_has_an_answer_for_every_message() -> None:
    rows = table(section("10. Every interleaving").split("Two things at once")[0])
    wire_names = re.findall(r"^### 0x[0-9A-F]{2} ([A-Z_]+) \(", SPEC, re.MULTILINE)
    assert [row[0] for row in rows] == wire_names
    assert all(len(row) == 5 and all(row) for row in rows)


def test_bandwidth_table_follows_from_the_layouts() -> None:
    rows = {row[0]: row for row in table(section("11.3 "))}
    by_name = {name: row for name, row in rows.items() if int(row[2]) == int(row[1]) + 14}
    assert by_name == rows
    assert all(row[3] == f"{int(row[2]) / 11.52:.2f}" for row in rows.values())
    for kind, name in re.findall(r"^### 0x([0-9A-F]{2}) ([A-Z_]+) \(", SPEC, re.MULTILINE):
        if name in rows:
            assert int(rows[name][1]) == size_bytes(BY_KIND[int(kind, 16)])


def test_steady_traffic_fits_half_the_line_each_way() -> None:
    events, grant = size_bytes(BY_KIND[0x83]), size_bytes(BY_KIND[0x06])
    per_second = 1_000_000 // limits.EVENT_BATCH_MAX_US
    up = per_second * (14 + events) + 150 * 10 + 14 + size_bytes(BY_KIND[0x84])
    down = 1_000_000 // limits.GRANT_PERIOD_US * (14 + grant)
    rows = {row[0]: row for row in table(section("11.4 ")) if "sum" in row[0]}
    assert rows["up, sum"][2:] == [f"{up:,}", f"{up / 115.2:.1f} %"]
    assert rows["down, sum"][2:] == [f"{down:,}", f"{down / 115.2:.1f} %"]
    assert up < 11_520 / 2
    assert down < 11_520 / 2


# --- worked examples ------------------------------------------------------------------------

EXAMPLES = re.findall(r"^```example\n(.*?)^```", SPEC, re.MULTILINE | re.DOTALL)


def parse_example(text: str) -> tuple[dict[str, str], bytes, bytes]:
    """The written values by path, the raw bytes line by line, and the wire bytes."""
    head, wire = text.split("wire -> ")
    lines = [line.partition(" -> ") for line in head.strip().split("\n")]
    values = dict(left.split(" = ", 1) for left, _, _ in lines if " = " in left)
    return values, bytes.fromhex("".join(line[2] for line in lines)), bytes.fromhex(wire)


def at_path(message: Any, path: str) -> Any:
    """The value at a path such as `status.counters.punctures` or `records[1].steps`."""
    for part in re.findall(r"\w+", path):
        message = message[int(part)] if part.isdigit() else getattr(message, part)
    return message


def written_value(text: str) -> int | bytes:
    """A number, or quoted text padded to 16 bytes."""
    return text.strip('"').encode().ljust(16, b"\x00") if text[0] == '"' else int(text, 0)


def decode_example(text: str) -> tuple[Frame, Message]:
    frames = Decoder().feed(parse_example(text)[2])
    assert len(frames) == 1
    assert isinstance(frames[0], Frame)
    message = decode_payload(frames[0])
    assert isinstance(message, Message)
    return frames[0], message


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text[19:29])
def test_worked_example_decodes_to_the_values_written_beside_it(text: str) -> None:
    values, raw, wire = parse_example(text)
    frame, message = decode_example(text)
    version, kind, link, sequence = re.findall(r"(?:0x)?([0-9A-F]+)\b", values.pop("header"))
    assert (int(version), int(kind, 16)) == (limits.PROTOCOL_VERSION, frame.kind)
    assert (int(link, 16), int(sequence)) == (frame.link_id, frame.sequence)
    for path, value in values.items():
        assert at_path(message, path) == written_value(value), path
    assert cobs_decode(wire[1:-1]) == raw
    assert crc32c(raw[:-4]).to_bytes(4, "little") == raw[-4:]
    assert len(values) >= len([row for row in layout_of(type(message)) if "[]" not in row.path])


def test_every_message_has_exactly_one_example() -> None:
    kinds = [decode_example(text)[0].kind for text in EXAMPLES]
    assert kinds == [message.KIND for message in MESSAGES]


def test_digest_in_the_examples_is_the_one_of_the_configure_example() -> None:
    made = [decode_example(text)[1] for text in EXAMPLES]
    configure = next(message for message in made if isinstance(message, Configure))
    configured = next(message for message in made if isinstance(message, Configured))
    assert settings_digest(configure.settings) == configured.settings_digest
