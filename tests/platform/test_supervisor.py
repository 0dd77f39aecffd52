"""The process tree of `flask up`: children started again, stopped in order and in time, and gone with their parent."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from marketplace.processes import started_at
from marketplace.supervisor import _is_all_here
from tests.platform.conftest import RunPython

# A tree with a web process that answers /healthz, and two more: one obeys SIGTERM, one ignores it.
TREE = """
import os, socket, sys
from pathlib import Path
from marketplace.supervisor import CannotStart, Proc, Stop, Tree, _signals_as_flags

folder = Path(sys.argv[1])
listener = socket.create_server(("127.0.0.1", 0))
note = "import os, pathlib; pathlib.Path(f'{os.environ[\\"FOLDER\\"]}/NAME').write_text(str(os.getpid())); "
web = note.replace("NAME", "web") + '''
import http.server, socket
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Healthy, bind_and_activate=False)
server.socket = socket.socket(fileno=FD)
server.serve_forever()
'''.replace("FD", str(listener.fileno()))
obeys = note.replace("NAME", "obeys") + "import time; time.sleep(600)"
ignores = note.replace("NAME", "ignores") + "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
crashes = "raise SystemExit(3)"
programs = {"obeys": obeys, "ignores": ignores, "crashes": crashes, "web": web}
processes = [
    Proc(name, [sys.executable, "-c", programs[name]], stop_seconds=1, pass_fds=(listener.fileno(),))
    for name in sys.argv[2].split(",")
]
with _signals_as_flags() as signals:
    tree = Tree(processes, folder, {**os.environ, "FOLDER": str(folder)}, signals)
    try:
        tree.run(listener, f"http://127.0.0.1:{listener.getsockname()[1]}")
    except Stop:
        print("stopped", flush=True)
    except CannotStart as error:
        print(error, flush=True)
"""


def wait_until(condition: Callable[[], object], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def pid_of(folder: Path, name: str) -> int:
    path = folder / name
    wait_until(lambda: path.exists() and path.read_text())
    return int(path.read_text())


def start(run_python: RunPython, folder: Path, names: str) -> tuple["subprocess.Popen[str]", str]:
    tree = run_python(TREE, folder, names, stderr=subprocess.PIPE)
    line = tree.stdout.readline()
    assert line.startswith("Labelyard is up at http://127.0.0.1:"), line
    return tree, line.split()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_says_that_it_is_up_when_it_answers_and_stops_everything_when_told(
    run_python: RunPython, tmp_path: Path, number: signal.Signals
) -> None:
    tree, url = start(run_python, tmp_path, "obeys,web")
    with urllib.request.urlopen(f"{url}/healthz") as response:
        assert response.read() == b"ok"
    pids = [pid_of(tmp_path, name) for name in ("obeys", "web")]
    tree.send_signal(number)
    out, _ = tree.communicate(timeout=10)
    assert out == "stopped\n"
    assert [started_at(pid) for pid in pids] == [None, None]
    assert not (tmp_path / "children.json").exists()


def test_a_child_that_ignores_the_request_is_taken_down_in_time(run_python: RunPython, tmp_path: Path) -> None:
    tree, _ = start(run_python, tmp_path, "ignores,web")
    pid = pid_of(tmp_path, "ignores")
    begun = time.monotonic()
    tree.terminate()
    tree.communicate(timeout=10)
    assert time.monotonic() - begun < 5
    assert started_at(pid) is None


def test_a_killed_child_is_started_again_and_callers_only_wait(run_python: RunPython, tmp_path: Path) -> None:
    tree, url = start(run_python, tmp_path, "obeys,web")
    before = pid_of(tmp_path, "web")
    os.kill(before, signal.SIGKILL)
    with urllib.request.urlopen(f"{url}/healthz", timeout=20) as response:
        assert response.read() == b"ok"
    assert pid_of(tmp_path, "web") != before
    tree.terminate()
    _, errors = tree.communicate(timeout=10)
    assert "web ended with status -9; starting it again in 0.5 s" in errors


def test_a_child_that_never_lives_ends_the_tree_with_its_name(run_python: RunPython, tmp_path: Path) -> None:
    tree = run_python(TREE.replace("folder = ", "import marketplace.supervisor as s; s.CRASHES_MAX = 2; folder = "),
                      tmp_path, "crashes,web")  # fmt: skip
    out, _ = tree.communicate(timeout=30)
    assert out.splitlines()[-1] == "crashes ended with status 3, 3 times in a row"
    assert started_at(pid_of(tmp_path, "web")) is None


def test_children_are_gone_with_a_parent_killed_by_force(run_python: RunPython, tmp_path: Path) -> None:
    tree, _ = start(run_python, tmp_path, "obeys,web")
    noted = json.loads((tmp_path / "children.json").read_text())
    assert len(noted) == 2
    pids = [int(pid) for pid in noted]
    tree.kill()
    wait_until(lambda: [started_at(pid) for pid in pids] == [None, None])


@pytest.mark.parametrize(
    ("host", "base_url", "is_trial"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000", True),
        ("localhost", "http://[::1]:8000", True),
        ("0.0.0.0", "http://127.0.0.1:8000", False),
        ("127.0.0.1", "https://labelyard.example", False),  # behind a proxy
    ],
)
def test_callbacks_reach_this_machine_only_where_callers_are_on_it_too(
    monkeypatch: pytest.MonkeyPatch, host: str, base_url: str, is_trial: bool
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert _is_all_here(host, base_url) is is_trial
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://somewhere/else")
    assert not _is_all_here(host, base_url)


def test_the_number_of_a_dead_process_is_not_mistaken_for_it() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert started_at(ended.pid) is None
    assert started_at(os.getpid()) == started_at(os.getpid()) is not None
    with subprocess.Popen(["sleep", "60"]) as later:
        assert started_at(later.pid) not in {None, started_at(os.getpid())}
        later.kill()
