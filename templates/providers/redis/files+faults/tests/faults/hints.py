"""The hints of Redis that something has changed, cut off."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


@contextmanager
def no_hints(url: str) -> Iterator[None]:
    """The connections of all subscribers are cut, and meanwhile nobody may subscribe again."""
    tell(url, "ACL SETUSER default -subscribe -psubscribe")
    tell(url, "CLIENT KILL TYPE pubsub")
    try:
        yield
    finally:
        tell(url, "ACL SETUSER default +subscribe +psubscribe")


def tell(url: str, command: str) -> None:
    """Has Redis do what it may not refuse."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port)) as redis:
        redis.sendall(f"{command}\r\n".encode())
        answer = redis.makefile().readline()
    assert not answer.startswith("-"), answer
