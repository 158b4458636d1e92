"""What clients were promised, and what was done: every accepted job must have one effect.

An effect is what a job leaves behind: its terminal state. The script that writes it appends an
event to the job's stream with it, and no script ever takes one away. So the stream is the record of
each effect that was committed, whoever committed it.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self

import httpx2
import redis
from jobs import TERMINAL, Json, eventually, prediction, problem_of
from processes import LIMIT_S, Processes, Stopwatch, report


class Ledger:
    """The accepted jobs of one system, by what its clients were answered."""

    def __init__(self, system: Processes) -> None:
        self.system = system
        self.accepted: list[str] = []
        self.answers: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.urls = [system.url(name) for name in system.group("gateway")]
        self.client = httpx2.Client(base_url=self.urls[0], timeout=60, trust_env=False)
        self.store = redis.Redis.from_url(
            system.url("redis"), decode_responses=True, health_check_interval=1
        )

    def __enter__(self) -> Self:
        # A worker takes nothing before it has found inference ready; what is frozen then never is.
        for name in [] if self.system.down else self.system.group("worker"):
            eventually(lambda name=name: self.system.said(name, "inference is ready"), LIMIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.store.close()

    # Clients

    def post(
        self, body: Json | None = None, url: str | None = None, **headers: str
    ) -> httpx2.Response:
        """Posts a prediction, and writes down what was promised."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"{url or self.urls[0]}/v1/predictions"
        answer = self.client.post(path, json=body or prediction(), headers=named)
        with self.lock:
            if answer.is_success:
                self.accepted.append(str(answer.json()["id"]))
                self.answers[str(answer.status_code)] += 1
            else:
                self.answers[f"{answer.status_code} {problem_of(answer)}"] += 1
        return answer

    def accept(self, body: Json | None = None, **headers: str) -> str:
        """Posts a prediction that must be accepted; its id."""
        answer = self.post(body, **headers)
        assert answer.is_success, answer.text
        return str(answer.json()["id"])

    @contextmanager
    def posting(self, body: Json | None = None, at_once: int = 16) -> Iterator[None]:
        """Meanwhile so many clients post one prediction after the other."""
        stop = threading.Event()

        def client() -> None:
            while not stop.is_set():
                self.post(body)

        with ThreadPoolExecutor(at_once) as pool:
            clients = [pool.submit(client) for _ in range(at_once)]
            try:
                yield
            finally:
                stop.set()
        for done in clients:
            done.result()

    def posted(self) -> int:
        return sum(self.answers.values())

    def insist(self, key: str, body: Json | None = None) -> None:
        """Posts as a client should: again, with the same key, until there is an answer of 2xx."""

        def one() -> bool:
            try:
                answer = self.post(body, url=random.choice(self.urls), idempotency_key=key)
            except httpx2.TransportError as error:
                with self.lock:
                    self.answers[type(error).__name__] += 1
                return False
            return answer.is_success

        eventually(one, LIMIT_S)

    # The record

    def job(self, job_id: str) -> dict[str, str]:
        """Everything that the state store holds of a job."""
        fields: dict[str, str] = self.store.hgetall(f"job:{job_id}")
        return fields

    def events(self, job_id: str) -> list[str]:
        """What happened to a job, without its progress."""
        entries = self.store.xrange(f"job:{job_id}:events")
        return [fields["type"] for _, fields in entries if fields["type"] != "progress"]

    def effects(self, job_id: str) -> list[str]:
        return [event for event in self.events(job_id) if event in TERMINAL]

    def until(self, job_id: str, *statuses: str) -> dict[str, str]:
        """The job, once it has one of these statuses."""

        def look() -> dict[str, str] | None:
            try:
                job = self.job(job_id)
            except redis.ConnectionError:
                return None
            return job if job.get("status") in statuses else None

        found = eventually(look, LIMIT_S)
        assert found is not None
        return found

    def runs(self, job_id: str) -> dict[str, str]:
        return self.until(job_id, "running")

    def ends(self, job_id: str) -> dict[str, str]:
        return self.until(job_id, *TERMINAL)

    def runner(self, job_id: str) -> str:
        """The name of the worker that has a job."""
        pid = int(self.job(job_id)["owner"].split("-")[-2])
        return next(name for name in self.system.group("worker") if self.system.pid(name) == pid)

    def close(self, did: str, *, ends: set[str] | None = None, **more: Any) -> None:
        """Waits for every accepted job to end, and holds the promise against the record."""
        waited = Stopwatch()
        eventually(lambda: self.store.zcard("live") == 0, LIMIT_S)
        drained_s = waited()
        ids = sorted(set(self.accepted))
        missing: list[str] = []
        doubled: list[tuple[str, list[str]]] = []
        wrong: list[tuple[str, str, list[str]]] = []
        statuses: Counter[str] = Counter()
        with self.store.pipeline(transaction=False) as record:
            for job_id in ids:
                record.hget(f"job:{job_id}", "status")
                record.xrange(f"job:{job_id}:events")
            found = record.execute()
        for job_id, status, entries in zip(ids, found[::2], found[1::2], strict=True):
            status = status or "missing"
            statuses[status] += 1
            effects = [fields["type"] for _, fields in entries if fields["type"] in TERMINAL]
            if status not in TERMINAL or not effects:
                missing.append(job_id)
            elif len(effects) > 1:
                doubled.append((job_id, effects))
            elif effects != [status]:
                wrong.append((job_id, status, effects))
        report(
            did,
            accepted=len(ids),
            terminal=len(ids) - len(missing),
            duplicates=len(doubled),
            **more,
            ends=dict(statuses),
            answers=dict(self.answers),
            drained_s=drained_s,
        )
        assert not missing, f"{len(missing)} accepted, and without an end: {missing[:5]}"
        assert not doubled, f"{len(doubled)} with more than one effect: {doubled[:5]}"
        assert not wrong, f"{len(wrong)} of which state and effect differ: {wrong[:5]}"
        assert set(statuses) <= (ends or {"succeeded"}), statuses
        assert not self.system.gone(), "these processes have ended"
