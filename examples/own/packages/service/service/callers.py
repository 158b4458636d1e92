"""Who calls: the name of an API key."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

ANONYMOUS = "anonymous"
_LINE = re.compile(r"([a-z0-9][a-z0-9_-]{0,62}):([0-9a-f]{64})")
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)


class Callers:
    """Knows callers by their API keys. Where no keys are configured everybody is anonymous."""

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self._names = names

    @classmethod
    def from_file(cls, path: Path | None) -> "Callers":
        """Read lines of `name:sha256-of-the-key-in-hex`; `#` starts a comment line.

        Several keys may have one name, so that a key can be replaced without a gap. Raise OSError
        or ValueError with what is wrong. Without a path nobody needs a key.
        """
        if path is None:
            return cls()
        names: dict[str, str] = {}
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            found = _LINE.fullmatch(text)
            if not found:
                raise ValueError(f"{path}:{number}: expected name:sha256-in-hex")
            names[found[2]] = found[1]
        return cls(names)

    def identify(self, authorization: str) -> str | None:
        """Return the caller's name; None where a key is needed and there is no known one."""
        if self._names is None:
            return ANONYMOUS
        found = _BEARER.fullmatch(authorization.strip())
        # Found by its hash: how long that takes says nothing about the key.
        return self._names.get(hash_key(found[1])) if found else None


def hash_key(key: str) -> str:
    """Return how a key is written in the file."""
    return hashlib.sha256(key.encode()).hexdigest()
