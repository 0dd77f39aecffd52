"""The process tree of `flask up`: servers, migrations, web, workers and schedule, started and stopped together."""

import errno
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import click

from marketplace import embedded, migrate
from marketplace.embedded import EmbeddedError, Servers
from marketplace.processes import dies_with, end_group, signal_group, started_at
from marketplace.server_home import make_data_dir

ROOT = Path(__file__).resolve().parent.parent
FLASK = (sys.executable, "-m", "flask", "--app", "wsgi")
WEB_THREADS = 8
ANSWER_SECONDS_MAX = 90
HEALTHY_SECONDS = 60  # a child that lived this long starts again at once, with a clean record
CRASHES_MAX = 8
BACKOFF_SECONDS_MAX = 30
LOCK_ATTEMPTS = 20
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Stop(Exception):  # a request, not an error
    """Somebody asked us to stop: Ctrl-C, SIGTERM, or a closed terminal."""


class CannotStart(Exception):
    """`flask up` cannot go on; the message is the one line that says why."""


@dataclass(frozen=True)
class Proc:
    """A process to keep running: what starts it, and how long it may take to finish what it is at."""

    name: str
    command: Sequence[str]
    stop_seconds: float
    pass_fds: tuple[int, ...] = ()


@dataclass
class Child:
    """A process that runs, or waits to be started again after a crash."""

    proc: Proc
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    crashes: int = 0
    start_due: float = field(default=0.0)

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


def up(
    host: str, port: int, data_dir: Path, demo: bool, workers: int, environment: Mapping[str, str] | None = None
) -> int:
    """Run the whole product in the foreground until it is told to stop; returns the exit status."""
    try:
        with _the_only_one(make_data_dir(data_dir)) as data_dir, _signals_as_flags() as signals:
            _end_leftovers(data_dir)
            with _listener(host, port) as listener, _servers(data_dir) as servers:
                base_url = os.environ.get("BASE_URL") or _url(listener)
                settings = {**(environment or {}), "DATA_DIR": str(data_dir), "BASE_URL": base_url}
                if _is_all_here(host, base_url):  # whoever tries it out takes callbacks on this machine too
                    settings["CALLBACK_ALLOW_PRIVATE"] = os.environ.get("CALLBACK_ALLOW_PRIVATE", "true")
                if demo:  # with no waiting for money: what Ana earns, Fay can pay out a minute later
                    settings |= {"DEMO": "true", "HOLD_HOURS": os.environ.get("HOLD_HOURS", "0")}
                _write_note(data_dir, servers, base_url, settings)
                migrate.upgrade(servers.migrations_database_url)
                signals.raise_if_asked()
                child_environment = {**os.environ, **settings, **servers.environment(), "TZ": "UTC"}
                child_environment.pop("FLASK_RUN_FROM_CLI", None)
                if demo:
                    _make_demo_world(data_dir, child_environment, signals)
                tree = Tree(_processes(listener, workers), data_dir, child_environment, signals)
                tree.run(listener, base_url)
    except Stop:
        return 0
    except (CannotStart, EmbeddedError) as error:
        click.echo(f"labelyard: {error}", err=True)
        return 1
    return 0


def _processes(listener: socket.socket, workers: int) -> list[Proc]:
    """In the order in which they start; they stop in the opposite order, so that nothing new comes in first."""
    number = listener.fileno()
    web = [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"fd://{number}", "--worker-class", "gthread"]
    web += ["--workers", os.environ.get("WEB_CONCURRENCY", "2"), "--threads", str(WEB_THREADS)]
    web += ["--no-control-socket", "--timeout", "120", "--graceful-timeout", "10", "--log-level", "warning"]
    if Path("/dev/shm").is_dir():  # noqa: S108  heartbeats of gunicorn's workers, which must not wait for a disk
        web += ["--worker-tmp-dir", "/dev/shm"]  # noqa: S108
    return [
        *(Proc(f"worker {n + 1}", (*FLASK, "worker"), stop_seconds=20) for n in range(workers)),
        Proc("schedule", (*FLASK, "schedule"), stop_seconds=5),
        Proc("web", web, stop_seconds=15, pass_fds=(number,)),
    ]


class Signals:
    """Remembers that somebody asked to stop, and lets the loop sleep until something happens."""

    def __init__(self, wakeup: int) -> None:
        self._wakeup = wakeup
        self.asked = 0

    def notice(self, number: int, _frame: object) -> None:
        if number != signal.SIGCHLD:
            self.asked += 1

    def raise_if_asked(self) -> None:
        if self.asked:
            raise Stop

    def sleep(self, seconds: float) -> None:
        """Sleep until a signal arrives (a child ended, or somebody asked us to stop)."""
        ready, _, _ = select.select([self._wakeup], [], [], max(seconds, 0))
        if ready:
            with suppress(BlockingIOError):
                os.read(self._wakeup, 4096)


@contextmanager
def _signals_as_flags() -> Iterator[Signals]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signals = Signals(reader)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
    before = {number: signal.signal(number, signals.notice) for number in numbers}
    wakeup_before = signal.set_wakeup_fd(writer)
    try:
        yield signals
    finally:
        signal.set_wakeup_fd(wakeup_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


class Tree:
    """The children: started in order, started again when they crash, stopped in the opposite order."""

    def __init__(self, processes: list[Proc], data_dir: Path, environment: Mapping[str, str], signals: Signals) -> None:
        self.children = [Child(proc) for proc in processes]
        self._note = data_dir / "children.json"
        self._environment = environment
        self._signals = signals

    def run(self, listener: socket.socket, base_url: str) -> None:
        try:
            self._start_due()
            self._wait_for_answer(_url(listener))
            click.echo(f"Labelyard is up at {base_url}")
            sys.stdout.flush()
            while True:
                self._watch(seconds=5)
        finally:
            listener.close()  # from here on callers are refused at once instead of left waiting
            self._stop()

    def _wait_for_answer(self, url: str) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        while not _answers(url):
            if time.monotonic() > deadline:
                raise CannotStart(f"{url} did not answer within {ANSWER_SECONDS_MAX} seconds")
            self._watch(seconds=0.05)

    def _watch(self, *, seconds: float) -> None:
        """Wait a while, then start again what crashed and is due."""
        now = time.monotonic()
        waits = [child.start_due - now for child in self.children if not child.is_alive and child.process is None]
        self._signals.sleep(min([seconds, *waits]))
        self._signals.raise_if_asked()
        for child in self.children:
            if child.process is not None and not child.is_alive:
                self._note_crash(child)
        self._start_due()

    def _note_crash(self, child: Child) -> None:
        assert child.process is not None
        now = time.monotonic()
        child.crashes = 1 if now - child.started > HEALTHY_SECONDS else child.crashes + 1
        ended = f"{child.proc.name} ended with status {child.process.returncode}"
        signal_group(child.process.pid, signal.SIGKILL)
        child.process = None
        if child.crashes > CRASHES_MAX:
            raise CannotStart(f"{ended}, {child.crashes} times in a row")
        delay = min(0.25 * 2**child.crashes, BACKOFF_SECONDS_MAX)
        child.start_due = now + delay
        click.echo(f"labelyard: {ended}; starting it again in {delay:g} s", err=True)

    def _start_due(self) -> None:
        now = time.monotonic()
        due = [child for child in self.children if child.process is None and child.start_due <= now]
        for child in due:
            child.started = now
            child.process = subprocess.Popen(
                child.proc.command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                pass_fds=child.proc.pass_fds,
                # Its own group: Ctrl-C reaches only us, and we stop the children in order.
                start_new_session=True,
                preexec_fn=dies_with(os.getpid()),
            )
        if due:
            _write_whole(self._note, json.dumps(self._alive()))

    def _alive(self) -> dict[int, str | None]:
        pids = [child.process.pid for child in self.children if child.process is not None]
        return {pid: started_at(pid) for pid in pids}

    def _stop(self) -> None:
        """Ask one after the other, each within its time; a second Ctrl-C takes the rest down at once."""
        click.echo("labelyard: stopping", err=True)
        asked = self._signals.asked

        def may_finish(child: Child) -> bool:
            return child.is_alive and self._signals.asked == asked

        for child in reversed(self.children):
            if child.process is not None:
                end_group(child.process.pid, partial(may_finish, child), seconds=child.proc.stop_seconds)
                child.process.wait()
        self._note.unlink(missing_ok=True)


# What is there before the children


@contextmanager
def _the_only_one(data_dir: Path) -> Iterator[Path]:
    """Hold up.lock, by which other commands see that we run and a second `flask up` knows to leave."""
    with (data_dir / "up.lock").open("ab") as lock:
        for _ in range(LOCK_ATTEMPTS):
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(0.05)  # a command that only looks holds it for a moment
        else:
            note = embedded.read_run_note(data_dir) or {}
            where = f" at {note['base_url']} (process {note['pid']})" if note else ""
            raise CannotStart(f"Labelyard already runs on {data_dir}{where}; stop it or choose another --data")
        try:
            yield data_dir
        finally:
            (data_dir / "run.json").unlink(missing_ok=True)


def _end_leftovers(data_dir: Path) -> None:
    """End the children of a `flask up` that was killed by force, where they outlived it."""
    note = data_dir / "children.json"
    if not note.exists():
        return

    def is_ours(pid: int, started: str) -> bool:
        return started_at(pid) == started

    for pid, started in json.loads(note.read_text()).items():
        if started and is_ours(int(pid), started):
            end_group(int(pid), partial(is_ours, int(pid), started), seconds=5)
    note.unlink()


def _make_demo_world(data_dir: Path, environment: Mapping[str, str], signals: Signals) -> None:
    """Run `flask demo`, which fills an empty marketplace once and prints the sign-ins."""
    process = subprocess.Popen(
        [*FLASK, "demo", "--data", str(data_dir)],
        cwd=ROOT,
        env=environment,
        start_new_session=True,
        preexec_fn=dies_with(os.getpid()),
    )
    while process.poll() is None:
        signals.sleep(1)
        if signals.asked:
            end_group(process.pid, lambda: process.poll() is None, seconds=5)
    signals.raise_if_asked()
    if process.returncode != 0:
        raise CannotStart("the demo world could not be made (above)")


@contextmanager
def _listener(host: str, port: int) -> Iterator[socket.socket]:
    """The socket that the web processes share; ours, so that callers only wait while one of them is started again."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(f"port {port} on {host} is in use; choose another with --port") from error
        raise CannotStart(f"cannot listen on {host} port {port}: {error}") from error
    with listener:
        yield listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  where to knock, not where to listen
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_all_here(host: str, base_url: str) -> bool:
    """Whether only this machine can reach us, by a proxy neither, and we nothing but it: a trial, not a service."""
    return {host, urlsplit(base_url).hostname} <= LOOPBACK and "DATABASE_URL" not in os.environ


@contextmanager
def _servers(data_dir: Path) -> Iterator[Servers]:
    """The servers that the environment names, else the embedded ones until the end."""
    database_url, redis_url = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    if database_url and redis_url:
        yield Servers(database_url, os.environ.get("MIGRATIONS_DATABASE_URL", database_url), redis_url)
        return
    if database_url or redis_url:
        missing = "REDIS_URL" if database_url else "DATABASE_URL"
        raise CannotStart(f"{missing} is missing: set both, or neither for the embedded servers")
    attachment = embedded.attach(data_dir)
    try:
        yield attachment.servers
    finally:
        attachment.close(stop_for_all=True)


def _write_note(data_dir: Path, servers: Servers, base_url: str, settings: Mapping[str, str]) -> None:
    """Tell other commands with the same --data where we are."""
    told = {name: value for name, value in settings.items() if name != "SECRET_KEY"}
    note = {
        "pid": os.getpid(),
        "base_url": base_url,
        "servers": {name.lower(): value for name, value in servers.environment().items()},
        "environment": told,
    }
    _write_whole(data_dir / "run.json", json.dumps(note, indent=2))


def _write_whole(path: Path, text: str) -> None:
    """Write a private file that is never seen half-written."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text)
    shutil.move(file.name, path)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5) as response:  # noqa: S310  our own address
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False
