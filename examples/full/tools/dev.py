"""Runs the whole system on this machine: `make dev`.

What is started, in which order and with which environment stands in tools/dev.toml. A process
starts when all that it needs is ready; Ctrl-C stops everything in the reverse order. A process
that dies before all are ready ends the run; one that dies later, or whose files change, is started
again.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import fcntl
import io
import json
import os
import re
import signal
import socket
import sys
import time
from asyncio.subprocess import Process as Child
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from logs import printable, readable
from toolchain import ROOT, environment, require_setup, settings

HOST = "127.0.0.1"
READY_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
POLL_S = 0.05
WATCH_S = 1.0
# Waits before a process that died is started again; then it is given up.
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0)
STEADY_S = 30.0
LAST_LINES = 20
# How far from a port that is taken another one is looked for.
NEAR = 100


class StartFailed(Exception):
    """A process did not become ready."""


@dataclass
class Service:
    """One entry of dev.toml and the process that runs it."""

    name: str
    command: list[str]
    cwd: str = "."
    port: int = 0
    kind: str = "none"
    ready: str = "/"
    ready_log: str = ""
    probe: str = ""
    answer: str = ""
    url: str = ""
    open: str = ""
    examples: list[str] = field(default_factory=list)
    watch: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    group: str = ""
    once: bool = False

    front: bool = False
    elsewhere: bool = False
    asked: str = ""
    port_text: str = ""
    free: str = ""
    filled: dict[str, str] = field(default_factory=dict)
    child: Child | None = None
    reader: asyncio.Task[None] | None = None
    seen_ready: asyncio.Event = field(default_factory=asyncio.Event)
    ready_event: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    files: dict[Path, int] = field(default_factory=dict)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))

    @property
    def base_url(self) -> str:
        known = self.kind != "none" and self.port_text
        return f"{self.kind}://{HOST}:{self.port_text}" if known else ""


def load(only: list[str], without: str = "") -> list[Service]:
    """The services of dev.toml; with `only`, those and all that they need.

    Those of `without`, names with commas between them, are started elsewhere.
    """
    config = settings()
    services = {entry["name"]: Service(**entry) for entry in config.get("process", [])}
    front = front_of(services.values())
    for service in services.values():
        service.front = service is front
    for service in services.values():
        if service.watch:
            service.watch += [str(ROOT / folder) for folder in config.get("watch", [])]
    for service in services.values():
        unknown = [name for name in service.needs if name not in services]
        if unknown:
            sys.exit(f"error: tools/dev.toml: `{service.name}` needs unknown `{unknown[0]}`")
    for task in services.values():
        for service in services.values():
            if task.once and not service.once and set(task.needs) & set(service.needs):
                service.needs.append(task.name)
    elsewhere = without.split(",") if without else []
    for name in [*only, *elsewhere]:
        if name not in services:
            sys.exit(f"error: there is no `{name}`\n\nhint: choices: {', '.join(services)}")
    for name in elsewhere:
        services[name].elsewhere = True
    if not only:
        return list(services.values())
    wanted: set[str] = set()
    rest = list(only)
    while rest:
        name = rest.pop()
        if name not in wanted:
            wanted.add(name)
            rest += services[name].needs
    return [service for service in services.values() if service.name in wanted]


def front_of(services: Iterable[Service]) -> Service | None:
    """What people open: the first of those that could be."""
    return next((service for service in services if service.front), None)


class Ports:
    """Hands out ports of this machine that nobody listens on, each once.

    A socket holds each of them, of UDP so that it is in nobody's way: who will listen starts later,
    and another system that starts meanwhile must not choose the same.
    """

    def __init__(self, wanted: Iterable[int] = ()) -> None:
        self.held: dict[int, socket.socket] = {}
        self.wanted = frozenset(wanted)

    def choose(self, preferred: int) -> int:
        """`preferred` where it is free, else the next port that is free and that none of `wanted`
        is; any free port for 0."""
        near = range(preferred, min(preferred + NEAR + 1, 65536)) if preferred else range(0)
        for port in near:
            is_ours = port == preferred or port not in self.wanted
            if is_ours and self.is_free(port) and self.hold(port):
                return port
        while True:
            with socket.socket() as probe:
                probe.bind((HOST, 0))
                port = int(probe.getsockname()[1])
            if self.hold(port):
                return port

    def hold(self, port: int) -> bool:
        """Whether nobody else holds this port; from now on it is ours."""
        holder = socket.socket(type=socket.SOCK_DGRAM)
        try:
            holder.bind((HOST, port))
        except OSError:
            holder.close()
            return False
        self.held[port] = holder
        return True

    def release(self) -> None:
        """Gives all ports back."""
        while self.held:
            self.held.popitem()[1].close()

    @staticmethod
    def is_free(port: int) -> bool:
        with socket.socket() as probe, socket.socket() as client:
            # As servers do: a port that only lingers after a close counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
            # On macOS a bind to one address succeeds beside a listener on all addresses.
            client.settimeout(1)
            return client.connect_ex((HOST, port)) != 0


class Record:
    """Which ports were chosen where the ones asked for were taken, for the next time: a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.chosen: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            found = json.loads(path.read_text(encoding="utf-8"))
            self.chosen = found if isinstance(found, dict) else {}

    def get(self, name: str, asked: int) -> int:
        """The port that `name` got when it asked for this one; `asked` where there is none."""
        port = self.chosen.get(f"{name} {asked}", asked)
        return port if isinstance(port, int) and 0 < port < 65536 else asked

    def put(self, name: str, asked: int, port: int) -> None:
        """Keeps what `name` got; nothing where that is what it asked for."""
        before = dict(self.chosen)
        self.chosen.pop(f"{name} {asked}", None)
        if port != asked:
            self.chosen[f"{name} {asked}"] = port
        if self.chosen != before:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.path, self.chosen)


class Output:
    """What people see: the table, then each service's lines behind its name."""

    def __init__(self, services: list[Service], raw: bool) -> None:
        self.width = max((len(service.name) for service in services), default=0)
        self.raw = raw
        # Until everything is ready the table stands alone; lines are kept for a failure.
        self.streaming = raw
        self.colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A letter that this terminal does not have must not end the one who reads the lines.
            sys.stdout.reconfigure(errors="backslashreplace")

    def say(self, text: str = "") -> None:
        with suppress(BrokenPipeError):
            print(text, flush=True)

    def row(self, service: Service, what: str, seconds: float, text: str = "") -> None:
        self.say(f"{service.name:<{self.width}}  {what}  {seconds:4.1f} s   {text}".rstrip())

    def line(self, service: Service, line: str) -> None:
        text = printable(line) if self.raw else readable(line, colour=self.colour)
        service.recent.append(text)
        if self.streaming:
            self.prefixed(service, text)

    def prefixed(self, service: Service, text: str) -> None:
        for number, part in enumerate(text.split("\n")):
            name = service.name if number == 0 else ""
            self.say(f"{name:<{self.width}} │ {part}")


class Dev:
    """One run: starts the services, keeps them running, stops them."""

    def __init__(self, services: list[Service], options: argparse.Namespace) -> None:
        self.services = services
        self.options = options
        self.output = Output(services, options.raw)
        self.base = environment()
        self.ports = Ports(service.port for service in services)
        self.record = Record(options.data / "ports.json")
        self.stop_asked = asyncio.Event()
        self.kill_asked = asyncio.Event()
        self.started: list[Service] = []

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.on_signal)
        self.assign_ports()
        try:
            code = await self.until_stopped(self.work())
        except StartFailed as failure:
            self.output.say(f"\n{failure}")
            code = 1
        finally:
            await self.stop()
        return code

    def on_signal(self) -> None:
        """The first signal stops, the second one kills."""
        if self.stop_asked.is_set():
            self.kill_asked.set()
        self.stop_asked.set()

    def assign_ports(self) -> None:
        for service in self.services:
            if service.kind == "none" and not service.port:
                continue
            service.asked = (self.base.get("PORT") if service.front else "") or str(service.port)
            # What is no port number reaches the service, whose message is better.
            if service.asked.isdigit() and int(service.asked) < 65536:
                insists = service.front and "PORT" in os.environ
                service.port_text = str(self.port(service.name, int(service.asked), insists))
            else:
                service.port_text = service.asked

    def port(self, name: str, asked: int, insists: bool = False) -> int:
        """A port for `name`: that of the last time, unless somebody `insists` on the one asked."""
        preferred = 0 if insists else self.record.get(name, asked)
        chosen = self.ports.choose(preferred or asked)
        self.record.put(name, asked, chosen)
        return chosen

    async def until_stopped(self, work: Any) -> int:
        """Awaits `work`, but no longer than until a signal asks to stop."""
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self.stop_asked.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            result: int = working.result()
            return result
        working.cancel()
        with suppress(asyncio.CancelledError, StartFailed):
            await working
        return 0

    async def work(self) -> int:
        try:
            async with asyncio.TaskGroup() as group:
                for service in self.services:
                    group.create_task(self.start_when_possible(service))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        self.announce()
        self.output.streaming = True
        lasting = (it for it in self.services if not it.once and not it.elsewhere)
        keepers = [asyncio.ensure_future(self.keep(service)) for service in lasting]
        if not keepers:
            await self.stop_asked.wait()
            return 0
        try:
            done, _ = await asyncio.wait(keepers, return_when=asyncio.FIRST_COMPLETED)
            for keeper in done:
                keeper.result()
            return 1
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def start_when_possible(self, service: Service) -> None:
        by_name = {other.name: other for other in self.services}
        for need in service.needs:
            await by_name[need].ready_event.wait()
        if service.elsewhere:
            self.hand_over(service)
        else:
            await self.start(service, "ready")
        service.ready_event.set()

    async def start(self, service: Service, what: str) -> None:
        """Starts `service` and returns when it is ready."""
        begun = time.monotonic()
        # Before it reads them, so that a change while it starts is not overlooked.
        service.files = snapshot(service) if self.watching(service) else {}
        await self.spawn(service)
        await self.wait_ready(service)
        chosen = service.asked in ("", "0", service.port_text)
        note = "" if chosen else f"   (port {service.asked} was taken)"
        shown = self.fill(service, service.url) if service.url else service.base_url
        self.output.row(service, what, time.monotonic() - begun, shown + note)

    def hand_over(self, service: Service) -> None:
        """Writes the variables of a process that others start, such as a debugger."""
        self.prepare(service)
        ours = {name: text for name, text in self.base.items() if os.environ.get(name) != text}
        lines = (f"{name}={text}\n" for name, text in (ours | service.filled).items())
        path = self.options.data / f"{service.name}.env"
        path.touch(mode=0o600)
        path.write_text("".join(lines), encoding="utf-8")
        name = f"{service.name:<{self.output.width}}"
        self.output.say(f"{name}  yours   its variables are in {os.path.relpath(path)}")

    def prepare(self, service: Service) -> None:
        (self.options.data / service.name).mkdir(parents=True, exist_ok=True)
        service.filled = {name: self.fill(service, text) for name, text in service.env.items()}
        for name, text in service.defaults.items():
            service.filled[name] = self.base.get(name) or self.fill(service, text)

    async def spawn(self, service: Service) -> None:
        self.prepare(service)
        command = [self.fill(service, part) for part in service.command]
        # A pipe of our own: with PIPE, asyncio reports an end only once nobody holds the pipe,
        # so a process that leaves a child behind would never be seen to die.
        reading, writing = os.pipe()
        try:
            service.child = await asyncio.create_subprocess_exec(
                *command,
                cwd=ROOT / service.cwd,
                env=self.base | service.filled,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
        except BaseException as error:
            os.close(reading)
            if isinstance(error, OSError):
                raise StartFailed(f"{service.name} cannot be started: {error}") from None
            raise
        finally:
            os.close(writing)
        service.stopped.clear()
        service.seen_ready.clear()
        if service not in self.started:
            self.started.append(service)
        service.reader = asyncio.ensure_future(self.read(service, reading))

    def fill(self, service: Service, text: str) -> str:
        """Puts in what `{name}` refers to: ports and URLs of services, folders, tools."""

        def value(found: re.Match[str]) -> str:
            key = found.group(1)
            if key == "port":
                return service.port_text
            if key == "url":
                return service.base_url
            if key == "free":
                # The same after each restart, too.
                if not service.free:
                    service.free = str(self.port(f"{service.name} free", 0))
                return service.free
            if key == "data":
                return str(self.options.data / service.name)
            for other in self.services:
                if key == f"{other.name}.port":
                    return other.port_text
            if key in self.base:
                return self.base[key]
            raise StartFailed(f"tools/dev.toml: `{service.name}` refers to unknown `{{{key}}}`")

        return re.sub(r"\{([\w.-]+)\}", value, text)

    async def read(self, service: Service, descriptor: int) -> None:
        """Shows the lines of a process until nobody can write any more."""
        stream = asyncio.StreamReader(limit=1 << 20)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(descriptor, "rb", 0)
        )
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                continue  # A line of more than a mebibyte: dropped.
            if not line:
                transport.close()
                return
            text = line.decode(errors="replace").rstrip()
            if service.ready_log and service.ready_log in text:
                service.seen_ready.set()
            self.output.line(service, text)

    async def wait_ready(self, service: Service) -> None:
        child = service.child
        assert child is not None
        deadline = time.monotonic() + READY_LIMIT_S
        while child.returncode is None and time.monotonic() < deadline:
            if await is_ready(service):
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), POLL_S)
        if service.once and child.returncode == 0:
            return
        if child.returncode is None:
            problem = f"was not ready after {READY_LIMIT_S:.0f} s"
        else:
            problem = f"ended while starting: {ending(child.returncode)}"
        await self.drained(service)
        if not self.output.streaming:
            for text in service.recent:
                self.output.prefixed(service, text)
        raise StartFailed(f"{service.name} {problem}")

    async def drained(self, service: Service) -> None:
        """Waits until what an ended process has printed is read; not for its heirs."""
        if service.reader is not None:
            await asyncio.wait({service.reader}, timeout=0.5)

    def announce(self) -> None:
        for service in self.services:
            if service.front:
                url = self.fill(service, service.open or service.url or "{url}")
                self.output.say(f"\nOpen {url:<50} Ctrl-C stops all")
                for number, example in enumerate(service.examples):
                    self.output.say(f"{'' if number else 'Try':<4} {self.fill(service, example)}")
        self.write_ports()

    def write_ports(self) -> None:
        if self.options.ports_file is not None:
            write_json(self.options.ports_file, self.report())

    def report(self) -> dict[str, dict[str, Any]]:
        """Where everything is, for programs: what `--ports-file` holds."""
        return {
            service.name: {
                "group": service.group,
                "port": int(service.port_text) if service.port_text else None,
                "url": service.base_url or None,
                "pid": service.child.pid if service.child else None,
                "command": [self.fill(service, part) for part in service.command],
                "cwd": service.cwd,
                "ready": service.ready,
                "env": service.filled,
            }
            for service in self.services
        }

    async def keep(self, service: Service) -> None:
        """Starts `service` again when it dies or its files change; returns when it gives up."""
        failures = 0
        while True:
            begun = time.monotonic()
            changed = await self.death_or_change(service)
            if time.monotonic() - begun > STEADY_S or changed:
                failures = 0
            if changed:
                await self.end(service)
                what = f"{changed} changed, restarted"
            else:
                child = service.child
                problem = ending(child.returncode or 0) if child else "is not running"
                await self.drained(service)
                if failures == len(BACKOFF_S):
                    self.output.say(f"{service.name} {problem}; given up")
                    if not self.watching(service):
                        return
                    await self.change(service)
                    failures = 0
                else:
                    wait = BACKOFF_S[failures]
                    failures += 1
                    self.output.say(f"{service.name} {problem}; starts again in {wait} s")
                    await asyncio.sleep(wait)
                await self.end(service)
                what = "restarted"
            try:
                await self.start(service, what)
            except StartFailed as failure:
                if service.child is None or service.child.returncode is None:
                    self.output.say(str(failure))
                continue
            self.write_ports()

    async def death_or_change(self, service: Service) -> str:
        """The path that changed, or nothing when the process has ended."""
        if service.child is None:
            return ""
        death = asyncio.ensure_future(service.child.wait())
        waits: set[asyncio.Future[Any]] = {death}
        change = None
        if self.watching(service):
            change = asyncio.ensure_future(self.change(service))
            waits.add(change)
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return change.result() if change is not None and change.done() else ""
        finally:
            for wait in waits:
                wait.cancel()

    def watching(self, service: Service) -> bool:
        return bool(service.watch) and bool(self.options.watch)

    async def change(self, service: Service) -> str:
        """The first file of the watched folders that differs from when `service` was started."""
        while True:
            await asyncio.sleep(WATCH_S)
            now = snapshot(service)
            for path, _ in sorted(now.items() ^ service.files.items()):
                return printable(str(path.relative_to(ROOT)))

    async def stop(self) -> None:
        """Ends everything, each service after those that need it."""
        begun = time.monotonic()
        self.output.streaming = self.options.raw
        names = [service.name for service in reversed(self.started)]
        killed = await asyncio.gather(*(self.stop_in_turn(service) for service in self.started))
        if names:
            seconds = time.monotonic() - begun
            self.output.say(f"stopped in {seconds:.1f} s: {', '.join(names)}")
        for name in filter(None, killed):
            self.output.say(f"{name} did not stop by itself and was killed")
        self.ports.release()
        if self.options.ports_file is not None:
            self.options.ports_file.unlink(missing_ok=True)

    async def stop_in_turn(self, service: Service) -> str:
        for other in self.started:
            if service.name in other.needs:
                await other.stopped.wait()
        was_killed = await self.end(service)
        service.stopped.set()
        return service.name if was_killed else ""

    async def end(self, service: Service) -> bool:
        """Ends a process and all of its group; whether it had to be killed."""
        child = service.child
        if child is None:
            return False
        if child.returncode is None:
            signal_group(child.pid, signal.SIGTERM)
            waits = {
                asyncio.ensure_future(child.wait()),
                asyncio.ensure_future(self.kill_asked.wait()),
            }
            await asyncio.wait(waits, timeout=STOP_LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        was_killed = child.returncode is None
        # Also what the process has left behind in its group.
        signal_group(child.pid, signal.SIGKILL)
        await child.wait()
        await self.drained(service)
        service.child = None
        return was_killed


async def is_ready(service: Service) -> bool:
    """Asks a service once whether it is ready."""
    if service.once:
        return False
    if service.ready_log:
        return service.seen_ready.is_set()
    if service.kind == "none" or not service.port_text.isdigit():
        return service.kind == "none"
    if service.probe:
        return (await ask(service, f"{service.probe}\r\n")).startswith(service.answer)
    request = f"GET {service.ready} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    return " 200 " in await ask(service, request)


async def ask(service: Service, request: str) -> str:
    """The first line that the port of `service` answers; empty where there is none."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(HOST, int(service.port_text))
            try:
                writer.write(request.encode())
                return (await reader.readline()).decode(errors="replace")
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return ""


def ending(status: int) -> str:
    """How a process ended, in words."""
    if status >= 0:
        return f"exited with status {status}"
    return f"was ended by {signal.Signals(-status).name}"


def signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def snapshot(service: Service) -> dict[Path, int]:
    """The files of the watched folders with their times of change."""
    found: dict[Path, int] = {}
    for folder in service.watch:
        for path in (ROOT / service.cwd / folder).resolve().rglob("*"):
            if "__pycache__" in path.parts or "node_modules" in path.parts:
                continue
            with suppress(OSError):
                if path.is_file():
                    found[path] = path.stat().st_mtime_ns
    return found


def write_json(path: Path, value: object) -> None:
    """Writes a file so that readers see all of it or nothing."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def die_with_parent(number: signal.Signals) -> Any:
    """What a new process does first, so that it gets `number` when its parent dies (Linux)."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def apply() -> None:
        pr_set_pdeathsig = 1
        prctl(pr_set_pdeathsig, int(number))
        if os.getppid() != parent:
            os._exit(1)

    return apply


def follow_parent() -> None:
    """Asks for SIGTERM when the program that started this one dies (Linux)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))


@contextmanager
def unused(data: Path, lock_kind: int = fcntl.LOCK_EX) -> Iterator[bool]:
    """Whether no run uses this folder; as long as this lasts, none will."""
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, lock_kind | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def url_of(name: str, options: argparse.Namespace) -> str:
    """Where a process of the running system is: the one of this name, or what people open."""
    front = front_of(load([]))
    wanted = name or (front.name if front else "")
    try:
        # What a run that was killed has left says nothing.
        with unused(options.data, fcntl.LOCK_SH) as is_stopped:
            text = "" if is_stopped else options.ports_file.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    if not text:
        sys.exit("error: this project does not run, or is not ready yet\n\nhint: make dev")
    running: dict[str, dict[str, Any]] = json.loads(text)
    for process, entry in running.items():
        if entry["url"] and process == wanted:
            return str(entry["url"])
    known = ", ".join(process for process, entry in running.items() if entry["url"])
    sys.exit(f"error: there is no `{name}`\n\nhint: choices: {known}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="NAME",
                        help="start this process and what it needs")  # fmt: skip
    parser.add_argument("--without", default=os.environ.get("WITHOUT", ""), metavar="NAMES",
                        help="start all but these, and write their variables to files "
                        "(default: WITHOUT of the environment)")  # fmt: skip
    parser.add_argument("--ports-file", type=Path, metavar="PATH",
                        help="write where everything is, as JSON, once all are ready")  # fmt: skip
    parser.add_argument("--data", type=Path, default=ROOT / ".dev", metavar="DIR",
                        help="where processes keep their data (default: .dev)")  # fmt: skip
    parser.add_argument(
        "--raw",
        action="store_true",
        help="show log lines as services write them, control characters escaped",
    )
    parser.add_argument("--watch", action=argparse.BooleanOptionalAction, default=True,
                        help="restart what changes (default)")  # fmt: skip
    parser.add_argument("--url", metavar="NAME",
                        help="print where a running process is; of '': the front")  # fmt: skip
    parser.add_argument("--stop-with-parent", action="store_true",
                        help="stop when the program that started this one dies")  # fmt: skip
    options = parser.parse_args()
    options.data = options.data.resolve()
    options.ports_file = options.ports_file or options.data / "running.json"
    if options.url is not None:
        print(url_of(options.url, options))
        return 0
    require_setup()
    if options.stop_with_parent:
        follow_parent()
    options.data.mkdir(parents=True, exist_ok=True)
    with unused(options.data) as is_ours:
        if not is_ours:
            sys.exit(
                "error: `make dev` runs already in this project\n\n"
                "hint: stop it with Ctrl-C, or start another beside it: "
                ".venv/bin/python tools/dev.py --data .dev/second"
            )
        options.ports_file.unlink(missing_ok=True)
        return asyncio.run(Dev(load(options.only, options.without), options).run())


if __name__ == "__main__":
    sys.exit(main())
