"""A process that is told to stop ends, and ends well, whatever it waits for."""

from __future__ import annotations

from pathlib import Path

import pytest
from processes import INFRASTRUCTURE, Processes, Stopwatch, report


@pytest.mark.parametrize("name", INFRASTRUCTURE)
@pytest.mark.parametrize("fault", ["down at boot", "killed", "frozen"])
def test_everything_ends_when_told_to_while_it_is_away(
    tmp_path: Path, name: str, fault: str
) -> None:
    with Processes(tmp_path, down=(name,) if fault == "down at boot" else ()) as system:
        # Only then a worker takes jobs, and waits for them.
        for worker in [] if system.down else system.group("worker"):
            system.says(worker, "inference is ready")
        if fault == "killed":
            system.kill(name)
        elif fault == "frozen":
            system.freeze(name)
        told = Stopwatch()
        processes = [each.name for each in system.services.values() if each.group]
        for each in processes:
            system.terminate(each)
        statuses = {each: system.ended(each) for each in processes}
        report(f"everything told to stop, {name} {fault}", ended=len(statuses), after_s=told())
        assert statuses == dict.fromkeys(processes, 0)
