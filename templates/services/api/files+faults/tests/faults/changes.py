"""What clients of own services were answered, and what the services' tables say was done.

A client writes down each attempt to change an item, with its answer. Beside the table of items each
database keeps here a record of its changes, which a trigger writes in the transaction of a change.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
from databases import WithDatabase
from processes import report

RECORD = """
CREATE SCHEMA record;
CREATE TABLE record.changes (
  position bigint GENERATED ALWAYS AS IDENTITY, kind text, item uuid, version int, mark text
);
CREATE FUNCTION record.write() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  kinds CONSTANT jsonb := '{"INSERT": "created", "UPDATE": "replaced", "DELETE": "removed"}';
BEGIN
  INSERT INTO record.changes (kind, item, version, mark) VALUES (
    kinds ->> TG_OP, COALESCE(NEW.id, OLD.id), COALESCE(NEW.version, OLD.version),
    NEW.attributes ->> 'mark'
  );
  RETURN NULL;
END
$$;
CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON items
FOR EACH ROW EXECUTE FUNCTION record.write();
"""
RECORDED = "SELECT kind, item, version, COALESCE(mark, '') FROM record.changes ORDER BY position"
KEPT = "SELECT id, version, attributes ->> 'mark' FROM items"


@dataclass(frozen=True)
class Change:
    """Of an item, committed."""

    service: str
    kind: str
    item: str
    version: int
    # Of the attempt that made it; a removal has none.
    mark: str


@dataclass
class Attempt:
    """To change an item; `status` is 0 where there was no answer."""

    service: str
    kind: str
    mark: str
    item: str = ""
    version: int = 0
    status: int = 0

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        return 400 <= self.status < 500

    @property
    def change(self) -> Change:
        mark = "" if self.kind == "removed" else self.mark
        return Change(self.service, self.kind, self.item, self.version, mark)


class Ledger:
    """All attempts of all clients, and those that wait for an answer now."""

    def __init__(self, system: WithDatabase, services: list[str]) -> None:
        self.system = system
        self.services = services
        self.attempts: list[Attempt] = []
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.flying: dict[int, str] = {}
        self.lock = threading.Lock()
        for service in services:
            system.query(service, RECORD)

    @contextmanager
    def attempt(self, attempt: Attempt) -> Iterator[Attempt]:
        """Writes an attempt down, once it has its answer or will have none."""
        with self.lock:
            self.flying[id(attempt)] = f"{attempt.service} {attempt.kind}"
        told = "cancelled"
        try:
            yield attempt
            told = str(attempt.status)
        except httpx2.TransportError as error:
            told = type(error).__name__
        finally:
            with self.lock:
                del self.flying[id(attempt)]
                self.attempts.append(attempt)
                self.answers[told] += 1

    def in_flight(self) -> Counter[str]:
        with self.lock:
            return Counter(self.flying.values())

    def accepted(self) -> int:
        with self.lock:
            return len({attempt.change for attempt in self.attempts if attempt.accepted})

    def changes(self) -> list[Change]:
        """What was committed, in the order of each service."""
        return [
            Change(service, kind, item, int(version), mark)
            for service in self.services
            for kind, item, version, mark in self.system.query(service, RECORDED)
        ]

    def close(self, did: str, **more: object) -> list[Change]:
        """Holds what was answered against what was committed, and returns that."""
        changes = self.changes()
        committed = set(changes)
        accepted = {attempt.change for attempt in self.attempts if attempt.accepted}
        lost = accepted - committed
        marks = Counter(change.mark for change in changes if change.mark)
        doubled = [mark for mark, times in marks.items() if times > 1]
        refused = {each.mark for each in self.attempts if each.refused and each.kind != "removed"}
        # A key has the same mark at each of its attempts, of which the last one is definite.
        undone = refused - {each.mark for each in self.attempts if each.accepted}
        unasked = set(marks) - {each.mark for each in self.attempts if not each.refused}
        report(
            did, **more, attempts=len(self.attempts), accepted=len(accepted),
            committed=len(changes), committed_without_answer=len(committed - accepted),
            lost=len(lost), doubled=len(doubled), refused=len(undone),
            refused_and_there=len(undone & set(marks)), answers=dict(self.answers),
        )  # fmt: skip
        assert not lost, f"accepted, and not there: {sorted(map(str, lost))[:5]}"
        assert not doubled, f"made more than once: {doubled[:5]}"
        assert not undone & set(marks), "refused, and there"
        assert not unasked, f"nobody asked for it: {sorted(unasked)[:5]}"
        assert not self.wrong, self.wrong[:5]
        self.check_versions(changes)
        assert not self.system.gone(), "these processes have ended"
        return changes

    def check_versions(self, changes: list[Change]) -> None:
        """Each item was created once, has a version more for each replacement, and then its end."""
        histories: defaultdict[tuple[str, str], list[Change]] = defaultdict(list)
        for change in changes:
            histories[change.service, change.item].append(change)
        left: dict[str, set[tuple[str, str, str]]] = {service: set() for service in self.services}
        for (service, item), history in histories.items():
            replaced = [change for change in history if change.kind == "replaced"]
            kinds = ["created", *("replaced" for _ in replaced)]
            versions = list(range(1, len(kinds) + 1))
            if history[-1].kind == "removed":
                kinds.append("removed")
                versions.append(versions[-1])
            else:
                left[service].add((item, str(versions[-1]), history[-1].mark))
            assert [change.kind for change in history] == kinds, history
            assert [change.version for change in history] == versions, history
        for service, expected in left.items():
            found = [tuple(row) for row in self.system.query(service, KEPT)]
            assert sorted(found) == sorted(expected)
