"""What anybody may publish: read or refused, and never the end of telemetry or archive (B10)."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from controller.errors import ArchiveDamaged
from controller.record.archive_file import BatchView, ChainFile
from controller.record.incoming import NotAMessage, read_message
from controller.record.messages import Receipt, batch_json
from controller.record.outbox import Outbox
from tests.support.sending import Desk

GOOD = b'{"archive":"a","chain_id":"c","seq":1,"hash":"h","wall":"w"}'
NEST = b"[" * 100_000 + b"]" * 100_000


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, archive=True)
    yield desk
    desk.close()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[ChainFile]:
    kept = ChainFile(tmp_path / "kept.jsonl")
    yield kept
    kept.close()


def genuine(desk: Desk) -> bytes:
    """A batch as telemetry sends it."""
    desk.record_session()
    batch = desk.outbox.take()
    return batch_json(
        batch,
        chain_id=desk.reader.chain_id,
        journal_id=desk.reader.journal_id(1),
        realm="training",
        simulated=True,
        sent_wall="w",
    )


def decoded(payload: bytes) -> BatchView:
    return read_message(payload, BatchView)


def test_a_good_message_is_read() -> None:
    assert read_message(GOOD, Receipt).seq == 1
    assert read_message(msgspec.Raw(GOOD), Receipt) == read_message(GOOD, Receipt)


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"\x00", b"{", b"null", b"7", b"[]", b"{}"),
        GOOD.replace(b'"w"', b'"\xff"'),
        GOOD.replace(b'"w"', b'"\\ud800"'),
        GOOD.replace(b"1,", b'"1",'),
        GOOD.replace(b"1,", b"1.5,"),
        GOOD[:-1] + b',"schema_version":2}',
        GOOD[:-1] + b',"more":' + NEST + b"}",
    ],
    ids=lambda payload: repr(payload[:20]),
)
def test_whatever_is_wrong_is_one_error(payload: bytes) -> None:
    with pytest.raises(NotAMessage):
        read_message(payload, Receipt)


@pytest.mark.parametrize("seq", [2**63, 10**40, -1, -(2**63) - 1])
def test_receipt_with_a_number_out_of_bounds_is_ignored(desk: Desk, seq: int) -> None:
    desk.record_session()
    desk.send_all()
    desk.outbox.received(replace(desk.receipt(1), seq=seq))
    assert desk.outbox.safe.seq == 0


def test_damaged_cursor_means_from_the_beginning(desk: Desk) -> None:
    desk.record_session()
    number = str(10**30)
    desk.cursor.path.write_text(
        f'{{"chain_id":"{desk.reader.chain_id}","seq":{number},"hash":"00"}}'
    )
    outbox = Outbox(desk.reader, desk.cursor, desk.clock, archive=True)
    assert (outbox.safe.seq, outbox.next_seq) == (0, 1)


def test_batch_with_one_bad_entry_leaves_no_trace(desk: Desk, kept: ChainFile) -> None:
    """Held in the index but not in the file would become a receipt for what nobody has."""
    payload = genuine(desk)
    with pytest.raises(NotAMessage):
        kept.keep(decoded(payload[:-2] + b',{"seq":"none"}]}'))
    assert (kept.index.seq, kept.path.read_bytes()) == (0, b"")
    assert kept.keep(decoded(payload)) == 0
    assert kept.path.read_bytes().count(b"\n") == kept.index.seq > 0


def test_line_breaks_between_fields_do_not_tear_the_file(desk: Desk, kept: ChainFile) -> None:
    payload = genuine(desk)
    spread = payload.replace(b',"kind":', b',\n"kind":')
    assert kept.keep(decoded(spread)) == spread.count(b"\n")
    kept.keep(decoded(payload))
    with closing(ChainFile(kept.path)) as again:
        assert again.index.seq == kept.index.seq == payload.count(b'"prev_hash":')


@pytest.mark.parametrize("field", [b"seq", b"mono_ns"])
def test_numbers_that_no_journal_has_are_no_entry(
    desk: Desk, kept: ChainFile, field: bytes
) -> None:
    payload = genuine(desk)
    huge = payload.replace(b'"%s":' % field, b'"%s":9' % field + b"0" * 4_000)
    with pytest.raises(NotAMessage):
        kept.keep(decoded(huge))


def test_archive_s_own_file_without_utf_8_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    path.write_bytes(b'{"entry":{"kind":"\xff"}}\n')
    with pytest.raises(ArchiveDamaged):
        ChainFile(path)
