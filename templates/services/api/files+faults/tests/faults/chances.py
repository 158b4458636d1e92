"""Faults at random, again and again: what is hit, how, and what was in flight just then.

SEED repeats the faults and the changes that clients ask for, as far as times allow. KILLS says how
many faults there are.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import hung_disk
from changes import Ledger
from databases import NAME, WithDatabase
from processes import LIMIT_S, Stopwatch, show

SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**9))
KILLS = int(os.environ.get("KILLS") or "5")
# Changes that are accepted between two faults, mostly.
BETWEEN = 10
# Each with how often it is chosen; what is frozen for long is so for longer than the limits below.
FAULTS = {"killed": 8, "frozen": 3, "frozen for long": 1, "frozen, then killed": 3}
OF_DATABASE = {"killed within a session": 4, "killed while its disk hangs": 4}
LIMITS = {"POOL_WAIT_MS": "1000", "STATEMENT_TIMEOUT_MS": "1500", "LOCK_TIMEOUT_MS": "1000"}


@dataclass
class Faults:
    """Of one test."""

    system: WithDatabase
    ledger: Ledger
    targets: list[str]
    folder: Path
    hits: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    hit_points: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """All faults, one after the other; each process is up again after each, or will be."""
        chance = random.Random(SEED)
        for number in range(1, KILLS + 1):
            target = chance.choice(self.targets)
            faults = FAULTS | (OF_DATABASE if target == NAME else {})
            [fault] = chance.choices(list(faults), list(faults.values()))
            lasts_s = chance.uniform(3, 6) if fault == "frozen for long" else chance.uniform(0.1, 1)
            pause_s = chance.uniform(0, 1)
            # Also what is just starting is hit.
            if chance.random() < 0.75:
                self.wait_for_changes()
            time.sleep(pause_s)
            self.hit(number, target, fault, lasts_s, chance)
        assert self.hits, "nothing was hit"
        self.wait_for_changes()

    def wait_for_changes(self) -> None:
        begun, waited = self.ledger.accepted(), Stopwatch()
        while self.ledger.accepted() < begun + BETWEEN:
            assert waited() < LIMIT_S, "nothing is accepted any more"
            time.sleep(0.02)

    def hit(
        self, number: int, target: str, fault: str, lasts_s: float, chance: random.Random
    ) -> None:
        waited = Stopwatch()
        while target in self.system.gone() or target in self.system.down:
            assert waited() < LIMIT_S, f"{target} does not start again"
            time.sleep(0.01)
        point = self.ledger.in_flight()
        match fault:
            case "killed":
                hit = self.signal(target, signal.SIGKILL)
            case "killed within a session":
                hit = self.kill_session(chance)
            case "killed while its disk hangs" if hung_disk.AVAILABLE:
                with self.system.hung_disk(target):
                    time.sleep(lasts_s)
                    point = self.ledger.in_flight()
                    hit = self.signal(target, signal.SIGKILL)
            case _:
                hit = self.signal(target, signal.SIGSTOP)
                time.sleep(lasts_s)
                point = self.ledger.in_flight()
                self.signal(target, signal.SIGKILL if "killed" in fault else signal.SIGCONT)
        if not hit:
            self.missed += 1
            return
        self.hits[f"{target} {fault}"] += 1
        for what in point or ["nothing"]:
            self.hit_points[f"{what} while {target} is hit"] += 1
        with (self.folder / "hits.txt").open("a", encoding="utf-8") as log:
            log.write(f"{number} {target} {fault} {lasts_s:.2f} s: {dict(point)}\n")

    def signal(self, target: str, number: signal.Signals) -> bool:
        """Whether it was there: it may just have ended, because it could not start."""
        try:
            self.system.signal(target, number)
        except (ProcessLookupError, AssertionError):
            return False
        return True

    def kill_session(self, chance: random.Random) -> bool:
        """Whether there was one: the server may just be starting."""
        try:
            return self.system.kill_session(chance)
        except AssertionError:
            return False

    def told(self) -> dict[str, object]:
        """For a report."""
        by_kind: Counter[str] = Counter()
        for point, count in self.hit_points.items():
            by_kind[point.partition(" while ")[0]] += count
        return {
            "seed": SEED,
            "faults": sum(self.hits.values()),
            "missed": self.missed,
            "kinds": show(dict(self.hits)),
            "in_flight": show(dict(by_kind)),
        }
