"""Processes by their number: whether one still is the one we knew, how it dies with its parent, and how it ends."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_HAS_PROC = Path("/proc/self/stat").exists()
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def is_process(pid: int, words: str) -> bool:
    """Whether the process lives and its command line contains `words`: numbers of dead processes are used again."""
    if pid <= 0:
        return False
    if _HAS_PROC:
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
        return words in line.replace(b"\0", b" ").decode(errors="replace")
    return words in _ps(pid, "command=")


def started_at(pid: int) -> str | None:
    """When the process started, in the system's own words; with its number this names one process for ever."""
    if not _HAS_PROC:
        return _ps(pid, "lstart=").strip() or None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else fields[18]


def _ps(pid: int, column: str) -> str:
    done = subprocess.run(["ps", "-o", column, "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout


def dies_with(parent: int) -> Callable[[], None]:
    """What a child runs between fork and exec so that Linux ends it when `parent`, even killed by force, is gone."""

    def arrange() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)

    return arrange


def end_group(pid: int, still_there: Callable[[], bool], *, seconds: float) -> None:
    """Ask the process group that `pid` leads to stop, and after `seconds` take it down."""
    signal_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while still_there() and time.monotonic() < deadline:
        time.sleep(0.05)
    signal_group(pid, signal.SIGKILL)  # also what a leader that is gone left behind in its group


def signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
