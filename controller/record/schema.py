"""The JSON Schema of all messages, for integrators: in docs/schema and in the `info` message.

Why apart: it needs every body's model and pydantic's schema generator, which the telemetry process
never loads; it runs this module as a program and takes what it prints.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from controller.record.calibration_events import ALL_BODIES
from controller.record.messages import MESSAGE_VERSION, TOPIC_MODELS


def json_schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema (2020-12) of each message; bodies are described kind by kind."""
    schemas = {name: TypeAdapter(model).json_schema() for name, model in TOPIC_MODELS.items()}
    _describe_bodies(schemas["event_batch"])
    for name, schema in schemas.items():
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        schema["$id"] = f"urn:micropen:v{MESSAGE_VERSION}:{name}"
    return schemas


def schema_files() -> dict[str, str]:
    """Name and text of each file of docs/schema."""
    return {
        f"{name}.json": json.dumps(schema, indent=1, sort_keys=True) + "\n"
        for name, schema in json_schemas().items()
    }


def _describe_bodies(schema: dict[str, Any]) -> None:
    """Say which body belongs to which kind."""
    _, bodies = models_json_schema([(body, "validation") for body in ALL_BODIES.values()])
    schema["$defs"] |= bodies["$defs"]
    schema["$defs"]["EntryMessage"]["allOf"] = [
        {
            "if": {"properties": {"kind": {"const": kind}}},
            "then": {"properties": {"body": {"$ref": f"#/$defs/{body.__name__}"}}},
        }
        for kind, body in ALL_BODIES.items()
    ]


def main(arguments: list[str]) -> None:
    """Print all schemas as one object, or write one file each into the folder that is named."""
    if not arguments:
        json.dump(json_schemas(), sys.stdout)
        return
    for name, text in schema_files().items():
        (Path(arguments[0]) / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
