"""One attempt at a job: has inference run it, prolongs the lease meanwhile, tells how it ended."""

import asyncio
import json
import random
from dataclasses import dataclass
from functools import partial

from prometheus_client import Gauge

from app.shared import log
from app.shared.limits import Limits
from app.worker import inputs
from app.worker.concurrency import Gate, end_tasks
from app.worker.connection import Patience
from app.worker.inference import Failed, Inference, JsonObject, Rejected, Unavailable, problem
from app.worker.queue import Delivery, Queue
from app.worker.store import Started, Store, Terminal

PAUSED = Gauge("worker_paused", "1 while inference is not ready and nothing is taken")
logger = log.get_logger()


@dataclass(frozen=True, slots=True)
class Finish:
    """An attempt's outcome: the job ends."""

    status: Terminal
    payload: str = ""  # JSON text: the output, or the problem of a job that failed
    model_version: str | None = None
    dead: str | None = None  # why the job is given up, where it is


@dataclass(frozen=True, slots=True)
class Retry:
    """An attempt's outcome: it failed."""

    problem: JsonObject
    alone: bool  # it may have killed inference, so it runs with nothing beside it next time


@dataclass(frozen=True, slots=True)
class Release:
    """An attempt's outcome: it was stopped, which was not the job's fault. It does not count."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt's outcome: somebody else has ended the job, or has it now."""

    ended: bool


Outcome = Finish | Retry | Release | Lost


class Attempts:
    """Runs the jobs of one worker, many side by side.

    `inference_ready` is cleared when inference refuses a job, and set again by `probe`. Once
    `grace_over` is set, every attempt ends with `Release`.
    """

    def __init__(
        self, store: Store, queue: Queue, inference: Inference, limits: Limits, patience: Patience
    ) -> None:
        self.inference_ready = asyncio.Event()
        self.grace_over = asyncio.Event()
        self._store = store
        self._queue = queue
        self._inference = inference
        self._limits = limits
        self._patience = patience
        self._gate = Gate()
        self._refusals = 0  # of inference, in a row

    async def run(self, job: Started, delivery: Delivery) -> Outcome:
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

    async def probe(self) -> None:
        """Ask inference whether it is ready, from each refusal on until it is; never return."""
        while True:
            if not self.inference_ready.is_set():
                if await self._inference.ready():
                    self.inference_ready.set()
                    PAUSED.set(0)
                    logger.info("inference is ready")
                else:
                    PAUSED.set(1)
            await asyncio.sleep(random.uniform(0.1, 0.5))  # noqa: S311  # no secret

    async def _leave(self) -> Outcome:
        await self.grace_over.wait()
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
            if self.inference_ready.is_set():
                # Once for all jobs that meet the same outage.
                self.inference_ready.clear()
                self._refusals += 1
                logger.warning("inference is unavailable", error=str(error))
            return Release(backoff_s(self._refusals, self._limits))
        except Rejected as rejection:
            return Finish("failed", json.dumps(rejection.problem), dead=rejection.reason)
        except Failed as failure:
            if loop.time() >= deadline:
                return Finish("expired")
            return Retry(failure.problem, alone=failure.reset)
        self._refusals = 0
        return outcome

    async def _infer_if_ready(self, job: Started, end: float) -> Outcome:
        if not self.inference_ready.is_set():
            raise Unavailable("not ready")
        try:
            return await self._infer(job, end)
        except Failed as failure:
            # Before the next job passes the gate: one that is sent into a process which is just
            # dying would be reset as well, and pay for this one.
            if failure.reset:
                self.inference_ready.clear()
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
            # Inference may have another model by now.
            metadata = await self._inference.metadata(job.model, left_s(), anew=True)
            errors = inputs.check(request, metadata)
        if errors:
            raise _invalid(errors)

        async def infer(body: str | bytes) -> str:
            return await self._inference.infer(job.model, body, left_s(), job.traceparent)

        rows = inputs.rows(request, metadata)
        if rows is None or rows <= self._limits.chunk_rows:
            # As it came and as it went: nothing is lost between two JSON libraries.
            answer = await infer(job.input)
            return _succeeded(_decoded(answer), answer)

        responses = []
        limits = self._limits
        for done, chunk in inputs.chunks(request, rows, limits.chunk_rows, limits.body_limit_bytes):
            responses.append(_decoded(await infer(chunk)))
            if done < rows:
                part = done / rows
                ours = await self._patience.insist(partial(self._store.progress, job, part))
                outcome = await self._ask(job) if ours else Lost(ended=False)
                if outcome:
                    return outcome
        joined = inputs.join(responses)
        return _succeeded(joined, json.dumps(joined))


def backoff_s(attempt: int, limits: Limits) -> float:
    """Return how long to wait after attempt number `attempt`, counted from 1.

    Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that
    what failed together does not come back together.
    """
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
