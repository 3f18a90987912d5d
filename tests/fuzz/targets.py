"""What is fuzzed: every parser of bytes or text that somebody else wrote.

A target takes any bytes. It passes when the input is taken or refused by a documented, numbered
error that names file, line and key; anything else comes out as the defect it is.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pydantic

from controller.errors import InputError, InputRejected, NotToml
from controller.record.calibration_events import ALL_BODIES
from controller.record.entry import Entry
from controller.record.incoming import NotAMessage, read_message
from controller.record.messages import Receipt, batch_json
from controller.record.signing import Signer
from controller.session.catalogue import LOADERS
from controller.session.interlocks import check_product
from controller.session.plan import Plan
from controller.session.product import load_product
from controller.settings import load_settings
from controller.settings.problems import Problem
from protocol.codec import decode_payload, encode_payload
from protocol.framing import Decoder, Discard, Frame, encode_frame
from protocol.limits import ENCODED_MAX_BYTES
from simulator.scenario import ScenarioError, load

NOW = datetime(2026, 3, 1, tzinfo=UTC)
Target = Callable[[bytes, Path], None]
"""Input, and a folder that may be written to."""


def frames(data: bytes, _: Path) -> None:
    """Bytes from the line: byte by byte equals all at once, and what is taken encodes the same."""
    decoder, slow = Decoder(), Decoder()
    found = decoder.feed(data)
    assert decoder.held_bytes <= ENCODED_MAX_BYTES
    assert [item for byte in data for item in slow.feed(bytes((byte,)))] == found
    for item in found:
        if isinstance(item, Frame):
            assert Decoder().feed(encode_frame(item)) == [item]
            message = decode_payload(item)
            if isinstance(message, Discard):
                assert message.frame is None
            else:
                assert encode_payload(message) == item.payload


def _load(data: bytes, path: Path, loader: Callable[[Path], Any]) -> Any:
    """What the loader makes of a file; None when it refuses it as it should."""
    path.write_bytes(data)
    try:
        return loader(path)
    except InputError as error:
        _check_refusal(error, path, data)
        return None


def _check_refusal(error: InputError, path: Path, data: bytes) -> None:
    lines = len(re.split(rb"\r\n|\r|\n", data))
    text = str(error)
    assert str(path) in text
    text.encode("utf-8")
    assert 1_000 <= error.number <= 1_999
    if isinstance(error, InputRejected):
        assert error.problems
        for problem in error.problems:
            assert isinstance(problem, Problem)
            assert 1 <= problem.line <= lines
            assert problem.key
            assert problem.sentence
    elif isinstance(error, NotToml):
        place = re.search(re.escape(str(path)) + r":(\d+):", text)
        assert place is None or 1 <= int(place.group(1)) <= lines


def config(data: bytes, folder: Path) -> None:
    """controller.toml, or a pen, cartridge or limits file, by the first byte."""
    shelves = ("", "pens", "cartridges", "limits")
    shelf = shelves[data[0] % len(shelves)] if data else ""
    _load(data[1:], folder / "config.toml", LOADERS[shelf] if shelf else load_settings)


def plans(data: bytes, folder: Path) -> None:
    """A plan; one that is taken has a digest and periods that fit the wire."""
    plan = _load(data, folder / "plan.toml", LOADERS["plans"])
    if plan is not None:
        assert isinstance(plan, Plan)
        assert len(plan.digest) == 64
        assert all(0 < zone.stroke_period_us < 1 << 32 for zone in plan.zones)
        assert Plan.model_validate(plan.model_dump(mode="json")).digest == plan.digest


def products(data: bytes, folder: Path) -> None:
    """A product, as a recipe and with the vial's facts in it."""
    recipe = _load(data, folder / "product.toml", LOADERS["products"])
    if recipe is not None:
        json = recipe.model_dump(mode="json")
        assert type(recipe).model_validate(json).model_dump(mode="json") == json
    product = _load(data, folder / "product.toml", load_product)
    if product is not None:
        check_product(product, NOW)


def certificates(data: bytes, folder: Path) -> None:
    """A calibration's certificate."""
    found = _load(data, folder / "certificate.toml", LOADERS["certificates"])
    if found is not None:
        assert 0 < found.wire_id < 1 << 64
        assert found.is_valid_at(NOW) in {True, False}
        json = found.model_dump(mode="json")
        assert type(found).model_validate(json).model_dump(mode="json") == json


def scenarios(data: bytes, folder: Path) -> None:
    """A simulator's scenario, up to the pen that it describes."""
    path = folder / "scenario.toml"
    path.write_bytes(data)
    try:
        scenario = load(path)
    except ScenarioError as refused:
        words = str(refused)
    else:
        words = str(path)
        scenario.spec(1)
        scenario.chip(1)
        scenario.new_memory()
    assert str(path) in words


def entries(data: bytes, _: Path) -> None:
    """A journal entry's body, by the first byte; and the batch that telemetry makes of it."""
    kinds = sorted(ALL_BODIES)
    kind = kinds[data[0] % len(kinds)] if data else kinds[0]
    entry = Entry(1, "0" * 64, "0" * 64, "b", 1, "w", None, None, None, kind, data[1:])
    try:
        body = entry.body()
    except pydantic.ValidationError:
        return
    again = type(body).model_validate_json(body.model_dump_json())
    assert again == body
    batch = batch_json(
        [entry], chain_id="c", journal_id="j", realm="training", simulated=True, sent_wall="w"
    )
    assert msgspec.json.decode(batch)["entries"][0]["kind"] == kind


def receipts(data: bytes, _: Path) -> None:
    """What may come from a broker on the archive's topic, signed and not."""
    assert not Signer(b"k" * 32).is_signed("topic", data)
    try:
        receipt = read_message(data, Receipt)
    except NotAMessage:
        return
    assert read_message(receipt.json(), Receipt) == receipt


TARGETS: dict[str, Target] = {
    "frames": frames,
    "config": config,
    "plans": plans,
    "products": products,
    "certificates": certificates,
    "scenarios": scenarios,
    "entries": entries,
    "receipts": receipts,
}
