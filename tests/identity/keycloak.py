"""Runs a command while Keycloak is there, where people sign in then: `keycloak.py COMMAND...`.

It has the realm of the generated project that it runs in. The command finds in its environment what
the project knows its issuer by, the password of everybody in the realm, and in `BACK_CHANNEL_PORT`
where the gateway is that Keycloak tells of who signed out. Needs Docker and nothing but Python's
own library.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REALM = Path("infra/keycloak/realm.json")
AUDIENCE = "app"
SECRET = "development"
# It builds itself before it starts, which takes a minute where there is little to do it with.
START_LIMIT_S = 300.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def docker(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(
        ["docker", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if check and done.returncode:
        sys.exit(f"docker {arguments[0]}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


def answers(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return bool(direct.open(url, timeout=5).status == 200)
    except OSError:
        return False


def image() -> str:
    """What the project builds its own from."""
    text = Path("infra/keycloak/Dockerfile").read_text(encoding="utf-8")
    (found,) = (line.split()[1] for line in text.splitlines() if line.startswith("FROM "))
    return found


def for_any_port(realm: str, back_channel: int) -> str:
    """The realm for gateways that listen anywhere on the loopback; one of them is told."""
    changed = json.loads(realm.replace("${PUBLIC_URL}", AUDIENCE))
    (gateway,) = (each for each in changed["clients"] if each["clientId"] == "gateway")
    gateway["redirectUris"] = ["http://127.0.0.1:*"]
    told = f"http://127.0.0.1:{back_channel}/auth/backchannel-logout"
    gateway["attributes"] |= {"post.logout.redirect.uris": "+", "backchannel.logout.url": told}
    return json.dumps(changed)


@contextmanager
def keycloak(back_channel: int) -> Iterator[str]:
    """A Keycloak with the realm, and its issuer's address; its container is removed at the end."""
    port = free_port()
    issuer, name = f"http://127.0.0.1:{port}/realms/app", f"scaffold-keycloak-{port}"
    folder = tempfile.TemporaryDirectory()
    realm = Path(folder.name) / "realm.json"
    realm.write_text(for_any_port(REALM.read_text(encoding="utf-8"), back_channel))
    realm.parent.chmod(0o755)
    docker(
        "run",
        "--detach",
        f"--name={name}",
        # It reaches the gateway, which listens on the loopback alone.
        "--network=host",
        "--tmpfs=/opt/keycloak/data",
        f"--volume={realm}:/opt/keycloak/data/import/realm.json:ro",
        # It starts in two thirds of the time, and is not asked for much.
        "--env=JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1",
        image(),
        "start-dev",
        "--import-realm",
        "--http-host=127.0.0.1",
        f"--http-port={port}",
    )
    begun = time.monotonic()
    try:
        while not answers(f"{issuer}/.well-known/openid-configuration"):
            runs = docker("inspect", "--format={{.State.Running}}", name).strip() == "true"
            if not runs or time.monotonic() - begun > START_LIMIT_S:
                sys.exit(f"Keycloak did not start:\n{docker('logs', name)}")
            time.sleep(0.2)
        print(f"keycloak   ready after {time.monotonic() - begun:.1f} s", flush=True)
        yield issuer
    finally:
        docker("rm", "--force", "--volumes", name, check=False)
        folder.cleanup()


def main() -> int:
    # So that the container is removed then as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    back_channel = free_port()
    with keycloak(back_channel) as issuer:
        known_by = {
            "OIDC_ISSUER": issuer,
            "OIDC_CLIENT_SECRET": SECRET,
            "OIDC_AUDIENCE": AUDIENCE,
            "PEOPLE_PASSWORD": "development",
            "WITHOUT": "issuer",
            "BACK_CHANNEL_PORT": str(back_channel),
        }
        return subprocess.run(sys.argv[1:], env=os.environ | known_by, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
