"""Topic names, broker addresses, and the index by which an archive knows what it has."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import BrokerAddressRefused, TopicRefused
from controller.record.chain_index import ChainIndex, Offer
from controller.record.entry import ZERO_HASH
from controller.record.mqtt import Broker
from controller.record.topics import Topics, topic_id


@given(st.permutations(range(1, 9)), st.lists(st.integers(1, 8), max_size=8))
def test_index_holds_all_in_any_order(order: list[int], repeats: list[int]) -> None:
    index = ChainIndex()
    seen: set[int] = set()
    for seq in [*order, *repeats]:
        expected = Offer.REPEAT if seq in seen else Offer.NEW
        assert index.offer(seq, hash_of(seq - 1), hash_of(seq)) is expected
        seen.add(seq)
        assert index.seq == next(n for n in range(9) if n + 1 not in seen)
    assert (index.seq, index.hash) == (8, hash_of(8))


def hash_of(seq: int) -> str:
    return ZERO_HASH if seq == 0 else f"{seq:064x}"[::-1]


@pytest.mark.parametrize(
    ("seq", "prev", "own"),
    [(1, 9, 1), (3, 9, 3), (5, 9, 5), (7, 9, 7), (4, 3, 9), (1, 0, 9), (0, 0, 0), (-1, 0, 1)],
)
def test_index_sees_contradictions(seq: int, prev: int, own: int) -> None:
    index = ChainIndex()
    for held in (1, 2, 5, 6):
        index.offer(held, hash_of(held - 1), hash_of(held))
    expected = Offer.REPEAT if (seq, own) in {(1, 1), (5, 5)} else Offer.CONFLICT
    assert index.offer(seq, hash_of(prev), hash_of(own)) is expected
    assert index.seq == 2


def test_topics_are_those_of_the_documentation() -> None:
    topics = Topics("clinic-1", "room-2")
    base = "micropen/v1/clinic-1/room-2"
    assert topics.availability == f"{base}/availability"
    assert topics.info == f"{base}/info"
    assert topics.state == f"{base}/state"
    assert topics.events("s-1") == f"{base}/session/s-1/events"
    assert topics.events(None) == f"{base}/service/events"
    assert topics.alarm("occlusion-1") == f"{base}/alarm/occlusion-1"
    assert topics.receipt == f"{base}/archive/receipt"
    assert topics.all_events == (f"{base}/session/+/events", f"{base}/service/events")


@pytest.mark.parametrize("bad", ["", "Room", "a/b", "a+b", "#", "zürich", "a b", "x" * 65, "a\n"])
def test_ids_outside_the_alphabet_are_refused(bad: str) -> None:
    with pytest.raises(TopicRefused):
        Topics(bad, "room")
    with pytest.raises(TopicRefused):
        Topics("site", bad)


@given(st.text())
def test_any_text_becomes_a_topic_id(text: str) -> None:
    made = topic_id(text)
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert 1 <= len(made) <= 64
    assert topic_id(made) == made


def test_broker_address() -> None:
    assert Broker.parse("localhost:1883") == Broker("localhost", 1883)
    assert Broker.parse("[::1]:8883").host == "::1"


@pytest.mark.parametrize("bad", ["", "localhost", ":1883", "host:", "host:x", "host:0", "h:70000"])
def test_broker_address_is_checked(bad: str) -> None:
    with pytest.raises(BrokerAddressRefused):
        Broker.parse(bad)


def test_password_is_the_first_line_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\nignored\n")
    assert Broker.parse("h:1", "user", tmp_path / "password").password == "secret"
    (tmp_path / "password").write_text("")
    for path in (tmp_path / "password", tmp_path / "none"):
        with pytest.raises(BrokerAddressRefused, match="no password"):
            Broker.parse("h:1", "user", path)


def test_certificate_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(BrokerAddressRefused):
        Broker.parse("h:1", ca_file=tmp_path / "ca.pem").tls()
