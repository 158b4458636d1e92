"""What is special about Redis Streams; test_queue.py holds what every adapter promises."""

import dataclasses
from collections.abc import Callable

import anyio
import pytest
from redis.asyncio import Redis

from app.shared.limits import Limits
from app.worker.connection import call
from app.worker.queue import Delivery, Queue, QueueSettings
from app.worker.store import Started, Store

MakeQueue = Callable[[str], Queue]


@pytest.fixture
def make(redis: Redis, store: Store, fast: Limits) -> MakeQueue:
    """Make the queue as the consumer of that name sees it. A lease is over at once."""
    limits = dataclasses.replace(fast, lease_s=0)
    return lambda consumer: Queue(
        QueueSettings(), redis, store.scripts, "inference", consumer, limits
    )


async def accept(store: Store, *ids: str, stream: bool = True) -> None:
    for job_id in ids:
        await store.accept(
            {
                "id": job_id,
                "caller": "ann",
                "service": "inference",
                "model": "sum",
                "deadline_s": 60,
                "stream": stream,
            },
            "{}",
        )


def ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.id for delivery in deliveries]


async def reclaimed(queue: Queue) -> list[str]:
    """What comes again, once it has been idle for long enough."""
    with anyio.fail_after(5):
        # Idle time passes without an event that could be waited for.
        while not (deliveries := await queue.reclaim(10)):  # noqa: ASYNC110
            await anyio.sleep(0.01)
    return ids(deliveries)


async def test_a_worker_that_lost_its_job_does_not_steal_the_entry_back(
    redis: Redis, store: Store, make: MakeQueue
) -> None:
    await accept(store, "a")
    first, second = make("w1"), make("w2")
    await first.open()
    (delivery,) = await first.take(1, 0.01)
    old = await store.start("a", "w1")
    assert isinstance(old, Started)
    assert await first.extend(delivery, old.fence)
    assert await reclaimed(second) == ["a"]
    await call(redis, "HSET", "job:a", "lease_until", 1)
    new = await store.start("a", "w2")
    assert isinstance(new, Started)
    assert not await first.extend(delivery, old.fence)
    pending = await call(redis, "XPENDING", "queue:inference", "workers")
    assert pending["consumers"] == [{"name": "w2", "pending": 1}]


async def test_a_worker_with_pending_entries_is_not_forgotten(
    redis: Redis, store: Store, make: MakeQueue
) -> None:
    await accept(store, "a")
    first, second = make("w1"), make("w2")
    await first.open()
    (delivery,) = await first.take(1, 0.01)
    await first.close()
    await second.tidy()
    assert await call(redis, "XLEN", "queue:inference") == 1
    assert "w1" in str(await call(redis, "XINFO", "CONSUMERS", "queue:inference", "workers"))
    await first.settle(delivery)
    await first.close()
    assert await call(redis, "XINFO", "CONSUMERS", "queue:inference", "workers") == []


async def test_drops_what_everybody_is_done_with_and_nothing_else(
    redis: Redis, store: Store, make: MakeQueue
) -> None:
    queue = make("w1")
    await queue.open()
    await accept(store, *"abcde")
    for delivery in await queue.take(2, 0.01):
        await queue.settle(delivery)
    (pending,) = await queue.take(1, 0.01)
    await queue.tidy()
    assert await call(redis, "XLEN", "queue:inference") == 3
    assert ids(await queue.take(10, 0.01)) == ["d", "e"]
    await queue.settle(pending)
    groups = str(await call(redis, "XINFO GROUPS", "queue:inference"))
    assert "'lag': 0" in groups


async def test_makes_the_group_anew_when_redis_was_emptied(
    redis: Redis, store: Store, make: MakeQueue
) -> None:
    queue = make("w1")
    await queue.open()
    await redis.flushall()
    assert await queue.take(1, 0.01) == []
    await accept(store, "a")
    assert ids(await queue.take(1, 0.01)) == ["a"]
