"""How `make setup` installs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1] / "tools"
sys.path.insert(0, str(TOOLS))

import setup

ANOTHER = "import setup\nwith setup.alone(): print('its turn')"


def test_two_at_once_take_turns() -> None:
    with setup.alone():
        other = subprocess.Popen(
            [sys.executable, "-c", ANOTHER], cwd=TOOLS, stdout=subprocess.PIPE, text=True
        )
        assert other.stdout
        first = other.stdout.readline()
    rest, _ = other.communicate()
    assert "is under way already" in first
    assert (rest, other.returncode) == ("its turn\n", 0)
