"""Log lines: one JSON object a line for a service, realm, session and pen in each."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from controller.logs import set_up_logs


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_a_service_logs_json_with_realm_session_and_pen(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(as_json=True, realm="training")
    structlog.get_logger().info("state", session="s-1", after="ready")
    structlog.get_logger().info("nothing known")
    first, second = lines(capsys)
    assert first["wall"].endswith("Z")
    del first["wall"], second["wall"]
    assert first == {
        "event": "state",
        "level": "info",
        "realm": "training",
        "session": "s-1",
        "pen": None,
        "after": "ready",
    }
    assert (second["realm"], second["session"], second["pen"]) == ("training", None, None)


def test_what_json_cannot_say_is_told_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(as_json=True)
    structlog.get_logger().info("odd", kinds={"b"}, error=ValueError("no"))
    (line,) = lines(capsys)
    assert (line["kinds"], line["error"]) == ("{'b'}", "no")


def test_an_exception_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(as_json=True)
    try:
        raise ValueError("broken")
    except ValueError as error:
        structlog.get_logger().error("internal error", exc_info=error)
    (line,) = lines(capsys)
    assert "ValueError: broken" in line["exception"]


def test_libraries_speak_in_the_same_lines(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(as_json=True, realm="treatment")
    logging.getLogger("asyncio").error("Task %s was lost", "x")
    logging.getLogger("asyncio").info("chatter")
    (line,) = lines(capsys)
    assert (line["event"], line["logger"]) == ("Task x was lost", "asyncio")
    assert (line["level"], line["realm"]) == ("error", "treatment")


def test_a_person_at_the_terminal_sees_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(as_json=False, quiet=True)
    structlog.get_logger().warning("pen lost")
    structlog.get_logger().error("internal error", pen="f1")
    text = capsys.readouterr().err
    assert "pen lost" not in text
    assert "internal error" in text
    assert "pen=f1" in text
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)
