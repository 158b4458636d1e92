"""The processes of tools/dev.toml, each of which can be killed, frozen, stopped and started alone.

Unlike under `make dev`, nothing starts again by itself: that a process is gone is what the tests
here are about. Several systems run at once, so that each has its own ports and data.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import dev
import hung_disk
from toolchain import settings

Answer = TypeVar("Answer")

FULL = os.environ.get("FULL") == "1"
# Short times, so that the suite takes minutes. FULL=1 runs it with those of contracts/limits.json.
SHORT = {
    "LEASE_S": "3",
    "HEARTBEAT_S": "1",
    "RECLAIM_S": "1",
    "WORKER_GRACE_S": "5",
    "RELAY_S": "0.2",
    "BACKOFF_BASE_S": "0.2",
    "BACKOFF_MAX_S": "2",
}
# No limit of the caller is to stand between a test and the fault.
ALWAYS = {"RATE_LIMIT_PER_MINUTE": "1000000", "LOG_LEVEL": "info"}
# As in a small container: without a bound V8 lets garbage lie for long, which looks like a leak.
SMALL_HEAP = {"NODE_OPTIONS": "--max-old-space-size=192"}

# Ceilings for what must come, however busy the machine is; not what is expected of it.
LIMIT_S = 600.0 if FULL else 120.0

# What belongs to no group is what the services lean on: the state store, and a broker of its own;
# or it ends by itself.
OTHERS = [entry for entry in settings()["process"] if not entry.get("group")]
INFRASTRUCTURE = [entry["name"] for entry in OTHERS if not entry.get("once")]


def limit(name: str) -> float:
    """A number of contracts/limits.json as these tests run with it."""
    shipped = json.loads((ROOT / "contracts" / "limits.json").read_text(encoding="utf-8"))
    short = None if FULL else SHORT.get(name.upper())
    return float(short or shipped[name]["value"])


class Ports(dev.Ports):
    """Ports below those that the system gives to outgoing connections.

    While a server is away its port must stay free: of the clients that look for it, one would
    sooner or later get this very port for its own end, and connect to itself.
    """

    def choose(self, preferred: int) -> int:
        while True:
            port = random.randrange(10_000, 32_000)
            if self.is_free(port) and self.hold(port):
                return port


class Log(dev.Output):
    """Keeps the lines of all processes in a file, each behind its process's name."""

    def __init__(self, services: list[dev.Service], path: Path) -> None:
        super().__init__(services, raw=True)
        self.file = path.open("w", encoding="utf-8")

    def say(self, text: str = "") -> None:
        self.file.write(f"{text}\n")
        self.file.flush()


class Processes:
    """One system.

    `copies`: how many processes of a group there are, `{"worker": 2}` for two of each worker.
    `down`: what is not started yet, and not waited for.
    """

    def __init__(
        self,
        folder: Path,
        *,
        copies: dict[str, int] | None = None,
        environment: dict[str, str] | None = None,
        down: tuple[str, ...] = (),
    ) -> None:
        services = dev.load([])
        for group, count in (copies or {}).items():
            for number in range(2, count + 1):
                more = [service for service in dev.load([]) if service.group == group]
                for service in more:
                    service.name = f"{service.name}-{number}"
                services += more
        # What is done with a part that is down is not done.
        down += tuple(each.name for each in services if each.once and set(each.needs) & set(down))
        for service in services:
            service.front = False
            service.needs = [need for need in service.needs if need not in down]
            if service.name in INFRASTRUCTURE and hung_disk.AVAILABLE:
                program = [sys.executable, hung_disk.__file__, str(folder / service.name)]
                service.command = program + service.command
        self.folder = folder
        self.log_path = folder / "log.txt"
        self.services = {service.name: service for service in services}
        self.down = set(down)
        options = argparse.Namespace(data=folder / "data", watch=False, raw=True, ports_file=None)
        self.dev = dev.Dev(services, options)
        self.dev.output = Log(services, self.log_path)
        self.dev.ports = Ports()
        self.dev.base |= ALWAYS | ({} if FULL else SHORT) | (environment or {})
        self.loop = asyncio.new_event_loop()
        # A child dies with the thread that has started it, so this one lives as long as they do.
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        self.dev.assign_ports()
        try:
            self.await_(self._start_all())
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        self.stop()
        if kind is not None:
            print(f"the log of all processes: {self.log_path}")

    def await_(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(LIMIT_S)

    async def _start_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for service in self.services.values():
                if service.name not in self.down:
                    group.create_task(self.dev.start_when_possible(service))

    def stop(self) -> None:
        for service in self.services.values():
            if service.child is not None:
                dev.signal_group(service.child.pid, signal.SIGCONT)
        self.await_(self.dev.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    # Faults

    def start(self, name: str) -> None:
        """Starts a process that is down; returns when it is ready."""
        self.down.discard(name)
        self.await_(self.dev.start(self.services[name], "started"))

    def kill(self, name: str) -> None:
        """kill -9, and it stays down."""
        self.signal(name, signal.SIGKILL)
        self.ended(name)

    def terminate(self, name: str) -> None:
        """SIGTERM; returns at once. `ended` waits for its end."""
        self.signal(name, signal.SIGTERM)

    def ended(self, name: str) -> int:
        """How a process has ended, once it has: its exit status."""
        self.down.add(name)
        service = self.services[name]
        assert service.child is not None
        child = service.child
        status = self.await_(child.wait())
        self.await_(self.dev.end(service))
        return status

    def freeze(self, name: str) -> None:
        """It does nothing from now on, and its sockets stay open."""
        self.signal(name, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self.signal(name, signal.SIGCONT)

    def signal(self, name: str, number: signal.Signals) -> None:
        os.killpg(self.pid(name), number)

    @contextmanager
    def hung_disk(self, name: str) -> Iterator[None]:
        """Meanwhile nothing that this part of the infrastructure writes is on the disk (Linux)."""
        flag = self.folder / name
        flag.touch()
        try:
            yield
        finally:
            flag.unlink()

    @contextmanager
    def kept(self, *names: str) -> Iterator[Counter[str]]:
        """Meanwhile these are started again whenever they die; counts how often that was."""
        stop = threading.Event()
        starts: Counter[str] = Counter()

        def keep(name: str) -> None:
            while not stop.wait(0.05) or name in self.gone():
                if name in self.gone():
                    self.ended(name)
                    # It may be killed while it starts.
                    with suppress(dev.StartFailed):
                        self.start(name)
                    starts[name] += 1

        with ThreadPoolExecutor(len(names)) as pool:
            keepers = [pool.submit(keep, name) for name in names]
            try:
                yield starts
            finally:
                stop.set()
        for keeper in keepers:
            keeper.result()

    # Looks

    def group(self, name: str) -> list[str]:
        """The names of a group's processes."""
        return [service.name for service in self.services.values() if service.group == name]

    def first(self, group: str) -> str:
        return self.group(group)[0]

    def pid(self, name: str) -> int:
        child = self.services[name].child
        assert child is not None, f"{name} is down"
        return child.pid

    def url(self, name: str) -> str:
        return self.services[name].base_url

    def gone(self) -> list[str]:
        """Processes that ended and should not have."""
        return [
            service.name
            for service in self.services.values()
            if service.name not in self.down
            and not service.once
            and (service.child is None or service.child.returncode is not None)
        ]

    def metric(self, name: str, metric: str) -> float:
        """What a process counts under `metric`, over all labels that begin so."""
        port = self.services[name].filled["METRICS_PORT"]
        text = httpx2.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=20).text
        lines = [line for line in text.splitlines() if line.startswith(metric)]
        return sum(float(line.split()[-1]) for line in lines)

    def rss_mib(self, name: str) -> float:
        """The memory that a process has in use, in MiB."""
        done = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(self.pid(name))],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return int(done.stdout) / 1024

    def said(self, name: str, text: str) -> list[str]:
        """The log lines of a process in which `text` stands."""
        lines = (line.partition(" │ ") for line in self.log().splitlines())
        return [line for who, _, line in lines if who.strip() == name and text in line]

    def says(self, name: str, text: str) -> None:
        """Returns once a process has logged `text`."""
        end = time.monotonic() + LIMIT_S
        while not self.said(name, text):
            assert time.monotonic() < end, f"{name} never says: {text}"
            time.sleep(0.05)

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")


class Memory:
    """Watches how much memory processes have in use, in MiB."""

    def __init__(self, system: Processes, *names: str) -> None:
        self.system = system
        self.begun = {name: system.rss_mib(name) for name in names}
        self.peak = dict(self.begun)
        self.stop = threading.Event()
        self.watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self.watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.watcher.join()

    def _watch(self) -> None:
        while not self.stop.wait(0.2):
            for name, peak in self.peak.items():
                self.peak[name] = max(peak, self.system.rss_mib(name))

    def growth_mib(self) -> dict[str, float]:
        """By how much each of them has grown at its peak."""
        return {name: self.peak[name] - begun for name, begun in self.begun.items()}

    def __str__(self) -> str:
        return "; ".join(
            f"{name} {begun:.0f} -> {self.peak[name]:.0f} -> {self.system.rss_mib(name):.0f} MiB"
            for name, begun in self.begun.items()
        )


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self.begun = time.monotonic()

    def __call__(self) -> float:
        return time.monotonic() - self.begun


def report(did: str, **counts: object) -> None:
    """Tells what a test did and what came of it; `make faults` shows it."""
    told = ", ".join(f"{name.replace('_', ' ')} {show(value)}" for name, value in counts.items())
    print(f"{did}: {told}")


def show(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
