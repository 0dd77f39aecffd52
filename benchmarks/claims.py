"""Claims per second and their latency, by the number of open slots: in process and over HTTP, beside bare SQL.

`python -m benchmarks.claims [--seconds N] [--rounds N] [--slots N ...] [--labelers N] [--minutes M]`

After each number of slots it prints whom the product has served: customers against their shares, labelers by accuracy,
newcomers, and how often somebody was told "no work" though the database had some for her, which must be never.
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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from flask import Flask

from benchmarks import bare_claim, claim_shares, claim_world
from benchmarks.claim_world import LABELERS, World
from benchmarks.http_client import Client
from benchmarks.running import ROOT, free_port
from marketplace.app import create_app
from marketplace.db import transaction
from marketplace.pipeline import dispatch
from marketplace.supervisor import WEB_THREADS

WARM_UP_SECONDS = 1.5
SEGMENT_SECONDS = 30
Claim = Callable[[int], bool]  # of the labeler with this number; whether it got something


@dataclass
class Measured:
    """What one side did, over all of its turns."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    empty: int = 0  # claims that got nothing

    @property
    def rate(self) -> float:
        return len(self.times) / self.seconds

    def add(self, other: "Measured") -> None:
        self.seconds += other.seconds
        self.times += other.times
        self.empty += other.empty

    def __str__(self) -> str:
        ordered = sorted(self.times)
        median, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
        return f"{self.rate:>9.0f} {median * 1e3:>10.1f} {p99 * 1e3:>8.1f} {self.empty:>6}"


class Crew:
    """Labelers at work at the same time: a thread each, which keeps its connections from one turn to the next."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._pool = ThreadPoolExecutor(size)
        self._turns = itertools.count()

    def measure(self, claim: Claim, seconds: float) -> Measured:
        """Everybody claims again and again, each time as the labeler whose turn it is."""
        measured, began = Measured(), time.perf_counter()

        def work(_: int) -> None:
            while (start := time.perf_counter()) < began + seconds:
                got = claim(next(self._turns) % LABELERS)
                measured.times.append(time.perf_counter() - start)
                measured.empty += not got

        list(self._pool.map(work, range(self.size)))
        measured.seconds = time.perf_counter() - began
        return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--slots", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--labelers", type=int, default=32, help="at a time")
    parser.add_argument("--rounds", type=int, default=8, help="turns of each side in a cell")
    parser.add_argument("--minutes", type=float, default=0)
    options = parser.parse_args()
    crew = Crew(options.labelers)
    with claim_world.world() as world:
        app = create_app(world.settings(database_pool_size=options.labelers))
        print_head(world, options)
        for slots in options.slots:
            print_cells(world, crew, app, slots, options)
        if options.minutes:
            print_minutes(world, crew, app, max(options.slots), options.minutes)


def print_head(world: World, options: argparse.Namespace) -> None:
    print(
        f"\nClaims by {options.labelers} labelers at a time ({LABELERS} by turns), {options.seconds:g} s a line; bare"
    )
    print(f"SQL and product by turns of {options.seconds / options.rounds:g} s, so that both meet the same machine.")
    print(f"{claim_world.LANES} lanes of {claim_world.CUSTOMERS} customers, {claim_world.ANSWERS} answers a subtask;")
    print(f"what is claimed is closed, and as much opened, meanwhile. {os.cpu_count()} cores for server, program and")
    print(f"callers; a durable write of one block here takes {claim_world.fsync_milliseconds(world.folder):.2f} ms.")
    print("Ratio: of the claims, and from the lowest round to the highest.")
    print(f"{'slots':>9}  {'claim':<32}{'claims/s':>9} {'median ms':>10} {'p99 ms':>8} {'empty':>6} {'ratio':>6}")


def print_cells(world: World, crew: Crew, app: Flask, slots: int, options: argparse.Namespace) -> None:
    world.refill(slots)
    refusals = Refusals(world)
    cell = compare(world, crew, bare_claims(world), product_claims(app, refusals), options)
    print_cell(slots, "bare SQL, in process", "claim_next, in process", cell)
    with gunicorn(world) as port:
        cell = compare(world, crew, http_claims(port, "/bare/claim"), http_claims(port, "/labeler/claim"), options)
    print_cell(slots, "bare SQL in an empty view, HTTP", "POST /labeler/claim, HTTP", cell)
    print(f"Told in process that there was no work: {len(refusals.all)}, wrongly: {sum(refusals.all)}")
    claim_shares.print_shares(world)


@dataclass
class Cell:
    bare: Measured = field(default_factory=Measured)
    product: Measured = field(default_factory=Measured)
    ratios: list[float] = field(default_factory=list)  # round by round


def compare(world: World, crew: Crew, bare: Claim, product: Claim, options: argparse.Namespace) -> Cell:
    """Both by turns, and who begins by turns, too: the machine's speed swings, but within a round little."""
    world.tidy()
    cell, seconds = Cell(), options.seconds / options.rounds
    with world.steady():
        for claim in (bare, product):
            crew.measure(claim, WARM_UP_SECONDS)
        for number in range(options.rounds):
            order = (bare, product) if number % 2 == 0 else (product, bare)
            turns = {claim: crew.measure(claim, seconds) for claim in order}
            cell.bare.add(turns[bare])
            cell.product.add(turns[product])
            cell.ratios.append(turns[product].rate / turns[bare].rate)
    return cell


def print_cell(slots: int, bare: str, product: str, cell: Cell) -> None:
    print(f"{slots:>9}  {bare:<32}{cell.bare}")
    ratio, spread = cell.product.rate / cell.bare.rate, f"{min(cell.ratios):.2f}-{max(cell.ratios):.2f}"
    print(f"{slots:>9}  {product:<32}{cell.product} {ratio:>6.2f} {spread}", flush=True)


def print_minutes(world: World, crew: Crew, app: Flask, slots: int, minutes: float) -> None:
    print(
        f"\nThe same over {minutes:g} minutes at {slots} open slots: claim_next in process, every {SEGMENT_SECONDS} s"
    )
    print(f"{'from s':>7} {'claims/s':>9} {'median ms':>10} {'p99 ms':>8} {'empty':>6} {'dead rows':>10} {'open':>9}")
    world.refill(slots)
    claim = product_claims(app)
    with world.steady():
        crew.measure(claim, WARM_UP_SECONDS)
        for segment in range(max(1, round(minutes * 60 / SEGMENT_SECONDS))):
            measured = crew.measure(claim, SEGMENT_SECONDS)
            dead, open_slots = world.health()
            print(f"{segment * SEGMENT_SECONDS:>7} {measured} {dead:>10} {open_slots:>9}", flush=True)


def bare_claims(world: World) -> Claim:
    own = threading.local()
    url = world.servers.database_url.replace("postgresql+psycopg://", "postgresql://")

    def claim(number: int) -> bool:
        if not hasattr(own, "connection"):
            own.connection = psycopg.connect(url, autocommit=True)
        return bare_claim.claim(own.connection, f"labeler{number}") is not None

    return claim


class Refusals:
    """Each claim that got nothing, checked against the database at once: true if there was something for her."""

    def __init__(self, world: World) -> None:
        self.all: list[bool] = []
        self._url = world.url

    def check(self, labeler_id: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            self.all.append(claim_shares.is_work_free(connection, labeler_id))


def product_claims(app: Flask, refusals: Refusals | None = None) -> Claim:
    def claim(number: int) -> bool:
        with app.app_context(), transaction():
            got = dispatch.claim_next(f"labeler{number}").held is not None
        if not got and refusals is not None:
            refusals.check(f"labeler{number}")
        return got

    return claim


def http_claims(port: int, path: str) -> Claim:
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
        "RATE_LIMIT_LABELER": "100000000 per minute",
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
