"""Takes jobs from the queue, has inference run them, and writes what became of them."""

import asyncio
import json
import random
from collections.abc import Callable, Coroutine
from functools import partial

from prometheus_client import Counter, Gauge, Histogram
from redis.exceptions import ResponseError
from structlog.contextvars import bind_contextvars, bound_contextvars

from app.shared import log
from app.shared.limits import Limits
from app.worker.attempt import Attempts, Finish, Lost, Outcome, Release, Retry, backoff_s
from app.worker.concurrency import end_tasks
from app.worker.connection import Patience, Stopped
from app.worker.inference import Inference
from app.worker.queue import Delivery, Queue
from app.worker.store import Started, Store

logger = log.get_logger()

TAKE_WAIT_S = 0.5  # no longer, because a worker that is told to stop waits for it
STATS_S = 5.0
TIDY_S = 30.0
SWEEP_LIMIT = 100  # for Redis does nothing else meanwhile
LAST_WORDS_S = 2.0  # twice, to give back what is left and to leave the queue: containers give 5 s

_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)

# Of the whole system: each worker tells the same, so take their maximum and not their sum.
DEPTH = Gauge("jobs_depth", "Jobs that are not terminal")
DUE = Gauge("jobs_due", "Jobs that wait to be handed to the queue")
DEAD = Gauge("jobs_dead", "Jobs that were given up")
OLDEST_AGE = Gauge("jobs_oldest_age_seconds", "Age of the oldest job that is not terminal")

# Of this worker.
RUNNING = Gauge("worker_running", "Jobs that this worker runs")
ATTEMPTS = Counter(
    "worker_attempts",
    "Attempts by outcome: a terminal status, retried, released or lost",
    ["outcome"],
)
DIED = Counter("worker_dead", "Jobs that this worker gave up", ["reason"])
RECLAIMS = Counter("worker_reclaims", "Jobs taken over from a worker that was lost")
EXPIRED = Counter("worker_swept", "Overdue jobs that this worker's sweep expired")
WAIT_SECONDS = Histogram("job_wait_seconds", "From acceptance to the first start", buckets=_SECONDS)
RUN_SECONDS = Histogram("job_run_seconds", "From a start to its outcome", buckets=_SECONDS)


class Worker:
    """Runs jobs until it is told to stop."""

    def __init__(
        self, store: Store, queue: Queue, inference: Inference, limits: Limits, name: str
    ) -> None:
        self._store = store
        self._queue = queue
        self._limits = limits
        self._name = name
        self._patience = Patience()
        self._attempts = Attempts(store, queue, inference, limits, self._patience)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._one_done = asyncio.Event()
        self._intake = asyncio.Lock()  # held between counting the free places and filling them

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set and what was taken is finished, or given back."""
        await self._until(stop, self._patience.insist(self._queue.open))
        if stop.is_set():
            return
        logger.info("worker is ready", concurrency=self._limits.worker_concurrency)
        limits = self._limits
        background = [
            asyncio.create_task(self._attempts.probe()),
            asyncio.create_task(self._repeat(limits.relay_s, self._relay)),
            asyncio.create_task(self._repeat(limits.relay_s, self._sweep)),
            asyncio.create_task(self._repeat(STATS_S, self._tell_stats)),
            asyncio.create_task(self._repeat(TIDY_S, self._queue.tidy)),
        ]
        reclaiming = asyncio.create_task(self._repeat(limits.reclaim_s, self._reclaim))
        taking = asyncio.create_task(self._take(stop))
        stopping = asyncio.create_task(stop.wait())
        try:
            # None of them ends by itself: one that does has met a mistake in this program.
            done, _ = await asyncio.wait(
                {*background, reclaiming, taking, stopping}, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
            await taking
            reclaiming.cancel()
            await self._drain()
            await self._leave_queue()
        finally:
            await end_tasks([*background, reclaiming, taking, stopping])

    async def _drain(self) -> None:
        """Let what runs finish, within the grace, and have the rest given back."""
        logger.info("worker stops", running=len(self._running))
        if self._running:
            await asyncio.wait(self._running.values(), timeout=self._limits.worker_grace_s)
        self._attempts.grace_over.set()
        left = set(self._running.values())
        if left:
            _, left = await asyncio.wait(left, timeout=LAST_WORDS_S)
        await end_tasks(left)

    async def _leave_queue(self) -> None:
        try:
            await asyncio.wait_for(self._queue.close(), LAST_WORDS_S)
        except Exception as error:  # the process ends; others tidy up
            logger.warning("could not leave the queue", error=str(error))

    @staticmethod
    async def _until(stop: asyncio.Event, work: Coroutine[None, None, object]) -> None:
        """Await `work`, but not longer than until `stop`."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            await end_tasks([working, stopping])

    # What goes on in the background

    async def _repeat(
        self, every_s: float, work: Callable[[], Coroutine[None, None, None]]
    ) -> None:
        """Do `work` again and again, with jitter, so that workers do not march in step."""
        while True:
            await asyncio.sleep(every_s * random.uniform(0.5, 1))  # noqa: S311  # no secret
            try:
                await self._patience.insist(work)
            except ResponseError:
                # Somebody may have emptied Redis. It is no reason to stop running jobs.
                logger.exception("redis refused a command")

    async def _relay(self) -> None:
        await self._queue.relay()

    async def _sweep(self) -> None:
        more = True
        while more:
            expired, forgotten = await self._store.sweep(SWEEP_LIMIT)
            EXPIRED.inc(len(expired))
            for job_id in expired:
                logger.info("job expired", job_id=job_id)
            more = max(len(expired), forgotten) == SWEEP_LIMIT

    async def _tell_stats(self) -> None:
        stats = await self._store.stats()
        DEPTH.set(stats.depth)
        DUE.set(stats.due)
        DEAD.set(stats.dead)
        OLDEST_AGE.set(stats.oldest_age_s)

    async def _reclaim(self) -> None:
        # While Redis was away no worker could prolong a lease: they get time to do so first.
        if self._patience.quiet_s() < self._limits.heartbeat_s:
            return
        async with self._intake:
            for delivery in await self._queue.reclaim(self._free()) if self._free() > 0 else ():
                logger.info("entry reclaimed", job_id=delivery.id)
                self._begin(delivery)

    # Jobs

    def _free(self) -> int:
        return self._limits.worker_concurrency - len(self._running)

    async def _take(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._until(stop, self._attempts.inference_ready.wait())
            async with self._intake:
                free = self._free()
                if free > 0 and not stop.is_set():
                    # Never cancelled: what Redis has handed out must not be lost on the way.
                    take = partial(self._queue.take, free, TAKE_WAIT_S)
                    try:
                        deliveries = await self._patience.insist(take, stop)
                    except Stopped:
                        return
                    for delivery in deliveries:
                        self._begin(delivery)
            if self._free() <= 0:
                self._one_done.clear()
                await self._until(stop, self._one_done.wait())

    def _begin(self, delivery: Delivery) -> None:
        if delivery.id in self._running:
            return  # a second entry of a job that runs here: it comes again, and is settled then
        task = asyncio.create_task(self._work_on(delivery))
        self._running[delivery.id] = task
        RUNNING.set(len(self._running))

        def end(_task: asyncio.Task[None]) -> None:
            del self._running[delivery.id]
            RUNNING.set(len(self._running))
            self._one_done.set()

        task.add_done_callback(end)

    async def _work_on(self, delivery: Delivery) -> None:
        with bound_contextvars(job_id=delivery.id):
            try:
                await self._run_delivery(delivery)
            except Exception:
                # A mistake in this program. The lease ends, the job comes again, and that counts.
                logger.exception("job left behind")
                await self._let_go(delivery, ours=False)

    async def _run_delivery(self, delivery: Delivery) -> None:
        insist = self._patience.insist
        job = await insist(lambda: self._store.start(delivery.id, self._name))
        if not isinstance(job, Started):
            if job == "dead":
                RECLAIMS.inc()
                DIED.labels("lease-lost").inc()
            logger.info("job not started", reason=job)
            await self._let_go(delivery, ours=job != "held")
            return

        if job.traceparent and job.traceparent.count("-") >= 3:
            bind_contextvars(trace_id=job.traceparent.split("-")[1])
        if job.reclaimed:
            RECLAIMS.inc()
        if job.fence == 1:
            WAIT_SECONDS.observe(max(job.started_at - job.created_at, 0))
        loop = asyncio.get_running_loop()
        begun = loop.time()
        outcome = await self._attempts.run(job, delivery)
        result = await self._conclude(job, outcome)
        took_s = loop.time() - begun
        ATTEMPTS.labels(result).inc()
        RUN_SECONDS.observe(took_s)
        logger.info(
            f"job {result}", attempt=job.attempt, model=job.model, ms=round(took_s * 1000, 1)
        )
        # The result is written: only now may the entry go.
        await self._let_go(delivery, ours=result != "lost")

    async def _let_go(self, delivery: Delivery, *, ours: bool) -> None:
        """Be done with an entry, or leave it where another worker has its job."""
        done = self._queue.settle if ours else self._queue.leave
        await self._patience.insist(lambda: done(delivery))

    async def _conclude(self, job: Started, outcome: Outcome) -> str:
        """Write the outcome into the job's state; return the label of ATTEMPTS for it."""
        insist, store = self._patience.insist, self._store
        match outcome:
            case Finish():
                ours = await insist(
                    lambda: store.finish(
                        job,
                        outcome.status,
                        outcome.payload,
                        model_version=outcome.model_version,
                        dead=outcome.dead,
                    )
                )
                if ours and outcome.dead:
                    DIED.labels(outcome.dead).inc()
                return outcome.status if ours else "lost"
            case Retry():
                text = json.dumps(outcome.problem)
                delay_s = backoff_s(job.attempt, self._limits)
                state = await insist(lambda: store.retry(job, text, delay_s, alone=outcome.alone))
                if state == "dead":
                    DIED.labels("attempts-exhausted").inc()
                return {"queued": "retried", "dead": "failed", "stale": "lost"}.get(state, state)
            case Release():
                ours = await insist(lambda: store.release(job, outcome.delay_s))
                return "released" if ours else "lost"
            case Lost():
                return "expired" if outcome.ended else "lost"
