"""The peers: crowd-kit and what it needs in a virtual environment of their own, asked through a process.

crowd-kit needs an older scikit-learn than is current, and drags in packages that Labelyard has no use for. The
environment `.cache/peers` is made on first use from the pinned and hashed peers.txt, by the machine's own pip and uv
settings.
"""

import hashlib
import json
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.running import ROOT, environment
from tools.boot import uv_settings

FOLDER = ROOT / ".cache" / "peers"
PYTHON = FOLDER / "bin" / "python"
PINS = Path(__file__).with_name("peers.txt")
WORKER = Path(__file__).with_name("peers_worker.py")
START_SECONDS_MAX = 60
POLL_SECONDS = 0.5
WALL_FACTOR = 10  # other work on the machine must not count against a peer


class PeerFailed(Exception):
    """The peer raised; the message is what it said."""


class PeerTooSlow(Exception):
    """The peer was stopped at its limit."""


def ensure() -> Path:
    """The peers' Python, its packages as peers.txt pins them."""
    stamp, pinned = FOLDER / "labelyard-stamp", hashlib.sha256(PINS.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == pinned:
        return PYTHON
    print("making the peers' virtual environment .cache/peers", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
    uv = [str(Path(sys.executable).parent / "uv"), "pip", "sync", "--quiet", "--python", str(PYTHON)]
    settings = environment(**uv_settings())
    subprocess.run([*uv, "--require-hashes", str(PINS)], check=True, env=settings)
    stamp.write_text(pinned)
    return PYTHON


class Peers:
    """One process that answers one request after the other; started anew after a request that took too long.

    A method is a function in peers_worker.METHODS from arrays by name to arrays by name.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Peers":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self, method: str, limit: float, **arrays: Any) -> tuple[dict[str, Any], dict[str, float]]:
        """The method's arrays, and what it took: seconds, cpu_seconds, before_mb and peak_mb of its process's memory.

        Raises PeerFailed or PeerTooSlow.
        """
        with tempfile.TemporaryDirectory() as folder:
            given, found = Path(folder, "given.npz"), Path(folder, "found.npz")
            np.savez(given, **arrays)
            reply = self._ask({"method": method, "given": str(given), "found": str(found)}, limit)
            if "error" in reply:
                raise PeerFailed(reply["error"])
            with np.load(found, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}, reply["took"]

    def _ask(self, request: dict[str, str], limit: float) -> dict[str, Any]:
        process = self._started()
        assert process.stdin is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        line = self._line(process, limit)
        if line is None:
            self.stop()
            raise PeerTooSlow(f"> {limit:.0f} s")
        return dict(json.loads(line)) if line else {"error": f"the process ended with {process.wait()}"}

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            # Without the accelerators' and hubs' chatter; stderr is theirs to fill and ours to drop.
            self._process = subprocess.Popen(
                [str(ensure()), "-P", str(WORKER)],  # without its folder: our numbers.py is not Python's
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                bufsize=1,
                env=environment(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", TQDM_DISABLE="1"),
            )
            assert self._line(self._process, START_SECONDS_MAX) == "ready\n", "the peers' process did not start"
        return self._process

    @staticmethod
    def _line(process: subprocess.Popen[str], limit: float) -> str | None:
        """The next line, or None after `limit` seconds of processor or WALL_FACTOR times as many of the clock."""
        assert process.stdout is not None
        usage = psutil.Process(process.pid)
        began, used = time.monotonic(), sum(usage.cpu_times()[:2])
        while not select.select([process.stdout], [], [], POLL_SECONDS)[0]:
            if sum(usage.cpu_times()[:2]) - used > limit or time.monotonic() - began > WALL_FACTOR * limit:
                return None
        return process.stdout.readline()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
