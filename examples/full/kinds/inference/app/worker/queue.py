"""The queue on Redis Streams: the port that the worker takes jobs through.

Every adapter has these verbs. An entry holds an id and nothing else. It may come more than once,
and it comes again until it is settled; whether there is anything to do for it, the state says.
"""

import json
from dataclasses import dataclass
from typing import Any

from pydantic_settings import BaseSettings
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from app.shared.limits import Limits
from app.worker.connection import Scripts, call

GROUP = "workers"
RELAY_LIMIT = 500

# An entry's idle time begins at its delivery, its job's lease a moment later, at the start. What is
# reclaimed is to find that lease over.
START_MS = 200


class QueueSettings(BaseSettings):
    """What the queue needs of the environment, beside what the state needs: nothing."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An id that was taken, and what settles it."""

    id: str
    entry: str


class Queue:
    """One service's queue, as one consumer sees it."""

    def __init__(
        self,
        _settings: QueueSettings,
        redis: Redis,
        scripts: Scripts,
        service: str,
        consumer: str,
        limits: Limits,
    ) -> None:
        self._redis = redis
        self._scripts = scripts
        self._consumer = consumer
        self._limits = limits
        self._place = {"stream": f"queue:{service}", "group": GROUP}
        self._stream = self._place["stream"]

    async def open(self) -> None:
        """Make ready to take. May be repeated."""
        try:
            # From 0: what was accepted before the first worker came is to be run, too.
            await self._call("XGROUP", "CREATE", self._stream, GROUP, "0", "MKSTREAM")
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def take(self, count: int, wait_s: float) -> list[Delivery]:
        """Take up to `count` ids, and wait for the first one up to `wait_s`."""
        read = ("XREADGROUP", "GROUP", GROUP, self._consumer, "COUNT", count)
        block = ("BLOCK", max(round(wait_s * 1000), 1))
        try:
            reply = await self._call(*read, *block, "STREAMS", self._stream, ">")
        except ResponseError as error:
            if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            await self.open()  # somebody emptied Redis
            return []
        return _deliveries(reply[0][1]) if reply else []

    async def settle(self, delivery: Delivery) -> None:
        """Be done with an entry: it will not come again."""
        await self._call("XACK", self._stream, GROUP, delivery.entry)

    async def leave(self, delivery: Delivery) -> None:
        """Let go of an entry whose job is not ours: it may be pending for another worker by now,
        and comes again if that one lets its lease pass."""

    async def extend(self, delivery: Delivery, fence: int) -> bool:
        """Keep an entry while its job runs; return False if the job is not ours any more."""
        reply = await self._scripts.run(
            "extend",
            {
                **self._place,
                "consumer": self._consumer,
                "entry": delivery.entry,
                "id": delivery.id,
                "fence": fence,
            },
        )
        return bool(json.loads(reply)["result"] == "ok")

    async def relay(self) -> int:
        """Hand to the queue what is due; return how many that were."""
        moved = 0
        while True:
            reply = await self._scripts.run("relay", {"limit": RELAY_LIMIT})
            count = int(json.loads(reply)["moved"])
            moved += count
            if count < RELAY_LIMIT:
                return moved

    async def reclaim(self, count: int) -> list[Delivery]:
        """Take over up to `count` entries whose worker has let a whole lease pass."""
        idle_ms = round(self._limits.lease_s * 1000) + START_MS
        try:
            reply = await self._call(
                "XAUTOCLAIM", self._stream, GROUP, self._consumer, idle_ms, "0", "COUNT", count
            )
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            return []
        return _deliveries(reply[1])

    async def tidy(self) -> None:
        """Drop what every worker is done with, and workers that are gone and have left nothing."""
        await self._scripts.run("trim", self._place)
        for fields in await self._call("XINFO", "CONSUMERS", self._stream, GROUP):
            consumer = fields if isinstance(fields, dict) else _pairs(fields)
            # Living workers ask for work every few seconds, so that this is long.
            gone = int(consumer["idle"]) > 10 * self._limits.lease_s * 1000
            if gone and consumer["name"] != self._consumer:
                await self._forget(str(consumer["name"]))

    async def close(self) -> None:
        """Leave the group, unless entries are left for others to reclaim."""
        await self._forget(self._consumer)

    async def _forget(self, consumer: str) -> None:
        await self._scripts.run("forget_consumer", {**self._place, "consumer": consumer})

    async def _call(self, *command: str | int) -> Any:
        return await call(self._redis, *command)


def _deliveries(entries: list[tuple[str, dict[str, str] | None]]) -> list[Delivery]:
    # An entry that was deleted while it was pending comes without fields: nothing to run.
    return [Delivery(fields["id"], entry) for entry, fields in entries if fields]


def _pairs(flat: list[Any]) -> dict[str, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
