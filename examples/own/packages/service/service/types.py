"""Types of fields, for Pydantic."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field, PlainSerializer


def _line(text: str) -> str:
    if not text.strip():
        raise ValueError("has only spaces")
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        raise ValueError("has a control character")
    return text


def _no_null(text: str) -> str:
    if "\0" in text:
        raise ValueError("has the character U+0000")
    return text


def _rfc3339(time: datetime) -> str:
    text = time.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


# One line that people can read.
Line = Annotated[str, Field(min_length=1), AfterValidator(_line)]
# What a column can be compared with. What a body has was checked as it was read.
Text = Annotated[str, AfterValidator(_no_null)]
Time = Annotated[datetime, PlainSerializer(_rfc3339), Field(examples=["2026-01-31T12:00:00.000Z"])]
