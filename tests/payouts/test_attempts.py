"""Sending payouts to a Stripe that fails in every way: each leaves exactly once, and the money is always somewhere."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payouts import attempts, ledger, runs
from payouts.attempts import LEASE, Transaction
from payouts.chart import Kind
from payouts.errors import PayoutRefused
from payouts.models import Attempt, AttemptState, Item, ItemState, Run, RunState
from payouts.stripe_gateway import StripeGateway
from tests.fake_stripe.client import Fake
from tests.payouts.conftest import empty_money_tables
from tests.payouts.in_threads import in_threads
from tests.payouts.world import (
    CHECKER,
    NOW,
    approved_run,
    assert_sound,
    available,
    earned,
    onboarded,
    only_item,
    opened,
    topped_up,
)

CENTS = 1_810


def ready_to_send(transaction: Transaction, gateway: StripeGateway, fake: Fake, cents: int = CENTS) -> str:
    """One labeler with an approved payout, its attempt open, and enough at Stripe; the attempt's id."""
    with transaction() as session:
        earned(session, "l1", cents)
    onboarded(transaction, gateway, fake, "l1")
    topped_up(transaction, fake, 100_000)
    (attempt_id,) = opened(transaction, approved_run(transaction))
    return attempt_id


def work_on(transaction: Transaction, gateway: StripeGateway, fake: Fake, hours: int = 80) -> None:
    """What the schedule and the workers do over some days, and finance staff who decide as soon as they may."""
    now = NOW
    for _ in range(hours):
        with transaction() as session:
            run_id, state = session.query(Run.id, Run.state).one()
            failed = [item.id for item in session.query(Item).filter_by(state=ItemState.FAILED)]
        if state is RunState.DONE and not failed:
            return
        for item_id in failed:
            with transaction() as session:
                runs.send_again(session, item_id, by=CHECKER, now=now)
        with transaction() as session:
            items = [item.id for item in runs.to_send(session, run_id)]
        for item_id in items:
            with transaction() as session:
                attempts.open_attempt(session, item_id, now)
        with transaction() as session:
            due = list(attempts.due_attempts(session, now, 100))
        for attempt_id in due:
            attempts.step(transaction, gateway, attempt_id, now)
            give_up_if_allowed(transaction, attempt_id, now)
        fake.advance(1)
        now += timedelta(hours=1)
    raise AssertionError(f"not settled in {hours} hours")


def give_up_if_allowed(transaction: Transaction, attempt_id: str, now: datetime) -> None:
    with transaction() as session:
        if attempts.may_give_up(session.get_one(Attempt, attempt_id)):
            attempts.give_up(session, attempt_id, by=CHECKER, now=now)


def assert_paid_once(transaction: Transaction, fake: Fake) -> None:
    (transfer,) = fake.transfers()
    assert transfer["amount"] == CENTS
    with transaction() as session:
        (item,) = session.query(Item)
        assert item.state is ItemState.PAID and item.stripe_transfer_id == transfer["id"]
        assert transfer["transfer_group"] == item.id
        assert available(session, "l1") == 0
        assert_sound(session)


def test_a_payout_leaves(transaction: Transaction, gateway: StripeGateway, fake: Fake) -> None:
    attempt_id = ready_to_send(transaction, gateway, fake)
    attempts.step(transaction, gateway, attempt_id, NOW)
    assert_paid_once(transaction, fake)
    attempts.step(transaction, gateway, attempt_id, NOW)
    assert len(fake.calls()) == 1
    with transaction() as session:
        assert session.query(Run).one().state is RunState.DONE


@pytest.mark.parametrize(
    ("faults", "attempts_made"),
    [
        (["drop_before"], 1),
        (["drop_after"], 1),
        (["drop_after", "drop_before", "drop_before"], 1),
        (["429", "409", "429"], 1),
        (["500_after"], 1),
        (["500_before"], 2),
        (["401"], 2),
        (["drop_after", "401"], 1),
        (["drop_before", "401", "401"], 1),
    ],
)
def test_faults_end_in_one_transfer(
    transaction: Transaction, gateway: StripeGateway, fake: Fake, faults: list[str], attempts_made: int
) -> None:
    """A second attempt only where the first was definitely not executed, or a person decided so after a late look."""
    ready_to_send(transaction, gateway, fake)
    for fault in faults:
        fake.fault(fault)
    work_on(transaction, gateway, fake)
    assert_paid_once(transaction, fake)
    with transaction() as session:
        assert session.query(Attempt).count() == attempts_made


FAULTS = ["drop_before", "drop_after", "429", "409", "401", "500_before", "500_after"]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faults=st.lists(st.sampled_from(FAULTS), max_size=8))
def test_any_sequence_of_faults_ends_in_one_transfer(
    transaction: Transaction, gateway: StripeGateway, fake: Fake, database_urls: dict[str, str], faults: list[str]
) -> None:
    empty_money_tables(database_urls["owner"])
    fake.command("reset")
    ready_to_send(transaction, gateway, fake)
    for fault in faults:
        fake.fault(fault)
    work_on(transaction, gateway, fake, hours=300)
    assert_paid_once(transaction, fake)


def test_unclear_for_a_day_it_is_looked_for_and_not_sent_again(
    transaction: Transaction, gateway: StripeGateway, fake: Fake
) -> None:
    """Stripe forgets keys after a day: the same key would then make a second transfer."""
    attempt_id = ready_to_send(transaction, gateway, fake)
    fake.fault("drop_after")
    attempts.step(transaction, gateway, attempt_id, NOW)
    with transaction() as session:
        assert session.query(Item).one().state is ItemState.UNKNOWN
        assert available(session, "l1") == 0, "not the labeler's before it is clear"
        with pytest.raises(PayoutRefused, match="may still have been made"):
            attempts.give_up(session, attempt_id, by=CHECKER, now=NOW)
    fake.advance(25)
    attempts.step(transaction, gateway, attempt_id, NOW + timedelta(hours=25))
    assert len(fake.calls()) == 1
    assert_paid_once(transaction, fake)


def test_never_made_it_may_be_given_up_after_a_late_look(
    transaction: Transaction, gateway: StripeGateway, fake: Fake
) -> None:
    attempt_id = ready_to_send(transaction, gateway, fake)
    fake.fault("drop_before")
    attempts.step(transaction, gateway, attempt_id, NOW)
    fake.advance(25)
    later = NOW + timedelta(hours=25)
    attempts.step(transaction, gateway, attempt_id, later)
    with transaction() as session:
        attempts.give_up(session, attempt_id, by=CHECKER, now=later)
        assert available(session, "l1") == CENTS
        attempt = session.get_one(Attempt, attempt_id)
        assert (attempt.state, attempt.decided_by, attempt.lookups) == (AttemptState.REJECTED, CHECKER, 1)
        assert_sound(session)
    assert fake.transfers() == []


def test_a_lost_capability_is_a_hold_and_the_money_is_the_labelers(
    transaction: Transaction, gateway: StripeGateway, fake: Fake
) -> None:
    attempt_id = ready_to_send(transaction, gateway, fake)
    with transaction() as session:
        account_id = session.get_one(Attempt, attempt_id).params["destination"]
    fake.command("account", id=account_id, transfers="inactive", payouts=False, reason="requirements.past_due")
    attempts.step(transaction, gateway, attempt_id, NOW)
    with transaction() as session:
        item = session.query(Item).one()
        assert item.state is ItemState.HELD and item.reason and "capabilities" in item.reason
        item_id = item.id
        assert available(session, "l1") == CENTS
        assert_sound(session)
    fake.activate(account_id)
    with transaction() as session:
        runs.release_item(session, item_id, by=CHECKER, reason="details given", now=NOW)
    work_on(transaction, gateway, fake)
    assert_paid_once(transaction, fake)


def test_too_little_at_stripe_fails_and_can_be_sent_again(
    transaction: Transaction, gateway: StripeGateway, fake: Fake
) -> None:
    with transaction() as session:
        earned(session, "l1", CENTS)
    onboarded(transaction, gateway, fake, "l1")
    run_id = approved_run(transaction)
    (attempt_id,) = opened(transaction, run_id)
    attempts.step(transaction, gateway, attempt_id, NOW)
    with transaction() as session:
        item = only_item(session, run_id)
        assert item.state is ItemState.FAILED and "insufficient" in (item.reason or "")
        assert available(session, "l1") == CENTS
    topped_up(transaction, fake, 5_000)
    work_on(transaction, gateway, fake)
    assert_paid_once(transaction, fake)


def test_many_workers_at_one_attempt_send_once(transaction: Transaction, gateway: StripeGateway, fake: Fake) -> None:
    attempt_id = ready_to_send(transaction, gateway, fake)
    in_threads(6, lambda _: attempts.step(transaction, gateway, attempt_id, NOW))
    assert len(fake.calls()) == 1
    assert_paid_once(transaction, fake)


def test_a_worker_that_comes_back_after_its_lease_changes_nothing(
    transaction: Transaction, gateway: StripeGateway, fake: Fake
) -> None:
    attempt_id = ready_to_send(transaction, gateway, fake)
    fake.fault("slow:1")
    in_threads(2, lambda n: attempts.step(transaction, gateway, attempt_id, NOW + n * (LEASE + timedelta(seconds=1))))
    assert_paid_once(transaction, fake)


def test_a_key_that_stands_for_something_else_is_a_persons_business(
    transaction: Transaction, gateway: StripeGateway, fake: Fake
) -> None:
    attempt_id = ready_to_send(transaction, gateway, fake)
    with transaction() as session:
        attempt = session.get_one(Attempt, attempt_id)
        params, key = dict(attempt.params), attempt.idempotency_key
    gateway.transfer(params | {"amount": 1}, key=key)  # somebody used our key
    attempts.step(transaction, gateway, attempt_id, NOW)
    with transaction() as session:
        attempt = session.get_one(Attempt, attempt_id)
        assert (attempt.state, attempt.error_code) == (AttemptState.UNKNOWN, attempts.KEY_BROKEN)
        assert not attempts.may_send(attempt, NOW + timedelta(minutes=1))
        assert_sound(session)


def test_money_spent_meanwhile_is_not_sent(transaction: Transaction, gateway: StripeGateway, fake: Fake) -> None:
    """The run was approved, and then the labeler's money was corrected away."""
    with transaction() as session:
        earned(session, "l1", CENTS)
    onboarded(transaction, gateway, fake, "l1")
    run_id = approved_run(transaction)
    with transaction() as session:
        released = ledger.find(session, "release:l1.1")
        assert released is not None
        ledger.correct(session, released.id, reason="released too early", by=CHECKER)
    with transaction() as session:
        item = only_item(session, run_id)
        assert attempts.open_attempt(session, item.id, NOW) is None
        assert item.state is ItemState.FAILED and "has changed" in (item.reason or "")
        assert ledger.balance(session, Kind.LABELER_HELD, "l1") == CENTS
