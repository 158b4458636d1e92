"""How `make dev` chooses ports."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import dev


def test_systems_that_start_at_once_choose_different_ports() -> None:
    one, other = dev.Ports(), dev.Ports()
    port = one.choose(0)
    assert other.choose(port) != port
    other.release()
    one.release()
    assert other.choose(port) == port
    other.release()
