"""Log lines: JSON for the journal of a service, readable on a terminal. No line per puncture.

At the bottom of the controller, because both its processes log: the one that drives and the one
that speaks MQTT. Touches stderr only.
"""

import logging
import sys
from typing import Any

import orjson
import structlog


def _as_json(event: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()


class _Forward(logging.Handler):
    """What libraries and asyncio itself have to say, in the same lines as ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record again."""
        said, why = record.getMessage(), record.exc_info
        structlog.get_logger().log(record.levelno, said, logger=record.name, exc_info=why)


def set_up_logs(*, as_json: bool, realm: str | None = None, quiet: bool = False) -> None:
    """Send log lines to stderr; every line carries the realm, and session and pen once known.

    `quiet` leaves the terminal to a person: only errors are logged.
    """
    renderer: Any = (
        structlog.processors.JSONRenderer(serializer=_as_json)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    level = logging.ERROR if quiet else logging.INFO
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="wall"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(realm=realm, session=None, pen=None)
    logging.basicConfig(handlers=[_Forward()], level=max(level, logging.WARNING), force=True)
