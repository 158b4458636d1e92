"""Tells realtime what has changed, from the outbox that a migration makes and a trigger fills."""

import asyncio
import json
from typing import Annotated
from urllib.parse import quote

import asyncpg
import httpx2
from pydantic import AnyHttpUrl, Field

from service.database import DatabaseSettings
from service.log import get_logger

# Any number, the same for all: one replica tells at a time, so that events keep their order.
_LOCK = 7_266_105
_AT_ONCE = 100
_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_PATIENCE_S = 5.0
# By these realtime says that it will never take an event.
_NEVER = (400, 413, 414, 422)
log = get_logger()


class OutboxSettings(DatabaseSettings):
    """Where those are who want to know."""

    realtime_url: Annotated[AnyHttpUrl, Field(examples=["http://localhost:3001"])]


class Outbox:
    """Events of changes that are committed, each told at least once: its `id` tells them apart."""

    def __init__(self, settings: OutboxSettings) -> None:
        self._database = settings.database_url.get_secret_value()
        self._realtime = str(settings.realtime_url).rstrip("/")
        self._from = settings.service_name
        self._pause = _PAUSE_S

    async def relay(self) -> None:
        """Tell and remove events until this is cancelled, also after what it needs was away."""
        # Once: what it reads to trust servers keeps a processor busy for a while.
        async with httpx2.AsyncClient(timeout=_PATIENCE_S, trust_env=False) as client:
            while True:
                try:
                    await self._relay(client)
                except (
                    httpx2.HTTPError,
                    asyncpg.PostgresError,
                    asyncpg.InterfaceError,
                    OSError,
                ) as why:
                    if self._pause == _PAUSE_S:
                        error = f"{type(why).__name__}: {why}"
                        log.warning("events wait in the outbox", error=error)
                    self._pause = min(2 * self._pause, _LONGEST_PAUSE_S)
                await asyncio.sleep(self._pause)

    async def _relay(self, client: httpx2.AsyncClient) -> None:
        # A connection of its own, so that requests and it do not wait for each other.
        name = {"application_name": f"{self._from}-outbox"}
        connection = await asyncpg.connect(
            self._database,
            timeout=_PATIENCE_S,
            # For a server that says nothing any more: this session waits for nobody's locks.
            command_timeout=_PATIENCE_S,
            server_settings=name,
        )
        try:
            while True:
                told = await self._tell_some(connection, client)
                self._pause = _PAUSE_S
                if told < _AT_ONCE:
                    await asyncio.sleep(_PAUSE_S)
        finally:
            # With it goes what was not committed, and no server that hangs is waited for.
            connection.terminate()

    async def _tell_some(self, connection: asyncpg.Connection, client: httpx2.AsyncClient) -> int:
        """Tell the oldest events, and return how many.

        Those before one that fails are removed, and so is what will never be taken: all others
        would wait behind it.
        """
        told: list[int] = []
        failure: httpx2.HTTPError | None = None
        transaction = connection.transaction()
        await transaction.start()
        if await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
            rows = await connection.fetch(
                "SELECT position, channel, event FROM outbox.events ORDER BY position LIMIT $1",
                _AT_ONCE,
            )
            for row in rows:
                try:
                    await self._tell(client, row["channel"], json.loads(row["event"]))
                except httpx2.HTTPError as error:
                    failure = error
                    break
                told.append(row["position"])
            await connection.execute("DELETE FROM outbox.events WHERE position = ANY ($1)", told)
        await transaction.commit()
        if failure:
            raise failure
        return len(told)

    async def _tell(self, client: httpx2.AsyncClient, channel: str, event: object) -> None:
        url = f"{self._realtime}/internal/channels/{quote(channel, safe='')}/events"
        answer = await client.post(url, json={"from": self._from, "event": event})
        if answer.status_code in _NEVER:
            event_id = event.get("id") if isinstance(event, dict) else None
            told = {"channel": channel, "event_id": event_id, "status": answer.status_code}
            log.warning("an event cannot be told, and is dropped", **told)
            return
        answer.raise_for_status()
