"""A whole worker between a real Redis and an inference that does what the test wants."""

import asyncio
import dataclasses
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import pytest
from redis.asyncio import Redis

from app.shared.limits import Limits
from app.worker.connection import call, connect
from app.worker.inference import Inference
from app.worker.queue import Queue
from app.worker.store import Started, Store
from app.worker.worker import Worker
from tests.broker import Broker
from tests.conftest import Eventually
from tests.servers import (
    CONTRACTS,
    SERVICE,
    Answer,
    RedisServer,
    Reset,
    StubInference,
    free_port,
    until_it_answers,
)

# A ceiling for what a process must do, however busy the machine is.
PROCESS_S = 60
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def rows(count: int, *, nested: bool = False) -> str:
    """A job's input: rows [n, 1], whose sums are n + 1."""
    data = [[n, 1] for n in range(count)] if nested else [v for n in range(count) for v in (n, 1)]
    tensor = {"name": "x", "shape": [count, 2], "datatype": "FP32", "data": data}
    return json.dumps({"inputs": [tensor]})


class System:
    """Jobs, and as many workers as a test starts."""

    def __init__(
        self, redis: Redis, broker: Broker, limits: Limits, inference: StubInference
    ) -> None:
        self.redis = redis
        self.broker = broker.beside(redis)
        self.limits = limits
        self.inference = inference
        self.store = Store(redis, CONTRACTS, limits)
        self._workers = 0

    def queue(self, consumer: str) -> Queue:
        return Queue(
            self.broker.settings,
            self.redis,
            self.store.scripts,
            "inference",
            consumer,
            self.limits,
        )

    async def accept(self, job_id: str, payload: str | None = None, **more: object) -> None:
        job = {
            "id": job_id,
            "caller": "ann",
            "service": "inference",
            "model": "sum",
            "deadline_s": 60,
            **self.broker.accepting,
        }
        reply = await self.store.accept({**job, **more}, payload or rows(1))
        assert reply["result"] == "accepted"

    async def status(self, job_id: str) -> str:
        return (await self.store.read(job_id))["status"]

    def has(self, job_id: str, status: str) -> Callable[[], Any]:
        async def check() -> bool:
            return await self.status(job_id) == status

        return check

    async def settled(self) -> bool:
        """Whether nothing is pending and nothing waits."""
        return await self.broker.settled() and await call(self.redis, "ZCARD", "live") == 0

    async def kinds(self, job_id: str) -> list[str]:
        return [fields["type"] for _, fields in await self.store.events(job_id)]

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[asyncio.Event]:
        """Run a worker for the length of the block; setting the event stops it before."""
        self._workers += 1
        name = f"worker-{self._workers}"
        inference = Inference(self.inference.url)
        stop = asyncio.Event()
        worker = Worker(self.store, self.queue(name), inference, self.limits, name)
        running = asyncio.create_task(worker.run(stop))
        try:
            yield stop
        finally:
            stop.set()
            await running
            await inference.close()


@pytest.fixture
async def inference() -> AsyncIterator[StubInference]:
    stub = StubInference()
    await stub.start()
    yield stub
    await stub.stop()


@pytest.fixture
def system(redis: Redis, broker: Broker, fast: Limits, inference: StubInference) -> System:
    return System(redis, broker, fast, inference)


async def test_runs_a_job_and_keeps_its_result(system: System, eventually: Eventually) -> None:
    await system.accept("a", rows(2), traceparent=TRACEPARENT)
    async with system.worker():
        await eventually(system.has("a", "succeeded"))
        await eventually(system.settled)
    job = await system.store.read("a")
    assert json.loads(job["output"])["outputs"][0]["data"] == [1, 2]
    assert (job["model_version"], job["attempt"]) == ("1", "1")
    assert system.inference.bodies == [json.loads(rows(2))]
    headers = system.inference.headers[0]
    assert headers["traceparent"] == TRACEPARENT
    assert 0 < int(headers["x-deadline-ms"]) <= system.limits.job_timeout_s * 1000


@pytest.mark.parametrize("nested", [False, True])
async def test_runs_many_rows_in_chunks_with_real_progress(
    system: System, eventually: Eventually, nested: bool
) -> None:
    await system.accept("a", rows(10, nested=nested))
    async with system.worker():
        await eventually(system.has("a", "succeeded"))
    sizes = [body["inputs"][0]["shape"][0] for body in system.inference.bodies]
    assert sizes == [4, 4, 2]
    output = json.loads((await system.store.read("a"))["output"])["outputs"][0]
    assert (output["shape"], output["data"]) == ([10], list(range(1, 11)))
    parts = [json.loads(fields["data"])["progress"] for _, fields in await system.store.events("a")]
    assert parts == [0, 0, 0.4, 0.8, 1]


async def test_takes_inputs_of_a_model_that_has_just_been_changed(
    system: System, eventually: Eventually
) -> None:
    await system.accept("a", rows(1))
    async with system.worker():
        await eventually(system.has("a", "succeeded"))
        tensor = {**system.inference.metadata["inputs"][0], "datatype": "INT64"}
        system.inference.metadata = {**system.inference.metadata, "inputs": [tensor]}
        await system.accept("b", rows(1).replace("FP32", "INT64"))
        await eventually(system.has("b", "succeeded"))


async def test_sees_a_cancellation_between_chunks(system: System, eventually: Eventually) -> None:
    async def cancel_after_first(body: dict[str, Any]) -> Answer:
        await system.store.cancel("a")
        return await system.inference.add_up(body)

    system.inference.behave = cancel_after_first
    await system.accept("a", rows(10))
    async with system.worker():
        await eventually(system.has("a", "canceled"))
        await eventually(system.settled)
    assert len(system.inference.bodies) == 1


async def test_sees_a_cancellation_at_the_next_heartbeat(
    system: System, eventually: Eventually
) -> None:
    reached = asyncio.Event()

    async def hang(_body: dict[str, Any]) -> Answer:
        reached.set()
        await asyncio.Event().wait()
        raise Reset

    system.inference.behave = hang
    await system.accept("a")
    async with system.worker():
        await reached.wait()
        assert await system.store.cancel("a") == "canceling"
        await eventually(system.has("a", "canceled"))
        await eventually(system.settled)


@pytest.mark.parametrize(
    ("payload", "more", "reason"),
    [
        ("not json", {}, "invalid-input"),
        ('{"inputs":[]}', {}, "invalid-input"),
        (rows(1).replace("FP32", "INT64"), {}, "invalid-input"),
        (rows(1).replace("[1, 2]", "[1, 3]"), {}, "invalid-input"),
        (rows(1).replace("[1, 2]", "[2, 2]"), {}, "invalid-input"),
        (rows(1).replace('"x"', '"z"'), {}, "invalid-input"),
        (rows(1), {"model": "nobody"}, "unknown-model"),
    ],
)
async def test_what_can_never_work_is_dead_at_once(
    system: System, eventually: Eventually, payload: str, more: dict[str, str], reason: str
) -> None:
    await system.accept("a", payload, **more)
    async with system.worker():
        await eventually(system.has("a", "failed"))
        await eventually(system.settled)
    job = await system.store.read("a")
    assert (job["dead_reason"], job["attempt"]) == (reason, "1")
    assert json.loads(job["error"])["status"] in {404, 422}
    assert system.inference.bodies == []


async def test_a_failure_is_tried_again_and_counted(system: System, eventually: Eventually) -> None:
    async def fail_once(body: dict[str, Any]) -> Answer:
        if len(system.inference.bodies) == 1:
            return 500, {"error": "once"}
        return await system.inference.add_up(body)

    system.inference.behave = fail_once
    await system.accept("a")
    async with system.worker():
        await eventually(system.has("a", "succeeded"))
        await eventually(system.settled)
    assert (await system.store.read("a"))["attempt"] == "2"
    assert await system.kinds("a") == ["queued", "running", "queued", "running", "succeeded"]


async def test_a_poison_dies_alone_after_its_attempts(
    system: System, eventually: Eventually
) -> None:
    together: list[int] = []

    async def die_of_99(body: dict[str, Any]) -> Answer:
        poison = 99 in body["inputs"][0]["data"]
        if poison:
            together.append(system.inference.running)
            raise Reset
        return await system.inference.add_up(body)

    system.inference.behave = die_of_99
    await system.accept("poison", rows(1).replace("[0, 1]", "[99, 1]"))
    for number in range(20):
        await system.accept(f"good-{number}")
    async with system.worker():
        await eventually(system.has("poison", "failed"))
        await eventually(system.settled)
    assert (await system.store.read("poison"))["dead_reason"] == "attempts-exhausted"
    assert len(together) == system.limits.attempts_max
    assert together[1:] == [1] * (system.limits.attempts_max - 1)
    assert {await system.status(f"good-{number}") for number in range(20)} == {"succeeded"}


async def test_a_refused_connection_is_no_failure(system: System, eventually: Eventually) -> None:
    async with system.worker():
        await system.inference.ready_asked.wait()
        await system.inference.stop()
        for number in range(5):
            await system.accept(str(number))

        async def refused() -> bool:
            kinds = [await system.kinds(str(number)) for number in range(5)]
            return any(seen.count("queued") > 1 for seen in kinds)

        await eventually(refused)
        await system.inference.start()
        for number in range(5):
            await eventually(system.has(str(number), "succeeded"))
    assert {(await system.store.read(str(number)))["attempt"] for number in range(5)} == {"1"}


async def test_a_503_is_no_failure_and_pauses_taking(
    system: System, eventually: Eventually
) -> None:
    async def busy(_body: dict[str, Any]) -> Answer:
        system.inference.ready = False
        return 503, {"error": "full"}

    system.inference.behave = busy
    await system.accept("a")
    async with system.worker():

        async def given_back() -> bool:
            return (await system.kinds("a"))[:3] == ["queued", "running", "queued"]

        await eventually(given_back)
        # A read of the queue that was under way may still bring something; then come only probes.
        for _ in range(4):
            system.inference.ready_asked.clear()
            await system.inference.ready_asked.wait()
        asked = len(system.inference.bodies)
        for _ in range(2):
            system.inference.ready_asked.clear()
            await system.inference.ready_asked.wait()
        assert len(system.inference.bodies) == asked
        system.inference.behave = system.inference.add_up
        system.inference.ready = True
        await eventually(system.has("a", "succeeded"))
    assert (await system.store.read("a"))["attempt"] == "1"


async def test_takes_nothing_before_inference_is_ready(
    system: System, eventually: Eventually
) -> None:
    system.inference.ready = False
    await system.accept("a")
    async with system.worker():
        for _ in range(2):
            system.inference.ready_asked.clear()
            await system.inference.ready_asked.wait()
        assert await system.status("a") == "queued"
        system.inference.ready = True
        await eventually(system.has("a", "succeeded"))


async def test_a_slow_answer_is_a_failure_after_the_timeout(
    system: System, eventually: Eventually
) -> None:
    async def hang(_body: dict[str, Any]) -> Answer:
        await asyncio.Event().wait()
        raise Reset

    system.limits = dataclasses.replace(system.limits, job_timeout_s=0.2, attempts_max=2)
    system.store = Store(system.redis, CONTRACTS, system.limits)
    system.inference.behave = hang
    await system.accept("a")
    async with system.worker():
        await eventually(system.has("a", "failed"))
    job = await system.store.read("a")
    assert (job["dead_reason"], job["attempt"]) == ("attempts-exhausted", "2")
    assert json.loads(job["error"])["type"] == "/problems/inference-timeout"


async def test_work_past_its_deadline_expires(system: System, eventually: Eventually) -> None:
    async def hang(_body: dict[str, Any]) -> Answer:
        await asyncio.Event().wait()
        raise Reset

    system.inference.behave = hang
    await system.accept("running", deadline_s=0.3)
    async with system.worker():
        await eventually(system.has("running", "expired"))
        await eventually(system.settled)
    await system.accept("late", deadline_s=0.001)
    async with system.worker():
        await eventually(system.has("late", "expired"))
        await eventually(system.settled)
    assert "running" not in await system.kinds("late")


async def test_takes_over_what_a_lost_worker_left(system: System, eventually: Eventually) -> None:
    lost = system.queue("lost")
    await lost.open()
    await system.accept("a")
    while not await lost.take(1, 0.05):
        await lost.relay()
    stale = await system.store.start("a", "lost")
    assert isinstance(stale, Started)
    await lost.close()
    async with system.worker():
        await eventually(system.has("a", "succeeded"))
        await eventually(system.settled)
    assert (await system.store.read("a"))["attempt"] == "2"
    assert not await system.store.finish(stale, "succeeded", '{"late":true}')
    assert "late" not in (await system.store.read("a"))["output"]


async def test_a_long_job_is_not_taken_from_a_living_worker(
    system: System, eventually: Eventually
) -> None:
    go_on = asyncio.Event()

    async def wait(body: dict[str, Any]) -> Answer:
        await go_on.wait()
        return await system.inference.add_up(body)

    system.inference.behave = wait
    await system.accept("a")
    async with system.worker(), system.worker():
        await eventually(system.has("a", "running"))
        begun = int((await system.store.read("a"))["lease_until"])

        async def two_leases_later() -> bool:
            until = int((await system.store.read("a"))["lease_until"])
            return until - begun > 2000 * system.limits.lease_s

        await eventually(two_leases_later)
        go_on.set()
        await eventually(system.has("a", "succeeded"))
        await eventually(system.settled)
    job = await system.store.read("a")
    assert (job["attempt"], job["fence"]) == ("1", "1")


async def test_a_second_entry_of_a_job_has_no_effect(
    system: System, eventually: Eventually
) -> None:
    await system.accept("a")
    for _ in range(2):
        await system.broker.send("a")
    async with system.worker(), system.worker():
        await eventually(system.has("a", "succeeded"))
        await eventually(system.settled)
    assert len(system.inference.bodies) == 1


async def test_finishes_what_runs_when_told_to_stop(system: System, eventually: Eventually) -> None:
    go_on = asyncio.Event()

    async def wait(body: dict[str, Any]) -> Answer:
        await go_on.wait()
        return await system.inference.add_up(body)

    system.inference.behave = wait
    await system.accept("a")
    async with system.worker() as stop:
        await eventually(system.has("a", "running"))
        stop.set()
        go_on.set()
    assert await system.status("a") == "succeeded"
    assert await system.settled()


async def test_gives_back_uncounted_what_outlasts_the_grace(
    system: System, eventually: Eventually
) -> None:
    async def hang(_body: dict[str, Any]) -> Answer:
        await asyncio.Event().wait()
        raise Reset

    system.limits = dataclasses.replace(system.limits, worker_grace_s=0.1)
    system.inference.behave = hang
    await system.accept("a")
    async with system.worker():
        await eventually(system.has("a", "running"))
    job = await system.store.read("a")
    assert (job["status"], job["attempt"]) == ("queued", "1")
    system.inference.behave = system.inference.add_up
    async with system.worker():
        await eventually(system.has("a", "succeeded"))


async def test_leaves_the_group_when_it_stops(system: System) -> None:
    async with system.worker():
        await system.inference.ready_asked.wait()
    assert await system.broker.consumers() == 0


async def test_survives_a_killed_redis(
    mortal_server: RedisServer,
    broker: Broker,
    fast: Limits,
    inference: StubInference,
    eventually: Eventually,
) -> None:
    redis = connect(mortal_server.url)
    system = System(redis, broker, fast, inference)
    go_on = asyncio.Event()

    async def wait(body: dict[str, Any]) -> Answer:
        await go_on.wait()
        return await inference.add_up(body)

    inference.behave = wait
    for number in range(12):
        await system.accept(str(number))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(redis.aclose)
        await stack.enter_async_context(system.worker())
        await eventually(system.has("0", "running"))
        mortal_server.kill()
        go_on.set()  # results come while there is nowhere to put them
        await anyio.to_thread.run_sync(mortal_server.start)
        for number in range(12):
            await eventually(system.has(str(number), "succeeded"))
        await eventually(system.settled)
        bodies = len(inference.bodies)
    assert bodies == 12


async def test_waits_for_a_redis_that_is_not_there_yet(
    mortal_server: RedisServer,
    broker: Broker,
    fast: Limits,
    inference: StubInference,
    eventually: Eventually,
) -> None:
    mortal_server.kill()
    redis = connect(mortal_server.url)
    system = System(redis, broker, fast, inference)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(redis.aclose)
        await stack.enter_async_context(system.worker())
        await anyio.to_thread.run_sync(mortal_server.start)
        await system.accept("a")
        await eventually(system.has("a", "succeeded"))


async def test_stops_while_redis_is_away(
    mortal_server: RedisServer, broker: Broker, fast: Limits, inference: StubInference
) -> None:
    mortal_server.kill()
    redis = connect(mortal_server.url)
    with anyio.fail_after(5):
        async with System(redis, broker, fast, inference).worker():
            pass
    await redis.aclose()


async def test_goes_on_after_redis_was_emptied(system: System, eventually: Eventually) -> None:
    async with system.worker():
        await system.inference.ready_asked.wait()
        await system.redis.flushall()
        await system.accept("a")
        await eventually(system.has("a", "succeeded"))


@asynccontextmanager
async def worker_process(
    redis_url: str, broker: Broker, inference: StubInference, **more: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `python -m app.worker.main` for the length of the block."""
    environment = {
        **os.environ,
        "SERVICE_NAME": "inference",
        "REDIS_URL": redis_url,
        "INFERENCE_URL": inference.url,
        "METRICS_PORT": str(free_port()),
        "CONTRACTS_DIR": str(CONTRACTS),
        **broker.environment,
        **more,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.worker.main", cwd=SERVICE, env=environment,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def said(process: asyncio.subprocess.Process, message: str) -> list[dict[str, Any]]:
    """Return what a process logs until it says `message`."""
    assert process.stdout
    lines: list[dict[str, Any]] = []
    with anyio.fail_after(PROCESS_S):
        async for line in process.stdout:
            lines.append(json.loads(line))
            if lines[-1]["msg"] == message:
                return lines
    raise AssertionError(f"ended without a word of {message}")


async def end_of(process: asyncio.subprocess.Process) -> list[dict[str, Any]]:
    """Return what a process that was told to stop still logs; it ends well."""
    process.send_signal(signal.SIGTERM)
    with anyio.fail_after(PROCESS_S):
        output, _ = await process.communicate()
    assert process.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


async def test_the_process_ends_well_when_told_to_as_soon_as_it_answers(
    redis: Redis, broker: Broker, inference: StubInference
) -> None:
    port = redis.connection_pool.connection_kwargs["port"]
    metrics_port = free_port()
    more = {"METRICS_PORT": str(metrics_port)}
    async with worker_process(f"redis://127.0.0.1:{port}", broker, inference, **more) as process:
        await asyncio.to_thread(until_it_answers, metrics_port)
        await end_of(process)


async def test_the_process_says_when_it_is_ready_and_ends_on_sigterm(
    redis: Redis, broker: Broker, fast: Limits, inference: StubInference
) -> None:
    port = redis.connection_pool.connection_kwargs["port"]
    system = System(redis, broker, fast, inference)
    await system.accept("a", traceparent=TRACEPARENT)
    async with worker_process(f"redis://127.0.0.1:{port}", broker, inference) as process:
        lines = await said(process, "job succeeded")
        assert await system.status("a") == "succeeded"
        last = await end_of(process)
    assert lines[0]["msg"] == "worker is ready"
    assert (lines[-1]["job_id"], lines[-1]["trace_id"]) == ("a", TRACEPARENT.split("-")[1])
    assert last[-1]["msg"] == "worker stopped"


async def test_the_process_ends_on_sigterm_before_redis_has_come(
    mortal_server: RedisServer, broker: Broker, inference: StubInference
) -> None:
    mortal_server.kill()
    async with worker_process(mortal_server.url, broker, inference) as process:
        await said(process, "redis is unavailable")
        lines = await end_of(process)
    assert lines[-1]["msg"] == "worker stopped"


async def test_the_process_ends_on_sigterm_while_redis_is_away(
    mortal_server: RedisServer, broker: Broker, inference: StubInference
) -> None:
    async with worker_process(mortal_server.url, broker, inference) as process:
        await said(process, "inference is ready")
        mortal_server.kill()
        await said(process, "redis is unavailable")
        lines = await end_of(process)
    assert lines[-1]["msg"] == "worker stopped"


async def test_the_process_ends_after_its_grace_while_redis_is_away(
    mortal_server: RedisServer,
    broker: Broker,
    fast: Limits,
    inference: StubInference,
) -> None:
    redis = connect(mortal_server.url)
    system = System(redis, broker, fast, inference)
    taken, go_on = asyncio.Event(), asyncio.Event()

    async def wait(body: dict[str, Any]) -> Answer:
        taken.set()
        await go_on.wait()
        return await inference.add_up(body)

    inference.behave = wait
    await system.accept("a")
    grace = {"WORKER_GRACE_S": "0.5"}
    async with worker_process(mortal_server.url, broker, inference, **grace) as process:
        with anyio.fail_after(PROCESS_S):
            await taken.wait()
        mortal_server.kill()
        go_on.set()  # the result comes while there is nowhere to put it
        await said(process, "redis is unavailable")
        lines = await end_of(process)
    await redis.aclose()
    assert lines[-1]["msg"] == "worker stopped"
