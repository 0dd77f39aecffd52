"""Fixtures for all tests: one real PostgreSQL and Redis, shared by the processes of a test run."""

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketplace import embedded

ROOT = Path(__file__).resolve().parent.parent
SERVERS_FOLDER = ROOT / ".cache" / "tests"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[embedded.Servers]:
    """The embedded servers: the first process starts them empty, others join, the last one stops them.

    The URLs lead to a database that tests do not write to: create one of your own, named after `test_number`.
    """
    attachment = embedded.attach(SERVERS_FOLDER, fresh_for_tests=True)
    yield attachment.servers
    attachment.close()


@pytest.fixture(scope="session")
def test_number(postgres_server: embedded.Servers) -> Iterator[int]:
    """A number of this test process alone, freed by the kernel when the process ends, however it ends."""
    folder = SERVERS_FOLDER / "numbers"
    folder.mkdir(exist_ok=True)
    for number in range(1, 256):
        with (folder / f"{number}.lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield number
            return
    raise AssertionError("256 test processes at once are too many")


@pytest.fixture(scope="session")
def redis_url(postgres_server: embedded.Servers, test_number: int) -> str:
    """A Redis database of this test process alone; empty it where a test needs it empty."""
    return postgres_server.redis_url.replace("db=0", f"db={test_number}")
