"""Containers have the time to stop that contracts/limits.json promises, and no rights to spare."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMITS = {
    name: limit["value"]
    for name, limit in json.loads((ROOT / "contracts" / "limits.json").read_text()).items()
}


def containers() -> dict[str, str]:
    """The lines of each container in the compose files, by its name."""
    found = {}
    for path in sorted(ROOT.glob("*/*/compose.yaml")):
        services = re.split(r"^(?=\S)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for part in services:
            if part.startswith("services:"):
                parts = re.split(r"^  ([\w-]+):$", part, flags=re.MULTILINE)[1:]
                found.update(zip(parts[::2], parts[1::2], strict=True))
    return found


def grace_s(container: str) -> float:
    found = re.search(r"^    stop_grace_period: (\d+)s$", container, re.MULTILINE)
    assert found, container
    return float(found[1])


def test_a_container_gets_the_time_that_its_process_takes_to_stop() -> None:
    own = {name: text for name, text in containers().items() if ":dev\n" in text}
    assert own
    for name, container in own.items():
        limit = re.search(r"^    # (\w+) of contracts/.*\n    stop_grace_period: ", container, re.M)
        assert limit, f"{name} does not say which limit it has to keep"
        assert grace_s(container) > LIMITS[limit[1]], name


def test_a_worker_may_finish_the_job_that_it_runs() -> None:
    if "job_timeout_s" in LIMITS:
        workers = [text for text in containers().values() if "app.worker" in text]
        assert workers
        assert LIMITS["worker_grace_s"] >= LIMITS["job_timeout_s"]
        assert all(grace_s(text) > LIMITS["job_timeout_s"] for text in workers)


def test_channels_leave_most_of_the_memory_to_jobs() -> None:
    if "channels_max_bytes" in LIMITS:
        memory_mib = re.search(r"--maxmemory (\d+)mb", containers()["redis"])
        assert memory_mib
        assert LIMITS["channels_caller_max_bytes"] < LIMITS["channels_max_bytes"]
        assert LIMITS["channels_max_bytes"] < int(memory_mib[1]) * 2**20 / 4


def test_every_container_is_confined() -> None:
    assert containers()
    for name, container in containers().items():
        for rule in (
            "read_only: true",
            "cap_drop:\n      - ALL\n",
            "no-new-privileges:true",
            "mem_limit: ",
            # Whether it can be used; or it ends by itself.
            "restart: on-failure\n" if "restart: on-failure" in container else "healthcheck:\n",
        ):
            assert rule in container, f"{name} lacks {rule.strip()}"
