import asyncio
import threading
import time

import numpy as np
import pytest

from app.server.batching import Arrays, Batcher, DeadlineExpired, QueueFull
from app.server.protocol import Array


class Recorder:
    """A model that doubles its input, notes each batch, and can be held while it runs."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []
        self.running = threading.Event()
        self.free = threading.Event()
        self.free.set()

    def __call__(self, arrays: Arrays) -> Arrays:
        self.batches.append(arrays["x"].shape)
        self.running.set()
        assert self.free.wait(10)
        if (arrays["x"] < 0).any():
            raise ValueError("negative")
        return {"y": arrays["x"] * 2}


def batcher(model: Recorder, *, batched: bool = True, max_queue: int = 64) -> Batcher:
    return Batcher("m", model, batched=batched, max_rows=4, max_queue=max_queue, max_wait=0)


def rows(count: int, *, width: int = 1, value: float = 1) -> dict[str, Array]:
    return {"x": np.full((count, width), value, np.float32)}


async def hold(subject: Batcher, model: Recorder) -> asyncio.Future[Arrays]:
    """Keeps the model busy until `model.free` is set, so that what is submitted has to wait."""
    model.free.clear()
    first = subject.submit(rows(1))
    assert await asyncio.to_thread(model.running.wait, 10)
    model.batches.clear()
    return first


async def test_runs_at_once_when_the_model_is_free() -> None:
    model = Recorder()
    result = await batcher(model).submit(rows(2))
    np.testing.assert_array_equal(result["y"], [[2], [2]])
    assert model.batches == [(2, 1)]


async def test_runs_together_what_waited_and_gives_each_its_own_rows() -> None:
    model = Recorder()
    subject = batcher(model)
    first = await hold(subject, model)
    waiting = [subject.submit(rows(n, value=n)) for n in (1, 2, 1, 3)]
    model.free.set()
    results = await asyncio.gather(*waiting)
    assert [result["y"].tolist() for result in results] == [[[2]], [[4], [4]], [[2]], [[6]] * 3]
    assert model.batches == [(4, 1), (3, 1)]
    await first


async def test_does_not_run_different_shapes_together() -> None:
    model = Recorder()
    subject = batcher(model)
    first = await hold(subject, model)
    waiting = [subject.submit(rows(1, width=w)) for w in (1, 2, 1)]
    model.free.set()
    await asyncio.gather(first, *waiting)
    assert model.batches == [(2, 1), (1, 2)]


async def test_runs_a_request_of_more_rows_than_a_batch_alone() -> None:
    model = Recorder()
    subject = batcher(model)
    first = await hold(subject, model)
    waiting = [subject.submit(rows(n)) for n in (9, 1)]
    model.free.set()
    await asyncio.gather(first, *waiting)
    assert model.batches == [(9, 1), (1, 1)]


async def test_runs_each_request_alone_where_the_model_has_no_rows() -> None:
    model = Recorder()
    subject = batcher(model, batched=False)
    first = await hold(subject, model)
    waiting = [subject.submit(rows(1)) for _ in range(2)]
    model.free.set()
    await asyncio.gather(first, *waiting)
    assert model.batches == [(1, 1), (1, 1)]


async def test_refuses_what_finds_the_queue_full() -> None:
    model = Recorder()
    subject = batcher(model, max_queue=2)
    first = await hold(subject, model)
    waiting = [subject.submit(rows(1)) for _ in range(2)]
    with pytest.raises(QueueFull):
        subject.submit(rows(1))
    model.free.set()
    await asyncio.gather(first, *waiting)


async def test_what_was_canceled_leaves_its_place_and_never_runs() -> None:
    model = Recorder()
    subject = batcher(model, max_queue=1)
    first = await hold(subject, model)
    canceled = subject.submit(rows(3))
    canceled.cancel()
    waiting = subject.submit(rows(2))
    model.free.set()
    await asyncio.gather(first, waiting)
    assert canceled.cancelled()
    assert model.batches == [(2, 1)]


async def test_what_has_expired_never_runs() -> None:
    model = Recorder()
    subject = batcher(model)
    first = await hold(subject, model)
    expired = subject.submit(rows(3), deadline=time.monotonic())
    waiting = subject.submit(rows(2), deadline=time.monotonic() + 60)
    model.free.set()
    with pytest.raises(DeadlineExpired):
        await expired
    await asyncio.gather(first, waiting)
    assert model.batches == [(2, 1)]


async def test_a_failure_in_a_batch_fails_only_the_request_at_fault() -> None:
    model = Recorder()
    subject = batcher(model)
    first = await hold(subject, model)
    good = subject.submit(rows(1))
    bad = subject.submit(rows(1, value=-1))
    model.free.set()
    with pytest.raises(ValueError, match="negative"):
        await bad
    assert (await good)["y"].tolist() == [[2]]
    assert model.batches == [(2, 1), (1, 1), (1, 1)]
    assert (await subject.submit(rows(1)))["y"].tolist() == [[2]]
    await first


async def test_holds_a_batch_back_until_it_is_full_where_a_wait_is_set() -> None:
    model = Recorder()
    subject = Batcher("m", model, batched=True, max_rows=4, max_queue=64, max_wait=60)
    await asyncio.gather(*(subject.submit(rows(2)) for _ in range(2)))
    assert model.batches == [(4, 1)]
