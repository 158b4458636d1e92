import socket
import time


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until_it_answers(port: int, limit_s: float = 20) -> None:
    """Return as soon as somebody listens at `port`."""
    end = time.monotonic() + limit_s
    with socket.socket() as client:
        # Without a port of its own it might be given `port`, and reach itself.
        client.bind(("127.0.0.1", 0))
        while client.connect_ex(("127.0.0.1", port)) != 0:
            assert time.monotonic() < end, f"nobody listens at {port}"
