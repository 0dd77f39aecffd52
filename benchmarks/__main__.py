"""All benchmarks with modest settings, one table after the other: `make bench`, or `python -m benchmarks`.

Each runs in a process of its own, so that none finds what another left in memory, and a failure stops only itself.
"""

import platform
import subprocess
import sys

import psutil

from benchmarks.running import ROOT, environment

NAMES = ("rejoin", "ingest", "service", "claims", "fluid", "crowd")
# Settings that keep a benchmark to minutes where its own are for a table to quote.
MODEST = {"crowd": ("--seeds", "3", "--limit", "10")}


def main() -> None:
    memory = psutil.virtual_memory().total / 2**30
    print(f"{platform.machine()}, {psutil.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}")
    print(f"load before the start: {psutil.getloadavg()[0]:.1f}", flush=True)
    failed = []
    for name in NAMES:
        print(f"\n== {name} ==", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", *MODEST.get(name, ())]
        done = subprocess.run(command, cwd=ROOT, env=environment(), check=False)
        failed += [name] if done.returncode else []
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
