"""Runs a RabbitMQ of this machine on loopback alone: for `make dev` and for tests.

    python infra/rabbitmq/server.py --port 5672 --data .dev/rabbitmq

It listens on 127.0.0.1 only, with its distribution and its port mapper too, and keeps everything
in the data folder. It runs until SIGTERM, or until the process that started it is gone.
RABBITMQ_SERVER names the program where it is not found.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
# Debian's command of this name wants to be root; what it calls does not.
PLACES = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")
MISSING = """error: this machine has no `rabbitmq-server`

hint: install it (Debian, Ubuntu: apt-get install rabbitmq-server; macOS: brew install rabbitmq),
      name it in RABBITMQ_SERVER, or use Redis as the queue (scaffold.toml: queue = "redis-streams")
"""


def program() -> str | None:
    """The server of this machine, if there is one."""
    places = [os.environ["RABBITMQ_SERVER"]] if os.environ.get("RABBITMQ_SERVER") else PLACES
    return next(filter(None, map(shutil.which, places)), None)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def environment(port: int, data: Path, epmd_port: int) -> dict[str, str]:
    """What makes RabbitMQ listen on loopback alone and write into `data` alone."""
    plugins = data / "plugins"
    plugins.write_text("[].\n", encoding="ascii")
    return {
        **{name: text for name, text in os.environ.items() if not name.startswith("RABBITMQ_")},
        "HOME": str(data),  # where Erlang keeps its cookie
        # The server's script becomes the server, with no shell between it and this program.
        "detached": "true",
        "ERL_EPMD_ADDRESS": HOST,
        "ERL_EPMD_PORT": str(epmd_port),
        "RABBITMQ_CONFIG_FILE": str(HERE / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(data / "none"),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_LOG_BASE": str(data),
        "RABBITMQ_MNESIA_BASE": str(data / "mnesia"),
        "RABBITMQ_NODENAME": "rabbit@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} "
        + os.environ.get("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", ""),
    }


def die_with_parent() -> None:
    """Ask for SIGKILL when the process that started this one dies (Linux)."""
    if sys.platform.startswith("linux"):
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    server = program()
    if server is None:
        sys.stderr.write(MISSING)
        return 1
    data = options.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    epmd_port = free_port()
    values = environment(options.port, data, epmd_port)
    # The server would start a port mapper that outlives it; it uses one that is there.
    mapper = shutil.which("epmd")
    children = []
    if mapper:
        command = [mapper, "-address", HOST, "-port", str(epmd_port)]
        children.append(subprocess.Popen(command, env=values, preexec_fn=die_with_parent))
    broker = subprocess.Popen([server], env=values, preexec_fn=die_with_parent)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: broker.terminate())
    try:
        return broker.wait()
    finally:
        for child in children:
            child.kill()
            child.wait()


if __name__ == "__main__":
    sys.exit(main())
