"""From accepted answers to transfers at a Stripe of its own process: killed workers, a lost Redis, webhooks."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from marketplace import payout_decisions as decide
from marketplace import queue
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.models import User
from marketplace.models.user import Role
from marketplace.pipeline import settle
from payouts import ledger, postings, reconcile
from payouts.chart import Kind
from payouts.errors import PayoutRefused
from payouts.models import Attempt, Item, ItemState, Rail, Run, RunState, WebhookEvent
from tests.fake_stripe import client as fake_stripe
from tests.fake_stripe.client import Fake
from tests.marketplace.api_world import serving
from tests.marketplace.money_world import World, build, earned, onboard, top_up, use_stripe
from tests.payouts.in_threads import in_threads

RunJobs = Callable[[], None]


@pytest.fixture
def world(app: Flask, run_jobs: RunJobs) -> World:
    return build(app, run_jobs)


@pytest.fixture(scope="module")
def fake_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fake]:
    with fake_stripe.running(tmp_path_factory.mktemp("stripe") / "state.json") as fake:
        yield fake


@pytest.fixture
def fake(fake_process: Fake, app: Flask, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """The application pays through this."""
    fake_process.command("reset")
    use_stripe(app, fake_process, monkeypatch)
    return fake_process


def staff(*names: str) -> list[User]:
    users = [User(email=f"{n}@example.org", name=n, password_hash="none", role=Role.FINANCE) for n in names]
    with transaction():
        db.session.add_all(users)
    return users


def approve_a_run(minimum_cents: int = 1) -> str:
    maker, checker = staff("Maker", "Checker")
    with transaction():
        run_id = decide.build_run(maker, minimum_cents, utc_now()).id
    with transaction():
        content_hash = decide.freeze(maker, run_id, utc_now()).content_hash or ""
    with transaction():
        decide.approve(checker, run_id, content_hash, utc_now())
    return run_id


def item_states(run_id: str) -> list[ItemState]:
    db.session.rollback()
    return list(db.session.scalars(select(Item.state).where(Item.run_id == run_id).order_by(Item.id)))


def assert_sound() -> None:
    db.session.rollback()
    assert [check for check in reconcile.invariants(db.session()) if not check.ok] == []


def test_from_an_accepted_answer_to_a_transfer(world: World, fake: Fake) -> None:
    world.complete()
    settle.release_due_holds()
    for labeler in (world.ana, world.ben):
        onboard(labeler, fake)
    top_up(fake, 100_000)
    run_id = approve_a_run()
    world.run_jobs()
    assert item_states(run_id) == [ItemState.PAID, ItemState.PAID]
    assert db.session.get_one(Run, run_id).state is RunState.DONE
    paid = {transfer["transfer_group"]: transfer["amount"] for transfer in fake.transfers()}
    assert paid == {item.id: item.amount_cents for item in db.session.query(Item)}
    compared = settle.compare_with_stripe()
    assert compared is not None and compared.unmatched == () and len(compared.matched) == 3
    assert_sound()


def test_a_hold_lasts_as_long_as_it_was_promised(world: World) -> None:
    with transaction():
        for number in range(3):
            held_until = utc_now() + timedelta(hours=number - 1, seconds=1)
            postings.earn_gold(db.session(), world.ana.id, f"a{number}", 100, held_until)
    settle.release_due_holds()
    settle.release_due_holds()
    assert ledger.balance(db.session(), Kind.LABELER_AVAILABLE, world.ana.id) == 100
    assert ledger.balance(db.session(), Kind.LABELER_HELD, world.ana.id) == 200
    assert_sound()


def test_many_holds_end_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "HOLDS_AT_ONCE", 10)
    with transaction():
        for number in range(35):
            labeler = world.ana if number % 2 else world.ben
            postings.earn_gold(db.session(), labeler.id, f"a{number}", 100, utc_now())
    settle.release_due_holds()
    available = [ledger.balance(db.session(), Kind.LABELER_AVAILABLE, one.id) for one in (world.ana, world.ben)]
    assert available == [1_700, 1_800]
    assert_sound()


def test_a_lost_redis_loses_no_payout(world: World, fake: Fake) -> None:
    """Emptied after the approval, and again after the attempts were opened."""
    earned(world.ana, 1_810)
    onboard(world.ana, fake)
    top_up(fake, 5_000)
    run_id = approve_a_run()
    redis = world.app.extensions["redis"]
    redis.flushdb()
    world.run_jobs()
    assert item_states(run_id) == [ItemState.READY]
    settle.send_run(run_id)
    redis.flushdb()
    assert item_states(run_id) == [ItemState.SENDING] and fake.transfers() == []
    settle.resume_payouts()
    world.run_jobs()
    assert item_states(run_id) == [ItemState.PAID] and len(fake.transfers()) == 1
    settle.resume_payouts()
    assert redis.keys("rq:queue:*") == []
    assert_sound()


def work_in_a_process_of_its_own(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose(close=False)  # the connections are the parent's, those to Stripe too
        app.extensions.pop("stripe", None)
        queue.worker(burst=True)
    os._exit(0)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_worker_killed_while_stripe_is_slow_pays_once(world: World, fake: Fake) -> None:
    earned(world.ana, 1_810)
    onboard(world.ana, fake)
    top_up(fake, 5_000)
    run_id = approve_a_run()
    fake.fault("slow:30")
    worker = multiprocessing.get_context("fork").Process(target=work_in_a_process_of_its_own, args=(world.app,))
    worker.start()
    until(lambda: bool(fake.transfers()))
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    assert item_states(run_id) == [ItemState.SENDING], "nobody knows yet that it was made"
    assert_sound()
    settle.resume_payouts()
    world.run_jobs()
    assert len(fake.calls()) == 1, "the dead worker's lease still holds"
    with transaction():  # two minutes later
        db.session.execute(update(Attempt).values(lease_until=utc_now()))
    world.app.extensions["redis"].flushdb()
    settle.resume_payouts()
    world.run_jobs()
    assert item_states(run_id) == [ItemState.PAID] and len(fake.transfers()) == 1
    assert_sound()


def test_of_two_approvers_at_once_one_is_the_checker(world: World, fake: Fake) -> None:
    earned(world.ana, 1_810)
    onboard(world.ana, fake)
    top_up(fake, 5_000)
    maker, *checkers = staff("Maker", "One", "Two", "Three")
    with transaction():
        run = decide.build_run(maker, 1, utc_now())
        content_hash = decide.freeze(maker, run.id, utc_now()).content_hash or ""
    run_id, ids = run.id, [checker.id for checker in checkers]
    refused = []

    def approve(number: int) -> None:
        with world.app.app_context():
            try:
                with transaction():
                    decide.approve(db.session.get_one(User, ids[number]), run_id, content_hash, utc_now())
            except PayoutRefused as error:
                refused.append(str(error))

    in_threads(3, approve)
    assert len(refused) == 2
    world.run_jobs()
    assert len(fake.transfers()) == 1 and item_states(run_id) == [ItemState.PAID]


def test_without_stripe_payouts_wait_for_people(world: World) -> None:
    earned(world.ana, 1_810)
    assert settle.gateway() is None and settle.rail() is Rail.MANUAL
    run_id = approve_a_run()
    world.run_jobs()
    assert item_states(run_id) == [ItemState.MANUAL]
    settle.resume_payouts()
    (user,) = staff("Fay")
    with transaction():
        decide.mark_paid(user, db.session.query(Item).one().id, "wire 17", utc_now())
    assert item_states(run_id) == [ItemState.PAID]
    assert db.session.get_one(Run, run_id).state is RunState.DONE
    assert_sound()


# Webhooks over HTTP


def test_a_webhook_settles_what_was_never_answered(world: World, fake: Fake) -> None:
    earned(world.ana, 1_810)
    onboard(world.ana, fake)
    top_up(fake, 5_000)
    fake.fault("drop_after")
    run_id = approve_a_run()
    world.run_jobs()
    assert item_states(run_id) == [ItemState.UNKNOWN]
    with serving(world.app) as url:
        sent = {"url": f"{url}/webhooks/stripe", "secret": fake_stripe.WEBHOOK_SECRET}
        assert set(fake.command("deliver", **sent)) == {200}
        assert set(fake.command("deliver", **sent)) == {200}, "all of it once more"
    events = fake.look()["events"]
    db.session.rollback()
    assert db.session.query(WebhookEvent).count() == len(events)
    world.app.extensions["redis"].flushdb()
    settle.resume_payouts()
    world.run_jobs()
    assert item_states(run_id) == [ItemState.PAID]
    db.session.rollback()
    assert db.session.query(WebhookEvent).filter_by(applied_at=None).count() == 0
    assert_sound()


def test_a_forged_webhook_is_refused_and_not_kept(world: World, fake: Fake) -> None:
    onboard(world.ana, fake)
    with serving(world.app) as url:
        address = f"{url}/webhooks/stripe"
        assert set(fake.command("deliver", url=address, secret="whsec_forged")) == {400}
        assert set(fake.command("deliver", url=address, secret=fake_stripe.WEBHOOK_SECRET, age=3600)) == {400}
    client = world.app.test_client()
    answer = client.post("/webhooks/stripe", data=b"{}")
    assert answer.status_code == 400 and answer.get_json()["field"] == "Stripe-Signature"
    assert client.post("/webhooks/stripe", data=b" " * 600_000).status_code == 400
    assert db.session.query(WebhookEvent).count() == 0


def test_without_stripe_there_is_no_webhook(world: World) -> None:
    assert world.app.test_client().post("/webhooks/stripe", data=b"{}").status_code == 404


def test_an_account_that_stripe_closes_cannot_receive(world: World, fake: Fake) -> None:
    earned(world.ana, 1_810)
    account_id = onboard(world.ana, fake)
    fake.command("account", id=account_id, transfers="inactive", payouts=False, reason="requirements.past_due")
    with serving(world.app) as url:
        fake.command("deliver", url=f"{url}/webhooks/stripe", secret=fake_stripe.WEBHOOK_SECRET)
    world.run_jobs()
    (maker,) = staff("Maker")
    with pytest.raises(PayoutRefused, match="Nobody is due"), transaction():
        decide.build_run(maker, 1, utc_now())
