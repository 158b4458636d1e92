"""How `make dev` chooses ports."""

from __future__ import annotations

import argparse
import random
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that a program of somebody else listens on."""
    with socket.socket() as listener:
        listener.bind((dev.HOST, free_port()))
        listener.listen()
        yield listener.getsockname()[1]


def free_port() -> int:
    """One below those that the system gives to outgoing connections."""
    ports = dev.Ports()
    port = ports.choose(random.randrange(10_000, 30_000))
    ports.release()
    return port


class Project:
    """A system of two processes, the first of which wants `port`, the second the one after it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.options = argparse.Namespace(data=folder, raw=False, watch=False, ports_file=None)
        self.port = port

    def choose(self, port: str = "") -> tuple[int, int]:
        """The ports of one run; `port` is what PORT says in its environment."""
        services = [
            dev.Service("front", [], port=self.port, kind="http", front=True),
            dev.Service("other", [], port=self.port + 1, kind="http"),
        ]
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("PORT", raising=False)
            if port:
                patch.setenv("PORT", port)
            run = dev.Dev(services, self.options)
            run.assign_ports()
        run.ports.release()
        first, second = (int(service.port_text) for service in services)
        return first, second


def test_a_port_that_is_taken_moves_to_one_nearby(taken: int, tmp_path: Path) -> None:
    front, other = Project(tmp_path, taken).choose()
    assert taken + 1 < front <= taken + dev.NEAR, "and is not the one that another process wants"
    assert front != other


def test_what_was_chosen_is_chosen_again_until_somebody_insists(taken: int, tmp_path: Path) -> None:
    project = Project(tmp_path, taken)
    moved = project.choose()
    assert project.choose() == moved
    project.port = wanted = free_port()
    assert project.choose()[0] == wanted, "another wish is another port"
    (tmp_path / "ports.json").write_text(f'{{"front {wanted}": {moved[0]}}}', encoding="utf-8")
    assert project.choose()[0] == moved[0]
    assert project.choose(port=str(wanted))[0] == wanted
    assert project.choose()[0] == wanted


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"front 1": "x"}', '{"front 1": -1}'])
def test_a_record_that_makes_no_sense_is_forgotten(text: str, tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text(text.replace("1", "0"), encoding="utf-8")
    assert Project(tmp_path, 0).choose()[0] > 0


def test_a_free_port_is_the_same_after_each_restart_and_the_next_time(tmp_path: Path) -> None:
    project = Project(tmp_path, 0)

    def chosen() -> list[str]:
        service = dev.Service("front", [])
        run = dev.Dev([service], project.options)
        ports = [run.fill(service, "{free}") for _ in range(2)]
        run.ports.release()
        return ports

    first = chosen()
    assert first[0] == first[1]
    assert chosen() == first
