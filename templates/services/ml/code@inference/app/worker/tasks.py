"""Ending tasks for sure."""

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_S = 0.1


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and return when they have ended, whatever with.

    One cancellation is not enough: `asyncio.wait_for` of Python 3.11, which the Redis client uses,
    forgets one that comes at the same moment as its result (https://bugs.python.org/issue37658).
    """
    every = list(tasks)
    left = {task for task in every if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_S)
    # Looks at the exceptions, so that they are not reported as never looked at.
    await asyncio.gather(*every, return_exceptions=True)
