"""Boot fails once, and names everything that is not right."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, SecretStr

from service import limits
from service.callers import Callers, hash_key
from service.limits import Limits, LimitsError
from service.settings import Port, ServerSettings, load

CONTRACTS = Path("../../contracts")


class Settings(ServerSettings):
    port: Port = 8080
    secret: Annotated[SecretStr, Field(min_length=4)]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    document = json.loads((CONTRACTS / "limits.json").read_text())
    for name in (*Settings.model_fields, *document):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SERVICE_NAME", "orders")
    monkeypatch.setenv("SECRET", "hush")
    return monkeypatch


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as exited:
        load(Settings, Limits)
    assert exited.value.code == 1
    return capsys.readouterr().err


def test_reads_what_is_given_and_the_rest_from_defaults(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DRAIN_S", "0.5")
    environment.setenv("PORT", "")
    settings, shared = load(Settings, Limits)
    assert (settings.service_name, settings.port, settings.host) == ("orders", 8080, "127.0.0.1")
    assert (shared.drain_s, shared.body_depth_max) == (0.5, 32)


def test_names_every_bad_variable_at_once(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.delenv("SERVICE_NAME")
    for name, value in {"PORT": "0", "LOG_LEVEL": "loud", "DRAIN_S": "nan"}.items():
        environment.setenv(name, value)
    assert refusal(capsys) == (
        "configuration is not valid:\n"
        "  SERVICE_NAME  is missing (example: orders)\n"
        "  LOG_LEVEL     must be one of trace, debug, info, warn, error, fatal, silent,"
        " got `loud`\n"
        "  PORT          must be a number from 1 to 65535, got `0`\n"
        "  DRAIN_S       must be a number from 0 to 3600, got `nan`\n"
    )


def test_does_not_print_a_secret_that_is_wrong(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("SECRET", "xyz")
    told = refusal(capsys)
    assert "  SECRET  " in told
    assert "xyz" not in told


def test_production_needs_keys_also_where_more_is_wrong(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("APP_ENV", "production")
    environment.setenv("PORT", "x")
    assert "API_KEYS_FILE  is missing: production needs it\n" in refusal(capsys)


def test_says_which_line_of_the_keys_is_wrong(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"# keys\nann:{hash_key('a')}\nbob:{hash_key('b')[1:]}\n")
    environment.setenv("API_KEYS_FILE", str(keys))
    assert f"cannot be used: {keys}:3: expected name:sha256-in-hex" in refusal(capsys)


def test_callers_are_known_by_their_keys(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"ann:{hash_key('old')}\n\nann:{hash_key('new')}\n")
    callers = Callers.from_file(keys)
    assert [callers.identify(f"{word} new") for word in ("Bearer", "bearer ")] == ["ann", "ann"]
    assert callers.identify("Bearer old") == "ann"
    for unknown in ("", "Bearer", "Bearer other", "Basic new", "new"):
        assert callers.identify(unknown) is None
    assert Callers.from_file(None).identify("") == "anonymous"


def test_a_limit_that_the_project_does_not_have_is_named(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Own(Limits):
        sheep_max: int

    with pytest.raises(LimitsError, match="SHEEP_MAX is missing in"):
        limits.read(Own, CONTRACTS, {})
    with pytest.raises(LimitsError, match="CONTRACTS_DIR must be the folder"):
        limits.read(Limits, tmp_path, {})
