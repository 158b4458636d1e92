"""Drives a generated project in containers, from outside: `drive.py FOLDER`.

Starts it with its own `make up`, asks for what it promises, and stops it with `make down`. Prints
what it measured; ends with a message and status 1 where something is not as promised. Needs Docker
and nothing but Python's own library.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

Json = dict[str, Any]
Found = TypeVar("Found")

# Jobs of a worker that is lost are taken over soon.
SHORT_TIMES = {"LEASE_S": "3", "HEARTBEAT_S": "1", "RECLAIM_S": "1"}
COMPILERS = "cc gcc g++ clang tsc rustc go uv"


class Project:
    """A generated project, as containers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = re.search(r"^name: (\S+)$", (folder / "compose.yaml").read_text(), re.M)[1]
        self.port, self.issuer = free_ports(2)
        ports = {"PORT": str(self.port), "ISSUER_PORT": str(self.issuer)}
        self.environment = os.environ | ports

    def run(self, *command: str, check: bool = True) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check and done.returncode:
            sys.exit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}")
        return done.stdout

    def compose(self, *arguments: str, check: bool = True) -> str:
        return self.run("docker", "compose", *arguments, check=check)

    def containers(self) -> dict[str, Json]:
        """What Docker says of each running container, by service and number."""
        identities = self.compose("ps", "--quiet").split()
        found = json.loads(self.run("docker", "inspect", *identities))
        labels = "com.docker.compose"
        return {
            f"{each['Config']['Labels'][f'{labels}.service']}-"
            f"{each['Config']['Labels'][f'{labels}.container-number']}": each
            for each in found
        }

    def remains(self) -> str:
        """What Docker still has of the project, images aside."""
        label = f"label=com.docker.compose.project={self.name}"
        return "".join(
            self.run("docker", kind, "ls", *more, "--quiet", "--filter", label)
            for kind, more in (("container", ["--all"]), ("network", []), ("volume", []))
        )

    def remove_images(self) -> None:
        """Leaves no image that was built, and little of what building them has kept."""
        services = json.loads(self.compose("config", "--format", "json"))["services"].values()
        names = {service["image"] for service in services if "build" in service}
        self.run("docker", "image", "rm", "--force", *sorted(names), check=False)
        self.run("docker", "builder", "prune", "--force", "--keep-storage", "3GB", check=False)

    def connect(self, timeout: float = 60) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(
        self, method: str, path: str, body: Json | None = None, **headers: str
    ) -> tuple[int, Json]:
        connection = self.connect()
        text = None if body is None else json.dumps(body)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, text, {"content-type": "application/json", **headers})
        answer = connection.getresponse()
        document = json.loads(answer.read())
        connection.close()
        return answer.status, document


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def eventually(look: Callable[[], Found], what: str, limit_s: float = 60) -> Found:
    """The first answer of `look` that is true."""
    deadline = time.monotonic() + limit_s
    while not (found := look()):
        if time.monotonic() > deadline:
            sys.exit(f"waited {limit_s:.0f} s in vain for {what}")
        time.sleep(0.05)
    return found


def expect(holds: object, what: str) -> None:
    if not holds:
        sys.exit(f"not as promised: {what}")


def start(project: Project) -> None:
    if (project.folder / "services/inference").exists():
        lines = "".join(f"{name}={value}\n" for name, value in SHORT_TIMES.items())
        (project.folder / ".env").write_text(lines, encoding="utf-8")
    print(project.run("make", "up"))


def is_confined(project: Project) -> None:
    """Each container as it runs, not as its file says."""
    for name, container in project.containers().items():
        inside = ["docker", "exec", container["Id"]]
        status = project.run(*inside, "cat", "/proc/1/status")
        field = dict(re.findall(r"^(\w+):\s+(.*)$", status, re.M))
        expect("0" not in field["Uid"].split(), f"{name} runs as root: {field['Uid']}")
        for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
            expect(int(field[kind], 16) == 0, f"{name} has capabilities: {kind} {field[kind]}")
        expect(field["NoNewPrivs"] == "1", f"{name} may gain privileges")
        refused = project.run(*inside, "sh", "-c", "echo x >/etc/x", check=False)
        expect("Read-only file system" in refused, f"{name} can write to its root: {refused}")
        limit = container["HostConfig"]["Memory"]
        paths = "/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes"
        in_force = project.run(*inside, "sh", "-c", f"cat {paths} 2>/dev/null || true").split()
        expect(limit > 0 and in_force == [str(limit)], f"{name} has memory {in_force}, not {limit}")
        published = container["HostConfig"]["PortBindings"] or {}
        hosts = {each["HostIp"] for ports in published.values() for each in ports or []}
        expect(hosts <= {"127.0.0.1"}, f"{name} is published on {hosts}")
        # An issuer of development says that it is no page to open.
        is_met = name == "nginx-1" or container["Config"]["Labels"].get("open") == "no"
        expect(not published or is_met, f"{name} is published")
    print(f"confined   {len(project.containers())} containers: user, root, capabilities, memory")


def has_nothing_to_spare(project: Project) -> None:
    """No compiler, no cache, no test in an image."""
    for name, container in project.containers().items():
        if not container["Config"]["Image"].startswith(f"{project.name}/"):
            continue
        script = f"""
          for program in {COMPILERS}; do command -v $program; done
          ls -d /root/.npm /root/.cache /app/node_modules/.cache 2>/dev/null
          cd /app 2>/dev/null && find . -path ./node_modules -prune -o -type f '(' \
            -name '*.test.ts' -o -name 'test_*' -o -name conftest.py -o -name '*.md' ')' -print
        """
        found = project.run("docker", "exec", container["Id"], "sh", "-c", script, check=False)
        expect(not found.strip(), f"{name} holds what it does not need:\n{found}")


def answers_with_problems(project: Project) -> None:
    status, document = project.ask("GET", "/nowhere")
    expect((status, document["type"]) == (404, "/problems/not-found"), f"{status} {document}")
    status, _ = project.ask("GET", "/readyz")
    expect(status == 200, f"/readyz answers {status}")


def image(rows: int) -> Json:
    return {"name": "image", "shape": [rows, 64], "datatype": "FP32", "data": [0] * rows * 64}


def post(project: Project, rows: int = 1, **headers: str) -> Json:
    body = {"model": "digits", "input": {"inputs": [image(rows)]}}
    status, job = project.ask("POST", "/v1/predictions", body, **headers)
    expect(status in (201, 202), f"POST /v1/predictions answers {status}: {job}")
    return job


def predicts(project: Project) -> None:
    job = post(project, prefer="wait=20")
    expect(job["status"] == "succeeded", f"the job ends as {job}")
    print(f"predicted  {job['id']}")


def events(project: Project, job: str) -> Iterator[str]:
    """The events of a job, as server-sent events."""
    connection = project.connect()
    connection.request(
        "GET", f"/v1/predictions/{job}/events", headers={"accept": "text/event-stream"}
    )
    answer = connection.getresponse()
    expect(answer.status == 200, f"events answer {answer.status}")
    for line in answer:
        if line.startswith(b"event: "):
            yield line[7:].decode().strip()
    connection.close()


def tells_of_jobs(project: Project) -> None:
    told = list(events(project, post(project)["id"]))
    expect(told == ["queued", "running", "succeeded"], f"a job's events are {told}")
    print(f"events     {', '.join(told)}")


def opens_sockets(project: Project) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    with socket.create_connection(("127.0.0.1", project.port), 20) as connection:
        connection.sendall(
            f"GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        head = connection.recv(4096).decode()
    expect(head.startswith("HTTP/1.1 101 "), f"a WebSocket is answered by {head}")


def survives_a_lost_worker(project: Project) -> None:
    """With two workers, the one that runs a job is killed; the other one ends it."""
    project.compose("up", "--detach", "--wait", "--scale", "inference-worker=2", "--no-recreate")
    # What is asked of inference now hangs: the job runs until it is answered.
    project.compose("pause", "inference")
    begun = time.monotonic()
    identity = post(project)["id"]

    def owner() -> str:
        ask = f'REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli HGET job:{identity} owner'
        return project.compose("exec", "-T", "redis", "sh", "-c", ask).strip()

    name = eventually(owner, "a worker that runs the job")
    workers = [each for each in project.containers().values() if each["Id"].startswith(name[:12])]
    expect(len(workers) == 1, f"the job's owner is {name}, which is no container")
    project.run("docker", "kill", workers[0]["Id"])
    project.compose("unpause", "inference")

    def ended() -> Json | None:
        _, job = project.ask("GET", f"/v1/predictions/{identity}", prefer="wait=5")
        return job if job["status"] not in ("queued", "running") else None

    job = eventually(ended, "the end of the job")
    expect((job["status"], job["attempt"]) == ("succeeded", 2), f"the job ends as {job}")
    print(f"survived   a killed worker: attempt 2 ended after {time.monotonic() - begun:.1f} s")


def keeps_items(project: Project, service: str) -> None:
    """What a service with tables was given is there after the database was killed."""
    path = f"/v1/{service}/items"
    status, item = project.ask("POST", path, {"name": "kept"})
    expect(status == 201, f"POST {path} answers {status}: {item}")
    project.run("docker", "kill", f"{project.name}-postgres-1")
    project.run("docker", "start", f"{project.name}-postgres-1")

    def found() -> Json | None:
        status, found = project.ask("GET", f"{path}/{item['id']}")
        expect(status in (200, 503), f"GET {path}/{item['id']} answers {status}: {found}")
        return found if status == 200 else None

    expect(eventually(found, f"an item of {service}") == item, f"{service} keeps {item}")
    print(f"kept       an item of {service}, while the database was killed")


def tells_of_items(project: Project, service: str) -> None:
    """A change is told in the channel `items`, by server-sent events."""
    connection = project.connect()
    connection.request("GET", "/v1/channels/items/events")
    answer = connection.getresponse()
    expect(answer.status == 200, f"events answer {answer.status}")
    _, item = project.ask("POST", f"/v1/{service}/items", {"name": "told"})
    told = (json.loads(line[6:]) for line in answer if line.startswith(b"data: "))
    event = next(event for event in told if event.get("item") == item["id"])
    expect((event["type"], event["version"]) == ("created", 1), f"{service} tells {event}")
    connection.close()
    print(f"told       of a change in {service}")


def rows(project: Project, database: str, statement: str) -> list[str]:
    """What a statement answers, a line for each row."""
    psql = ["psql", "--username=app", "--no-align", "--tuples-only", database]
    command = ["exec", "--no-TTY", "postgres", *psql, "--command", statement]
    return project.compose(*command).splitlines()


def content(project: Project, databases: list[str]) -> Json:
    """All rows of all tables, by database and table."""
    asked = """
        SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
    """
    return {
        f"{database}/{table}": rows(project, database, f"SELECT t::text FROM {table} t ORDER BY 1")
        for database in databases
        for table in rows(project, database, asked)
    }


def comes_back(project: Project, services: list[str]) -> None:
    """How it was before a mistake, in a server that knows of nothing."""
    paths = [f"/v1/{service}/items" for service in services]
    for path in paths:
        project.ask("POST", path, {"name": "saved"})
    project.run("make", "backup")
    for path in paths:
        project.ask("POST", path, {"name": "written since"})

    def are_told() -> bool:
        found = content(project, services)
        return not any(events for name, events in found.items() if name.endswith("/outbox.events"))

    eventually(are_told, "all events to be told")
    at, before = rows(project, "postgres", "SELECT now()")[0], content(project, services)
    names = {name.partition("/")[2] for name in before}
    expect({"public.items"} <= names and len(names) >= 3, f"there are tables, beside {names}")
    for service in services:
        rows(project, service, "DELETE FROM items")
    said = project.run("make", "backup", f"AT={at}")
    begun = time.monotonic()
    project.compose("rm", "--stop", "--force", "--volumes", "postgres")
    project.run("docker", "volume", "rm", f"{project.name}_postgres")
    project.compose("up", "--detach", "--wait", "postgres")
    expect(rows(project, "postgres", "SELECT 1 FROM pg_database WHERE datname = 'orders'") == [],
           "the new server knows of nothing")  # fmt: skip
    folder = re.search(r"^(backups/\S+) is a backup", said, re.M)[1]
    print(project.run("make", "restore", f"FROM={folder}"))
    expect(content(project, services) == before, "all rows of all tables are back")
    for path in paths:
        answers = lambda path=path: project.ask("GET", path)[0] == 200  # noqa: E731
        eventually(answers, f"an answer of {path}")
        status, item = project.ask("POST", path, {"name": "written after"})
        expect(status == 201, f"POST {path} answers {status}: {item}")
    print(f"restored   {len(before)} tables, {time.monotonic() - begun:.1f} s after the loss")


class Form(HTMLParser):
    """The form of a page: where it is sent to, and what is in it."""

    def __init__(self, page: str, url: str) -> None:
        super().__init__()
        self.action = url
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes in a tag of the page."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = urljoin(self.action, given.get("action", ""))
        elif tag in {"input", "button"} and "name" in given:
            self.fields[given["name"]] = given.get("value", "")


class Browser:
    """Follows links and keeps cookies, by host and port."""

    def __init__(self) -> None:
        self.cookies: dict[str, dict[str, str]] = {}

    def ask(self, url: str, body: str | None = None, origin: str = "") -> tuple[int, str, str]:
        """Status, text and where the last answer came from."""
        while True:
            place = urlsplit(url)
            cookies = self.cookies.setdefault(place.netloc, {})
            # A browser takes `issuer.localhost` for this machine.
            connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=30)
            path = place.path + (f"?{place.query}" if place.query else "")
            headers = {"host": place.netloc, "cookie": "; ".join(map("=".join, cookies.items()))}
            if body is not None:
                headers["content-type"] = "application/x-www-form-urlencoded"
            if origin:
                headers["origin"] = origin
            connection.request("GET" if body is None else "POST", path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            for line in answer.headers.get_all("set-cookie", []):
                name, value = line.split(";")[0].split("=", 1)
                cookies[name] = value
            target = answer.headers["location"]
            if target is None:
                return answer.status, text, url
            url, body, origin = urljoin(url, target), None, ""

    def fill(self, url: str, **fields: str) -> tuple[int, str, str]:
        """Sends the form at an address, or at where it leads, if there is one."""
        status, page, where = self.ask(url)
        form = Form(page, where)
        if not form.fields:
            return status, page, where
        return self.ask(form.action, urlencode(form.fields | fields))


def signs_people_in(project: Project) -> None:
    """At the issuer that comes along, and out again; and what is kept of them can be erased."""
    url, browser = f"http://127.0.0.1:{project.port}", Browser()
    alice = {"login": "alice", "username": "alice", "password": "development"}

    def sign_in() -> Json:
        status, text, where = browser.fill(f"{url}/auth/login?to=/v1/me", **alice)
        expect((status, where) == (200, f"{url}/v1/me"), f"a sign-in leads to {where}: {text}")
        return json.loads(text)

    person = sign_in()
    expect(person["sub"] == "alice", f"who signs in is {person}")
    kept = json.loads(project.run("make", "personal", "SUB=alice", "IN=compose"))
    expect(len(kept["gateway"]["sessions"]) == 1, f"of alice is kept {kept}")
    project.run("make", "erase", "SUB=alice", "IN=compose")
    kept = json.loads(project.run("make", "personal", "SUB=alice", "IN=compose"))
    found = [kind for holder in kept.values() for kind in holder.values() if kind]
    expect(not found, f"of alice is left {kept}")
    status, _, _ = browser.ask(f"{url}/v1/me")
    expect(status == 401, f"who was erased is answered {status}")
    # The issuer knows her still, and tells the gateway when she leaves there.
    person = sign_in()
    expect(person["sub"] == "alice", f"who comes back is {person}")
    services = json.loads(project.compose("config", "--format", "json"))["services"]
    issuer = services["gateway"]["environment"]["OIDC_ISSUER"]
    document = json.loads(browser.ask(f"{issuer}/.well-known/openid-configuration")[1])
    browser.fill(document["end_session_endpoint"])

    def is_out() -> bool:
        return browser.ask(f"{url}/v1/me")[0] == 401

    eventually(is_out, "the gateway to hear that alice has left the issuer", 10)
    print("people     sign in, are erased, and leave at the issuer")


def stop(project: Project) -> None:
    begun = time.monotonic()
    project.run("make", "down")
    expect(not project.remains(), f"make down leaves {project.remains()}")
    print(f"down       {time.monotonic() - begun:.1f} s, nothing left")


def main() -> None:
    project = Project(Path(sys.argv[1]).resolve())
    services = project.folder / "services"
    has = {path.name for path in services.iterdir()}
    with_tables = sorted(path.parent.name for path in services.glob("*/migrations"))
    try:
        start(project)
        is_confined(project)
        has_nothing_to_spare(project)
        answers_with_problems(project)
        if "inference" in has:
            predicts(project)
            survives_a_lost_worker(project)
        if "realtime" in has:
            opens_sockets(project)
        if {"inference", "realtime"} <= has:
            tells_of_jobs(project)
        for service in with_tables:
            keeps_items(project, service)
            if "realtime" in has:
                tells_of_items(project, service)
        if (project.folder / "packages/sessions").exists():
            signs_people_in(project)
        if with_tables:
            comes_back(project, with_tables)
        stop(project)
    except BaseException:
        print(project.compose("ps", "--all", check=False))
        print(project.compose("logs", "--tail", "40", check=False))
        raise
    finally:
        project.run("make", "down", check=False)
        project.remove_images()


if __name__ == "__main__":
    main()
