"""Clients of own services that change items, as clients should: again, until there is an answer."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2
from changes import Attempt, Ledger
from processes import LIMIT_S, Stopwatch

CLIENTS = 8
# Longer than anything is frozen, and than the gateway waits.
PATIENCE_S = 40.0


class Writer:
    """One client, with items of its own, and one item of each service that all clients replace."""

    def __init__(self, ledger: Ledger, url: str, seed: str, shared: dict[str, str]) -> None:
        self.ledger = ledger
        self.chance = random.Random(seed)
        self.shared = shared
        self.owned: dict[str, list[tuple[str, int]]] = {name: [] for name in ledger.services}
        self.client = httpx2.Client(base_url=url, timeout=PATIENCE_S, trust_env=False)

    def change_something(self) -> None:
        service = self.chance.choice(self.ledger.services)
        owned = self.owned[service]
        what = self.chance.choices(
            [self.create, self.take_a_name, self.replace, self.remove, self.contend],
            [8, 1, 8 if owned else 0, 3 if owned else 0, 3],
        )
        what[0](service)
        time.sleep(self.chance.uniform(0, 0.05))

    def mark(self) -> str:
        return str(UUID(int=self.chance.getrandbits(128)))

    # Changes

    def create(self, service: str) -> str:
        """A new item, whose key is now and then repeated once more."""
        mark = self.mark()
        name = f"item {mark}"
        body = {"name": name, "attributes": {"mark": mark}}
        answer = self.insist("POST", Attempt(service, "created", mark), body)
        if answer.status_code != 201:
            self.say(service, "a new item", answer)
            return ""
        item = str(answer.json()["id"])
        if self.chance.random() < 0.2:
            again = self.insist("POST", Attempt(service, "created", mark), body)
            if again.status_code != 201 or again.json()["id"] != item:
                self.say(service, "a repeated key", again)
        self.owned[service].append((item, 1))
        return item

    def take_a_name(self, service: str) -> None:
        """A name that is taken, which is refused."""
        if self.owned[service]:
            item, version = self.owned[service][-1]
            mark = self.mark()
            body = {"name": self.read(service, item).get("name"), "attributes": {"mark": mark}}
            answer = self.insist("POST", Attempt(service, "created", mark), body)
            if answer.status_code != 409:
                self.say(service, f"a name that version {version} of {item} has", answer)

    def replace(self, service: str) -> None:
        """An own item, of which nobody else makes another version."""
        place = self.chance.randrange(len(self.owned[service]))
        item, version = self.owned[service][place]
        unanswered: set[str] = set()
        waited = Stopwatch()
        while True:
            assert waited() < LIMIT_S, "no answer in time"
            mark = self.mark()
            answer = self.put(service, item, version, mark)
            if answer is None:
                unanswered.add(mark)
                self.pause()
                continue
            found = answer.json()
            if answer.status_code == 412 and unanswered:
                # One that seemed to fail has been done.
                found = self.read(service, item)
                if found.get("attributes", {}).get("mark") not in unanswered:
                    self.say(service, "a replacement that was not asked for", answer)
            if found.get("version") != version + 1:
                self.say(service, f"version {version} of {item} replaced", answer)
            self.owned[service][place] = (item, version + 1)
            return

    def contend(self, service: str) -> None:
        """The shared item, once, in the version that is read before."""
        item = self.shared[service]
        version = self.read(service, item).get("version", 0)
        answer = self.put(service, item, version, self.mark())
        if answer is not None and answer.status_code not in (200, 412):
            self.say(service, "a shared item", answer)

    def remove(self, service: str) -> None:
        owned = self.owned[service]
        item, version = owned.pop(self.chance.randrange(len(owned)))
        attempt = Attempt(service, "removed", self.mark(), item, version)
        before = len(self.ledger.attempts)
        answer = self.insist("DELETE", attempt, None, f"/{item}", {"if-match": f'"{version}"'})
        with self.ledger.lock:
            tries = [one for one in self.ledger.attempts[before:] if one.mark == attempt.mark]
        # Again after one that was done and not answered.
        if answer.status_code != 204 and not (answer.status_code == 404 and len(tries) > 1):
            self.say(service, f"version {version} of {item} removed", answer)

    # Requests

    def put(self, service: str, item: str, version: int, mark: str) -> httpx2.Response | None:
        """Attempts it once; nothing where it is not known whether it was done."""
        body = {"name": f"item {mark}", "attributes": {"mark": mark}}
        attempt = Attempt(service, "replaced", mark, item, version + 1)
        return self.once("PUT", attempt, body, f"/{item}", {"if-match": f'"{version}"'})

    def insist(
        self, method: str, attempt: Attempt, body: Any, path: str = "", headers: Any = None
    ) -> httpx2.Response:
        """Attempts it until there is an answer that says what became of it."""
        waited = Stopwatch()
        while True:
            one = replace(attempt)
            keyed = headers or {"idempotency-key": attempt.mark}
            answer = self.once(method, one, body, path, keyed)
            if answer is not None:
                return answer
            assert waited() < LIMIT_S, "no answer in time"
            self.pause()

    def once(
        self, method: str, attempt: Attempt, body: Any, path: str, headers: dict[str, str]
    ) -> httpx2.Response | None:
        url = f"/v1/{attempt.service}/items{path}"
        answer: httpx2.Response | None = None
        with self.ledger.attempt(attempt):
            answer = self.client.request(method, url, json=body, headers=headers)
            attempt.status = answer.status_code
            if answer.status_code == 201:
                attempt.item, attempt.version = answer.json()["id"], 1
        return self.definite(answer)

    def read(self, service: str, item: str) -> dict[str, Any]:
        """An item that nobody has removed; empty where it is not there all the same."""
        waited = Stopwatch()
        while True:
            try:
                found = self.client.get(f"/v1/{service}/items/{item}")
            except httpx2.TransportError:
                found = None
            if (answer := self.definite(found)) is not None:
                break
            assert waited() < LIMIT_S, "no answer in time"
            self.pause()
        if answer.status_code != 200:
            self.say(service, f"{item} is not there", answer)
            return {}
        item_now: dict[str, Any] = answer.json()
        return item_now

    def definite(self, answer: httpx2.Response | None) -> httpx2.Response | None:
        if answer is not None and answer.status_code == 503 and "retry-after" in answer.headers:
            return None
        if answer is not None and answer.status_code >= 500:
            self.say(str(answer.url), "no 503 with Retry-After", answer)
            return None
        return answer

    def pause(self) -> None:
        time.sleep(self.chance.uniform(0.02, 0.2))

    def say(self, service: str, did: str, answer: httpx2.Response) -> None:
        told = f"{service}: {did}: {answer.status_code} {answer.text}"
        with self.ledger.lock:
            self.ledger.wrong.append(told)


@contextmanager
def writing(ledger: Ledger, url: str, seed: int) -> Iterator[None]:
    """Meanwhile clients change items; each ends what it has begun."""
    stop = threading.Event()
    first = Writer(ledger, url, f"{seed} first", {})
    shared = {service: first.create(service) for service in ledger.services}
    writers = [Writer(ledger, url, f"{seed} {number}", shared) for number in range(CLIENTS)]

    def work(writer: Writer) -> None:
        while not stop.is_set():
            writer.change_something()

    with ThreadPoolExecutor(CLIENTS) as pool:
        working = [pool.submit(work, writer) for writer in writers]
        try:
            yield
        finally:
            stop.set()
    for writer, done in zip(writers, working, strict=True):
        writer.client.close()
        done.result()
    first.client.close()
