"""Boot fails once, and names everything that is not right."""

import json
import logging
from pathlib import Path

import pytest

from app.server.main import ServerSettings
from app.shared import limits
from app.shared.limits import LimitsError
from app.shared.settings import load
from app.worker.main import WorkerSettings
from tests.broker import ENVIRONMENT
from tests.servers import CONTRACTS

COMPLETE = {
    "SERVICE_NAME": "inference",
    "REDIS_URL": "redis://localhost:6379",
    "INFERENCE_URL": "http://localhost:8000/",
    "METRICS_PORT": "9100",
    "CONTRACTS_DIR": str(CONTRACTS),
    **ENVIRONMENT,
}


@pytest.fixture(autouse=True)
def _only_these(monkeypatch: pytest.MonkeyPatch) -> None:
    document = json.loads((CONTRACTS / "limits.json").read_text())
    for name in (*COMPLETE, "LOG_LEVEL", "HOST", "PORT", *(limit.upper() for limit in document)):
        monkeypatch.delenv(name, raising=False)


def set_all(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_reads_what_is_given_and_the_rest_from_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {**COMPLETE, "LEASE_S": "60", "WORKER_CONCURRENCY": "3", "LOG_LEVEL": ""})
    settings, shared = load(WorkerSettings)
    assert settings.inference_url == "http://localhost:8000"
    assert (settings.metrics_port, settings.log_level) == (9100, logging.INFO)
    assert (shared.lease_s, shared.worker_concurrency, shared.attempts_max) == (60, 3, 5)


def test_names_every_bad_variable_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {"METRICS_PORT": "abc", "LEASE_S": "0", "ATTEMPTS_MAX": "2.5", "LOG_LEVEL": "loud"}
    set_all(monkeypatch, {**COMPLETE, **bad})
    monkeypatch.delenv("REDIS_URL")
    with pytest.raises(SystemExit) as exit_info:
        load(WorkerSettings)
    assert exit_info.value.code == 1
    assert capsys.readouterr().err == (
        "configuration is not valid:\n"
        "  METRICS_PORT  must be a number from 1 to 65535, got `abc`\n"
        "  LOG_LEVEL     must be one of trace, debug, info, warn, error, fatal, silent,"
        " got `loud`\n"
        "  REDIS_URL     is missing (example: redis://localhost:6379)\n"
        "  ATTEMPTS_MAX  must be a whole number from 1 to 100, got `2.5`\n"
        "  LEASE_S       must be a number from 1 to 600, got `0`\n"
    )


@pytest.mark.parametrize("name", ["REDIS_URL", *ENVIRONMENT])
def test_does_not_print_an_address_that_may_have_a_password(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_all(monkeypatch, {**COMPLETE, name: "http://app:hush@127.0.0.1"})
    with pytest.raises(SystemExit):
        load(WorkerSettings)
    told = capsys.readouterr().err
    assert f"  {name}  must begin with " in told
    assert "hush" not in told
    set_all(monkeypatch, {name: COMPLETE[name].replace("//", "//app:hush@")})
    assert "hush" not in repr(load(WorkerSettings)[0])


def test_a_folder_of_models_must_exist(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    set_all(monkeypatch, {**COMPLETE, "MODELS_DIR": str(tmp_path / "none")})
    with pytest.raises(SystemExit):
        load(ServerSettings)
    assert "MODELS_DIR  must be a folder that exists" in capsys.readouterr().err


def test_a_lease_outlives_two_lost_heartbeats() -> None:
    with pytest.raises(LimitsError, match="LEASE_S must be at least 3 times HEARTBEAT_S"):
        limits.read(CONTRACTS, {"LEASE_S": "3", "HEARTBEAT_S": "1.1"})
    assert limits.read(CONTRACTS, {"LEASE_S": "3", "HEARTBEAT_S": "1"}).lease_s == 3


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "1e9"])
def test_refuses_numbers_outside_of_their_bounds(value: str) -> None:
    with pytest.raises(LimitsError, match="JOB_TIMEOUT_S must be a number"):
        limits.read(CONTRACTS, {"JOB_TIMEOUT_S": value})


def test_says_when_there_are_no_contracts(tmp_path: Path) -> None:
    with pytest.raises(LimitsError, match="CONTRACTS_DIR"):
        limits.read(tmp_path, {})


def test_the_shipped_limits_agree_with_each_other() -> None:
    shipped = limits.read(CONTRACTS, {})
    assert shipped.lease_s >= 3 * shipped.heartbeat_s
    assert shipped.worker_grace_s >= shipped.job_timeout_s
    assert shipped.backoff_max_s >= shipped.backoff_base_s
