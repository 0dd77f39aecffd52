"""Tasks accepted per second through the API, and the memory of a web process and a worker, of a running Labelyard.

`python -m benchmarks.service [--seconds N] [--clients N]`
"""

import argparse
import json
import tempfile
import threading
import time
from pathlib import Path

import psutil
import requests

from benchmarks.running import Running, labelyard

TASK = {
    "project": "bench",
    "instruction": "What is it?",
    "attachment_type": "text",
    "attachment": "A short text.",
    "categories": ["good", "bad"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        labelyard(Path(folder) / "var", "--no-demo", "--workers", "1", RATE_LIMIT_API="1000000 per minute") as running,
    ):
        customer = running.flask("customer", "create", "Bench", "--email", "b@example.org", "--fund", "100000000")
        key = str(customer["live_key"])
        requests.post(
            f"{running.url}/v1/projects", auth=(key, ""), json={"name": "bench", "type": "categorization"}, timeout=30
        ).raise_for_status()
        idle = memory(running)
        rate, median, p99 = create_tasks(running.url, key, options.seconds, options.clients)
        loaded = memory(running)
    print("\nTasks accepted through the API (categorization; validated, quoted, reserved on the ledger, committed)")
    print(f"{'clients':>8} {'tasks/s':>9} {'median ms':>10} {'p99 ms':>8}")
    print(f"{options.clients:>8} {rate:>9.0f} {median * 1e3:>10.1f} {p99 * 1e3:>8.1f}")
    print("\nMemory (resident, MiB): one process of each kind, idle and after the run")
    for kind in idle:
        print(f"{kind:>10} {idle[kind]:>8.0f} {loaded.get(kind, 0):>8.0f}")


def create_tasks(url: str, key: str, seconds: float, clients: int) -> tuple[float, float, float]:
    """Rate, median and 99th percentile of POST task/categorization with `clients` connections kept open."""
    times: list[float] = []
    deadline = time.perf_counter() + seconds

    def create() -> None:
        with requests.Session() as web:
            web.auth = (key, "")
            while time.perf_counter() < deadline:
                began = time.perf_counter()
                answer = web.post(f"{url}/v1/task/categorization", data=json.dumps(TASK), headers=JSON, timeout=30)
                assert answer.status_code == 200, answer.text
                times.append(time.perf_counter() - began)

    threads = [threading.Thread(target=create) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - began
    ordered = sorted(times)
    return len(ordered) / taken, ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]


JSON = {"Content-Type": "application/json"}


def memory(running: Running) -> dict[str, float]:
    """Resident MiB of the largest process of each kind in the tree."""
    found: dict[str, float] = {}
    for process in psutil.Process(running.process.pid).children(recursive=True):
        words = " ".join(process.cmdline())
        kind = "web" if "gunicorn" in words else "worker" if "worker" in words else ""
        if kind:
            found[kind] = max(found.get(kind, 0), process.memory_info().rss / 2**20)
    return found


if __name__ == "__main__":
    main()
