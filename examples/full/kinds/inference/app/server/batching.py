"""Micro-batching: what waits is run as soon as the model is free, up to `max_rows` rows at once.

Under load the queue fills while a batch runs: batches grow by themselves, and nobody waits for a
timer unless `batch_max_wait_ms` is set.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from prometheus_client import Gauge, Histogram

from app.server.protocol import Array

Arrays = Mapping[str, Array]

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
BATCH_ROWS = Histogram(
    "inference_batch_rows", "Rows in a batch", ["model"], buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
WAIT_SECONDS = Histogram(
    "inference_wait_seconds", "From a request's arrival to its batch", ["model"], buckets=_SECONDS
)
RUN_SECONDS = Histogram("inference_run_seconds", "Run of one batch", ["model"], buckets=_SECONDS)
QUEUED = Gauge("inference_queue_length", "Requests waiting for the model", ["model"])


class QueueFull(Exception):
    """As many requests wait for the model as may wait."""


class DeadlineExpired(Exception):
    """The request's time was over before it ran."""


@dataclass(eq=False)
class _Item:
    arrays: Arrays
    rows: int
    kind: object  # equal for those that may share a batch
    deadline: float  # time.monotonic()
    result: asyncio.Future[Arrays]
    since: float = field(default_factory=time.monotonic)


class Batcher:
    """Runs one model, in one thread. `max_wait` (seconds) holds back a batch that is not full."""

    def __init__(
        self,
        model: str,
        run: Callable[[Arrays], Arrays],
        *,
        batched: bool,
        max_rows: int,
        max_queue: int,
        max_wait: float,
    ) -> None:
        self._model, self._run, self._batched = model, run, batched
        self._max_rows, self._max_queue, self._max_wait = max_rows, max_queue, max_wait
        self._waiting: deque[_Item] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=model)
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        QUEUED.labels(model).set_function(lambda: len(self._waiting))

    def submit(self, arrays: Arrays, deadline: float = float("inf")) -> asyncio.Future[Arrays]:
        """Queue arrays by input name, rows in the first dimension. The future has outputs by name.

        `deadline` is a time.monotonic(). What is cancelled leaves the queue. Raise QueueFull; the
        future fails with DeadlineExpired, and with what the model raises for these arrays.
        """
        if len(self._waiting) >= self._max_queue:
            self._drop_dead()
        if len(self._waiting) >= self._max_queue:
            raise QueueFull(f"{self._max_queue} requests are waiting for `{self._model}`")
        shapes = tuple((name, arrays[name].shape[1:]) for name in sorted(arrays))
        rows = max((len(array) for array in arrays.values()), default=1) if self._batched else 1
        result: asyncio.Future[Arrays] = asyncio.get_running_loop().create_future()
        item = _Item(arrays, rows, shapes if self._batched else object(), deadline, result)
        self._waiting.append(item)
        self._arrived.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return result

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            await self._hold()
            if not (batch := self._take()):
                continue
            started = time.monotonic()
            BATCH_ROWS.labels(self._model).observe(sum(item.rows for item in batch))
            outcomes = await loop.run_in_executor(self._thread, self._outcomes, batch)
            RUN_SECONDS.labels(self._model).observe(time.monotonic() - started)
            for item, outcome in zip(batch, outcomes, strict=True):
                if item.result.done():
                    continue
                if isinstance(outcome, Exception):
                    item.result.set_exception(outcome)
                else:
                    item.result.set_result(outcome)

    async def _hold(self) -> None:
        """Wait until a batch is full, or its oldest item has waited for `max_wait`."""
        end = self._waiting[0].since + self._max_wait
        while (left := end - time.monotonic()) > 0 and (
            sum(item.rows for item in self._waiting) < self._max_rows
        ):
            self._arrived.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), left)

    def _drop_dead(self) -> None:
        """Take out of the queue what was cancelled, and fail what is past its deadline."""
        alive = []
        for item in self._waiting:
            if item.deadline <= time.monotonic() and not item.result.done():
                item.result.set_exception(DeadlineExpired("the deadline passed in the queue"))
            if not item.result.done():
                alive.append(item)
        self._waiting = deque(alive)

    def _take(self) -> list[_Item]:
        """Take the oldest item, and in order those of its kind that still fit in the batch."""
        self._drop_dead()
        batch: list[_Item] = []
        left: deque[_Item] = deque()
        rows = 0
        for item in self._waiting:
            if not batch or (item.kind == batch[0].kind and rows + item.rows <= self._max_rows):
                batch.append(item)
                rows += item.rows
                WAIT_SECONDS.labels(self._model).observe(time.monotonic() - item.since)
            else:
                left.append(item)
        self._waiting = left
        return batch

    def _outcomes(self, batch: list[_Item]) -> list[Arrays | Exception]:
        """Run a batch; return what became of each item, in order."""
        try:
            return [*self._run_together(batch)]
        except Exception as error:
            if len(batch) == 1:
                return [error]
            # Alone, so that only the request at fault fails.
            return [outcome for item in batch for outcome in self._outcomes([item])]

    def _run_together(self, batch: list[_Item]) -> list[Arrays]:
        if len(batch) == 1:
            return [self._run(batch[0].arrays)]
        names = batch[0].arrays
        outputs = self._run({n: np.concatenate([i.arrays[n] for i in batch]) for n in names})
        ends = np.cumsum([item.rows for item in batch])
        if any(len(array) != ends[-1] for array in outputs.values()):
            raise RuntimeError(f"`{self._model}` did not return one row for each row")
        parts = {name: np.split(array, ends[:-1]) for name, array in outputs.items()}
        return [{name: parts[name][index] for name in parts} for index in range(len(batch))]
