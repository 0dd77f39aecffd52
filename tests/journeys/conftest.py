"""A running Labelyard as a stranger starts it: `flask up` in its own process tree, driven by its commands and HTTP."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLASK = [sys.executable, "-m", "flask"]
UP_SECONDS_MAX = 120


def environment() -> dict[str, str]:
    """As a new user's shell: no servers of the test run leak in."""
    hidden = {"DATABASE_URL", "REDIS_URL", "MIGRATIONS_DATABASE_URL", "SECRET_KEY", "BASE_URL", "STORAGE_URL"}
    return {name: value for name, value in os.environ.items() if name not in hidden}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """A started `flask up` and its commands."""

    url: str
    data: Path
    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)

    def flask(self, *words: str) -> dict[str, Any]:
        """Run `flask WORDS --data ...` and return the JSON that it prints."""
        done = subprocess.run(
            [*FLASK, *words, "--data", str(self.data)],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"flask {' '.join(words)}: {done.stdout}\n{done.stderr}"
        return dict(json.loads(done.stdout)) if done.stdout.strip().startswith("{") else {}


def start(data: Path, *options: str) -> Running:
    port = free_port()
    process = subprocess.Popen(
        [*FLASK, "up", "--data", str(data), "--port", str(port), *options],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = Running(f"http://127.0.0.1:{port}", data, process)
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            running.log.append(line.rstrip())
            if line.startswith("Labelyard is up at"):
                ready.set()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    ready.wait(UP_SECONDS_MAX)
    assert any(line.startswith("Labelyard is up at") for line in running.log), "\n".join(running.log[-40:])
    return running


def stop(running: Running) -> None:
    running.process.send_signal(signal.SIGTERM)
    running.process.wait(60)


@pytest.fixture(scope="session")
def labelyard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("up") / "var", "--no-demo", "--workers", "1")
    yield running
    stop(running)
    assert running.process.returncode == 0, "\n".join(running.log[-40:])


@dataclass
class Receiver:
    """A customer's own server that takes callbacks."""

    url: str
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    heard = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard.url = f"http://127.0.0.1:{server.server_port}/callback"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield heard
    server.shutdown()
