"""Events of changes while everything between a change and its readers dies and freezes."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from chances import LIMITS, SEED, Faults
from changes import Change, Ledger
from databases import NAME, WithDatabase
from followers import Follower, Told, following
from items import own_services
from processes import LIMIT_S, Stopwatch, report
from writers import writing

# A reader is not to wait for long on what will not come, and is to find all that was there.
READERS = {"SSE_COMMENT_S": "1", "WS_PING_S": "2", "POLL_S": "1", "CHANNEL_MAXLEN": "100000"}


def test_each_change_is_told_and_nothing_else(tmp_path: Path) -> None:
    services = own_services()
    with WithDatabase(tmp_path, environment=LIMITS | READERS) as system:
        gateways, realtimes = system.group("gateway"), system.group("realtime")
        url = system.url(gateways[0])
        ledger = Ledger(system, services)
        targets = [*services, NAME, *gateways, *realtimes, "redis"]
        faults = Faults(system, ledger, targets, tmp_path)
        took = Stopwatch()
        with following(url, "items") as followers, system.kept(*targets):
            with writing(ledger, url, SEED):
                faults.run()
            written = Stopwatch()
            changes = ledger.close("changes under faults", took_s=took(), **faults.told())
            wait_for(followers, len(changes))
            told_s = written()
            left = outboxes(system, services)
        expected = Counter(content(changes))
        for follower in followers:
            events = follower.unique()
            found = Counter((event.kind, event.item, event.version) for event in events)
            missing, unknown = expected - found, found - expected
            report(
                f"events read by {type(follower).__name__}", read=len(follower.told),
                unique=len(events), expected=len(changes), missing=sum(missing.values()),
                not_committed=sum(unknown.values()), gaps=follower.gaps,
                connected=follower.connected, all_told_after_s=told_s, left_in_outboxes=left,
            )  # fmt: skip
            assert not missing, list(missing)[:5]
            assert not unknown, list(unknown)[:5]
            assert histories(content(events)) == histories(content(changes))
        assert left == 0


def content(events: Iterable[Told | Change]) -> list[tuple[str, str, int]]:
    return [(event.kind, event.item, event.version) for event in events]


def histories(events: list[tuple[str, str, int]]) -> dict[str, list[tuple[str, int]]]:
    """What became of each item, in order."""
    found: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for kind, item, version in events:
        found[item].append((kind, version))
    return dict(found)


def wait_for(followers: list[Follower], count: int) -> None:
    """Returns once each reader has so many events, or has had its time."""
    waited = Stopwatch()
    while any(len(follower.unique()) < count for follower in followers) and waited() < LIMIT_S:
        time.sleep(0.1)


def outboxes(system: WithDatabase, services: list[str]) -> int:
    """How many events wait to be told, once that is none, or there was time."""
    waited = Stopwatch()
    while left := sum(
        int(system.query(service, "SELECT count(*) FROM outbox.events")[0][0])
        for service in services
    ):
        if waited() > LIMIT_S:
            break
        time.sleep(0.1)
    return left
