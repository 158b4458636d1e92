"""People, as they sign in by a browser."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2


class Browser:
    """A client with cookies, also those that are for https: browsers send them to this machine."""

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway
        self.client = httpx2.Client(timeout=20, trust_env=False)
        self.cookies: dict[str, dict[str, str]] = {}

    def ask(self, method: str, url: str, **more: Any) -> httpx2.Response:
        """Sends a request to an address or to a path of the gateway; links are not followed."""
        url = urljoin(self.gateway, url)
        cookies = self.cookies.setdefault(urlsplit(url).netloc, {})
        headers = {"origin": self.gateway, "cookie": "; ".join(map("=".join, cookies.items()))}
        answer = self.client.request(method, url, headers=headers, **more)
        for line in answer.headers.get_list("set-cookie"):
            name, value = line.split(";")[0].split("=", 1)
            cookies[name] = value
        return answer

    def follow(self, answer: httpx2.Response) -> httpx2.Response:
        """Goes where answers lead to."""
        while answer.is_redirect:
            answer = self.ask("GET", urljoin(str(answer.url), answer.headers["location"]))
        return answer

    def sign_in(self, login: str, to: str = "/v1/me") -> httpx2.Response:
        """Signs in at the issuer as the person of this name; returns what is at `to` then."""
        form = self.follow(self.ask("GET", f"/auth/login?to={to}"))
        assert re.search(f'name="login" value="{login}"', form.text), form.text
        return self.follow(self.ask("POST", str(form.url), data={"login": login}))
