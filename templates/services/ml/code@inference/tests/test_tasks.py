"""Ending tasks for sure."""

import asyncio
from contextlib import suppress

from app.worker import tasks


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
    await tasks.end([task])
    assert task.cancelled()
    assert forgotten == 1


async def test_ends_also_what_has_failed() -> None:
    async def fail() -> None:
        raise ValueError

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await tasks.end([task])
    assert isinstance(task.exception(), ValueError)
