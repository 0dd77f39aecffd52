"""Where a task's attachments lie, and reading them: an address to fetch, or a file that the customer uploaded."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from marketplace import files
from marketplace.config import Settings
from marketplace.errors import LabelyardError, NotFound
from marketplace.fetch import FetchFailed, fetch
from marketplace.models import Customer, KeyMode
from marketplace.storage import Storage

WAITS_SECONDS = (0.5, 2.0)  # before the second and the third try of a fetch that may go better in a moment


class Unreadable(LabelyardError):
    """An attachment that could not be had, or is not what it should be."""

    def __init__(self, message: str, url: str, status_code: int | None = None, *, downloaded: bool = True) -> None:
        super().__init__(message)
        self.url = url
        self.status_code = status_code
        self.downloaded = downloaded


@dataclass(frozen=True)
class Source:
    """An attachment by its address; `key` is where it lies if it is a file in our own storage."""

    url: str
    key: str | None = None
    missing: bool = False


def locate(customer: Customer, mode: KeyMode, urls: Iterable[str]) -> dict[str, Source]:
    """The sources of these addresses, looked up so that they can be read without the database."""
    return {url: _locate(customer, mode, url) for url in dict.fromkeys(urls)}


def _locate(customer: Customer, mode: KeyMode, url: str) -> Source:
    if not url.startswith(files.SCHEME):
        return Source(url)
    try:
        return Source(url, files.find_file(customer, mode, url).storage_key)
    except NotFound:
        return Source(url, missing=True)


@dataclass(frozen=True)
class AttachmentReader:
    """Reads sources, in any thread."""

    store: Storage
    settings: Settings

    def read(self, source: Source) -> bytes:
        """The content; raises Unreadable."""
        if source.missing:
            raise Unreadable("There is no such file of yours.", source.url, 404, downloaded=False)
        if source.key is None:
            return self._fetch(source.url)
        try:
            return self.store.get(source.key)
        except NotFound as error:
            raise Unreadable("The file is gone.", source.url, 404, downloaded=False) from error

    def _fetch(self, url: str) -> bytes:
        for wait in (*WAITS_SECONDS, None):
            try:
                return fetch(
                    url,
                    bytes_max=self.settings.fetch_max_bytes,
                    seconds=self.settings.fetch_timeout_seconds,
                    allow_private=self.settings.fetch_allow_private,
                )
            except FetchFailed as error:
                if wait is None or not error.again:
                    raise Unreadable(error.message, url, error.status_code, downloaded=False) from error
            time.sleep(wait)
        raise AssertionError("the last try returns or raises")
