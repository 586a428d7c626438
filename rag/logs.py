"""Structured logs: one JSON object a line, with ids, never with a document's text, a prompt or a key."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

from rag.settings import LogSettings

NOISY = (
    "httpx",
    "httpcore",
    "chromadb",
    "urllib3",
    "sentence_transformers",
    "celery.app.trace",
    "celery.worker.strategy",
    "mcp",
)


def configure_logging(settings: LogSettings) -> None:
    """Send this process's logs to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )
    )
    logging.basicConfig(level=settings.level, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
