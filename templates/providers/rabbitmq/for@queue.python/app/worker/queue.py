"""The queue on RabbitMQ: the port that the worker takes jobs through.

Every adapter has these verbs. A message holds an id and nothing else. It may come more than once,
and it comes again until it is settled; whether there is anything to do for it, the state says.

RabbitMQ carries what is ready to run. Attempts, delays and what is not yet confirmed are in Redis:
the sorted set `due` is the outbox, and `relay` publishes from it. So RabbitMQ may be away at any
time. The methods never fail because of it: they give nothing, or do nothing, until it is back.
"""

import asyncio
import json
import logging
import random
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

import aiormq
from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage
from aiormq.exceptions import (
    AMQPError,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from pamqp.commands import Basic
from pamqp.common import FieldValue
from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings
from redis.asyncio import Redis
from yarl import URL

from app.shared.limits import Limits
from app.shared.log import get_logger
from app.worker.concurrency import end_tasks
from app.worker.connection import Scripts

log = get_logger()
# What it has to say of a lost connection is said here, once.
logging.getLogger("aiormq").setLevel(logging.CRITICAL)

OLDEST = (3, 10)  # quorum queues with at-least-once dead-lettering
HEARTBEAT_S = 10
ANSWER_S = 5.0  # for connections, confirms and all else that the broker is asked
RELAY_LIMIT = 500
REST_S = 1.0  # a worker that asks for nothing for so long holds nothing back
DELIVERIES_MAX = 100

_LOST = (AMQPError, ChannelInvalidStateError, OSError, TimeoutError)


def _amqp(value: str) -> str:
    if not value.startswith(("amqp://", "amqps://")):
        raise ValueError("must begin with amqp:// or amqps://")
    return value


class QueueSettings(BaseSettings):
    """What the queue needs of the environment."""

    amqp_url: Annotated[
        str,
        AfterValidator(_amqp),
        Field(examples=["amqp://guest:guest@localhost:5672"], repr=False),
    ]


@dataclass(frozen=True, slots=True)
class Delivery:
    """An id that was taken."""

    id: str


class Queue:
    """One service's queue, as one consumer sees it."""

    def __init__(
        self,
        settings: QueueSettings,
        redis: Redis,
        scripts: Scripts,
        service: str,
        consumer: str,
        limits: Limits,
    ) -> None:
        self._scripts = scripts
        self._limits = limits
        self._service = service
        self._name = _name(service)
        url = URL(settings.amqp_url)
        self._url = url.with_query({"heartbeat": HEARTBEAT_S, "name": consumer, **url.query})
        self._keepers: list[asyncio.Task[None]] = []
        self._complaint = ""
        # Acknowledgements must pass while publishers are blocked, so each has its connection.
        self._consuming: AbstractChannel | None = None
        self._publishing: AbstractChannel | None = None
        self._is_new = False
        self._consumer_tag: str | None = None
        self._turn = asyncio.Lock()  # held while the consumer is started or ended
        self._asked_at = 0.0
        # Every id that has come and is not settled, with its messages: more than one where it came
        # twice, none where they were lost with their channel.
        self._held: dict[str, list[DeliveredMessage]] = {}
        self._waiting: deque[str] = deque()
        self._arrived = asyncio.Event()

    async def open(self) -> None:
        """Make ready to take: connect in the background, for as long as it takes."""
        if not self._keepers:
            work = (self._keep(self._consume), self._keep(self._publish), self._rest())
            self._keepers = [asyncio.create_task(each) for each in work]

    async def take(self, count: int, wait_s: float) -> list[Delivery]:
        """Take up to `count` ids, and wait for the first one up to `wait_s`."""
        self._asked_at = asyncio.get_running_loop().time()
        with suppress(*_LOST):
            await self._start_consumer()
            if not self._waiting:
                self._arrived.clear()
                async with asyncio.timeout(wait_s):
                    await self._arrived.wait()
        count = min(count, len(self._waiting))
        return [Delivery(self._waiting.popleft()) for _ in range(count)]

    async def settle(self, delivery: Delivery) -> None:
        """Be done with an id: its messages will not come again."""
        for message in self._held.pop(delivery.id, []):
            # Where this fails it comes again, and the state says that there is nothing to do.
            with suppress(*_LOST):
                await message.channel.basic_ack(_tag(message))

    async def leave(self, delivery: Delivery) -> None:
        """Let go of an id whose job is not ours: it comes again if its worker does not end it."""
        await self._put_off(delivery.id)
        await self.settle(delivery)

    async def extend(self, delivery: Delivery, fence: int) -> bool:
        """Return whether the broker still counts on us: the connection's heartbeat tells it so."""
        return any(not message.channel.is_closed for message in self._held.get(delivery.id, []))

    async def relay(self) -> int:
        """Publish what is due; return how many the broker has confirmed."""
        if self._is_new:
            await self._refill()
        moved = 0
        while channel := self._publishing:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await channel.connection.ready()
            except TimeoutError:
                self._complain("rabbitmq is short of memory or disk and takes no messages")
                break
            # Nobody else publishes them for longer than their confirms are waited for.
            arguments = {"limit": RELAY_LIMIT, "claim_ms": round(2 * ANSWER_S * 1000)}
            jobs = json.loads(await self._scripts.run("relay", arguments))["jobs"]
            done = await asyncio.gather(
                *(_send(channel, _name(job["service"]), job["id"]) for job in jobs),
                return_exceptions=True,
            )
            for job, error in zip(jobs, done, strict=True):
                job["confirmed"] = error is None
            if jobs:
                await self._scripts.run("relayed", {"jobs": jobs})
            confirmed = done.count(None)
            moved += confirmed
            # What was not confirmed stays in the outbox, for the next time.
            if confirmed < RELAY_LIMIT:
                break
        return moved

    async def reclaim(self, count: int) -> list[Delivery]:
        """Return nothing: what a lost worker held, the broker hands out again by itself."""
        return []

    async def tidy(self) -> None:
        """Bring back what the broker has given up, because it came and came and was not settled."""
        with suppress(*_LOST):
            while channel := self._consuming:
                message = await channel.basic_get(_dead(self._name), timeout=ANSWER_S)
                if isinstance(message.delivery, Basic.GetEmpty):
                    return
                job_id = message.body.decode()
                log.warning("rabbitmq gave up a message", job_id=job_id)
                await self._put_off(job_id)
                await channel.basic_ack(_tag(message))

    async def close(self) -> None:
        """Leave. What was not settled goes to others."""
        await end_tasks(self._keepers)

    async def _refill(self) -> None:
        cursor = "0"
        while True:
            arguments = {"service": self._service, "cursor": cursor, "limit": RELAY_LIMIT}
            cursor = json.loads(await self._scripts.run("refill", arguments))["cursor"]
            if cursor == "0":
                break
        self._is_new = False

    async def _put_off(self, job_id: str) -> None:
        lease_ms = round(self._limits.lease_s * 1000)
        await self._scripts.run("leave", {"id": job_id, "lease_ms": lease_ms})

    # The connections

    async def _keep(self, use: Callable[[AbstractChannel], Awaitable[None]]) -> None:
        """Connect and use a channel until it is lost, again and again."""
        while True:
            try:
                async with asyncio.timeout(ANSWER_S):
                    connection = await aiormq.connect(self._url)
                try:
                    _require_version(connection)
                    await use(await connection.channel(timeout=ANSWER_S))
                finally:
                    with suppress(*_LOST):
                        await connection.close(ConnectionError("is lost"), timeout=ANSWER_S)
            except Exception as error:  # whatever it is, it is tried again
                self._complain(_explain(error, self._url, self._name))
            _heed_cancellation()
            await asyncio.sleep(random.uniform(0.1, 1))  # noqa: S311  # no secret

    async def _consume(self, channel: AbstractChannel) -> None:
        self._is_new |= await _is_missing(channel.connection, self._name)
        await declare(channel, self._name)
        await channel.basic_qos(prefetch_count=self._limits.worker_concurrency, timeout=ANSWER_S)
        self._consuming = channel
        self._complain("")
        try:
            await _until_lost(channel)
        finally:
            self._consuming = self._consumer_tag = None
            # They come again. Those that a worker runs are told from new ones by their id.
            for job_id in self._waiting:
                del self._held[job_id]
            self._waiting.clear()
            self._held = {job_id: [] for job_id in self._held}

    async def _publish(self, channel: AbstractChannel) -> None:
        self._publishing = channel
        try:
            await _until_lost(channel)
        finally:
            self._publishing = None

    async def _start_consumer(self) -> None:
        async with self._turn:
            if self._consuming and not self._consumer_tag:
                answer = await self._consuming.basic_consume(
                    self._name, self._arrive, timeout=ANSWER_S
                )
                self._consumer_tag = answer.consumer_tag

    async def _arrive(self, message: DeliveredMessage) -> None:
        if message.channel is not self._consuming:
            return
        job_id = message.body.decode()
        if job_id in self._held:
            self._held[job_id].append(message)  # settled along with the first one
            return
        self._held[job_id] = [message]
        self._waiting.append(job_id)
        self._arrived.set()

    async def _rest(self) -> None:
        """Hold nothing back from others while our worker asks for nothing."""
        while True:
            await asyncio.sleep(REST_S)
            if asyncio.get_running_loop().time() - self._asked_at < REST_S:
                continue
            async with self._turn:
                channel, tag = self._consuming, self._consumer_tag
                if not channel or not tag:
                    continue
                self._consumer_tag = None
                with suppress(*_LOST):
                    await channel.basic_cancel(tag, timeout=ANSWER_S)
                    while self._waiting:
                        for message in self._held.pop(self._waiting.popleft()):
                            await channel.basic_nack(_tag(message), requeue=True)

    def _complain(self, reason: str) -> None:
        """Say once what is wrong, and once that it is over (no reason)."""
        if reason and reason != self._complaint:
            log.error(reason)
        elif not reason:
            log.info("rabbitmq is connected")
        self._complaint = reason


async def _is_missing(connection: AbstractConnection, name: str) -> bool:
    probe = await connection.channel(timeout=ANSWER_S)
    try:
        await probe.queue_declare(name, passive=True, timeout=ANSWER_S)
    except ChannelNotFoundEntity:
        return True  # which has closed the channel
    await probe.close()
    return False


async def declare(channel: AbstractChannel, name: str) -> None:
    """Make the queue `name` where it is missing, and the one for what the broker gives up."""
    await channel.queue_declare(
        _dead(name), durable=True, arguments={"x-queue-type": "quorum"}, timeout=ANSWER_S
    )
    arguments: dict[str, FieldValue] = {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERIES_MAX,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": _dead(name),
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    await channel.queue_declare(name, durable=True, arguments=arguments, timeout=ANSWER_S)


def _name(service: str) -> str:
    return f"jobs.{service}"


def _dead(name: str) -> str:
    return f"{name}.dead"


def _tag(message: DeliveredMessage) -> int:
    return message.delivery_tag or 0


async def _send(channel: AbstractChannel, queue: str, job_id: str) -> None:
    """Publish an id and return when the broker has confirmed it; raise if it does not."""
    await channel.basic_publish(
        job_id.encode(),
        routing_key=queue,
        properties=Basic.Properties(delivery_mode=2),
        mandatory=True,  # a queue that is not there yet is no place to lose a job in
        timeout=ANSWER_S,
    )


async def _until_lost(channel: AbstractChannel) -> None:
    """Return when the channel is closed, or its consumer was ended by the broker."""
    _heed_cancellation()
    lost = asyncio.Event()
    channel.closing.add_done_callback(lambda _: lost.set())
    channel.on_consumer_cancel_callbacks.add(lambda _: lost.set())
    await lost.wait()


def _heed_cancellation() -> None:
    """End a task that is to end: aiormq may have forgotten that, as `end_tasks` tells of Redis."""
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError


class _TooOld(AMQPError):
    pass


def _require_version(connection: AbstractConnection) -> None:
    version = str(connection.server_properties["version"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise _TooOld(version)


def _explain(error: BaseException, url: URL, queue: str) -> str:
    """Say what is wrong with the broker, and what to do about it."""
    place = f"rabbitmq at {url.host}:{url.port or 5672}"
    if isinstance(error.__cause__, socket.gaierror):
        return f"AMQP_URL: `{url.host}` cannot be resolved: {error.__cause__.strerror}"
    if isinstance(error, ProbableAuthenticationError):
        return f"AMQP_URL: {place} refuses the user `{url.user}` or its password"
    if isinstance(error, InvalidFrameError):
        vhost = url.path.removeprefix("/") or "/"
        return f"AMQP_URL: {place} has no virtual host `{vhost}`, or not for `{url.user}`"
    if isinstance(error, _TooOld):
        oldest = ".".join(map(str, OLDEST))
        return f"{place} is version {error}, and too old: {oldest} is the oldest that works"
    if isinstance(error, ChannelPreconditionFailed):
        return (
            f"{place} has a queue with other arguments: {error}. Delete it (`rabbitmqctl"
            f" delete_queue {queue}`), and it is made anew with every job that waits; or name"
            " another virtual host in AMQP_URL"
        )
    if isinstance(error, TimeoutError):
        return f"{place} does not answer in {ANSWER_S:.0f} s"
    return f"{place} is not reached: {error or type(error).__name__}"
