"""A running Labelyard as a stranger starts it: `flask up` in its own process tree, and its commands."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FLASK = [sys.executable, "-m", "flask"]
UP_SECONDS_MAX = 180
# None of the servers of a test run, nor of the caller's shell, may leak in.
HIDDEN = {"DATABASE_URL", "REDIS_URL", "MIGRATIONS_DATABASE_URL", "SECRET_KEY", "BASE_URL", "STORAGE_URL", "DATA_DIR"}


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
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"flask {' '.join(words)}: {done.stdout}\n{done.stderr}"
        return dict(json.loads(done.stdout)) if done.stdout.strip().startswith("{") else {}


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in HIDDEN} | more


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(data: Path, *options: str, **settings: str) -> Running:
    """Start `flask up` and wait until it says that it is up; `settings` are more environment variables."""
    port = free_port()
    process = subprocess.Popen(
        [*FLASK, "up", "--data", str(data), "--port", str(port), *options],
        cwd=ROOT,
        env=environment(**settings),
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


@contextmanager
def labelyard(data: Path, *options: str, **settings: str) -> Iterator[Running]:
    running = start(data, *options, **settings)
    try:
        yield running
    finally:
        stop(running)
