"""Blobs under keys: a local folder by default, any S3-compatible store by URL; links that are signed and end."""

import contextlib
import hashlib
import hmac
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from urllib.parse import quote, unquote

import obstore
from flask import current_app
from obstore.store import LocalStore, ObjectStore, from_url

from marketplace.errors import NotFound

# A link lives to the end of the next hour: it stays the same for an hour, so that browsers can keep what it led to.
LINK_SECONDS = 3600
LINK_SECONDS_LONG = 7 * 86_400


class Storage:
    """Keys are relative paths such as `frames/<task id>/000012.lypf`; what is written under a key is never changed."""

    def __init__(self, store: ObjectStore, secret: str) -> None:
        self._store = store
        self._secret = secret.encode()

    @classmethod
    def from_url(cls, url: str, *, secret: str) -> "Storage":
        """`file:///folder`, `s3://bucket/prefix` and what else obstore knows; credentials come from the environment."""
        if url.startswith("file://"):
            folder = Path(url.removeprefix("file://"))
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # customers' data: nobody else's on this machine
            return cls(LocalStore(folder, automatic_cleanup=True), secret)
        return cls(from_url(url), secret)

    def put(self, key: str, content: bytes) -> None:
        """Write all or nothing: a reader never sees half a blob. Raises OSError where the disk is full."""
        obstore.put(self._store, key, content, use_multipart=False)

    def get(self, key: str) -> bytes:
        """The whole blob; raises NotFound."""
        try:
            return bytes(obstore.get(self._store, key).bytes())
        except FileNotFoundError as error:
            raise NotFound("There is nothing under this address.") from error

    def stream(self, key: str, *, chunk_bytes: int = 256 * 1024) -> tuple[int, Iterator[bytes]]:
        """Size and content in chunks; raises NotFound."""
        try:
            result = obstore.get(self._store, key)
        except FileNotFoundError as error:
            raise NotFound("There is nothing under this address.") from error
        return result.meta["size"], (bytes(chunk) for chunk in result.stream(min_chunk_size=chunk_bytes))

    def delete(self, key: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, key)

    # Links

    def link(self, key: str, *, seconds: int = LINK_SECONDS, now: float | None = None) -> str:
        """The path, under /media, that serves this blob to whoever holds it, for `seconds` to twice as long."""
        moment = time.time() if now is None else now
        expires = (int(moment) // seconds + 2) * seconds
        return f"/media/{quote(key)}?expires={expires}&signature={self._sign(key, expires)}"

    def renewed(self, url: str, *, seconds: int = LINK_SECONDS) -> str:
        """The same link, absolute or not, with a new end: one that was written down long ago leads somewhere again."""
        before, _, rest = url.partition("/media/")
        return before + self.link(unquote(rest.partition("?")[0]), seconds=seconds)

    def is_signed(self, key: str, expires: int, signature: str, *, now: float | None = None) -> bool:
        moment = time.time() if now is None else now
        return moment < expires and hmac.compare_digest(self._sign(key, expires).encode(), signature.encode())

    def _sign(self, key: str, expires: int) -> str:
        return hmac.new(self._secret, f"{expires}:{key}".encode(), hashlib.sha256).hexdigest()[:40]


def storage() -> Storage:
    """The application's store."""
    return cast(Storage, current_app.extensions["storage"])
