"""The words of the journal: every kind with its fields and types, as older programs know them.

    python -m tests.support.layout_words > tests/support/journal_layout_1.json

Whatever is new among them is a new layout (controller/record/layouts.py), because a program that
does not know it must refuse the file. Once a layout was released, its file is never written again.
"""

import json
import re
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from controller.record.calibration_events import ALL_BODIES
from controller.record.entry import SCHEMA_VERSION
from controller.session.states import State

FILE = Path(__file__).with_name(f"journal_layout_{SCHEMA_VERSION}.json")

Words = dict[str, dict[str, str]]


def words() -> Words:
    """Kind, or name of a model within bodies -> field -> type."""
    found: Words = {}
    for kind, body in ALL_BODIES.items():
        found[kind] = _fields(body)
        for model in _within(body):
            found[f"<{model.__name__}>"] = _fields(model)
    found["<State>"] = {state.value: "" for state in State}  # what state_changed may name
    return dict(sorted(found.items()))


def _fields(model: type[BaseModel]) -> dict[str, str]:
    return {name: _shown(field.annotation) for name, field in model.model_fields.items()}


def _shown(annotation: Any) -> str:
    """`controller.record.events.Stroke` is `Stroke`: a module may be renamed."""
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    if typing.get_origin(annotation) is not None:
        text = str(annotation)
    return re.sub(r"\b[a-z_]+(?:\.[a-z_]+)*\.(?=[A-Z])", "", text)


def _within(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Models that stand in fields, and in theirs."""
    for field in model.model_fields.values():
        for inner in _models(field.annotation):
            yield inner
            yield from _within(inner)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(words(), indent=1) + "\n")
