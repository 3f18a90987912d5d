"""The cursor's file: whole or not at all, and losing it is never worse than repeats."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.errors import CursorNotWritable
from controller.record.cursor import CursorFile, Position
from controller.record.entry import ZERO_HASH

SOMEWHERE = Position("00000000000000aa", 17, "ab" * 32)


def test_position_survives(tmp_path: Path) -> None:
    file = CursorFile(tmp_path / "deep" / "cursor.json")
    assert file.load() is None
    file.save(SOMEWHERE)
    file.save(Position("00000000000000aa", 18, "cd" * 32))
    assert CursorFile(file.path).load() == Position("00000000000000aa", 18, "cd" * 32)
    assert [p.name for p in file.path.parent.iterdir()] == ["cursor.json"]


def test_each_broker_has_its_own(tmp_path: Path) -> None:
    first = CursorFile.of_broker(tmp_path, "broker.example", 1883)
    other = CursorFile.of_broker(tmp_path, "../../broker", 1883)
    first.save(SOMEWHERE)
    assert other.load() is None
    assert other.path.parent == tmp_path


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(max_size=200))
def test_junk_is_no_position(tmp_path: Path, junk: bytes) -> None:
    file = CursorFile(tmp_path / "cursor.json")
    file.path.write_bytes(junk)
    assert file.load() is None


@pytest.mark.parametrize(
    "text",
    [
        '{"chain_id": "a", "seq": "1", "hash": "b"}',
        '{"chain_id": "a", "seq": -1, "hash": "b"}',
        '{"chain_id": "a", "seq": true, "hash": "b"}',
        '{"chain_id": null, "seq": 1, "hash": "b"}',
        '{"seq": 1}',
        "[]",
    ],
)
def test_wrong_types_are_no_position(tmp_path: Path, text: str) -> None:
    file = CursorFile(tmp_path / "cursor.json")
    file.path.write_text(text)
    assert file.load() is None


def test_power_cut_before_the_rename_keeps_the_old_one(tmp_path: Path) -> None:
    file = CursorFile(tmp_path / "cursor.json")
    file.save(SOMEWHERE)
    (tmp_path / "cursor.new").write_bytes(b'{"chain_id')
    assert file.load() == SOMEWHERE


def test_folder_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CursorNotWritable):
        CursorFile(tmp_path / "file" / "cursor.json").save(SOMEWHERE)


def test_start_is_before_the_first_entry() -> None:
    assert Position("a") == Position("a", 0, ZERO_HASH)
