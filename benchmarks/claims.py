"""Claims per second and their latency, by the number of open slots: in process and over HTTP, beside bare SQL.

`python -m benchmarks.claims [--seconds N] [--slots N ...] [--labelers N] [--minutes M]`

`--minutes` runs on at the largest number of slots and prints how rate and latency hold while dead rows gather.
"""

import argparse
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from flask import Flask

from benchmarks import bare_claim, claim_world
from benchmarks.claim_world import LABELERS, World
from benchmarks.http_client import Client
from benchmarks.running import ROOT, free_port
from marketplace.app import create_app
from marketplace.db import db, transaction
from marketplace.models import Labeler
from marketplace.pipeline import dispatch
from marketplace.supervisor import WEB_THREADS

WARM_UP_SECONDS = 1.5
SEGMENT_SECONDS = 30
Claim = Callable[[int], bool]  # of the labeler with this number; whether it got something


@dataclass(frozen=True)
class Measured:
    rate: float
    median_ms: float
    p99_ms: float
    empty: int  # claims that got nothing

    def __str__(self) -> str:
        return f"{self.rate:>9.0f} {self.median_ms:>10.1f} {self.p99_ms:>8.1f} {self.empty:>6}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--slots", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--labelers", type=int, default=32, help="at a time")
    parser.add_argument("--minutes", type=float, default=0)
    options = parser.parse_args()
    with claim_world.world() as world:
        app = create_app(world.settings(database_pool_size=options.labelers))
        print_head(world, options.labelers, options.seconds)
        for slots in options.slots:
            print_cells(world, app, slots, options.labelers, options.seconds)
        if options.minutes:
            print_minutes(world, app, max(options.slots), options.labelers, options.minutes)


def print_head(world: World, labelers: int, seconds: float) -> None:
    print(f"\nClaims by {labelers} labelers at a time ({LABELERS} by turns), {seconds:g} s each")
    print(
        f"{claim_world.LANES} lanes, {claim_world.ANSWERS} answers a subtask; what is claimed is closed, as much opened"
    )
    print(f"meanwhile. {os.cpu_count()} cores for server, program and callers; a durable write of one block here takes")
    print(f"{claim_world.fsync_milliseconds(world.folder):.2f} ms. Ratio: to the bare SQL above it.")
    print(f"{'slots':>9}  {'claim':<32}{'claims/s':>9} {'median ms':>10} {'p99 ms':>8} {'empty':>6} {'ratio':>6}")


def print_cells(world: World, app: Flask, slots: int, labelers: int, seconds: float) -> None:
    cells = [
        ("bare SQL, in process", lambda: bare_claims(world, labelers)),
        ("claim_next, in process", lambda: product_claims(app)),
    ]
    with gunicorn(world) as port:
        cells += [
            ("bare SQL in an empty view, HTTP", lambda: http_claims(port, "/bare/claim", labelers)),
            ("POST /labeler/claim, HTTP", lambda: http_claims(port, "/labeler/claim", labelers)),
        ]
        peer = 0.0
        world.refill(slots)
        for name, prepare in cells:
            world.tidy()
            with world.steady():
                claim = prepare()
                measure(claim, labelers, WARM_UP_SECONDS)
                measured = measure(claim, labelers, seconds)
            ratio = "" if name.startswith("bare") else f"{measured.rate / peer:.2f}"
            peer = measured.rate if name.startswith("bare") else peer
            print(f"{slots:>9}  {name:<32}{measured} {ratio:>6}", flush=True)


def print_minutes(world: World, app: Flask, slots: int, labelers: int, minutes: float) -> None:
    print(
        f"\nThe same over {minutes:g} minutes at {slots} open slots: claim_next in process, every {SEGMENT_SECONDS} s"
    )
    print(f"{'from s':>7} {'claims/s':>9} {'median ms':>10} {'p99 ms':>8} {'empty':>6} {'dead rows':>10} {'open':>9}")
    world.refill(slots)
    claim = product_claims(app)
    with world.steady():
        measure(claim, labelers, WARM_UP_SECONDS)
        for segment in range(max(1, round(minutes * 60 / SEGMENT_SECONDS))):
            measured = measure(claim, labelers, SEGMENT_SECONDS)
            dead, open_slots = world.health()
            print(f"{segment * SEGMENT_SECONDS:>7} {measured} {dead:>10} {open_slots:>9}", flush=True)


turns = itertools.count()


def measure(claim: Claim, labelers: int, seconds: float) -> Measured:
    """`labelers` threads that claim one after the other, each time as the labeler whose turn it is."""
    times: list[float] = []
    empty: list[int] = []
    began = time.perf_counter()

    def work() -> None:
        while (start := time.perf_counter()) < began + seconds:
            got = claim(next(turns) % LABELERS)
            times.append(time.perf_counter() - start)
            if not got:
                empty.append(1)

    threads = [threading.Thread(target=work) for _ in range(labelers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - began
    ordered = sorted(times)
    count = len(ordered)
    return Measured(count / taken, ordered[count // 2] * 1e3, ordered[int(count * 0.99)] * 1e3, len(empty))


def bare_claims(world: World, labelers: int) -> Claim:
    own = threading.local()
    url = world.servers.database_url.replace("postgresql+psycopg://", "postgresql://")

    def claim(number: int) -> bool:
        if not hasattr(own, "connection"):
            own.connection = psycopg.connect(url, autocommit=True)
        return bare_claim.claim(own.connection, f"labeler{number}") is not None

    return claim


def product_claims(app: Flask) -> Claim:
    with app.app_context():
        people = {labeler.id: labeler for labeler in db.session.query(Labeler)}
        db.session.expunge_all()

    def claim(number: int) -> bool:
        with app.app_context(), transaction():
            return dispatch.claim_next(people[f"labeler{number}"]).assignment is not None

    return claim


def http_claims(port: int, path: str, labelers: int) -> Claim:
    own = threading.local()

    def claim(number: int) -> bool:
        if not hasattr(own, "client"):
            own.client = Client(port)
        name = f"labeler{number}"
        headers = {"Authorization": f"Bearer labeler_{name}", "X-Labeler": name}
        status, body = own.client.post(path, b"{}", headers)
        assert status == 200, body
        return b'"assignment":null' not in body and b'"id":null' not in body

    return claim


@contextmanager
def gunicorn(world: World) -> Iterator[int]:
    """As the product runs it, serving the product and the bare view."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "benchmarks.claim_wsgi:app", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--workers", "2", "--threads", str(WEB_THREADS), "--no-control-socket"]
    command += ["--log-level", "warning", "--keep-alive", "60", "--graceful-timeout", "1"]
    environment = world.servers.environment() | {
        "SECRET_KEY": "benchmark",
        "DATA_DIR": str(world.folder),
        "RATE_LIMIT_API": "100000000 per minute",
    }
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment})
    try:
        wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "gunicorn ended at once"
        try:
            Client(port)
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("gunicorn does not answer")


if __name__ == "__main__":
    main()
