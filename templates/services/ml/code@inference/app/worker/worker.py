"""Takes jobs from the queue, has inference run them, and writes what became of them."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial

from prometheus_client import Counter, Gauge, Histogram
from redis.exceptions import ResponseError
from structlog.contextvars import bind_contextvars, bound_contextvars

from app.shared import log
from app.shared.limits import Limits
from app.worker import inputs
from app.worker.concurrency import Gate, end_tasks
from app.worker.connection import Patience, Stopped
from app.worker.inference import Failed, Inference, JsonObject, Rejected, Unavailable, problem
from app.worker.queue import Delivery, Queue
from app.worker.store import Started, Store, Terminal

logger = log.get_logger()

TAKE_WAIT_S = 0.5  # no longer, because a worker that is told to stop waits for it
STATS_S = 5.0
TIDY_S = 30.0
SWEEP_LIMIT = 100  # for Redis does nothing else meanwhile
LAST_WORDS_S = 5.0  # for giving back what is left when the grace is over

_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)

# Of the whole system: each worker tells the same, so take their maximum and not their sum.
DEPTH = Gauge("jobs_depth", "Jobs that are not terminal")
DUE = Gauge("jobs_due", "Jobs that wait to be handed to the queue")
DEAD = Gauge("jobs_dead", "Jobs that were given up")
OLDEST_AGE = Gauge("jobs_oldest_age_seconds", "Age of the oldest job that is not terminal")

# Of this worker.
RUNNING = Gauge("worker_running", "Jobs that this worker runs")
PAUSED = Gauge("worker_paused", "1 while inference is not ready and nothing is taken")
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


@dataclass(frozen=True, slots=True)
class Finish:
    """An attempt's outcome: the job ends."""

    status: Terminal
    payload: str = ""
    model_version: str | None = None
    dead: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """An attempt's outcome: it failed."""

    problem: JsonObject
    alone: bool


@dataclass(frozen=True, slots=True)
class Release:
    """An attempt's outcome: it was stopped, and not by the job."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt's outcome: somebody else has ended the job, or has it now."""

    ended: bool


Outcome = Finish | Retry | Release | Lost


class Worker:
    """Runs jobs until it is told to stop."""

    def __init__(
        self, store: Store, queue: Queue, inference: Inference, limits: Limits, name: str
    ) -> None:
        self._store = store
        self._queue = queue
        self._inference = inference
        self._limits = limits
        self._name = name
        self._patience = Patience()
        self._gate = Gate()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._one_done = asyncio.Event()
        self._intake = asyncio.Lock()  # held between counting the free places and filling them
        self._inference_ready = asyncio.Event()
        self._refusals = 0  # of inference, in a row
        self._grace_over = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set and what was taken is finished, or given back."""
        await self._until(stop, self._patience.insist(self._queue.open))
        if stop.is_set():
            return
        logger.info("worker is ready", concurrency=self._limits.worker_concurrency)
        limits = self._limits
        background = [
            asyncio.create_task(self._probe()),
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
            await self._until_over(self._queue.close())
        finally:
            await end_tasks([*background, reclaiming, taking, stopping])

    async def _drain(self) -> None:
        """Let what runs finish, within the grace, and have the rest given back."""
        logger.info("worker stops", running=len(self._running))
        if self._running:
            await asyncio.wait(self._running.values(), timeout=self._limits.worker_grace_s)
        self._grace_over.set()
        left = set(self._running.values())
        if left:
            _, left = await asyncio.wait(left, timeout=LAST_WORDS_S)
        await end_tasks(left)

    async def _until_over(self, last_word: Awaitable[None]) -> None:
        try:
            await asyncio.wait_for(last_word, LAST_WORDS_S)
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

    async def _probe(self) -> None:
        """Ask inference whether it is ready, from a refusal on until it is."""
        while True:
            if not self._inference_ready.is_set():
                if await self._inference.ready():
                    self._inference_ready.set()
                    PAUSED.set(0)
                    logger.info("inference is ready")
                else:
                    PAUSED.set(1)
            await asyncio.sleep(random.uniform(0.1, 0.5))  # noqa: S311  # no secret

    # Jobs

    def _free(self) -> int:
        return self._limits.worker_concurrency - len(self._running)

    async def _take(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._until(stop, self._inference_ready.wait())
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
        outcome = await self._attempt(job, delivery)
        word = await self._conclude(job, outcome)
        took_s = loop.time() - begun
        ATTEMPTS.labels(word).inc()
        RUN_SECONDS.observe(took_s)
        logger.info(f"job {word}", attempt=job.attempt, model=job.model, ms=round(took_s * 1000, 1))
        # The result is written: only now may the entry go.
        await self._let_go(delivery, ours=word != "lost")

    async def _let_go(self, delivery: Delivery, *, ours: bool) -> None:
        """Be done with an entry, or leave it where another worker has its job."""
        done = self._queue.settle if ours else self._queue.leave
        await self._patience.insist(lambda: done(delivery))

    async def _conclude(self, job: Started, outcome: Outcome) -> str:
        """Write the outcome into the job's state; return what became of the job, in a word."""
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
                delay_s = self._backoff_s(job.attempt)
                result = await insist(lambda: store.retry(job, text, delay_s, alone=outcome.alone))
                if result == "dead":
                    DIED.labels("attempts-exhausted").inc()
                return {"queued": "retried", "dead": "failed", "stale": "lost"}.get(result, result)
            case Release():
                ours = await insist(lambda: store.release(job, outcome.delay_s))
                return "released" if ours else "lost"
            case Lost():
                return "expired" if outcome.ended else "lost"

    async def _attempt(self, job: Started, delivery: Delivery) -> Outcome:
        """Run a job, and stop when it is canceled, lost or overdue, or the grace is over."""
        running = asyncio.create_task(self._predict(job))
        beating = asyncio.create_task(self._beat(job, delivery))
        leaving = asyncio.create_task(self._leave())
        attempt = [running, beating, leaving]
        try:
            await asyncio.wait(attempt, return_when=asyncio.FIRST_COMPLETED)
            return next(task for task in attempt if task.done()).result()
        finally:
            await end_tasks(attempt)

    async def _leave(self) -> Outcome:
        await self._grace_over.wait()
        return Release(0)

    async def _beat(self, job: Started, delivery: Delivery) -> Outcome:
        """Prolong the lease until something is to be told of it."""
        while True:
            await asyncio.sleep(self._limits.heartbeat_s)
            outcome = await self._ask(job)
            if outcome:
                return outcome
            await self._patience.insist(lambda: self._queue.extend(delivery, job.fence))

    async def _ask(self, job: Started) -> Outcome | None:
        """Send a heartbeat; return how the job ends, if it does."""
        match await self._patience.insist(lambda: self._store.heartbeat(job)):
            case "cancel":
                return Finish("canceled")
            case "expired":
                return Lost(ended=True)
            case "stale":
                return Lost(ended=False)
            case _:
                return None

    async def _predict(self, job: Started) -> Outcome:
        """Have inference run a job, and tell what its answer means for it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + job.deadline_at - job.started_at
        try:
            async with self._gate.pass_through(alone=job.alone):
                end = min(deadline, loop.time() + self._limits.job_timeout_s)
                outcome = await self._infer_if_ready(job, end)
        except Unavailable as error:
            if self._inference_ready.is_set():
                # Once for all jobs that meet the same outage.
                self._inference_ready.clear()
                self._refusals += 1
                logger.warning("inference is unavailable", error=str(error))
            return Release(self._backoff_s(self._refusals))
        except Rejected as rejection:
            return Finish("failed", json.dumps(rejection.problem), dead=rejection.reason)
        except Failed as failure:
            if loop.time() >= deadline:
                return Finish("expired")
            return Retry(failure.problem, alone=failure.reset)
        self._refusals = 0
        return outcome

    async def _infer_if_ready(self, job: Started, end: float) -> Outcome:
        if not self._inference_ready.is_set():
            raise Unavailable("not ready")
        try:
            return await self._infer(job, end)
        except Failed as failure:
            # Before the next job passes the gate: one that is sent into a process which is just
            # dying would be reset as well, and pay for this one.
            if failure.reset:
                self._inference_ready.clear()
            raise

    async def _infer(self, job: Started, end: float) -> Outcome:
        """Check a job's input and send it, whole or in chunks. `end` is a time of the loop."""
        loop = asyncio.get_running_loop()

        def left_s() -> float:
            return max(end - loop.time(), 0.001)

        metadata = await self._inference.metadata(job.model, left_s())
        try:
            request = json.loads(job.input)
        except ValueError as error:
            raise _invalid([{"pointer": "", "detail": f"is not JSON: {error}"}]) from error
        errors = inputs.check(request, metadata)
        if errors:
            raise _invalid(errors)

        async def infer(body: str) -> str:
            return await self._inference.infer(job.model, body, left_s(), job.traceparent)

        rows = inputs.rows(request, metadata)
        if rows is None or rows <= self._limits.chunk_rows:
            # As it came and as it went: nothing is lost between two JSON libraries.
            answer = await infer(job.input)
            return _succeeded(_decoded(answer), answer)

        responses = []
        for done, chunk in inputs.chunks(request, rows, self._limits.chunk_rows):
            responses.append(_decoded(await infer(json.dumps(chunk))))
            if done < rows:
                part = done / rows
                ours = await self._patience.insist(partial(self._store.progress, job, part))
                outcome = await self._ask(job) if ours else Lost(ended=False)
                if outcome:
                    return outcome
        joined = inputs.join(responses)
        return _succeeded(joined, json.dumps(joined))

    def _backoff_s(self, attempt: int) -> float:
        """Full jitter, so that what failed together does not come back together."""
        limits = self._limits
        bound = min(limits.backoff_base_s * 2.0 ** min(attempt - 1, 32), limits.backoff_max_s)
        return random.uniform(0, bound)  # noqa: S311  # no secret


def _invalid(errors: list[dict[str, str]]) -> Rejected:
    detail = "; ".join(f"{error['pointer']} {error['detail']}" for error in errors)
    document = problem("invalid-input", "The input does not fit the model", 422, detail)
    return Rejected({**document, "errors": errors}, "invalid-input")


def _decoded(answer: str) -> JsonObject:
    try:
        response = json.loads(answer)
        if isinstance(response, dict) and isinstance(response["outputs"], list):
            return response
    except (ValueError, KeyError):
        pass
    raise Failed(problem("inference-error", "Inference answered nonsense", 502, answer[:500]))


def _succeeded(response: JsonObject, text: str) -> Finish:
    version = response.get("model_version")
    return Finish("succeeded", text, model_version=None if version is None else str(version))
