"""How `make dev` shows what services print."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[1] / "tools"
sys.path.insert(0, str(TOOLS))

import logs

# What moves a terminal's cursor, changes its colours or title, or turns the direction of text.
HOSTILE = {
    "\x1b": "\\u001b",
    "\x07": "\\u0007",
    "\x08": "\\b",
    "\x7f": "\\u007f",
    "\x9b": "\\u009b",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\u2028": "\\u2028",
    "\u202e": "\\u202e",
    "\u2066": "\\u2066",
    "\ud800": "\\ud800",
}


@pytest.mark.parametrize("character", HOSTILE, ids=ascii)
@pytest.mark.parametrize("colour", [False, True])
def test_what_a_service_prints_reaches_no_terminal_raw(character: str, colour: bool) -> None:
    text, shown = f"a{character}b", f"a{HOSTILE[character]}b"
    assert logs.readable(text, colour=colour) == shown
    entries = [
        ({"message": text}, shown),
        ({"message": "m", text: text}, f"m {shown}={shown}"),
        ({"message": "m", "inner": [text]}, f'm inner=["{shown}"]'),
        ({"method": "GET", "path": text, "status": 200}, f"GET {shown} 200"),
        ({"level": text, "message": "m"}, f"{logs.paint(shown, colour)} m"),
    ]
    for entry, expected in entries:
        assert logs.readable(json.dumps(entry), colour=colour) == expected
    assert logs.readable(json.dumps({"message": "m", "err": {"message": text}})) == f"m err={shown}"


def test_letters_of_all_languages_and_emoji_stay() -> None:
    text = "é ß 日本語 עברית 🙂"
    assert logs.readable(text) == text
    assert logs.readable(json.dumps({"message": text})) == text


def test_a_stack_trace_keeps_its_lines_and_nothing_else() -> None:
    entry = {"message": "m", "exception": "Traceback:\n  at \x1b[2J\nEnd"}
    assert logs.readable(json.dumps(entry)) == "m\nTraceback:\n  at \\u001b[2J\nEnd"


@pytest.mark.parametrize("raw", [False, True])
def test_what_a_terminal_cannot_show_ends_nothing(raw: bool) -> None:
    program = f"""
import dev
service = dev.Service("a", [])
output = dev.Output([service], raw={raw})
output.streaming = True
output.line(service, "日 \\x1b")
output.line(service, '{{"a":' * 100_000)
"""
    environment = os.environ | {"PYTHONPATH": str(TOOLS), "PYTHONIOENCODING": "ascii"}
    shown = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert shown[0].split(" ", 2)[2] == "\\u65e5 \\u001b"
    assert shown[1].endswith('{"a":')
