"""What every project promises, whatever else it holds."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable

import httpx2
from conftest import System


def test_it_is_live_and_ready(gateway: httpx2.Client) -> None:
    assert gateway.get("/livez").status_code == 200
    assert gateway.get("/readyz").status_code == 200


def test_it_documents_itself(gateway: httpx2.Client) -> None:
    page = gateway.get("/docs", follow_redirects=True)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    document = gateway.get("/docs/json").json()
    assert document["openapi"].startswith("3.")


def test_what_make_dev_says_to_open_is_there(system: System) -> None:
    said = re.search(r"^Open (\S+)", system.log(), re.MULTILINE)
    assert said
    page = httpx2.get(said[1], follow_redirects=True)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")


def test_an_unknown_path_is_a_problem_document(gateway: httpx2.Client) -> None:
    answer = gateway.get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == 404
    assert problem["instance"] == "/nowhere"
    assert {"type", "title"} <= problem.keys()


def test_metrics_are_on_a_port_of_their_own(system: System, gateway: httpx2.Client) -> None:
    port = system.first("gateway")["env"]["METRICS_PORT"]
    answer = httpx2.get(f"http://127.0.0.1:{port}/metrics")
    assert answer.status_code == 200
    assert "process_cpu_seconds_total" in answer.text
    assert gateway.get("/metrics").status_code == 404


def test_a_bad_environment_is_reported_whole(start: Callable[..., System]) -> None:
    # Two variables that the gateway alone reads: another process that gave up first would hide it.
    system = start(PORT="abc", RATE_LIMIT_PER_MINUTE="many")
    assert system.wait_end() == 1
    log = system.log()
    assert "`abc`" in log
    assert "PORT" in log
    assert "RATE_LIMIT_PER_MINUTE" in log


def test_sigterm_stops_everything_and_leaves_nothing(start: Callable[..., System]) -> None:
    system = start()
    system.wait_ready()
    pids = [entry["pid"] for entry in system.processes.values() if entry["pid"]]
    system.runner.send_signal(signal.SIGTERM)
    assert system.wait_end() == 0
    assert not [pid for pid in pids if is_running(pid)]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
