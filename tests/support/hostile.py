"""Somebody who may publish to every topic and means harm: fault B10.

It has read what went by and knows the documentation, but has no key: it sends noise, broken and
altered copies, forged receipts, and entries that fit the chain but never happened.
"""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from tests.support.auditor import digest
from tests.support.sim_broker import SimBroker
from tests.support.sim_session import Message

BASE = "micropen/v1/test/one"
RECEIPT = f"{BASE}/archive/receipt"
TOPICS = (
    *(f"{BASE}/{name}" for name in ("availability", "info", "state", "alarm/x", "service/events")),
    *(RECEIPT, f"{BASE}/session/s-1/events", f"{BASE}/command/start", "micropen/v1/other/room"),
)
DEPTH = 20_000
Forged = tuple[str, bytes]


def noise(heard: Sequence[Message], rng: Random) -> Forged:
    """Bytes that are nothing."""
    return rng.choice(TOPICS), rng.randbytes(rng.randrange(200))


def other_json(heard: Sequence[Message], rng: Random) -> Forged:
    """JSON of another shape."""
    texts = (b"null", b"[]", b"7", b"{}", b'{"schema_version":2}', b'{"seq":1e400}', b'"\\ud800"')
    return rng.choice(TOPICS), rng.choice(texts)


def deep(heard: Sequence[Message], rng: Random) -> Forged:
    """Nested deeper than any reader's stack."""
    nest = b"[" * DEPTH + b"]" * DEPTH
    return rng.choice(TOPICS), b'{"schema_version":1,"entries":[],"x":' + nest + b"}"


def broken_copy(heard: Sequence[Message], rng: Random) -> Forged:
    """A message that went by, with a byte changed, a tail cut off, or no UTF-8 in it."""
    message = rng.choice(heard)
    payload = bytearray(message.payload or b"x")
    place = rng.randrange(len(payload))
    if rng.random() < 0.3:
        return message.topic, bytes(payload[:place])
    payload[place] = 0xFF if rng.random() < 0.5 else rng.randrange(256)
    return message.topic, bytes(payload)


def replay(heard: Sequence[Message], rng: Random) -> Forged:
    """A message that went by, again, on its topic or on another."""
    message = rng.choice(heard)
    topic = message.topic if rng.random() < 0.5 else rng.choice(TOPICS)
    return topic, message.payload


def receipt(heard: Sequence[Message], rng: Random) -> Forged:
    """A receipt for what is not in the journal: no such number, hash or chain."""
    last = _newest(heard)
    seq = rng.choice((last["seq"], last["seq"] + 1, 10**6, 2**63, 10**40, -1))
    chain_id = last["chain_id"] if rng.random() < 0.7 else "00000000000000ff"
    return RECEIPT, _receipt(chain_id, seq, rng.randbytes(32).hex())


def early_receipt(heard: Sequence[Message], rng: Random) -> Forged:
    """A receipt with everything right, for what the archive may not have yet."""
    last = _newest(heard)
    return RECEIPT, _receipt(last["chain_id"], last["seq"], last["hash"])


def nothing_received(heard: Sequence[Message], rng: Random) -> Forged:
    """A receipt that says that the archive has nothing at all."""
    return RECEIPT, _receipt(_newest(heard)["chain_id"], 0, "0" * 64)


def half_batch(heard: Sequence[Message], rng: Random) -> Forged:
    """A genuine batch with one entry more, which is none."""
    message, batch = _batch(heard, rng)
    batch["entries"].append({"seq": "none"})
    return message.topic, json.dumps(batch, separators=(",", ":")).encode()


def spread_batch(heard: Sequence[Message], rng: Random) -> Forged:
    """A genuine batch with a line break between the fields of its entries."""
    message, _ = _batch(heard, rng)
    return message.topic, message.payload.replace(b',"kind":', b',\n"kind":')


def altered_batch(heard: Sequence[Message], rng: Random) -> Forged:
    """A batch with another content under the same hash, or with numbers out of all bounds."""
    message, batch = _batch(heard, rng)
    entry = rng.choice(batch["entries"])
    change: tuple[str, Any] = rng.choice(
        (("body", {}), ("seq", 10**30), ("seq", -1), ("mono_ns", 10**40), ("session_id", None))
    )
    entry[change[0]] = change[1]
    return message.topic, json.dumps(batch, separators=(",", ":")).encode()


def fork(heard: Sequence[Message], rng: Random) -> Forged:
    """The next entry of the chain before it was written, with a genuine hash."""
    message = [message for message in heard if _is_batch(message)][-1]
    batch = json.loads(message.payload)
    entry = batch["entries"][-1]
    entry |= {"seq": entry["seq"] + 1, "prev_hash": entry["hash"], "body": {"punctures": 9_999}}
    entry["hash"] = _hash(entry)
    batch["entries"] = [entry]
    return message.topic, json.dumps(batch, separators=(",", ":")).encode()


Forgery = Callable[[Sequence[Message], Random], Forged]
BLIND: tuple[Forgery, ...] = (noise, other_json, deep)
FORGERIES: tuple[Forgery, ...] = (
    *(*BLIND, broken_copy, replay, receipt, nothing_received),
    *(half_batch, spread_batch, altered_batch, early_receipt, fork),
)


def strike(broker: SimBroker, rng: Random) -> None:
    """Publish one forgery; as long as no batch went by, one that needs none."""
    heard = [message for message in broker.heard if message.payload]
    forgeries = FORGERIES if any(_is_batch(message) for message in heard) else BLIND
    topic, payload = rng.choice(forgeries)(heard, rng)
    broker.inject(topic, payload, retain=rng.random() < 0.3)


def _is_batch(message: Message) -> bool:
    return message.topic.endswith("/events") and b'"entries":[{' in message.payload


def _batch(heard: Sequence[Message], rng: Random) -> tuple[Message, dict[str, Any]]:
    message = rng.choice([message for message in heard if _is_batch(message)])
    return message, json.loads(message.payload)


def _newest(heard: Sequence[Message]) -> dict[str, Any]:
    """Chain, number and hash of the newest entry that went by."""
    batch = json.loads([message for message in heard if _is_batch(message)][-1].payload)
    last = batch["entries"][-1]
    return {"chain_id": batch["chain_id"], "seq": last["seq"], "hash": last["hash"]}


def _hash(entry: dict[str, Any]) -> str:
    synced = entry["clock_synced"]
    texts = (
        *(str(entry["seq"]), entry["prev_hash"], None, entry["host_boot_id"]),
        *(str(entry["mono_ns"]), entry["wall"], None if synced is None else str(int(synced))),
        *(entry["session_id"], entry["pen_uid"], entry["kind"]),
        json.dumps(entry["body"], separators=(",", ":")),
    )
    return digest([None if text is None else text.encode() for text in texts]).decode()


def _receipt(chain_id: str, seq: int, own_hash: str) -> bytes:
    fields = {"archive": "a", "chain_id": chain_id, "seq": seq, "hash": own_hash, "wall": "w"}
    return json.dumps({"schema_version": 1, **fields}, separators=(",", ":")).encode()
