"""Runs the Lua scripts of contracts/lua/, which both languages share."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from app.worker.connection import call


class Scripts:
    """The scripts of one folder, on one Redis."""

    def __init__(self, redis: Redis, folder: Path) -> None:
        self._redis = redis
        self._text = cache(lambda name: _read(folder, name))

    async def run(self, name: str, arguments: Mapping[str, object], payload: str = "") -> Any:
        """Run `<name>.lua` and return its reply: JSON text, or a list of texts.

        `arguments` are what the script's head comment says, `payload` is text that it stores as
        it is. An argument that is None is as good as absent.
        """
        text, digest = self._text(name)
        values = (json.dumps(arguments), payload)
        try:
            return await call(self._redis, "EVALSHA", digest, 0, *values)
        except NoScriptError:
            return await call(self._redis, "EVAL", text, 0, *values)


def _read(folder: Path, name: str) -> tuple[str, str]:
    library = (folder / "lib.lua").read_text(encoding="utf-8")
    text = library + "\n" + (folder / f"{name}.lua").read_text(encoding="utf-8")
    return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
