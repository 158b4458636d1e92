"""The only reader of the environment. Boot fails and names every variable that is not right.

What a program needs of the environment is a class beside its `main`.
"""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.shared import limits
from app.shared.limits import Limits, LimitsError

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


def url_of(*schemes: str) -> AfterValidator:
    """Return a validator that wants one of the schemes, and cuts off a `/` at the end."""

    def check(value: str) -> str:
        if not value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"must begin with {' or '.join(f'{s}://' for s in schemes)}")
        return value.rstrip("/")

    return AfterValidator(check)


def _port(value: object) -> int:
    try:
        port = int(str(value))
    except ValueError:
        port = -1
    if not 1 <= port <= 65535:
        raise ValueError("must be a number from 1 to 65535")
    return port


Port = Annotated[int, BeforeValidator(_port)]


class CommonSettings(BaseSettings):
    """What every program reads."""

    # An empty variable is one that is not set: compose files pass `NAME=` for what nobody gave.
    model_config = SettingsConfigDict(env_ignore_empty=True, frozen=True)

    contracts_dir: Path = Path("../../contracts")


class ProcessSettings(CommonSettings):
    """What every program reads that runs until it is told to stop."""

    service_name: Annotated[str, Field(min_length=1, examples=["inference"])]
    host: str = "127.0.0.1"
    metrics_port: Annotated[Port, Field(examples=["9100"])]
    log_level: Annotated[int, BeforeValidator(_level), Field(validate_default=False)] = logging.INFO


Settings = TypeVar("Settings", bound=CommonSettings)


def load(cls: type[Settings]) -> tuple[Settings, Limits]:
    """Read settings and limits, or print all that is wrong with them and exit with status 1."""
    problems: list[tuple[str, str]] = []
    settings: Settings | None = None
    contracts_dir = Path(os.environ.get("CONTRACTS_DIR") or "../../contracts")
    try:
        settings = cls()
        contracts_dir = settings.contracts_dir
    except ValidationError as error:
        problems += _explain(cls, error)
    try:
        shared = limits.read(contracts_dir, os.environ)
    except LimitsError as error:
        problems += error.problems
    if settings is None or problems:
        width = max(len(name) for name, _ in problems)
        lines = [f"  {name.ljust(width)}  {problem}\n" for name, problem in problems]
        sys.stderr.write("configuration is not valid:\n" + "".join(lines))
        sys.exit(1)
    return settings, shared


def _explain(cls: type[CommonSettings], error: ValidationError) -> list[tuple[str, str]]:
    problems = []
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0])
        if detail["type"] == "missing":
            examples = cls.model_fields[name].examples or []
            hint = f" (example: {examples[0]})" if examples else ""
            problems.append((name.upper(), f"is missing{hint}"))
        else:
            sentence = detail["msg"].removeprefix("Value error, ")
            # `repr=False` marks what may hold a password.
            got = f", got `{detail['input']}`" if cls.model_fields[name].repr else ""
            problems.append((name.upper(), f"{sentence}{got}"))
    return problems
