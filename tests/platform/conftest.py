"""Fixtures for the tests of the platform: data folders of their own, and processes that are ended whatever happens."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from marketplace import embedded, server_home

ROOT = Path(__file__).resolve().parents[2]
RunPython = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that everybody may enter (pytest's own tmp_path is closed to the servers' user).

    Servers that a test leaves running below it are stopped.
    """
    path = Path(tempfile.mkdtemp(prefix="labelyard-test-"))
    path.chmod(0o755)
    yield path
    for servers in (*path.glob("*/servers"), *path.glob("*/*/servers")):
        embedded.stop(servers.parent)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def used_data_dir() -> Iterator[Path]:
    """A data folder whose servers ran once: copying its files is quicker than creating them each time."""
    path = Path(tempfile.mkdtemp(prefix="labelyard-test-"))
    path.chmod(0o755)
    embedded.attach(path / "data").close()
    yield path / "data"
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def data_dir(folder: Path, used_data_dir: Path) -> Path:
    """A data folder whose servers ran before and do not run now."""
    subprocess.run(["cp", "-a", used_data_dir, folder / "data"], check=True)
    return folder / "data"


@pytest.fixture
def run_python() -> Iterator[RunPython]:
    """Run Python code in a process of its own; it is killed at the end if it still runs."""
    started = []

    def run(code: str, *arguments: object, **options: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", code, *map(str, arguments)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def connect(servers: embedded.Servers) -> psycopg.Connection:
    return psycopg.connect(servers.migrations_database_url.replace("+psycopg", ""), autocommit=True)


def postmaster(data_dir: Path) -> int:
    home = server_home.find(data_dir)
    return int((home.postgres_data / "postmaster.pid").read_text().split()[0])


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
