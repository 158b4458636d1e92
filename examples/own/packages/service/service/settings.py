"""The only reader of the environment. Boot fails and names every variable that is not right."""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core.core_schema import ValidationInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from service import limits
from service.callers import Callers
from service.limits import Limits, LimitsError

# The names that pino has, because one LOG_LEVEL serves both languages.
LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "silent": logging.CRITICAL + 1,
}


def _level(value: object) -> int:
    if str(value) not in LEVELS:
        raise ValueError(f"must be one of {', '.join(LEVELS)}")
    return LEVELS[str(value)]


def _port(value: object) -> int:
    text = str(value)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= 65535):
        raise ValueError("must be a number from 1 to 65535")
    return int(text)


def _readable(path: Path | None, info: ValidationInfo) -> Path | None:
    if path is None:
        if info.data.get("app_env") == "production":
            raise ValueError("is missing: production needs it")
        return None
    try:
        Callers.from_file(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot be used: {error}") from error
    return path


Level = Annotated[int, BeforeValidator(_level), Field(validate_default=False)]
Port = Annotated[int, BeforeValidator(_port)]


class ProgramSettings(BaseSettings):
    """What every program reads. A class of the service's own adds what it alone needs."""

    # An empty variable is one that is not set: compose files pass `NAME=` for what nobody gave.
    model_config = SettingsConfigDict(env_ignore_empty=True, frozen=True)

    service_name: Annotated[
        str,
        # It is a part of every path.
        Field(pattern=r"^[a-z0-9][a-z0-9-]*$", examples=["orders"]),
    ]
    log_level: Level = logging.INFO
    contracts_dir: Path = Path("../../contracts")


class ServerSettings(ProgramSettings):
    """What every program reads that answers requests. Each service has a `port` besides."""

    host: str = "127.0.0.1"
    metrics_port: Port = 9464
    app_env: Literal["development", "production"] = "development"
    # Outside development nobody calls without a key.
    api_keys_file: Annotated[
        Path | None, AfterValidator(_readable), Field(validate_default=True)
    ] = None


Settings = TypeVar("Settings", bound=ProgramSettings)
Own = TypeVar("Own", bound=Limits)


def load(cls: type[Settings], own: type[Own]) -> tuple[Settings, Own]:
    """Read settings and limits, or print all that is wrong with them and exit with status 1."""
    problems: list[tuple[str, str]] = []
    settings: Settings | None = None
    contracts_dir = Path(os.environ.get("CONTRACTS_DIR") or "../../contracts")
    try:
        settings = cls()
    except ValidationError as error:
        problems += _explain(cls, error)
    try:
        shared = limits.read(own, contracts_dir, os.environ)
    except LimitsError as error:
        problems += error.problems
    if settings is None or problems:
        width = max(len(name) for name, _ in problems)
        lines = [f"  {name.ljust(width)}  {problem}\n" for name, problem in problems]
        sys.stderr.write("configuration is not valid:\n" + "".join(lines))
        sys.exit(1)
    return settings, shared


def _explain(cls: type[ProgramSettings], error: ValidationError) -> list[tuple[str, str]]:
    problems = []
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0])
        field, given = cls.model_fields[name], detail["input"]
        sentence = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "missing":
            sentence = f"is missing (example: {(field.examples or [''])[0]})"
        elif given is not None and field.annotation is not SecretStr:
            sentence = f"{sentence}, got `{given}`"
        problems.append((name.upper(), sentence))
    return problems
