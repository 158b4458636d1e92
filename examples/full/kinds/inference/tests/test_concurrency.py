"""Tasks end for sure; suspects run alone, and everything else side by side."""

import asyncio
from contextlib import suppress

import pytest

from app.worker.concurrency import Gate, end_tasks


async def settle() -> None:
    """Let every task go as far as it gets."""
    for _ in range(10):
        await asyncio.sleep(0)


class Job:
    """A task in the gate: it ends when it is told to."""

    def __init__(self, gate: Gate, *, alone: bool = False) -> None:
        self.inside = False
        self._end = asyncio.Event()
        self.task = asyncio.create_task(self._run(gate, alone))

    async def _run(self, gate: Gate, alone: bool) -> None:
        async with gate.pass_through(alone=alone):
            self.inside = True
            try:
                await self._end.wait()
            finally:
                self.inside = False

    async def end(self) -> None:
        self._end.set()
        await self.task
        await settle()


@pytest.fixture
def gate() -> Gate:
    return Gate()


async def test_many_share_and_one_is_alone(gate: Gate) -> None:
    first, second = Job(gate), Job(gate)
    await settle()
    suspect = Job(gate, alone=True)
    await settle()
    late = Job(gate)
    await settle()
    assert [job.inside for job in (first, second, suspect, late)] == [True, True, False, False]
    await first.end()
    assert not suspect.inside
    await second.end()
    assert (suspect.inside, late.inside) == (True, False)
    await suspect.end()
    assert late.inside
    await late.end()


async def test_suspects_come_one_after_the_other(gate: Gate) -> None:
    suspects = [Job(gate, alone=True) for _ in range(3)]
    await settle()
    for _ in range(3):
        (inside,) = (job for job in suspects if job.inside)
        await inside.end()
    assert not any(job.inside for job in suspects)


async def test_one_that_gives_up_waiting_lets_others_in(gate: Gate) -> None:
    first = Job(gate)
    await settle()
    suspect, late = Job(gate, alone=True), Job(gate)
    await settle()
    assert not late.inside
    suspect.task.cancel()
    await settle()
    assert late.inside
    await first.end()
    await late.end()


async def test_one_that_is_stopped_inside_lets_others_in(gate: Gate) -> None:
    suspect, late = Job(gate, alone=True), Job(gate)
    await settle()
    suspect.task.cancel()
    await settle()
    assert late.inside
    await late.end()


async def test_ends_a_task_that_forgets_its_first_cancellation() -> None:
    forgotten = 0

    async def forgetful() -> None:
        nonlocal forgotten
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        forgotten += 1
        await asyncio.Event().wait()

    task = asyncio.create_task(forgetful())
    await asyncio.sleep(0)
    await end_tasks([task])
    assert task.cancelled()
    assert forgotten == 1


async def test_ends_also_what_has_failed() -> None:
    async def fail() -> None:
        raise ValueError

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await end_tasks([task])
    assert isinstance(task.exception(), ValueError)
