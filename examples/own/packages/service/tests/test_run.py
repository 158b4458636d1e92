"""A process that is told to stop while it answers a request."""

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

# Answers when it is told to, by a line.
PROGRAM = """
import asyncio, sys
from service import server
from service.limits import Limits
from service.settings import ServerSettings, load
from tests.things import close

settings, bounds = load(ServerSettings, Limits)
app = server.create_app(settings, bounds, close=close, known={})

@app.get("/slow")
async def slow() -> str:
    told = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), told.set)
    print("begun", flush=True)
    await told.wait()
    return "done"

sys.exit(server.run(app, settings, int(sys.argv[1]), bounds))
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def ask(port: int) -> httpx2.Response:
    """Ask as soon as it listens."""
    transport = httpx2.HTTPTransport(retries=50)
    with httpx2.Client(transport=transport, timeout=30) as client:
        return client.get(f"http://127.0.0.1:{port}/slow")


def wait_until_it_accepts_no_more(port: int) -> None:
    while True:
        try:
            httpx2.get(f"http://127.0.0.1:{port}/livez")
        except httpx2.ConnectError:
            return
        except httpx2.TransportError:
            continue  # It closed what it had just accepted.


@pytest.mark.parametrize(("drain_s", "told", "status"), [(20, True, 200), (0, False, 503)])
def test_finishes_what_runs_within_the_time_to_drain(drain_s: int, told: bool, status: int) -> None:
    port = free_port()
    given = {"SERVICE_NAME": "slow", "METRICS_PORT": str(free_port()), "DRAIN_S": str(drain_s)}
    process = subprocess.Popen(  # noqa: S603  # a program of our own
        [sys.executable, "-c", PROGRAM, str(port)],
        env=os.environ | given | {"PYTHONPATH": ".", "API_KEYS_FILE": "", "APP_ENV": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process, ThreadPoolExecutor() as threads:
        assert process.stdout
        assert process.stdin
        answer = threads.submit(ask, port)
        assert any(line == "begun\n" for line in process.stdout)
        process.terminate()
        if told:
            wait_until_it_accepts_no_more(port)
            process.stdin.write("\n")
            process.stdin.flush()
        assert answer.result().status_code == status
        assert process.wait() == 0
