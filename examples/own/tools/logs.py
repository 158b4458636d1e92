"""Makes the services' JSON log lines readable for people."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime
from typing import Any

# pino writes numbers, structlog words.
LEVELS = {10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}
# The same in every line of a process, or shown elsewhere in it.
HIDDEN = {"level", "time", "timestamp", "msg", "event", "message", "pid", "hostname", "service"}
# What a line about a request says, in the order of an access log.
REQUEST = ("method", "url", "path", "status")
RENAMED = {"trace_id": "trace", "job_id": "job"}
TRACE_LENGTH = 8
YELLOW, RED, RESET = "\x1b[33m", "\x1b[31m", "\x1b[0m"


def printable(text: str) -> str:
    """`text` with what a terminal would obey and not show (control characters, changes of the
    direction of text) escaped as in JSON: a caller's path must not move the cursor or make a line.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        json.dumps(character)[1:-1] if is_hidden(character) else character for character in text
    )


def is_hidden(character: str) -> bool:
    """Whether it is a control or format character, a lone surrogate, or ends a line."""
    kind = unicodedata.category(character)
    return kind.startswith("C") or kind in ("Zl", "Zp")


def readable(line: str, *, colour: bool = False) -> str:
    """`12:30:01 warn message key=value`; of a line that is no JSON object the text itself."""
    if not line.startswith("{"):
        return printable(line)
    try:
        entry: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError):
        return printable(line)
    level = entry.get("level", "info")
    word = LEVELS.get(level, str(level)) if isinstance(level, int) else str(level).lower()
    message = next((entry[key] for key in ("msg", "event", "message") if key in entry), "")
    if "method" in entry and "status" in entry:
        message = " ".join(str(entry.pop(key)) for key in REQUEST if key in entry)
        if isinstance(entry.get("ms"), int | float):
            message += f" {entry.pop('ms'):g} ms"
    parts = [clock(entry.get("time", entry.get("timestamp")))]
    parts += [] if word == "info" else [paint(printable(word), colour)]
    parts += [printable(str(message))]
    parts += [
        printable(f"{RENAMED.get(key, key)}={value(key, entry[key])}")
        for key in entry
        if shown(key, entry[key])
    ]
    text = " ".join(part for part in parts if part)
    return "\n".join([text, *map(printable, stack(entry))])


def clock(time: object) -> str:
    """The time of day of this machine; times are milliseconds, seconds or RFC 3339."""
    try:
        if isinstance(time, int | float):
            moment = datetime.fromtimestamp(time / 1000 if time > 1e11 else time, UTC)
        else:
            moment = datetime.fromisoformat(str(time))
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.astimezone().strftime("%H:%M:%S")


def paint(word: str, colour: bool) -> str:
    if not colour:
        return word
    return f"{RED if word in ('error', 'fatal', 'critical') else YELLOW}{word}{RESET}"


def shown(key: str, item: object) -> bool:
    return key not in HIDDEN and item not in (None, "") and key not in ("stack", "exception")


def value(key: str, item: Any) -> str:
    if isinstance(item, dict) and "message" in item:
        return str(item["message"])
    if isinstance(item, dict | list):
        return json.dumps(item, separators=(",", ":"), ensure_ascii=False)[:200]
    text = f"{item:g}" if isinstance(item, float) else str(item)
    return text[:TRACE_LENGTH] if key == "trace_id" else text


def stack(entry: dict[str, Any]) -> list[str]:
    """The lines of a stack trace, wherever the logger put it."""
    error = entry.get("err")
    found = error.get("stack") if isinstance(error, dict) else None
    text = found or entry.get("stack") or entry.get("exception") or ""
    return str(text).splitlines()
