"""The queue on NATS JetStream: the port that the worker takes jobs through.

Every adapter has these verbs. A message holds an id and nothing else. It may come more than once,
and it comes again until it is settled; whether there is anything to do for it, the state says.

NATS carries what is ready to run. Attempts, delays and what is not yet confirmed are in Redis: the
sorted set `due` is the outbox, and `relay` publishes from it. So NATS may be away at any time. The
methods never fail because of it: they give nothing, or do nothing, until it is back.
"""

import asyncio
import json
import random
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StreamConfig
from nats.js.errors import BadRequestError, NotFoundError
from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings
from redis.asyncio import Redis

from app.shared.limits import Limits
from app.shared.log import get_logger
from app.worker.concurrency import end_tasks
from app.worker.connection import Scripts

log = get_logger()

ANSWER_S = 5.0  # for connections, confirms and all else that NATS is asked
PING_S = 2
RELAY_LIMIT = 500
GROUP = "workers"

_LOST = (NatsError, OSError, TimeoutError)


def _nats(value: str) -> str:
    if not value.startswith(("nats://", "tls://")):
        raise ValueError("must begin with nats:// or tls://")
    return value


class QueueSettings(BaseSettings):
    """What the queue needs of the environment."""

    nats_url: Annotated[str, AfterValidator(_nats), Field(examples=["nats://localhost:4222"])]


@dataclass(frozen=True, slots=True)
class Delivery:
    """An id that was taken, what settles it, and the connection that it came by."""

    id: str
    message: Msg
    connection: Client


class Queue:
    """One service's queue, as one consumer sees it."""

    def __init__(
        self,
        settings: QueueSettings,
        _redis: Redis,
        scripts: Scripts,
        service: str,
        consumer: str,
        limits: Limits,
    ) -> None:
        self._url = settings.nats_url
        self._scripts = scripts
        self._service = service
        self._consumer = consumer
        self._limits = limits
        self._keeper: asyncio.Task[None] | None = None
        self._connection: Client | None = None
        self._messages: JetStreamContext.PullSubscription | None = None
        self._connected = asyncio.Event()
        self._is_new = False
        self._complaint = ""

    async def open(self) -> None:
        """Make ready to take: connect in the background, for as long as it takes."""
        if not self._keeper:
            self._keeper = asyncio.create_task(self._keep())

    async def take(self, count: int, wait_s: float) -> list[Delivery]:
        """Take up to `count` ids, and wait for the first one up to `wait_s`."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_s
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._connected.wait()
        messages, connection = self._messages, self._connection
        if not messages or not connection:
            return []
        try:
            came = await messages.fetch(count, timeout=max(end - loop.time(), 0.01))
        except TimeoutError:
            return []
        except _LOST:
            await asyncio.sleep(max(end - loop.time(), 0))
            return []
        return [Delivery(message.data.decode(), message, connection) for message in came]

    async def settle(self, delivery: Delivery) -> None:
        """Be done with an entry: it will not come again."""
        # Where this fails it comes again, and the state says that there is nothing to do.
        with suppress(*_LOST):
            await delivery.message.ack_sync(timeout=ANSWER_S)

    async def leave(self, delivery: Delivery) -> None:
        """Let go of an id whose job is not ours: it comes again if its worker does not end it."""
        lease_ms = round(self._limits.lease_s * 1000)
        await self._scripts.run("leave", {"id": delivery.id, "lease_ms": lease_ms})
        await self.settle(delivery)

    async def extend(self, delivery: Delivery, fence: int) -> bool:
        """Keep an entry while its job runs; return False if NATS does not count on us any more."""
        if not delivery.connection.is_connected:
            return False
        try:
            await delivery.message.in_progress()
        except _LOST:
            return False
        return True

    async def relay(self) -> int:
        """Publish what is due; return how many NATS has confirmed."""
        if self._is_new:
            await self._refill()
        moved = 0
        while self._connection and self._connection.is_connected:
            stream = self._connection.jetstream(timeout=ANSWER_S)
            # Nobody else publishes them for longer than their confirms are waited for.
            arguments = {"limit": RELAY_LIMIT, "claim_ms": round(2 * ANSWER_S * 1000)}
            jobs = json.loads(await self._scripts.run("relay", arguments))["jobs"]
            done = await asyncio.gather(
                *(stream.publish(_subject(job["service"]), job["id"].encode()) for job in jobs),
                return_exceptions=True,
            )
            for job, answer in zip(jobs, done, strict=True):
                job["confirmed"] = not isinstance(answer, BaseException)
            if jobs:
                await self._scripts.run("relayed", {"jobs": jobs})
            confirmed = sum(job["confirmed"] for job in jobs)
            moved += confirmed
            # What was not confirmed stays in the outbox, for the next time.
            if confirmed < RELAY_LIMIT:
                break
        return moved

    async def reclaim(self, count: int) -> list[Delivery]:
        """Return nothing: what a lost worker held, NATS hands out again by itself."""
        return []

    async def tidy(self) -> None:
        """Do nothing: what is settled is gone."""

    async def close(self) -> None:
        """Leave. What was not settled goes to others."""
        if self._keeper:
            await end_tasks([self._keeper])

    async def _refill(self) -> None:
        cursor = "0"
        while True:
            arguments = {"service": self._service, "cursor": cursor, "limit": RELAY_LIMIT}
            cursor = json.loads(await self._scripts.run("refill", arguments))["cursor"]
            if cursor == "0":
                break
        self._is_new = False

    async def _keep(self) -> None:
        """Connect and stay until the connection is lost, again and again."""
        while True:
            try:
                await self._use()
            except Exception as error:  # whatever it is, it is tried again
                self._complain(f"nats is not reached: {error or type(error).__name__}")
            await asyncio.sleep(random.uniform(0.1, 0.5))  # noqa: S311  # no secret

    async def _use(self) -> None:
        lost = asyncio.Event()

        async def on_close() -> None:
            lost.set()

        async def on_error(error: Exception) -> None:
            self._complain(f"nats: {error or type(error).__name__}")

        connection = await nats.connect(
            self._url,
            name=self._consumer,
            allow_reconnect=False,  # what was taken by a connection goes with it
            connect_timeout=round(ANSWER_S),
            ping_interval=PING_S,
            max_outstanding_pings=2,
            closed_cb=on_close,
            error_cb=on_error,
        )
        try:
            stream = connection.jetstream(timeout=ANSWER_S)
            lease_s = self._limits.lease_s
            self._is_new |= await declare(stream, self._service, self._consumer, lease_s)
            self._messages = await stream.pull_subscribe_bind(GROUP, _stream(self._service))
            self._connection = connection
            self._connected.set()
            self._complain("")
            await lost.wait()
        finally:
            self._connection = self._messages = None
            self._connected.clear()
            with suppress(*_LOST):
                await connection.close()

    def _complain(self, reason: str) -> None:
        """Say once what is wrong, and once that it is over (no reason)."""
        if reason and reason != self._complaint:
            log.error(reason)
        elif not reason:
            log.info("nats is connected")
        self._complaint = reason


async def declare(stream: JetStreamContext, service: str, consumer: str, lease_s: float) -> bool:
    """Make the queue of `service` where it is missing; return whether this made it."""
    # Of those who make it at once one does: what names its maker is not the same for another.
    config = StreamConfig(
        name=_stream(service),
        description=f"made by {consumer}",
        subjects=[_subject(service)],
        retention=RetentionPolicy.WORK_QUEUE,
    )
    is_new = False
    try:
        await stream.stream_info(_stream(service))
    except NotFoundError:
        with suppress(BadRequestError):
            await stream.add_stream(config)
            is_new = True
    await stream.add_consumer(
        _stream(service),
        ConsumerConfig(
            durable_name=GROUP,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=lease_s,
            max_ack_pending=-1,
        ),
    )
    return is_new


def _stream(service: str) -> str:
    return f"jobs-{service}"


def _subject(service: str) -> str:
    return f"jobs.{service}"
