"""What is special about RabbitMQ; test_queue.py holds what every adapter promises."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import pytest
import structlog
from redis.asyncio import Redis

from app.shared.limits import Limits
from app.worker import queue as adapter
from app.worker.connection import call
from app.worker.queue import Queue, QueueSettings
from app.worker.store import Store
from tests.broker import NAME, Broker, BrokerServer
from tests.conftest import Eventually

Join = Callable[..., Awaitable[Queue]]


@pytest.fixture
async def join(redis: Redis, store: Store, broker: Broker, fast: Limits) -> AsyncIterator[Join]:
    """Open the queue, with these settings or those of the shared broker."""
    async with AsyncExitStack() as stack:

        async def one(settings: QueueSettings = broker.settings) -> Queue:
            limits = dataclasses.replace(fast, lease_s=1)
            queue = Queue(settings, redis, store.scripts, "inference", "w", limits)
            await queue.open()
            stack.push_async_callback(queue.close)
            return queue

        yield one


async def accept(store: Store, *ids: str) -> None:
    for job_id in ids:
        job = {"id": job_id, "caller": "ann", "service": "inference", "model": "sum"}
        await store.accept({**job, "deadline_s": 60, "stream": False}, "{}")


async def arrive(queue: Queue, count: int = 1) -> list[str]:
    """Relay and take until so many ids have come."""
    came: list[str] = []
    with anyio.fail_after(20):
        while len(came) < count:
            await queue.relay()
            came += [each.id for each in await queue.take(count - len(came), 0.05)]
    return came


@asynccontextmanager
async def complaints() -> AsyncIterator[list[str]]:
    """What the adapter says, as it says it."""
    with structlog.testing.capture_logs() as entries:
        said: list[str] = []

        async def follow() -> None:
            while True:
                said[:] = [str(entry["event"]) for entry in entries]
                await asyncio.sleep(0.01)

        following = asyncio.create_task(follow())
        yield said
        following.cancel()


async def test_one_cancellation_is_enough_whenever_it_comes(join: Join) -> None:
    queue = await join()
    for step in range(60):
        keeper = asyncio.create_task(queue._keep(queue._consume))
        await asyncio.sleep(step / 1000)
        keeper.cancel()
        # What was asked meanwhile may get no answer any more.
        done, _ = await asyncio.wait({keeper}, timeout=3 * adapter.ANSWER_S)
        assert done, f"cancelled after {step} ms"


# Bad input: said once, with what to do, and healed by itself


async def test_says_that_an_address_does_not_resolve(join: Join, eventually: Eventually) -> None:
    async with complaints() as said:
        await join(QueueSettings(amqp_url="amqp://guest:guest@nowhere.invalid"))
        await eventually(lambda: _has(said, "AMQP_URL: `nowhere.invalid` cannot be resolved"))


async def test_says_that_credentials_are_refused(
    join: Join, broker_server: BrokerServer, eventually: Eventually
) -> None:
    place = f"127.0.0.1:{broker_server.port}"
    async with complaints() as said:
        await join(QueueSettings(amqp_url=f"amqp://guest:wrong@{place}"))
        await eventually(
            lambda: _has(said, f"AMQP_URL: rabbitmq at {place} refuses the user `guest`")
        )


async def test_says_that_a_virtual_host_is_missing(
    join: Join, broker_server: BrokerServer, eventually: Eventually
) -> None:
    async with complaints() as said:
        await join(QueueSettings(amqp_url=f"{broker_server.url}/nowhere"))
        await eventually(lambda: _has(said, "has no virtual host `nowhere`"))


async def test_says_that_the_broker_is_too_old(
    join: Join, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "OLDEST", (99, 0))
    async with complaints() as said:
        queue = await join()
        await eventually(lambda: _has(said, "too old: 99.0 is the oldest that works"))
        assert await queue.take(1, 0.01) == []


async def test_says_which_queue_has_other_arguments_and_heals_when_it_is_gone(
    join: Join, store: Store, broker: Broker, eventually: Eventually
) -> None:
    await broker.channel.queue_delete(NAME)
    await broker.channel.queue_declare(NAME, durable=True)
    await accept(store, "a")
    async with complaints() as said:
        queue = await join()
        await eventually(lambda: _has(said, f"rabbitmqctl delete_queue {NAME}"))
        assert sum("delete_queue" in line for line in said) == 1
    await broker.channel.queue_delete(NAME)
    assert await arrive(queue) == ["a"]


async def _has(said: list[str], part: str) -> bool:
    return any(part in line for line in said)


# Outages


async def test_waits_for_a_broker_that_is_not_there_yet(
    tmp_path_factory: pytest.TempPathFactory,
    join: Join,
    redis: Redis,
    store: Store,
) -> None:
    """Down at boot, then killed in the middle: what is due stays due, and comes."""
    server = BrokerServer(tmp_path_factory.mktemp("rabbitmq"))
    queue = await join(QueueSettings(amqp_url=server.url))
    await accept(store, "early")
    assert await queue.relay() == 0
    assert await queue.take(1, 0.01) == []
    assert await call(redis, "ZRANGE", "due", 0, -1) == ["early"]
    try:
        await anyio.to_thread.run_sync(server.start)
        assert await arrive(queue) == ["early"]
        await queue.settle(adapter.Delivery("early"))
        await accept(store, "confirmed")
        while not await queue.relay():
            pass
        # In the first moments of a queue's life the server has not yet written down that there is
        # one, and no event tells when it has.
        await asyncio.sleep(2)
        server.kill()
        await accept(store, "late")
        await anyio.to_thread.run_sync(server.start)
        assert set(await arrive(queue, 2)) == {"confirmed", "late"}
    finally:
        server.kill()


async def test_what_finds_no_queue_stays_in_the_outbox(
    join: Join, redis: Redis, store: Store, broker: Broker, eventually: Eventually
) -> None:
    queue = await join()
    await accept(store, "a")
    assert await arrive(queue) == ["a"]
    job = {"id": "b", "caller": "ann", "service": "nobody", "model": "sum"}
    await store.accept({**job, "deadline_s": 60, "stream": False}, "{}")
    assert await queue.relay() == 0
    assert await call(redis, "ZRANGE", "due", 0, -1) == ["b"]


async def test_makes_a_lost_queue_anew_with_all_that_was_in_it(
    join: Join, store: Store, broker: Broker
) -> None:
    queue = await join()
    await accept(store, *"abc")
    (first,) = await arrive(queue)
    await broker.channel.queue_delete(NAME)
    await accept(store, "d")
    assert {first, *await arrive(queue, 3)} == set("abcd")


async def test_publishes_nothing_while_the_broker_is_short_of_memory(
    tmp_path_factory: pytest.TempPathFactory,
    join: Join,
    redis: Redis,
    store: Store,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(adapter, "ANSWER_S", 1.0)
    short = "-rabbit vm_memory_high_watermark 0.0000001"
    server = BrokerServer(tmp_path_factory.mktemp("rabbitmq"), short)
    try:
        await anyio.to_thread.run_sync(server.start)
        await accept(store, "a")
        async with complaints() as said:
            queue = await join(QueueSettings(amqp_url=server.url))

            async def told() -> bool:
                assert await queue.relay() == 0
                return await _has(said, "short of memory or disk")

            await eventually(told)
        assert await call(redis, "ZRANGE", "due", 0, -1) == ["a"]
    finally:
        server.kill()


async def test_a_worker_that_takes_nothing_holds_nothing_back(
    join: Join, store: Store, eventually: Eventually
) -> None:
    paused = await join()
    await accept(store, "a", "b")
    assert len(await arrive(paused)) == 1
    assert len(await arrive(await join())) == 1


async def test_what_the_broker_gave_up_comes_back(
    join: Join, redis: Redis, store: Store, broker: Broker, eventually: Eventually
) -> None:
    queue = await join()
    await accept(store, "a")
    assert await arrive(queue) == ["a"]
    await queue.close()
    for _ in range(adapter.DELIVERIES_MAX + 1):
        with anyio.fail_after(20):
            while True:
                message = await broker.channel.basic_get(NAME)
                if message.body or await _dead(broker):
                    break
        if not message.body:
            break
        await broker.channel.basic_nack(message.delivery_tag or 0)
    again = await join()
    with anyio.fail_after(20):
        while await _dead(broker) or not await call(redis, "ZCARD", "due"):
            await again.tidy()
    assert await arrive(again) == ["a"]


async def _dead(broker: Broker) -> int:
    return (await broker.channel.queue_declare(f"{NAME}.dead", passive=True)).message_count or 0
