"""Logs go to stderr, one line an event, key=value; stdout is for what a command answers."""

from __future__ import annotations

import logging
import os
import sys

import structlog

__all__ = ["set_up_logs"]


def set_up_logs() -> None:
    """`SOMC_LOG` is the least level shown (debug, info, warning, error; info by default);
    `SOMC_LOG_FORMAT=json` writes one JSON object a line."""
    name = os.environ.get("SOMC_LOG", "info").upper()
    level = getattr(logging, name, logging.INFO)
    logging.basicConfig(
        level=max(level, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )
    as_json = os.environ.get("SOMC_LOG_FORMAT") == "json"
    renderer = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The richer tracebacks print local variables, and those of a request are somebody's secrets.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info if as_json else structlog.processors.StackInfoRenderer(),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
