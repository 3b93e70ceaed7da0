"""Structured logs: one JSON object a line, one line a request, never any content of a document."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

FIELDS = "ocrsvc_fields"
"""Attribute of a log record that carries its structured fields."""


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON: time, level, logger, message, and the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Render one record."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": when,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure_logging(level: str, stream: TextIO | None = None) -> None:
    """Send every logger of the process to `stream` (standard error) as JSON lines; called once, at the entry point."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"  # the service writes its own line per request
    # its warnings quote bytes of the upload, and a client could flood the log with them
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


def log_fields(logger: logging.Logger, level: int, message: str, **fields: Any) -> None:
    """Log `message` with structured fields; those that are None are left out."""
    logger.log(level, message, extra={FIELDS: {key: value for key, value in fields.items() if value is not None}})


def log_fault(failure: BaseException, request_id: str) -> None:
    """Log a fault of ours with its traceback, under the id that the client was given."""
    logging.getLogger("ocrsvc.fault").error("fault", exc_info=failure, extra={FIELDS: {"request_id": request_id}})
