"""How the worker uses Redis, which may be away at any time: then the worker waits for it."""

import asyncio
import json
import random
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.shared.log import get_logger
from app.shared.settings import url_of

RedisUrl = Annotated[
    str,
    url_of("redis", "rediss", "unix"),
    Field(examples=["redis://localhost:6379"], repr=False),
]
log = get_logger()
Answer = TypeVar("Answer")

# Longer than the longest blocking read, so that only a server that hangs runs into it.
ANSWER_S = 10
WAIT_MAX_S = 5.0

_PASSING = (
    RedisConnectionError,
    RedisTimeoutError,
    ReadOnlyError,
    OutOfMemoryError,
    OSError,
)


def connect(url: str) -> Redis:
    """Return a client that answers with text and fails at once: `Patience` does the retrying."""
    return Redis.from_url(
        url,
        decode_responses=True,
        protocol=2,  # replies of streams differ in shape between the protocols
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=2,
        socket_timeout=ANSWER_S,
    )


async def call(redis: Redis, *command: str | int | float) -> Any:
    """Send a command and return its reply."""
    return await redis.execute_command(*command)  # type: ignore[no-untyped-call]


class Scripts:
    """The Lua scripts of contracts/lua/, which both languages share, on one Redis."""

    def __init__(self, redis: Redis, folder: Path) -> None:
        self._redis = redis
        library = (folder / "lib.lua").read_text(encoding="utf-8")
        self._scripts = {
            path.stem: redis.register_script(library + "\n" + path.read_text(encoding="utf-8"))
            for path in folder.glob("*.lua")
        }

    async def run(self, name: str, arguments: Mapping[str, object], payload: str = "") -> Any:
        """Run `<name>.lua` and return its reply: JSON text, or a list of texts.

        `arguments` are what the script's head comment says, `payload` is text that it stores as
        it is. An argument that is None is as good as absent.
        """
        script, texts = self._scripts[name], [json.dumps(arguments), payload]
        try:
            return await script(args=texts)
        except NoScriptError:
            # Redis was restarted between loading the script and running it.
            return await call(self._redis, "EVAL", str(script.script), 0, *texts)


class Stopped(Exception):
    """Redis is away, and whoever waited for it has been told to stop."""


class Patience:
    """Repeats what Redis could not do now. Remembers when it last could not."""

    def __init__(self) -> None:
        # A start counts as a failure: nobody knows what was before.
        self._failed_at = asyncio.get_running_loop().time()

    def quiet_s(self) -> float:
        """Return for how many seconds Redis has answered."""
        return asyncio.get_running_loop().time() - self._failed_at

    async def insist(
        self,
        operation: Callable[[], Coroutine[None, None, Answer]],
        stop: asyncio.Event | None = None,
    ) -> Answer:
        """Await `operation()` until Redis has answered it, or raise `Stopped` once `stop` is set.

        An operation may run twice when its answer is lost, so it must be one that can. One that is
        under way is never interrupted: `stop` ends the waiting for the next attempt.
        """
        bound = 0.1
        while True:
            try:
                return await operation()
            except _PASSING as error:
                reason = str(error)
            except ResponseError as error:
                # The disk is full, or a replica waits for its master: conditions that pass.
                if not str(error).startswith(("MISCONF", "LOADING", "MASTERDOWN", "NOREPLICAS")):
                    raise
                reason = str(error)
            self._failed_at = asyncio.get_running_loop().time()
            log.warning("redis is unavailable", error=reason)
            await _pause(random.uniform(bound / 2, bound), stop)  # noqa: S311  # no secret
            bound = min(bound * 2, WAIT_MAX_S)


async def _pause(seconds: float, stop: asyncio.Event | None) -> None:
    """Wait, but not longer than until `stop`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await (stop or asyncio.Event()).wait()
    if stop and stop.is_set():
        raise Stopped
