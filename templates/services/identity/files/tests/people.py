"""People, as they sign in by a browser."""

from __future__ import annotations

import os
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

# Of everybody, where the issuer asks for one.
PASSWORD = os.environ.get("PEOPLE_PASSWORD", "")


class Form(HTMLParser):
    """The form of a page: where it is sent to, and what is in it."""

    def __init__(self, page: httpx2.Response) -> None:
        super().__init__()
        self.action = str(page.url)
        self.fields: dict[str, str] = {}
        self.feed(page.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes in a tag of the page."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = urljoin(self.action, given.get("action", ""))
        elif tag in {"input", "button"} and "name" in given:
            self.fields[given["name"]] = given.get("value", "")


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

    def is_back(self, page: httpx2.Response) -> bool:
        """Whether this is a page of the gateway, and not of the issuer."""
        return urlsplit(str(page.url)).netloc == urlsplit(self.gateway).netloc

    def send(self, page: httpx2.Response, **fields: str) -> httpx2.Response:
        """Sends the form of a page of the issuer, with these fields beside what is in it."""
        form = Form(page)
        assert form.fields, page.text
        return self.follow(self.ask("POST", form.action, data=form.fields | fields))

    def sign_in(self, login: str, to: str = "/v1/me") -> httpx2.Response:
        """Signs in at the issuer as the person of this name; returns what is at `to` then."""
        page = self.follow(self.ask("GET", f"/auth/login?to={to}"))
        page = self.send(page, login=login, username=login, password=PASSWORD)
        assert self.is_back(page), page.text
        return page
