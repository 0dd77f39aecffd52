"""Callbacks to a real server: what they say, who signed them, and how often they are tried."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from flask import Flask

from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.models import Batch, BatchStatus, CallbackAttempt, CallbackState, KeyMode
from marketplace.pipeline import deliver, intake
from marketplace.pipeline.deliver import TRIES_MAX
from tests.conftest import libpq
from tests.marketplace.money_world import Receiver, World, build, receiving
from tests.payouts.in_threads import in_threads

RunJobs = Callable[[], None]


@pytest.fixture
def world(app: Flask, run_jobs: RunJobs) -> World:
    return build(app, run_jobs)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as heard:
        yield heard


def only_callback() -> CallbackAttempt:
    db.session.rollback()
    return db.session.query(CallbackAttempt).populate_existing().one()


def owed(world: World, receiver: Receiver) -> None:
    """A callback of which no job knows yet."""
    task = world.open_text(callback_url=receiver.url)
    with transaction():
        deliver.announce(task, "error")
    world.app.extensions["redis"].flushdb()


def next_try_is_due() -> None:
    """The pause has passed."""
    with transaction():
        only_callback().next_try_at = utc_now() - timedelta(seconds=1)


def is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """As the documentation tells receivers to check."""
    stamp, given = (part.partition("=")[2] for part in headers["labelyard-signature"].split(","))
    expected = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(given, expected) and abs(utc_now().timestamp() - int(stamp)) < 300


def test_a_completed_task_is_told_and_signed(world: World, receiver: Receiver) -> None:
    task = world.complete(callback_url=receiver.url, metadata={"order": 7})
    ((headers, body),) = receiver.heard
    (told,) = receiver.bodies
    assert set(told) == {"task", "response", "task_id", "status"}
    assert (told["task_id"], told["status"]) == (task.id, "completed")
    assert told["task"]["metadata"] == {"order": 7} and told["task"]["response"] == told["response"]
    assert headers["content-type"] == "application/json"
    assert headers["scale-callback-auth"] == world.customer.callback_auth_key
    assert is_signed(headers, body, world.customer.signing_secret)
    assert not is_signed(headers, body + b" ", world.customer.signing_secret)
    assert not is_signed(headers, body, "whsec_forged")
    assert task.callback_succeeded is True and only_callback().state is CallbackState.SUCCEEDED


def test_a_test_task_is_told_with_the_test_key(world: World, receiver: Receiver) -> None:
    body = {"instruction": "Which animal?", "categories": ["cat", "dog"], "attachment": "A cat."}
    with transaction():
        body |= {"attachment_type": "text", "callback_url": receiver.url}
        intake.accept_task(world.customer, KeyMode.TEST, "categorization", body)
    world.run_jobs()
    ((headers, _),) = receiver.heard
    assert headers["scale-callback-auth"] == world.customer.test_callback_auth_key
    assert receiver.bodies[0]["task"]["is_test"] is True


@pytest.mark.parametrize(("of_task", "of_batch"), [("task", "batch"), ("", "batch"), ("", "")])
def test_the_nearest_address_is_told(world: World, receiver: Receiver, of_task: str, of_batch: str) -> None:
    with transaction():
        world.customer.callback_url = f"{receiver.url}/customer"
        batch = Batch(customer_id=world.customer.id, project_id=world.project.id, name="b", status=BatchStatus.STAGING)
        batch.callback = f"{receiver.url}/batch" if of_batch else None
        db.session.add(batch)
    more = {"callback_url": f"{receiver.url}/task"} if of_task else {}
    with transaction():
        asked = {"batch": "b", "attachment": "A cat.", "attachment_type": "text", **more}
        task = intake.accept_task(world.customer, KeyMode.LIVE, "categorization", asked)
        deliver.announce(task, "error")
    assert only_callback().url == f"{receiver.url}/{of_task or of_batch or 'customer'}"


def test_without_an_address_nothing_is_owed(world: World) -> None:
    task = world.complete()
    assert db.session.query(CallbackAttempt).count() == 0
    assert task.callback_succeeded is None


def test_a_batch_is_told_when_its_last_task_ends(world: World, receiver: Receiver) -> None:
    with transaction():
        batch = Batch(customer_id=world.customer.id, project_id=world.project.id, name="b", callback=receiver.url)
        db.session.add(batch)
    first, second = world.open_text(batch="b", callback_url=receiver.url), world.open_text(batch="b")
    with transaction():
        intake.cancel_task(first, clear_unique_id=False)
    world.run_jobs()
    assert receiver.heard == [], "a canceled task is not told, and one is left"
    with transaction():
        intake.cancel_task(second, clear_unique_id=False)
    world.run_jobs()
    ((headers, body),) = receiver.heard
    (told,) = receiver.bodies
    assert (told["batch_id"], told["status"], told["tasks"]) == (batch.id, "completed", {"canceled": 2})
    assert told["batch"]["name"] == "b" and is_signed(headers, body, world.customer.signing_secret)


def test_it_is_tried_until_it_is_heard(world: World, receiver: Receiver) -> None:
    receiver.statuses = [500, 302, 404]
    task = world.complete(callback_url=receiver.url)
    for tries in (1, 2, 3):
        callback = only_callback()
        assert (callback.tries, callback.state, len(receiver.heard)) == (tries, CallbackState.PENDING, tries)
        assert callback.next_try_at > utc_now()
        deliver.enqueue_due()  # too early
        world.run_jobs()
        assert len(receiver.heard) == tries
        next_try_is_due()
        deliver.enqueue_due()
        world.run_jobs()
    assert only_callback().state is CallbackState.SUCCEEDED and len(receiver.heard) == 4
    db.session.refresh(task)
    assert task.callback_succeeded is True


def test_after_the_last_try_it_has_failed_and_can_be_sent_again(world: World, receiver: Receiver) -> None:
    receiver.statuses = [503, 503]
    task = world.complete(callback_url=receiver.url)
    with transaction():
        callback = only_callback()
        callback.tries, callback.next_try_at = TRIES_MAX - 1, utc_now()
    deliver.enqueue_due()
    world.run_jobs()
    assert only_callback().state is CallbackState.FAILED
    assert only_callback().last_error == "The server answered 503." and only_callback().last_status_code == 503
    db.session.refresh(task)
    assert task.callback_succeeded is False
    with transaction():
        deliver.send_again(only_callback().id)
    world.run_jobs()
    assert only_callback().state is CallbackState.SUCCEEDED and only_callback().tries == 1


def test_twenty_tries_fill_a_day() -> None:
    pauses = [deliver.pause_after(tries) for tries in range(1, TRIES_MAX)]
    assert pauses == sorted(pauses) and pauses[0] == timedelta(seconds=10)
    assert timedelta(hours=23, minutes=55) < sum(pauses, timedelta()) <= timedelta(hours=24)


def test_a_worker_that_died_is_followed_by_another(world: World, receiver: Receiver) -> None:
    """It had claimed the try, and nothing is left of it but a lease that has ended."""
    owed(world, receiver)
    with transaction():
        only_callback().tries = 1
    next_try_is_due()
    deliver.enqueue_due()
    world.run_jobs()
    assert only_callback().state is CallbackState.SUCCEEDED and len(receiver.heard) == 1


def test_many_workers_send_it_once(world: World, receiver: Receiver) -> None:
    owed(world, receiver)
    callback_id = only_callback().id

    def send(_number: int) -> None:
        with world.app.app_context():
            deliver.send_callback(callback_id)

    in_threads(6, send)
    assert len(receiver.heard) == 1 and only_callback().state is CallbackState.SUCCEEDED


def test_no_transaction_is_open_while_the_customer_answers(
    world: World, receiver: Receiver, database_urls: dict[str, str]
) -> None:
    free = []

    def look() -> None:
        with psycopg.connect(libpq(database_urls["owner"])) as connection:
            free.extend(connection.execute("SELECT id FROM callback FOR UPDATE NOWAIT").fetchall())
            free.extend(connection.execute("SELECT id FROM task FOR UPDATE NOWAIT").fetchall())

    receiver.before = look
    task = world.complete(callback_url=receiver.url)
    assert free == [(only_callback().id,), (task.id,)]


def test_our_own_network_is_out_of_reach(world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = replace(world.app.config["SETTINGS"], callback_allow_private=False)
    monkeypatch.setitem(world.app.config, "SETTINGS", closed)
    world.complete(callback_url=receiver.url)
    assert receiver.heard == []
    assert "not on the public internet" in (only_callback().last_error or "")


def test_a_server_that_is_not_there_is_tried_again(world: World) -> None:
    world.complete(callback_url="http://127.0.0.1:9/nobody")
    callback = only_callback()
    assert callback.state is CallbackState.PENDING and callback.last_status_code is None
    assert "connection failed" in (callback.last_error or "")


def test_a_server_that_keeps_us_waiting_puts_off_its_other_callbacks(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "SLOW_SECONDS", 0.0)
    receiver.statuses = [500, 500, 500]
    tasks = [world.open_text(callback_url=receiver.url) for _ in range(3)]
    other = world.open_text(callback_url=f"{receiver.url}/elsewhere")
    with transaction():
        for task in (*tasks, other):
            deliver.announce(task, "error")
    world.run_jobs()
    assert len(receiver.heard) == 2, "one there, and one elsewhere"
    db.session.rollback()
    left = db.session.query(CallbackAttempt).filter_by(url=receiver.url).order_by(CallbackAttempt.tries).all()
    assert [callback.tries for callback in left] == [0, 0, 1]
    assert all(callback.next_try_at > utc_now() + timedelta(seconds=30) for callback in left[:2])
