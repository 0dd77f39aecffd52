"""The embedded PostgreSQL and Redis: started, shared, adopted, stopped, and mended after a kill."""

import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from marketplace import embedded, server_home
from marketplace.cli import load_settings
from marketplace.processes import is_process
from marketplace.storage import Storage
from tests.platform.conftest import ROOT, RunPython, connect, postmaster

AS_ROOT = os.geteuid() == 0

HOLD = """
import sys, time
from pathlib import Path
from marketplace import embedded
attachment = embedded.attach(Path(sys.argv[1]))
print("attached", flush=True)
time.sleep(60)
"""

ATTACH_AND_LEAVE = """
import sys
from pathlib import Path
from marketplace import embedded
from tests.platform.conftest import connect, postmaster
attachment = embedded.attach(Path(sys.argv[1]))
with connect(attachment.servers) as connection:
    print(postmaster(Path(sys.argv[1])), flush=True)
sys.stdin.readline()
attachment.close()
"""


def answers(servers: embedded.Servers) -> bool:
    try:
        connect(servers).close()
    except psycopg.OperationalError:
        return False
    return True


def valkey_pid(data_dir: Path) -> int:
    return int((data_dir / "servers" / "valkey" / "valkey.pid").read_text())


def test_what_was_written_is_there_after_a_stop_and_a_start(data_dir: Path) -> None:
    first = embedded.attach(data_dir)
    with connect(first.servers) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    redis.Redis.from_url(first.servers.redis_url).set("kept", "42")
    first.close()
    assert not answers(first.servers)

    second = embedded.attach(data_dir)
    with connect(second.servers) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    assert redis.Redis.from_url(second.servers.redis_url).get("kept") == b"42"
    second.close()


def test_the_application_signs_in_as_its_own_role_without_the_owners_rights(data_dir: Path) -> None:
    attachment = embedded.attach(data_dir)
    url = attachment.servers.database_url.replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("labelyard_app",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (id int)")
    attachment.close()


def test_servers_listen_on_private_sockets_only(data_dir: Path) -> None:
    attachment = embedded.attach(data_dir)
    sockets = attachment.home.sockets
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert stat.S_IMODE(attachment.home.postgres_data.stat().st_mode) == 0o700
    with connect(attachment.servers) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW autovacuum_naptime").fetchone() == ("5s",)
        # Ordered by code point, on every machine alike.
        ordered = connection.execute("SELECT array_agg(x ORDER BY x) FROM unnest(ARRAY['b','é','B','a']) x").fetchone()
        assert ordered == (["B", "a", "b", "é"],)
    assert redis.Redis.from_url(attachment.servers.redis_url).config_get("port") == {"port": "0"}
    attachment.close()


def test_what_lies_in_the_data_folder_is_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    data_dir = tmp_path / "data"
    load_settings(data_dir)  # what a command does first, before there is anything
    Storage.from_url(f"file://{data_dir}/storage", secret="tests only")
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (data_dir, *data_dir.iterdir())}
    assert modes.pop(data_dir) == (0o711 if AS_ROOT else 0o700), "root's is passable for the servers' user"
    assert modes == {data_dir / "secret_key": 0o600, data_dir / "storage": 0o700}


def test_the_last_to_let_go_stops_the_servers(data_dir: Path) -> None:
    first, second = embedded.attach(data_dir), embedded.attach(data_dir)
    first.close()
    assert answers(second.servers)
    second.close()
    assert not answers(second.servers)


def test_processes_that_attach_at_once_share_one_server(data_dir: Path, run_python: RunPython) -> None:
    processes = [run_python(ATTACH_AND_LEAVE, data_dir, stdin=subprocess.PIPE) for _ in range(4)]
    pids = {int(process.stdout.readline()) for process in processes}
    assert len(pids) == 1
    for process in processes:
        process.communicate("leave\n", timeout=30)
        assert process.returncode == 0
    assert not is_process(pids.pop(), str(data_dir))


def test_servers_outlive_a_killed_process_and_are_adopted(data_dir: Path, run_python: RunPython) -> None:
    holder = run_python(HOLD, data_dir)
    assert holder.stdout.readline() == "attached\n"
    pid = postmaster(data_dir)
    holder.kill()
    holder.wait()

    attachment = embedded.attach(data_dir)
    assert postmaster(data_dir) == pid
    attachment.close()
    # The killed process left no count behind that would keep the servers up for ever.
    assert not answers(attachment.servers)


def test_killed_servers_come_back_with_all_that_was_committed(data_dir: Path) -> None:
    first = embedded.attach(data_dir)
    with connect(first.servers) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    redis.Redis.from_url(first.servers.redis_url).set("kept", "42")
    os.kill(postmaster(data_dir), signal.SIGKILL)
    os.kill(valkey_pid(data_dir), signal.SIGKILL)

    second = embedded.attach(data_dir)
    with connect(second.servers) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    assert redis.Redis.from_url(second.servers.redis_url).get("kept") == b"42"
    second.close()
    first.close()


def test_a_stale_note_that_names_another_living_program_is_no_obstacle(data_dir: Path) -> None:
    attachment = embedded.attach(data_dir)
    pid, note = postmaster(data_dir), attachment.home.postgres_data / "postmaster.pid"
    lines = note.read_text().splitlines()
    os.kill(pid, signal.SIGKILL)
    note.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    (data_dir / "servers" / "valkey" / "valkey.pid").write_text(str(os.getpid()))
    redis.Redis.from_url(attachment.servers.redis_url).shutdown(nosave=True)

    again = embedded.attach(data_dir)
    assert answers(again.servers)
    assert redis.Redis.from_url(again.servers.redis_url).ping()
    again.close()
    attachment.close()


def test_a_creation_that_was_killed_half_way_starts_over(folder: Path) -> None:
    home = server_home.settle(folder / "data")
    half = home.folder / "postgres.new"
    home.make_folder(half)
    (half / "PG_VERSION").write_text("18\n")

    attachment = embedded.attach(folder / "data")
    assert answers(attachment.servers)
    assert not half.exists()
    attachment.close()


def test_a_path_too_long_for_sockets_puts_them_into_a_private_temporary_folder(folder: Path) -> None:
    data_dir = folder / ("long" * 25)
    attachment = embedded.attach(data_dir)
    sockets = attachment.home.sockets
    assert not sockets.is_relative_to(data_dir)
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert answers(attachment.servers)
    attachment.close()
    sockets.rmdir()


def test_a_temporary_socket_folder_that_somebody_else_laid_is_refused(folder: Path) -> None:
    data_dir = folder / ("long" * 25)
    sockets = server_home.settle(data_dir).sockets
    sockets.chmod(0o777)
    try:
        with pytest.raises(embedded.EmbeddedError, match="is not a private folder of ours"):
            embedded.attach(data_dir)
    finally:
        sockets.rmdir()


def test_files_of_another_postgresql_version_are_refused_in_words(data_dir: Path) -> None:
    embedded.attach(data_dir).close()
    note = server_home.find(data_dir).postgres_data / "PG_VERSION"
    note.write_text("12\n")
    with pytest.raises(embedded.EmbeddedError, match="was made by PostgreSQL 12, this install has 18"):
        embedded.attach(data_dir)
    note.write_text("18\n")


def test_ensure_starts_the_servers_for_one_command_and_stops_them(data_dir: Path) -> None:
    assert embedded.running(data_dir) is None
    with embedded.ensure(data_dir) as servers:
        assert answers(servers)
    assert not answers(servers)


def test_fresh_servers_for_tests_forget_what_was_unless_somebody_holds_them(data_dir: Path) -> None:
    first = embedded.attach(data_dir, fresh_for_tests=True)
    with connect(first.servers) as connection:
        connection.execute("CREATE TABLE old (id int)")
    second = embedded.attach(data_dir, fresh_for_tests=True)
    with connect(second.servers) as connection:
        assert connection.execute("SELECT to_regclass('old')").fetchone() == ("old",)
    second.close()
    first.close()

    third = embedded.attach(data_dir, fresh_for_tests=True)
    with connect(third.servers) as connection:
        assert connection.execute("SELECT to_regclass('old')").fetchone() == (None,)
    third.close()


@pytest.mark.skipif(not AS_ROOT, reason="only root has to change to another user")
def test_as_root_below_a_closed_folder_the_files_move_and_a_link_leads_to_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_home, "SYSTEM_FOLDER", folder / "system")
    (folder / "system").mkdir(mode=0o755)
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    attachment = embedded.attach(closed / "data")
    assert (closed / "data" / "servers").is_symlink()
    assert attachment.home.folder.is_relative_to(folder / "system")
    assert answers(attachment.servers)
    attachment.close()

    # What belonged to a data folder that was deleted goes when the next one is made.
    abandoned = attachment.home.folder
    (closed / "data" / "servers").unlink()
    embedded.attach(closed / "data").close()
    assert not abandoned.exists()


@pytest.mark.skipif(not AS_ROOT, reason="only root can lay programs where another user cannot reach them")
def test_as_root_programs_in_a_closed_folder_are_copied_to_where_the_other_user_reaches_them(
    folder: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_home, "SYSTEM_FOLDER", folder / "system")
    (folder / "system").mkdir(mode=0o755)
    can_enter = server_home.Account.can_enter
    packages = Path(psycopg.__file__).parent.parent
    monkeypatch.setattr(
        server_home.Account, "can_enter", lambda self, path: can_enter(self, path) and packages not in path.parents
    )
    attachment = embedded.attach(data_dir)
    assert attachment.home.postgres_programs.is_relative_to(folder / "system")
    assert attachment.home.valkey_program.is_relative_to(folder / "system")
    assert answers(attachment.servers)
    attachment.close()


@pytest.mark.skipif(not AS_ROOT, reason="the other tests of this file then run as an ordinary user already")
def test_an_ordinary_user_runs_the_servers_as_himself_and_root_keeps_them_his(
    folder: Path, used_data_dir: Path
) -> None:
    user = pwd.getpwnam("daemon")
    if not server_home.Account(user.pw_uid, user.pw_gid).can_enter(ROOT):
        pytest.skip(f"an ordinary user cannot enter {ROOT}")
    data_dir = folder / "data"
    folder.chmod(0o777)
    # The process turns into that user after it did all once: root's Python may lie where the user cannot import from.
    become = "embedded.attach(Path(sys.argv[2])).close()\n"
    become += f"import os; os.setgroups([]); os.setgid({user.pw_gid}); os.setuid({user.pw_uid})\n"
    imports, _, code = ATTACH_AND_LEAVE.partition("attachment =")
    command = [sys.executable, "-c", f"{imports}{become}attachment ={code}", str(data_dir), str(used_data_dir)]
    done = subprocess.run(command, cwd=ROOT, input="leave\n", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (data_dir / "servers" / "postgres").stat().st_uid == user.pw_uid

    attachment = embedded.attach(data_dir)
    assert attachment.home.account == server_home.Account(user.pw_uid, user.pw_gid)
    assert answers(attachment.servers)
    attachment.close()


def test_many_connections_at_once_fit(data_dir: Path) -> None:
    attachment = embedded.attach(data_dir)
    connections = [connect(attachment.servers) for _ in range(150)]
    assert len(connections) == 150
    for connection in connections:
        connection.close()
    attachment.close()


def test_a_leftover_socket_file_does_not_stop_redis(data_dir: Path) -> None:
    home = server_home.settle(data_dir)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(home.valkey_socket))
    attachment = embedded.attach(data_dir)
    assert redis.Redis.from_url(attachment.servers.redis_url).ping()
    attachment.close()
