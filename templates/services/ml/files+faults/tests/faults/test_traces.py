"""What an operator sees of a fault: one trace through all processes, metrics, and the commands."""

from __future__ import annotations

import json
import secrets
import subprocess
from pathlib import Path

import httpx2
from conftest import ROOT
from jobs import Json, eventually, prediction, tensor
from ledger import Ledger
from processes import LIMIT_S, Processes


def test_one_trace_runs_from_the_client_to_the_model_and_into_the_job(tmp_path: Path) -> None:
    with Processes(tmp_path) as system, Ledger(system) as ledger:
        trace = secrets.token_hex(16)
        traceparent = f"00-{trace}-00f067aa0ba902b7-01"
        job_id = ledger.accept(traceparent=traceparent, prefer="wait=30")
        parts = [system.first(group) for group in ("gateway", "worker", "inference")]
        eventually(lambda: all(system.said(name, trace) for name in parts), LIMIT_S)
        headers = {"traceparent": traceparent}
        answer = ledger.client.get(f"/v1/predictions/{job_id}", headers=headers).json()
        lines = {name: [json.loads(line) for line in system.said(name, trace)] for name in parts}
        # Whatever is said of this job, by whomever, names the trace.
        said = [json.loads(line) for name in parts for line in system.said(name, job_id)]
        ledger.close("one job", lines={name: len(found) for name, found in lines.items()})
        assert answer["trace_id"] == trace
        assert ledger.job(job_id)["traceparent"].split("-")[1] == trace
        for line in [*said, *(line for found in lines.values() for line in found)]:
            about_the_job = line.get("job_id") == job_id or "/infer" in line.get("path", "")
            assert line.get("trace_id") == trace or not about_the_job, line
        assert [line for line in lines[parts[0]] if line.get("status") == 201]
        assert [line for line in lines[parts[1]] if line.get("job_id") == job_id]
        assert [line for line in lines[parts[2]] if "/infer" in line.get("path", "")]


def test_metrics_tell_of_a_fault_while_it_lasts(tmp_path: Path) -> None:
    with Processes(tmp_path, copies={"worker": 2}) as system, Ledger(system) as ledger:
        gateway, inference = system.first("gateway"), system.first("inference")
        ledger.ends(ledger.accept())
        system.freeze(inference)
        job_id = ledger.accept()
        ledger.runs(job_id)
        # Only inference knows that there is no such model.
        dead_id = ledger.accept(prediction(model="nobody"))
        first = ledger.runner(job_id)
        other = next(name for name in system.group("worker") if name != first)
        system.kill(first)
        # During the fault: what is not done, and for how long.
        eventually(lambda: system.metric(gateway, "jobs_oldest_age_seconds") > 1, LIMIT_S)
        depth = system.metric(gateway, "jobs_depth")
        eventually(lambda: system.metric(other, "worker_reclaims_total") >= 1, LIMIT_S)
        system.thaw(inference)
        ledger.ends(job_id)
        ledger.ends(dead_id)
        eventually(lambda: system.metric(other, "jobs_dead") == 1, LIMIT_S)
        seen = {
            name: system.metric(other, name)
            for name in (
                'worker_attempts_total{outcome="succeeded"}',
                'worker_dead_total{reason="unknown-model"}',
                "worker_reclaims_total",
                "job_wait_seconds_count",
                "job_run_seconds_count",
            )
        }
        batches = system.metric(inference, "inference_batch_rows_count")
        ledger.close(
            "a worker killed while inference hangs", ends={"succeeded", "failed"},
            depth=depth, batches=batches, **seen,
        )  # fmt: skip
        assert depth == 2
        assert batches >= 2
        assert seen['worker_attempts_total{outcome="succeeded"}'] >= 1
        assert seen["job_run_seconds_count"] >= 1


def test_operators_find_and_redrive_what_died(tmp_path: Path) -> None:
    with Processes(tmp_path) as system, Ledger(system) as ledger:
        system.freeze(system.first("inference"))
        dead_id = ledger.accept(prediction(tensor("picture", [1, 64], [0] * 64)))
        queued = jobs(system, "stats")
        system.thaw(system.first("inference"))
        ledger.ends(dead_id)
        listed = jobs(system, "dead", "list")
        shown: Json = json.loads(jobs(system, "dead", "show", dead_id))
        traced = jobs(system, "trace", dead_id)
        new_id = jobs(system, "dead", "redrive", dead_id).strip()
        ledger.accepted.append(new_id)
        ledger.ends(new_id)
        refused = run(system, "dead", "redrive", dead_id)
        ledger.close("a dead job redriven", ends={"failed"}, refusal=refused.stderr.strip())
        assert "live        1" in queued
        assert "rate        0.0 jobs/s" in queued
        assert dead_id in listed
        assert "invalid-input" in listed
        assert (shown["status"], shown["dead_reason"]) == ("failed", "invalid-input")
        assert [line.split()[1] for line in traced.splitlines()[:3]] == [
            "queued",
            "running",
            "failed",
        ]
        assert ledger.job(new_id)["redriven_from"] == dead_id
        answer = httpx2.get(f"{ledger.urls[0]}/v1/predictions/{new_id}", trust_env=False)
        assert answer.json()["redriven_from"] == dead_id
        assert refused.returncode == 1
        assert new_id in refused.stderr


def jobs(system: Processes, *arguments: str) -> str:
    """What `python -m app.worker.jobs` prints."""
    done = run(system, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run(system: Processes, *arguments: str) -> subprocess.CompletedProcess[str]:
    service = system.services[system.first("worker")]
    return subprocess.run(
        ["python", "-m", "app.worker.jobs", *arguments],
        cwd=ROOT / service.cwd,
        env=system.dev.base | {"REDIS_URL": system.url("redis")},
        capture_output=True,
        text=True,
        check=False,
    )
