"""kill -9 at every point between "approved" and "paid": restarted, each payout has left exactly once."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from payouts import attempts, runs
from payouts.attempts import LEASE, Transaction
from payouts.models import Item, ItemState, Run, RunState
from payouts.stripe_gateway import StripeGateway
from tests.fake_stripe import client as fake_stripe
from tests.fake_stripe.client import Fake
from tests.payouts.world import NOW, approved_run, assert_sound, available, earned, onboarded, topped_up

LABELERS = {"l1": 1_810, "l2": 700}
# The transactions of one payout, in their order.
STEPS = ("reserve", "claim", "confirm")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def work(url: str, base: str, run_id: str, point: str) -> None:
    """What a worker does with an approved run, until it is killed at the named point of its first payout."""
    engine = create_engine(url)
    names = iter(STEPS)

    @contextmanager
    def transaction() -> Iterator[Session]:
        name = next(names, "")
        with Session(engine) as session:
            yield session
            session.flush()
            if point == f"before the commit of {name}":
                die()
            session.commit()
        if point == f"after the commit of {name}":
            die()

    class Dying(StripeGateway):
        def transfer(self, params: Any, *, key: str) -> Any:
            outcome = super().transfer(params, key=key)
            if point == "after the answer":
                die()
            return outcome

    gateway = Dying(fake_stripe.KEY, api_base=base)
    with Session(engine) as session:
        items = [item.id for item in runs.to_send(session, run_id)]
        session.rollback()
    for item_id in items:
        with transaction() as session:
            attempt = attempts.open_attempt(session, item_id, NOW)
            attempt_id = attempt.id if attempt else ""
        attempts.step(transaction, gateway, attempt_id, NOW)
    os._exit(0)


def killed_worker(url: str, fake: Fake, run_id: str, point: str) -> None:
    process = multiprocessing.get_context("fork").Process(target=work, args=(url, fake.base, run_id, point))
    process.start()
    if point.startswith("during the call"):
        wait_until(lambda: bool(fake.calls()))
        time.sleep(0.1)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
    process.join(20)
    assert process.exitcode == -signal.SIGKILL, f"it was to die at {point}"


def wait_until(condition: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def recover(transaction: Transaction, gateway: StripeGateway, run_id: str) -> None:
    """What the schedule does from the rows alone, each time after the leases of the dead have ended."""
    later = NOW
    for _ in range(30):
        later += LEASE + timedelta(minutes=1)
        with transaction() as session:
            items = [item.id for item in runs.to_send(session, run_id)]
        for item_id in items:
            with transaction() as session:
                attempts.open_attempt(session, item_id, later)
        with transaction() as session:
            due = list(attempts.due_attempts(session, later, 100))
        for attempt_id in due:
            attempts.step(transaction, gateway, attempt_id, later)
        with transaction() as session:
            if session.get_one(Run, run_id).state is RunState.DONE:
                return
        time.sleep(0.1)  # the dead worker's call may still be at work in Stripe
    raise AssertionError("not settled")


@pytest.mark.parametrize(
    "point",
    [
        *(f"{side} the commit of {name}" for name in STEPS for side in ("before", "after")),
        "during the call, made",
        "during the call, not made yet",
        "after the answer",
    ],
)
def test_killed_anywhere_it_is_paid_once(
    transaction: Transaction, gateway: StripeGateway, fake: Fake, database_urls: dict[str, str], point: str
) -> None:
    with transaction() as session:
        for labeler_id, cents in LABELERS.items():
            earned(session, labeler_id, cents)
    onboarded(transaction, gateway, fake, *LABELERS)
    topped_up(transaction, fake, 100_000)
    run_id = approved_run(transaction)
    if point.startswith("during the call"):
        fake.fault("slow:1" if point.endswith(", made") else "busy:1")
    killed_worker(database_urls["app"], fake, run_id, point)
    with transaction() as session:
        assert_sound(session)
    recover(transaction, gateway, run_id)
    with transaction() as session:
        items = {item.id: item for item in session.query(Item)}
        assert {item.state for item in items.values()} == {ItemState.PAID}
        assert session.get_one(Run, run_id).state is RunState.DONE
        assert [available(session, labeler_id) for labeler_id in LABELERS] == [0, 0]
        assert_sound(session)
        paid = sorted((transfer["transfer_group"], transfer["amount"]) for transfer in fake.transfers())
        assert paid == sorted((item.id, item.amount_cents) for item in items.values())
