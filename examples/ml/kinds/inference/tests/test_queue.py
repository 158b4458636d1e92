"""What every queue adapter promises, shown with the real broker of this project.

An adapter for another broker passes this file as it is, given a tests/broker.py of its own.
"""

import asyncio
import dataclasses
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial

import anyio
import pytest
from redis.asyncio import Redis

from app.shared import limits, log
from app.shared.limits import Limits
from app.worker.connection import Patience, call, connect
from app.worker.queue import Delivery, Queue, QueueSettings
from app.worker.store import Started, Store
from tests.broker import Broker
from tests.conftest import Eventually
from tests.servers import CONTRACTS, SERVICE, Proxy

LIMIT_S = 20


class Port:
    """Queues as consumers see them, and jobs to put through them. A lease is one second."""

    def __init__(self, redis: Redis, broker: Broker, fast: Limits, proxy: Proxy) -> None:
        self.redis = redis
        self.broker = broker
        self.proxy = proxy
        self.limits = dataclasses.replace(fast, lease_s=1)
        self.store = Store(redis, CONTRACTS, self.limits)
        self._closers: list[Callable[[], Awaitable[object]]] = []

    async def join(self, consumer: str, *, by_proxy: bool = False) -> Queue:
        """Open the queue as a consumer of that name."""
        settings, redis, scripts = self.broker.settings, self.redis, self.store.scripts
        if by_proxy:
            settings, redis_url = self.broker.through(self.proxy.port)
            if redis_url:
                redis = connect(redis_url)
                scripts = Store(redis, CONTRACTS, self.limits).scripts
                self._closers.append(redis.aclose)
        queue = Queue(settings, redis, scripts, "inference", consumer, self.limits)
        await queue.open()
        self._closers.insert(0, queue.close)
        return queue

    async def accept(self, *ids: str, outbox: bool = False) -> None:
        for job_id in ids:
            job = {"id": job_id, "caller": "ann", "service": "inference", "model": "sum"}
            how = {"stream": False} if outbox else self.broker.accepting
            await self.store.accept({**job, "deadline_s": 60, **how}, "{}")

    async def start(self, job_id: str, owner: str) -> Started:
        started = await self.store.start(job_id, owner)
        assert isinstance(started, Started)
        return started

    async def arrive(self, queue: Queue, count: int = 1) -> list[Delivery]:
        """Do what a worker does until `count` entries have come."""
        patience = Patience()
        came: list[Delivery] = []
        with anyio.fail_after(LIMIT_S):
            while len(came) < count:
                await patience.insist(queue.relay)
                came += await patience.insist(partial(queue.take, count - len(came), 0.05))
                if left := count - len(came):
                    came += await patience.insist(partial(queue.reclaim, left))
        return came

    async def close(self) -> None:
        for close in self._closers:
            await close()


@pytest.fixture
async def proxy(broker: Broker) -> AsyncIterator[Proxy]:
    proxy = Proxy(broker.port)
    await proxy.start()
    yield proxy
    await proxy.cut()


@pytest.fixture
async def port(redis: Redis, broker: Broker, fast: Limits, proxy: Proxy) -> AsyncIterator[Port]:
    port = Port(redis, broker, fast, proxy)
    yield port
    await port.close()


def ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.id for delivery in deliveries]


async def test_takes_what_was_accepted_before_the_first_worker(port: Port) -> None:
    await port.accept("a", "b", "c")
    assert sorted(ids(await port.arrive(await port.join("w1"), 3))) == ["a", "b", "c"]


async def test_takes_no_more_than_was_asked_for(port: Port) -> None:
    await port.accept("a", "b", "c")
    queue = await port.join("w1")
    assert len(await port.arrive(queue, 2)) == 2
    assert len(await port.arrive(queue, 1)) == 1


async def test_gives_each_entry_to_one_worker(port: Port) -> None:
    first, second = await port.join("w1"), await port.join("w2")
    await port.accept(*(str(number) for number in range(16)))
    came: list[str] = []
    with anyio.fail_after(LIMIT_S):
        while len(came) < 16:
            for queue in (first, second):
                await queue.relay()
                for delivery in await queue.take(4, 0.05):
                    came.append(delivery.id)
                    await queue.settle(delivery)
    assert len(set(came)) == 16


async def test_what_is_settled_does_not_come_again_and_the_rest_does(port: Port) -> None:
    await port.accept("a", "b")
    first, second = await port.join("w1"), await port.join("w2")
    for delivery in await port.arrive(first, 2):
        if delivery.id == "a":
            await first.settle(delivery)
    await first.close()
    (again,) = await port.arrive(second)
    assert again.id == "b"
    await second.settle(again)
    assert await port.broker.settled()


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_what_a_lost_process_held_comes_again(port: Port, death: signal.Signals) -> None:
    await port.accept("a")
    url = f"redis://127.0.0.1:{port.redis.connection_pool.connection_kwargs['port']}"
    environment = {**os.environ, "REDIS_URL": url, "CONTRACTS_DIR": str(CONTRACTS)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.test_queue", "lost", cwd=SERVICE,
        stdout=asyncio.subprocess.PIPE, env={**environment, **port.broker.environment},
    )  # fmt: skip
    try:
        assert process.stdout
        with anyio.fail_after(LIMIT_S):
            assert await process.stdout.readline() == b"a\n"
        process.send_signal(death)
        assert ids(await port.arrive(await port.join("w2"))) == ["a"]
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def test_what_a_cut_off_worker_held_comes_again_and_it_takes_again_later(
    port: Port,
) -> None:
    await port.accept("a")
    first, second = await port.join("w1", by_proxy=True), await port.join("w2")
    (lost,) = await port.arrive(first)
    await port.proxy.cut()
    (again,) = await port.arrive(second)
    assert again.id == "a"
    await second.settle(again)
    await port.proxy.start()
    await port.accept("b")
    (later,) = await port.arrive(first)
    assert (lost.id, later.id) == ("a", "b")
    await first.settle(later)


async def test_a_worker_holds_what_it_extends_until_another_has_it(
    port: Port,
) -> None:
    await port.accept("a")
    first, second = await port.join("w1", by_proxy=True), await port.join("w2")
    (delivery,) = await port.arrive(first)
    old = await port.start("a", "w1")
    assert await first.extend(delivery, old.fence)
    await port.proxy.cut()
    await port.arrive(second)
    await call(port.redis, "HSET", "job:a", "lease_until", 1)
    await port.start("a", "w2")
    await port.proxy.start()
    assert not await Patience().insist(lambda: first.extend(delivery, old.fence))


async def test_hands_over_what_is_due_and_not_before(port: Port) -> None:
    queue = await port.join("w1")
    await port.accept("now", "later", outbox=True)
    await call(port.redis, "ZINCRBY", "due", 60_000, "later")
    assert ids(await port.arrive(queue)) == ["now"]
    assert await call(port.redis, "ZRANGE", "due", 0, -1) == ["later"]


async def test_hands_over_nothing_that_has_ended(port: Port) -> None:
    queue = await port.join("w1")
    await port.accept("a", "b", outbox=True)
    await port.store.cancel("a")
    assert ids(await port.arrive(queue)) == ["b"]


async def test_hands_over_more_than_one_batch(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.worker.queue.RELAY_LIMIT", 2)
    queue = await port.join("w1")
    await port.accept("first", outbox=True)
    await port.arrive(queue)
    await port.accept(*"abcde", outbox=True)
    assert await queue.relay() == 5
    assert await call(port.redis, "ZCARD", "due") == 0


async def test_what_was_published_without_an_answer_is_published_again(port: Port) -> None:
    first, second = await port.join("w1", by_proxy=True), await port.join("w2")
    await port.accept("before", outbox=True)
    await port.arrive(first)  # it is connected
    await port.accept("a", outbox=True)
    port.proxy.deafen()
    relaying = asyncio.create_task(first.relay())
    await port.proxy.heard.wait()
    await port.proxy.cut()
    await asyncio.gather(relaying, return_exceptions=True)
    came: set[str] = set()
    with anyio.fail_after(LIMIT_S):
        while "a" not in came:
            came |= set(ids(await port.arrive(second)))
    await port.proxy.start()


async def test_a_second_entry_of_a_job_is_settled_with_nothing_left(
    port: Port, eventually: Eventually
) -> None:
    await port.accept("a")
    queue = await port.join("w1")
    for _ in range(3):
        await port.broker.send("a")
    (first,) = await port.arrive(queue)
    job = await port.start("a", "w1")
    await port.store.finish(job, "succeeded", "{}")
    await queue.settle(first)

    async def settled() -> bool:
        for delivery in await queue.take(8, 0.05):
            assert await port.store.start(delivery.id, "w1") == "terminal"
            await queue.settle(delivery)
        return await port.broker.settled()

    await eventually(settled)


async def test_a_job_that_runs_elsewhere_comes_again_if_its_worker_is_lost(port: Port) -> None:
    await port.accept("a")
    queue = await port.join("w1")
    (held,) = await port.arrive(queue)
    await port.start("a", "lost")
    while await port.store.start("a", "w1") == "held":
        await queue.leave(held)
        (held,) = await port.arrive(queue)
    job = await port.store.read("a")
    assert (job["owner"], job["attempt"]) == ("w1", "2")


async def test_a_job_that_ended_elsewhere_leaves_nothing(
    port: Port, eventually: Eventually
) -> None:
    await port.accept("a")
    queue = await port.join("w1")
    (held,) = await port.arrive(queue)
    job = await port.start("a", "other")
    await queue.leave(held)
    await port.store.finish(job, "succeeded", "{}")

    async def nothing_left() -> bool:
        for delivery in await queue.take(8, 0.05) + await queue.reclaim(8):
            assert await port.store.start(delivery.id, "w1") == "terminal"
            await queue.settle(delivery)
        return await port.broker.settled() and await call(port.redis, "ZCARD", "due") == 0

    await eventually(nothing_left)


async def test_tidies_what_is_done_and_nothing_else(port: Port) -> None:
    queue = await port.join("w1")
    await port.accept(*"abc")
    first, _pending = await port.arrive(queue, 2)
    await queue.settle(first)
    await queue.tidy()
    assert len(await port.arrive(queue)) == 1
    await queue.close()
    assert len(await port.arrive(await port.join("w2"), 2)) == 2


async def hold_one(name: str) -> None:
    """Take one id, print it, and keep it until this process is killed."""
    log.configure(name, logging.CRITICAL)
    redis = connect(os.environ["REDIS_URL"])
    shared = limits.read(CONTRACTS, os.environ)
    scripts = Store(redis, CONTRACTS, shared).scripts
    queue = Queue(QueueSettings(), redis, scripts, "inference", name, shared)
    await queue.open()
    while not (taken := await queue.take(1, 0.1)):
        await queue.relay()
    sys.stdout.write(f"{taken[0].id}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    # The process that a test kills: `python -m tests.test_queue NAME`.
    asyncio.run(hold_one(sys.argv[1]))
