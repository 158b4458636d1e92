"""The database away, frozen and locked: 503 in time, and nothing to do afterwards."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2
from chances import LIMITS
from databases import NAME, WithDatabase
from items import Items, new_name, own_services
from processes import LIMIT_S, Stopwatch, report

# The wait for a connection, a statement on it and what ends it from here, and another connection.
LONGEST_S = (2 * int(LIMITS["POOL_WAIT_MS"]) + int(LIMITS["STATEMENT_TIMEOUT_MS"])) / 1000 + 1
# For a busy machine; what waits without an end is ended by the gateway much later still.
SLACK_S = 15.0
AT_ONCE = 30
AWAY, BUSY = "503 /problems/database-unavailable", "503 /problems/database-busy"


class Callers:
    """Of all own services of a system."""

    def __init__(self, system: WithDatabase, client: httpx2.Client) -> None:
        self.system = system
        self.items = [Items(client, service) for service in own_services()]
        self.pids = {each.service: system.pid(each.service) for each in self.items}

    def alive(self) -> None:
        """The same processes as at the beginning, and they say so."""
        for service, pid in self.pids.items():
            assert self.system.pid(service) == pid
            for probe in ("livez", "readyz"):
                url = f"{self.system.url(service)}/{probe}"
                assert httpx2.get(url, trust_env=False, timeout=20).json() == {"status": "ok"}
        assert not self.system.gone()

    def heal(self) -> float:
        """Returns once every service creates items again: after how many seconds."""
        waited = Stopwatch()
        for items in self.items:
            while (answer := create(items)).status_code != 201:
                assert unavailable(answer) in {AWAY, BUSY}
                assert waited() < LIMIT_S, answer.text
                time.sleep(0.05)
        self.alive()
        return waited()


@contextmanager
def callers(system: WithDatabase) -> Iterator[Callers]:
    url = system.url(system.first("gateway"))
    with httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
        yield Callers(system, client)


def create(items: Items) -> httpx2.Response:
    return items.request("POST", body={"name": new_name()})


def unavailable(answer: httpx2.Response) -> str:
    """What a refusal for now says, with the time after which to come back."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) > 0
    return f"503 {answer.json()['type']}"


def at_once(ask: Callable[[], httpx2.Response]) -> tuple[Counter[str], float]:
    """The answers to as many as ask at once, and how long the last of them took."""

    def one(_number: int) -> tuple[str, float]:
        took = Stopwatch()
        return unavailable(ask()), took()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(one, range(AT_ONCE)))
    return Counter(answer for answer, _ in answers), max(took for _, took in answers)


def test_it_starts_without_a_database_and_heals_by_itself(tmp_path: Path) -> None:
    with (
        WithDatabase(tmp_path, environment=LIMITS, down=(NAME,)) as system,
        callers(system) as found,
    ):
        found.alive()
        for items in found.items:
            assert unavailable(create(items)) == AWAY
            assert unavailable(items.request("GET")) == AWAY
        found.alive()
        system.start(NAME)
        for items in found.items:
            system.start(f"{items.service}-migrate")
        report("database down at boot", heals_after_s=found.heal())


def test_a_frozen_database_is_told_of_in_time(tmp_path: Path) -> None:
    with WithDatabase(tmp_path, environment=LIMITS) as system, callers(system) as found:
        found.heal()
        for items in found.items:
            path = f"/{items.create()['id']}"
            system.freeze(NAME)
            for ask in partial(create, items), partial(items.request, "GET", path):
                answers, longest_s = at_once(ask)
                report(f"{items.service}, database frozen", **answers, longest_s=longest_s)
                assert longest_s < LONGEST_S + SLACK_S
            found.alive()
            system.thaw(NAME)
            report(f"{items.service}, database thawed", heals_after_s=found.heal())


def test_a_long_lock_takes_no_more_than_its_time(tmp_path: Path) -> None:
    with WithDatabase(tmp_path, environment=LIMITS) as system, callers(system) as found:
        for items in found.items:
            with system.locked(items.service, "items"):
                answers, longest_s = at_once(partial(create, items))
                # Nobody else is concerned.
                for other in found.items:
                    if other is not items:
                        assert create(other).status_code == 201
                found.alive()
            report(f"{items.service}, items locked", **answers, longest_s=longest_s)
            # Those that had a connection, and those for whom there was none.
            assert set(answers) == {AWAY, BUSY}
            assert longest_s < LONGEST_S + SLACK_S
            report(f"{items.service}, items free again", heals_after_s=found.heal())
