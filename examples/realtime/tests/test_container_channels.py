"""Channels leave room for what else is kept where they are."""

from __future__ import annotations

from test_container_limits import LIMITS, containers


def test_channels_leave_most_of_the_memory_to_jobs() -> None:
    words = " ".join(containers()["redis"]["command"]).split()
    memory_mib = int(words[words.index("--maxmemory") + 1].removesuffix("mb"))
    assert LIMITS["channels_caller_max_bytes"] < LIMITS["channels_max_bytes"]
    assert LIMITS["channels_max_bytes"] < memory_mib * 2**20 / 4
