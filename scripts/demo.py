"""Shows in a minute what the generator makes: `make demo`.

Renders a project with predictions, real-time and a service with tables of its own, sets it up and
starts it; sends it a drawn digit and follows the job's events over a WebSocket; makes an item and
is told of it; then stops all. Needs Python 3.11 and make, as the project does.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

START_LIMIT_S = 120.0
STOP_LIMIT_S = 60.0
DRIVE_LIMIT_S = 60.0
SERVICE = "orders"
CHOICES = ["--ml", "--realtime", "--service", f"{SERVICE}=fastapi"]
LAST_LINES = 20
TERMINAL = {"succeeded", "failed", "canceled", "expired"}
MODEL = Path("services/inference/models/digits/1")


class DemoFailed(Exception):
    """A step of the demonstration did not work."""

    def __init__(self, step: str, what: str, output: str = "") -> None:
        lines = "\n".join(f"  {line}" for line in output.rstrip().splitlines()[-LAST_LINES:])
        super().__init__(f"error: {step}: {what}\n{lines}".rstrip())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scaffold", type=Path, help="the generator's program")
    parser.add_argument("target", type=Path, help="where the project goes")
    options = parser.parse_args()
    # SIGTERM unwinds as Ctrl-C does, so that nothing is left running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        demonstrate(options.scaffold.resolve(), options.target.resolve())
    except DemoFailed as failure:
        print(failure)
        return 1
    except KeyboardInterrupt:
        return 130
    target = os.path.relpath(options.target)
    print(f"The project is in {target}. Go on with:  cd {target} && make dev")
    return 0


def demonstrate(scaffold: Path, target: Path) -> None:
    render(scaffold, target)
    set_up(target)
    with running(target) as ports:
        drive(target, ports, "predict", target / MODEL / "sample.json")
        drive(target, ports, "keep", SERVICE)
    say("stop", "all stopped")


def render(scaffold: Path, target: Path) -> None:
    if (target / "scaffold.lock").is_file():
        shutil.rmtree(target)  # The project of an earlier demonstration.
    command = [str(scaffold), "new", "demo", *CHOICES, "--into", str(target), "--json"]
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    milliseconds = (time.monotonic() - begun) * 1000
    if done.returncode != 0:
        raise DemoFailed("render", f"exit status {done.returncode}", done.stderr or done.stdout)
    say("render", f"demo: {json.loads(done.stdout)['files']} files, {milliseconds:.0f} ms")


def set_up(target: Path) -> None:
    command = ["make", "--no-print-directory", "setup", f"PYTHON={sys.executable}"]
    output: list[str] = []
    with subprocess.Popen(
        command, cwd=target, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            output.append(line)
            say("setup" if len(output) == 1 else "", line.rstrip())
    if process.returncode != 0:
        raise DemoFailed("setup", f"exit status {process.returncode}")


@contextmanager
def running(target: Path) -> Iterator[Path]:
    """The started system; gives the file that says where everything is."""
    with tempfile.TemporaryDirectory(prefix="scaffold-demo-") as temporary:
        folder = Path(temporary)
        ports, log_path = folder / "ports.json", folder / "log.txt"
        command = [
            str(target / ".venv" / "bin" / "python"),
            str(target / "tools" / "dev.py"),
            "--no-watch",
            "--stop-with-parent",
            f"--data={folder / 'data'}",
            f"--ports-file={ports}",
        ]
        begun = time.monotonic()
        with log_path.open("wb") as log:
            # A session of its own: Ctrl-C reaches this program alone, which then stops it.
            runner = subprocess.Popen(
                command,
                cwd=target,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            while not ports.exists():
                status = runner.poll()
                if status is not None or time.monotonic() - begun > START_LIMIT_S:
                    what = "takes too long" if status is None else f"exit status {status}"
                    raise DemoFailed("start", what, log_path.read_text(errors="replace"))
                time.sleep(0.05)
            names = ", ".join(described(target, json.loads(ports.read_text(encoding="utf-8"))))
            say("start", names, time.monotonic() - begun)
            try:
                yield ports
            except DemoFailed as failure:
                text = log_path.read_text(encoding="utf-8", errors="replace")
                raise DemoFailed(
                    str(failure).removeprefix("error: "), "the system's log", text
                ) from None
        finally:
            stop(runner)


def described(target: Path, processes: dict[str, Any]) -> Iterator[str]:
    model = json.loads((target / MODEL / "model.json").read_text(encoding="utf-8"))
    for name, entry in processes.items():
        if entry["group"] == "inference":
            yield f"{name} (digits, {model['accuracy']:.1%} on held-out data)"
        else:
            yield name


def stop(runner: subprocess.Popen[bytes]) -> None:
    if runner.poll() is None:
        runner.send_signal(signal.SIGTERM)
    try:
        status = runner.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        runner.kill()
        raise DemoFailed("stop", f"not stopped after {STOP_LIMIT_S:.0f} s") from None
    if status != 0 and sys.exc_info()[0] is None:
        raise DemoFailed("stop", f"exit status {status}")


def drive(target: Path, ports: Path, step: str, argument: Path | str) -> None:
    """Runs a function of this module with the project's Python, which has a WebSocket client."""
    python = target / ".venv" / "bin" / "python"
    code = f"import sys; from demo import {step}; {step}(sys.argv[1], sys.argv[2])"
    try:
        done = subprocess.run(
            [str(python), "-c", code, str(ports), str(argument)],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent)},
            stderr=subprocess.PIPE,
            text=True,
            timeout=DRIVE_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DemoFailed(step, f"no end after {DRIVE_LIMIT_S:.0f} s") from None
    if done.returncode != 0:
        raise DemoFailed(step, f"exit status {done.returncode}", done.stderr)


def predict(ports: str, sample: str) -> None:
    """Posts the sample, follows its events, and prints what came of it."""
    base = gateway(ports)
    body = Path(sample).read_bytes()
    with socket_of(base) as socket:
        request = urllib.request.Request(
            base + "/v1/predictions", body, {"Content-Type": "application/json"}
        )
        posted = time.time()
        with urllib.request.urlopen(request) as answer:
            status, job = answer.status, json.load(answer)
        topic = f"jobs/{job['id']}"
        socket.send(json.dumps({"op": "subscribe", "topic": topic, "ref": 1}))
        say("predict", f"POST /v1/predictions -> {status} {job['id']}")
        events: list[dict[str, Any]] = []
        while not events or events[-1]["type"] not in TERMINAL:
            message = json.loads(socket.recv())
            if message["op"] == "error":
                raise RuntimeError(f"the socket answered {message}")
            if message["op"] == "event":
                events.append(message)
    with urllib.request.urlopen(f"{base}/v1/predictions/{job['id']}") as answer:
        job = json.load(answer)
    if job["status"] != "succeeded":
        raise RuntimeError(f"the job ended {job['status']}: {job['error']}")

    rows = drawing(json.loads(body)["input"]["inputs"][0]["data"])
    facts = [*(moment(event, posted) for event in events), "", *ranking(job["output"])]
    for number in range(max(len(rows), len(facts))):
        row = rows[number] if number < len(rows) else " " * len(rows[0])
        fact = facts[number] if number < len(facts) else ""
        print(f"              {row}        {fact}".rstrip(), flush=True)


def keep(ports: str, service: str) -> None:
    """Makes an item of a service, and prints what the channel `items` tells of it."""
    base = gateway(ports)
    path = f"/v1/{service}/items"
    body = json.dumps({"name": "first", "attributes": {"colour": "blue"}}).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": "demo"}
    with socket_of(base) as socket:
        socket.send(json.dumps({"op": "subscribe", "topic": "channels/items", "ref": 1}))
        if json.loads(socket.recv())["op"] != "subscribed":
            raise RuntimeError("the socket subscribes to no channel")
        begun = time.monotonic()
        with urllib.request.urlopen(urllib.request.Request(base + path, body, headers)) as answer:
            status, item = answer.status, json.load(answer)
        say("keep", f"POST {path} -> {status} {item['id']}, in PostgreSQL")
        while (message := json.loads(socket.recv())).get("type") != "message":
            pass
        seconds = time.monotonic() - begun
    event = message["data"]
    if event["item"] != item["id"]:
        raise RuntimeError(f"the channel tells of {event}")
    told = f"{event['type']} version {event['version']}, told in the channel items"
    say("", f"{told}  +{seconds:.3f} s")


def gateway(ports: str) -> str:
    """The gateway's URL."""
    processes = json.loads(Path(ports).read_text(encoding="utf-8"))
    url: str = next(entry["url"] for entry in processes.values() if entry["group"] == "gateway")
    return url


def socket_of(base: str) -> Any:
    """A WebSocket of the system, to be used with `with`."""
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    return connect(base.replace("http", "ws", 1) + "/v1/ws", subprotocols=[Subprotocol("v1")])


def drawing(pixels: list[float]) -> list[str]:
    """Eight rows of eight characters for 64 values from 0 to 16."""
    inked = ["#" if pixel >= 8 else "+" if pixel >= 3 else "." for pixel in pixels]
    return ["".join(inked[start : start + 8]) for start in range(0, 64, 8)]


def moment(event: dict[str, Any], posted: float) -> str:
    """When an event happened, in seconds after the request."""
    data = event["data"]
    seconds = max(0.0, datetime.fromisoformat(data["at"]).timestamp() - posted)
    attempt = f"  attempt {data['attempt']}" if event["type"] == "running" else ""
    return f"{event['type']:<9}  +{seconds:.3f} s{attempt}"


def ranking(output: dict[str, Any]) -> list[str]:
    """The two most likely digits with bars."""
    found = next(entry for entry in output["outputs"] if entry["name"] == "probabilities")["data"]
    values: list[float] = found[0] if isinstance(found[0], list) else found
    best = sorted(enumerate(values), key=lambda pair: -pair[1])[:2]
    return [
        f"{digit}  {value * 100:5.1f} %  {'#' * round(value * 20)}".rstrip()
        for digit, value in best
    ]


def say(step: str, text: str, seconds: float | None = None) -> None:
    duration = "" if seconds is None else f"   {seconds:.1f} s"
    print(f"{step:<11} {text}{duration}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
