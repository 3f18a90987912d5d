"""Where fuzzing starts: the files that ship, made into inputs; and words that have done harm.

Nothing of it is stored: the seeds follow the files.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from controller.record.calibration_events import ALL_BODIES
from controller.record.messages import Receipt

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
_VECTORS = ROOT / "tests" / "vectors" / "messages.json"
_SHELVES = ("", "pens", "cartridges", "limits")

_VIAL = b"""
[vial]
lot = "L1"
expiry_wall = 2031-01-01
reconstituted_at_wall = 2029-12-31T20:00:00Z
"""
NASTY = (
    b"nan",
    b"inf",
    b"-inf",
    b"1e999999999",
    b"1e-999999999",
    b"1" + b"0" * 5_000,
    b"0x" + b"f" * 5_000,
    b"-1",
    b"9223372036854775808",
    b"1.5",
    b"true",
    b'""',
    b'"1/0"',
    b'"1e999999999"',
    b'"1/' + b"9" * 5_000 + b'"',
    b'"\\u0000"',
    b'"~nobody-has-this-name/x"',
    b'"\\U0010FFFF"',
    b"1979-05-27",
    b"1979-05-27T07:32:00Z",
    b"0001-01-01T00:00:00+23:59",
    b"9999-12-31T23:59:59-23:59",
    b"07:32:00",
    b"[" * 3_000,
    b"{a=" * 2_000,
    b"[]",
    b"{}",
    b"[[1]]",
    b"'''",
    b"#",
    b"\xff",
    b"\xed\xa0\x80",
    b"\x00",
    b"\r",
    b"a" * 4_000 + b" = 1",
    b"a" + b".a" * 1_000 + b" = 1",
    b"[" + b"a." * 1_000 + b"a]",
    b"[[zones]]",
    b"null",
    b"{" * 3_000,
)


def seeds(target: str) -> Iterator[bytes]:
    """Inputs of a target that it takes, or nearly."""
    if target == "frames":
        for vector in json.loads(_VECTORS.read_text("utf-8")):
            yield bytes.fromhex(vector["frame"])
    elif target == "config":
        for at, shelf in enumerate(_SHELVES):
            for path in _toml(shelf) if shelf else [CONFIG / "controller.toml"]:
                yield bytes((at,)) + path.read_bytes()
    elif target == "entries":
        for at, kind in enumerate(sorted(ALL_BODIES)):
            yield bytes((at,)) + _example(kind)
    elif target == "receipts":
        yield Receipt(archive="a", chain_id="c", seq=7, hash="0" * 64, wall="w").json()
    else:
        shelf = "simulator" if target == "scenarios" else target
        for path in _toml(shelf):
            yield path.read_bytes() + (_VIAL if target == "products" else b"")


def _toml(shelf: str) -> list[Path]:
    return sorted((CONFIG / shelf).glob("*.toml"))


def _example(kind: str) -> bytes:
    """A body of a kind with a value for each field; not all of them are of the right type."""
    schema = ALL_BODIES[kind].model_json_schema()
    values = {
        "integer": 1,
        "string": "00000000000000aa",
        "boolean": True,
        "array": [],
        "object": {},
    }
    fields = schema.get("properties", {})
    found = {name: values.get(field.get("type", "")) for name, field in fields.items()}
    return json.dumps(found).encode()


def mutated(rng: Random, data: bytes) -> bytes:
    """The input with one to four things changed: a value, a line, a byte, a piece."""
    for _ in range(rng.randint(1, 4)):
        data = rng.choice((_value, _line, _byte, _piece))(rng, data)
    return data


def _value(rng: Random, data: bytes) -> bytes:
    marks = [at for at, byte in enumerate(data) if byte in b"=:"]
    if not marks:
        return data + rng.choice(NASTY)
    at = rng.choice(marks) + 1
    ends = [end for end in (data.find(b"\n", at), data.find(b",", at)) if end >= 0]
    return data[:at] + b" " + rng.choice(NASTY) + data[min(ends, default=len(data)) :]


def _line(rng: Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    other = rng.choice((rng.choice(lines), rng.choice(NASTY), b""))
    return b"\n".join(lines[:at] + [other] * rng.randrange(3) + lines[at + rng.randrange(2) :])


def _byte(rng: Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + bytes((rng.randrange(256),)) + data[at + rng.randrange(2) :]


def _piece(rng: Random, data: bytes) -> bytes:
    first, last = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return rng.choice((data[:first] + data[last:], data[:last] + data[first:]))
