"""Keeps files for `make dev` as an object store does: PUT, GET and HEAD of objects, and buckets.

It believes every signature. What it has answered with 200 is on the disk.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import urllib.request
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

MISSING = (
    '<?xml version="1.0"?><Error><Code>{code}</Code><Message>It is not there.</Message></Error>'
)


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    data: Path

    def do_PUT(self) -> None:
        """Make a bucket, or keep an object in one."""
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        bucket, name = self.parts()
        folder = self.data / bucket
        if not name:
            folder.mkdir(exist_ok=True)
            self.answer(HTTPStatus.OK)
        elif not folder.is_dir():
            self.missing("NoSuchBucket")
        else:
            with tempfile.NamedTemporaryFile(dir=self.data, delete=False) as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).replace(folder / name)
            self.answer(HTTPStatus.OK, tag=body)

    def do_GET(self) -> None:
        """Give an object, or say that all is well."""
        if self.path.startswith("/minio/health/"):
            return self.answer(HTTPStatus.OK)
        bucket, name = self.parts()
        path = self.data / bucket / name
        if not path.is_file():
            return self.missing("NoSuchKey" if path.parent.is_dir() else "NoSuchBucket")
        body = path.read_bytes()
        return self.answer(HTTPStatus.OK, body, tag=body)

    do_HEAD = do_GET

    def parts(self) -> tuple[str, str]:
        """The bucket and the file of an object: its name has no folders here."""
        bucket, _, name = unquote(urlsplit(self.path).path).strip("/").partition("/")
        return bucket.replace("..", "_"), name.replace("/", "%2F")

    def missing(self, code: str) -> None:
        self.answer(
            HTTPStatus.NOT_FOUND, MISSING.format(code=code).encode(), kind="application/xml"
        )

    def answer(
        self, status: HTTPStatus, body: bytes = b"", tag: bytes | None = None, kind: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("content-type", kind or "application/octet-stream")
        self.send_header("last-modified", formatdate(usegmt=True))
        if tag is not None:
            self.send_header("etag", f'"{hashlib.md5(tag, usedforsecurity=False).hexdigest()}"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing of single requests."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, help="the folder that files are kept in")
    parser.add_argument(
        "--make", metavar="BUCKET", help="only make this bucket, in the one that runs"
    )
    options = parser.parse_args()
    if options.make:
        url = f"http://127.0.0.1:{options.port}/{options.make}"
        urllib.request.urlopen(urllib.request.Request(url, method="PUT")).close()
        return
    Handler.data = options.data
    ThreadingHTTPServer(("127.0.0.1", options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
