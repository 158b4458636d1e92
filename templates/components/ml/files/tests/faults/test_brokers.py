"""The state store, and a broker beside it, that die, are away, or are full."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from jobs import eventually, prediction, problem_of
from ledger import Ledger
from processes import INFRASTRUCTURE, LIMIT_S, Processes, Stopwatch

POSTS = 500
# `appendfsync everysec` writes a second late and, while the disk hangs, two more.
HUNG_S = 1.5


def refusals(name: str) -> set[str]:
    """What a post may be answered while `name` is away, beside 202."""
    # Without its broker a job waits in the state store; without that nothing can be promised.
    return {"503 broker-unavailable"} if name == "redis" else set()


@pytest.mark.parametrize("name", INFRASTRUCTURE)
def test_what_was_accepted_outlives_a_kill_under_load(tmp_path: Path, name: str) -> None:
    with Processes(tmp_path, copies={"worker": 2}) as system, Ledger(system) as ledger:
        with ledger.posting():
            eventually(lambda: ledger.posted() > POSTS // 2, LIMIT_S)
            # What a server answers before it has written is lost if it dies while its disk hangs.
            with system.hung_disk(name):
                time.sleep(HUNG_S)
                system.kill(name)
            away = Stopwatch()
            killed = ledger.posted()
            eventually(lambda: ledger.posted() > killed + POSTS // 5, LIMIT_S)
            system.start(name)
            away_s = away()
            back = Stopwatch()
            started = ledger.answers["202"]
            eventually(lambda: ledger.answers["202"] > started and ledger.posted() > POSTS, LIMIT_S)
            took_s = back()
        ledger.close(
            f"{name} killed under load while its disk hangs", away_s=away_s, writes_again_after_s=took_s
        )
        assert set(ledger.answers) - {"202"} <= refusals(name)


@pytest.mark.parametrize("name", INFRASTRUCTURE)
def test_it_starts_without_and_heals_by_itself(tmp_path: Path, name: str) -> None:
    with Processes(tmp_path, down=(name,)) as system, Ledger(system) as ledger:
        answer = ledger.post(prediction())
        assert ledger.client.get("/livez").status_code == 200
        assert ledger.client.get("/readyz").status_code == 200
        if refusals(name):
            assert (answer.status_code, problem_of(answer)) == (503, "broker-unavailable")
            assert 5 <= int(answer.headers["retry-after"]) <= 10
        else:
            assert answer.status_code == 202
        assert not system.gone()
        system.start(name)
        back = Stopwatch()
        eventually(lambda: ledger.post().is_success, LIMIT_S)
        ledger.ends(ledger.accepted[-1])
        ledger.close(f"{name} down at boot", healed_after_s=back())
