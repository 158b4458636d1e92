"""Ends tasks for sure, and lets jobs run side by side but a suspect one alone."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

CANCEL_AGAIN_S = 0.1


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and return when they have ended, with whatever result.

    One cancellation is not enough: `asyncio.wait_for` of Python 3.11, which the Redis client uses,
    forgets one that comes at the same moment as its result (https://bugs.python.org/issue37658).
    """
    every = list(tasks)
    left = {task for task in every if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)
    # Looks at the exceptions, so that they are not reported as never looked at.
    await asyncio.gather(*every, return_exceptions=True)


class Gate:
    """A lock that many share or one has. One that waits to be alone goes before new sharers."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._sharing = 0
        self._alone = 0
        self._waiting_alone = 0

    @asynccontextmanager
    async def pass_through(self, *, alone: bool) -> AsyncIterator[None]:
        """Hold the lock, alone or shared, for the length of the block."""
        if alone:
            self._waiting_alone += 1
            try:
                await self._wait_until(lambda: self._alone + self._sharing == 0)
                self._alone = 1
            finally:
                self._waiting_alone -= 1
                self._changed.set()
        else:
            await self._wait_until(lambda: self._alone + self._waiting_alone == 0)
            self._sharing += 1
        try:
            yield
        finally:
            if alone:
                self._alone = 0
            else:
                self._sharing -= 1
            self._changed.set()

    async def _wait_until(self, free: Callable[[], bool]) -> None:
        # No await lies between a check and what its caller does next, so that nobody comes between.
        while not free():
            self._changed.clear()
            await self._changed.wait()
