"""Containers have the time to stop that contracts/limits.json promises, and no rights to spare."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(ROOT.glob("*/*/compose.yaml"))
LIMITS = {
    name: limit["value"]
    for name, limit in json.loads((ROOT / "contracts" / "limits.json").read_text()).items()
}


def containers() -> dict[str, Any]:
    """The containers of all Compose files, by name."""
    found = {}
    for path in FILES:
        found |= yaml.safe_load(path.read_text(encoding="utf-8")).get("services", {})
    return found


def grace_s(container: Any) -> float:
    return float(container["stop_grace_period"].removesuffix("s"))


def test_a_container_gets_the_time_that_its_process_takes_to_stop() -> None:
    # Which limit that is stands in a comment above the line.
    said = re.compile(r"^    # (\w+) of contracts/.*\n    stop_grace_period: (\d+)s$", re.MULTILINE)
    checked = 0
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        services = yaml.safe_load(text).get("services", {}).values()
        # What ends by itself has no health, and no limit to keep.
        own = [it for it in services if it["image"].endswith(":dev") and "healthcheck" in it]
        # What stands in for somebody else's, in development, keeps none either.
        own = [it for it in own if it.get("labels", {}).get("open") != "no"]
        found = said.findall(text)
        assert len(found) == len(own), f"{path} does not say which limits its containers keep"
        for limit, seconds in found:
            assert float(seconds) > LIMITS[limit], f"{path}: {limit}"
        checked += len(found)
    assert checked


def test_a_worker_may_finish_the_job_that_it_runs() -> None:
    if "job_timeout_s" in LIMITS:
        workers = [it for it in containers().values() if "app.worker.main" in it.get("command", [])]
        assert workers
        assert LIMITS["worker_grace_s"] >= LIMITS["job_timeout_s"]
        assert all(grace_s(worker) > LIMITS["job_timeout_s"] for worker in workers)


def test_what_make_dev_is_told_moves_no_port() -> None:
    # `.env` holds for both, and PORT is where the project is published.
    for name, container in containers().items():
        if "env_file" in container and "healthcheck" in container:
            asked = re.search(r"://127\.0\.0\.1:(\d+)", " ".join(container["healthcheck"]["test"]))
            own = container["environment"]
            assert asked, name
            assert asked[1] in (own.get("PORT"), own.get("METRICS_PORT")), name


def test_every_container_is_confined() -> None:
    assert containers()
    for name, container in containers().items():
        assert container["read_only"] is True, name
        assert container["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in container["security_opt"], name
        assert "mem_limit" in container, name
        # Whether it can be used; or it ends by itself.
        assert container.get("restart") == "on-failure" or "healthcheck" in container, name
