"""What somebody does on the first day with a new project: `tests/system.rs` runs it in one."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 120.0
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (curl .*|make test .*K=.*)$", README, re.MULTILINE)
INFERENCE = ROOT / "services" / "inference"


def until(check: Callable[[], object], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)


def make(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return shell(f"make --no-print-directory {shlex.join(words)}", **environment)


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        shell=True,
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


class Dev:
    """`make dev` without a terminal, as an editor or a coding agent starts it."""

    def __init__(self, log: Path) -> None:
        self.path = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [".venv/bin/python", "tools/dev.py", "--stop-with-parent"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        until(lambda: "\nOpen " in self.log() or self.process.poll() is not None, self.log)
        assert self.process.poll() is None, self.log()

    def log(self) -> str:
        return self.path.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    running = Dev(tmp_path_factory.mktemp("dev") / "log.txt")
    yield running
    running.stop()


def test_every_command_of_the_readme_works_on_whatever_port(dev: Dev, tmp_path: Path) -> None:
    assert len(COMMANDS) >= 2
    (tmp_path / ".curlrc").write_text("fail\nsilent\n", encoding="utf-8")
    printed = re.findall(r"^(?:Try )? +(curl .*)$", dev.log(), re.MULTILINE)
    assert bool(printed) == INFERENCE.exists()
    for command in [*COMMANDS, *printed]:
        done = shell(command, CURL_HOME=str(tmp_path))
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{dev.log()}"


def test_what_it_says_to_open_is_where_the_running_gateway_is(dev: Dev) -> None:
    found = re.search(r"^Open (\S+)", dev.log(), re.MULTILINE)
    assert found
    assert found[1].removesuffix("/docs") == make("url").stdout.strip()
    assert httpx2.get(found[1], follow_redirects=True).status_code == 200


def test_every_process_of_ours_starts_again_when_a_contract_changes(dev: Dev) -> None:
    names = re.findall(r"^(\S+) +ready ", dev.log(), re.MULTILINE)
    ours = [name for name in names if name not in ("redis", "rabbitmq")]
    assert "gateway" in ours
    (ROOT / "contracts" / "limits.json").touch()
    for name in ours:
        said = re.compile(rf"^{name} +contracts/limits\.json changed, restarted ", re.MULTILINE)
        until(lambda said=said: said.search(dev.log()), dev.log)


def test_a_stopped_project_has_no_url(dev: Dev) -> None:
    dev.stop()
    done = make("url")
    assert done.returncode != 0
    assert "hint: make dev" in done.stdout


@pytest.fixture
def write() -> Iterator[Callable[[str, str], None]]:
    """Writes files that are gone after the test."""
    written: list[Path] = []

    def one(path: str, text: str) -> None:
        written.append(ROOT / path)
        written[-1].write_text(text, encoding="utf-8")

    yield one
    for path in written:
        path.unlink()


Write = Callable[[str, str], None]


def test_a_file_out_of_form_is_named_with_the_command_that_mends_it(write: Write) -> None:
    files = {"services/gateway/src/extra.ts": "export const one = 1 ;\n"}
    if INFERENCE.exists():
        files["kinds/inference/app/extra.py"] = "ONE  = 1\n"
        files["kinds/inference/app/unsorted.py"] = "import sys\nimport os\n\nBOTH = (os, sys)\n"
    for path, text in files.items():
        write(path, text)
    checks = ["prettier"] + ["inference format", "inference ruff"] * INFERENCE.exists()
    for check in checks:
        report = make("test", f"ONLY={check}").stdout
        assert "hint: make fmt" in report
        assert "extra." in report or "unsorted.py" in report
        assert not re.search(r"npx|--write|Run Prettier", report), report
    fixed = make("fmt")
    assert fixed.returncode == 0, fixed.stdout
    for check in checks:
        assert make("test", f"ONLY={check}").returncode == 0


def test_a_failing_test_is_shown_alone(write: Write) -> None:
    text = "import {{ test }} from 'node:test';\n\ntest('is {}', () => {{\n  {};\n}});\n"
    write("packages/http/test/good.test.ts", text.format("fine", "void test"))
    write("packages/http/test/bad.test.ts", text.format("broken", "throw new Error('why')"))
    done = make("test", "ONLY=packages/http test")
    assert done.returncode != 0
    assert "is broken" in done.stdout
    assert "why" in done.stdout
    assert "bad.test.ts" in done.stdout
    assert "is fine" not in done.stdout
    assert "hint: again with: make test ONLY='packages/http test'" in done.stdout
    assert "npm" not in done.stdout


@pytest.mark.parametrize("service", ["gateway", "inference"])
def test_single_tests_of_a_service_run_by_name(service: str) -> None:
    if not (ROOT / "services" / service).exists():
        assert not INFERENCE.exists()
        return
    name = {"gateway": "To Whom", "inference": "unknown model"}[service]
    done = make("test", f"ONLY={service}", f"K={name}")
    assert done.returncode == 0, done.stdout
    assert re.search(name.replace(" ", "[ _]"), done.stdout, re.IGNORECASE)
    assert "is alive" not in done.stdout
    none = make("test", f"ONLY={service}", "K=no such test")
    assert none.returncode != 0
    assert "no test has `no such test` in its name" in none.stdout


def test_the_example_of_a_route_is_two_files(write: Write) -> None:
    files = ["src/routes/v1/hello.ts", "test/hello.test.ts"]
    for name in files:
        path = ROOT / "services" / "gateway" / name
        write(f"{path}.kept", path.read_text(encoding="utf-8"))
        path.unlink()
    try:
        for only in (["ONLY=services/gateway check"], ["ONLY=gateway", "K=documents its routes"]):
            done = make("test", *only)
            assert done.returncode == 0, done.stdout
    finally:
        for name in files:
            path = ROOT / "services" / "gateway" / name
            path.write_text(Path(f"{path}.kept").read_text(encoding="utf-8"), encoding="utf-8")
