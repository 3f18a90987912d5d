"""The firmware sees the world through its port only: it could not read the oracle if it wanted."""

import ast

import pytest

from tests.architecture import repo

FIRMWARE = [
    path
    for path in repo.python_files()
    if str(path) == "simulator/device.py" or str(path).startswith("simulator/firmware/")
]


def imported(path: object) -> set[str]:
    return {
        node.module or ""
        for found, node in repo.nodes("simulator")
        if found == path and isinstance(node, ast.ImportFrom)
    }


@pytest.mark.parametrize("path", FIRMWARE, ids=str)
def test_firmware_knows_protocol_port_and_itself(path: object) -> None:
    allowed = ("protocol", "simulator.firmware", "simulator.ports")
    own = {name for name in imported(path) if name.startswith(("protocol", "simulator"))}
    assert {name for name in own if not name.startswith(allowed)} == set()


def test_the_firmware_was_found() -> None:
    assert len(FIRMWARE) > 20
