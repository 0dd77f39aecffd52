"""What Stripe tells us: forged, doubled, late and out of order; and whether its balance is the ledger's."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payouts import attempts, postings, reconcile, webhooks
from payouts.attempts import Transaction
from payouts.errors import BadSignature
from payouts.models import Arrival, Item, ItemState, PayoutAccount
from payouts.stripe_gateway import StripeGateway
from tests.fake_stripe import client as fake_stripe
from tests.fake_stripe.client import Fake
from tests.payouts.conftest import empty_money_tables
from tests.payouts.world import NOW, approved_run, assert_sound, available, earned, onboarded, opened, topped_up

CENTS = 1_810


def signed(event: dict[str, Any], *, secret: str = fake_stripe.WEBHOOK_SECRET, age: int = 0) -> tuple[bytes, str]:
    body = json.dumps(event)
    header = stripe.WebhookSignature.generate_signature_header(body, secret, int(time.time()) - age)
    return body.encode(), header


def hear(transaction: Transaction, gateway: StripeGateway, event: dict[str, Any]) -> str:
    """As the endpoint and its job do: verified, kept, applied."""
    verified = gateway.verify(*signed(event))
    with transaction() as session:
        webhooks.keep(session, verified, NOW)
    return webhooks.apply(transaction, gateway, verified.id, NOW)


def world(transaction: Transaction, gateway: StripeGateway, fake: Fake) -> tuple[str, str]:
    """A payout ready to be sent; its attempt's and its account's id."""
    with transaction() as session:
        earned(session, "l1", CENTS)
    (account_id,) = onboarded(transaction, gateway, fake, "l1")
    topped_up(transaction, fake, 100_000)
    (attempt_id,) = opened(transaction, approved_run(transaction))
    return attempt_id, account_id


def client_of(fake: Fake) -> stripe.StripeClient:
    return stripe.StripeClient(fake_stripe.KEY, base_addresses={"api": fake.base})


@pytest.mark.parametrize(
    ("secret", "age", "change"),
    [("whsec_another", 0, b""), (fake_stripe.WEBHOOK_SECRET, 3600, b""), (fake_stripe.WEBHOOK_SECRET, 0, b" ")],
    ids=["another secret", "an hour old", "changed on the way"],
)
def test_a_forged_event_is_refused(gateway: StripeGateway, secret: str, age: int, change: bytes) -> None:
    body, header = signed({"id": "evt_1", "object": "event", "type": "payout.paid", "data": {}}, secret=secret, age=age)
    with pytest.raises(BadSignature):
        gateway.verify(body + change, header)
    with pytest.raises(BadSignature):
        gateway.verify(body, "")


def test_each_of_two_secrets_is_accepted(fake: Fake) -> None:
    both = StripeGateway(fake_stripe.KEY, webhook_secret="whsec_one, whsec_two", api_base=fake.base)
    event = {"id": "evt_1", "object": "event", "type": "payout.paid", "data": {"object": {"id": "po_1"}}}
    assert both.verify(*signed(event, secret="whsec_two")).object_id == "po_1"


def test_an_event_settles_a_payout_that_was_never_answered(
    transaction: Transaction, gateway: StripeGateway, fake: Fake
) -> None:
    attempt_id, _ = world(transaction, gateway, fake)
    fake.fault("drop_after")
    attempts.step(transaction, gateway, attempt_id, NOW)
    (event,) = [event for event in fake.look()["events"] if event["type"] == "transfer.created"]
    assert hear(transaction, gateway, event) == "payout paid"
    with transaction() as session:
        assert session.query(Item).one().state is ItemState.PAID
        assert_sound(session)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_in_any_order_and_however_often_they_come_to_the_same(
    transaction: Transaction, gateway: StripeGateway, fake: Fake, database_urls: dict[str, str], data: st.DataObject
) -> None:
    empty_money_tables(database_urls["owner"])
    fake.command("reset")
    attempt_id, account_id = world(transaction, gateway, fake)
    attempts.step(transaction, gateway, attempt_id, NOW)
    (transfer,) = fake.transfers()
    for cents in (300, 200):
        client_of(fake).v1.transfers.reversals.create(transfer["id"], {"amount": cents})
    payout = fake.command("payout", account=account_id, amount=CENTS, status="paid")
    fake.command("payout", account=account_id, id=payout["id"], amount=CENTS, status="failed")
    events = fake.look()["events"]
    for event in data.draw(st.permutations([*events, *data.draw(st.lists(st.sampled_from(events), max_size=3))])):
        hear(transaction, gateway, event)
    with transaction() as session:
        item = session.query(Item).one()
        assert (item.state, item.reversed_cents) == (ItemState.PAID, 500)
        assert available(session, "l1") == 500, "what came back, once; the failed bank payout stays at Stripe"
        arrival = session.query(Arrival).one()
        assert (arrival.status, arrival.failure_code) == ("failed", "account_closed")
        assert session.query(PayoutAccount).one().payouts_enabled
        assert_sound(session)
        since = datetime(2020, 1, 1, tzinfo=UTC)
        assert reconcile.reconcile(session, gateway.balance_transactions(since)).unmatched == ()


def test_a_transfer_given_back_whole_is_a_reversed_payout(
    transaction: Transaction, gateway: StripeGateway, fake: Fake
) -> None:
    attempt_id, _ = world(transaction, gateway, fake)
    attempts.step(transaction, gateway, attempt_id, NOW)
    client_of(fake).v1.transfers.reversals.create(fake.transfers()[0]["id"])
    for event in fake.look()["events"]:
        hear(transaction, gateway, event)
    with transaction() as session:
        assert session.query(Item).one().state is ItemState.REVERSED
        assert available(session, "l1") == CENTS
        assert_sound(session)


def test_an_event_about_nothing_we_know_is_kept_and_done(
    transaction: Transaction, gateway: StripeGateway, fake: Fake
) -> None:
    event = {"id": "evt_x", "object": "event", "type": "transfer.updated", "data": {"object": {"id": "tr_gone"}}}
    assert hear(transaction, gateway, event) == "not at Stripe any more"
    assert hear(transaction, gateway, event) == "not at Stripe any more"
    other = {"id": "evt_y", "object": "event", "type": "radar.early_fraud_warning.created", "data": {"object": {}}}
    assert hear(transaction, gateway, other) == "not used"
    with transaction() as session:
        assert webhooks.open_events(session, NOW, 10) == []


def test_the_reconciliation_pairs_by_id_and_shows_what_is_missing(
    transaction: Transaction, gateway: StripeGateway, fake: Fake
) -> None:
    attempt_id, _ = world(transaction, gateway, fake)
    attempts.step(transaction, gateway, attempt_id, NOW)
    fake.command("top_up", id="tu_unknown", amount=CENTS)
    with transaction() as session:
        postings.top_up_stripe(session, 77, "tu_wrong")
        found = reconcile.reconcile(session, gateway.balance_transactions(datetime(2020, 1, 1, tzinfo=UTC)))
    assert {line.what for line in found.matched} == {"topup", "transfer"}
    shown = {line.source_id: (line.ledger_cents, line.stripe_cents) for line in found.unmatched}
    assert shown == {"tu_unknown": (None, CENTS), "tu_wrong": (77, None)}
    assert found.difference_cents == CENTS - 77
