"""Finance staff at work in a browser: two people for a run, holds with a reason, books that add up."""

import csv
import io
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from marketplace import auth
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.errors import InvalidInput
from marketplace.models import AuditEvent, User, UserSession
from marketplace.models.user import Role
from marketplace.pages.amounts import CENTS_MAX, read_cents
from marketplace.pipeline import settle
from payouts import ledger
from payouts.chart import Kind
from payouts.models import Item, ItemState, LedgerAccount, LedgerTransfer, Run, RunState
from tests.conftest import libpq
from tests.fake_stripe import client as fake_stripe
from tests.fake_stripe.client import Fake
from tests.marketplace.money_world import World, build, earned, onboard, top_up, use_stripe
from tests.marketplace.page_world import Browser, Page, page, token_of

RunJobs = Callable[[], None]


@dataclass
class Staff:
    """Somebody of finance who has signed in."""

    app: Flask
    client: FlaskClient

    def see(self, path: str) -> Page:
        return page(self.client.get(path))

    def csv(self, path: str) -> list[dict[str, str]]:
        answer = self.client.get(path)
        assert answer.mimetype == "text/csv"
        return list(csv.DictReader(io.StringIO(answer.text)))

    def decide(self, item_path: str, what: str, words: str = "", name: str = "reason") -> Page:
        return self.do(f"{item_path}/{what}", **{f"{what}-{name}": words})

    def do(self, path: str, **form: str) -> Page:
        """Send a form; the page that it leads to."""
        token = token_of(self.client.get("/finance"))
        answer = self.client.post(path, data={"csrf_token": token, **form}, follow_redirects=True)
        db.session.rollback()
        return page(answer)


def signed_in(app: Flask, name: str, role: Role = Role.FINANCE) -> Staff:
    token = secrets.token_urlsafe(16)
    with transaction():
        user = User(email=f"{name}@example.org", name=name.title(), password_hash="none", role=role)
        db.session.add(user)
        db.session.flush()
        until = utc_now() + timedelta(days=1)
        db.session.add(UserSession(token_hash=auth.digest(token), user_id=user.id, expires_at=until))
    client = Browser(app, app.response_class)
    client.set_cookie(auth.SESSION_COOKIE, token)
    return Staff(app, client)


@pytest.fixture
def world(app: Flask, run_jobs: RunJobs) -> World:
    return build(app, run_jobs)


@pytest.fixture
def fay(world: World) -> Staff:
    return signed_in(world.app, "fay")


@pytest.fixture
def carl(world: World) -> Staff:
    return signed_in(world.app, "carl")


@pytest.fixture
def fake(app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Fake]:
    with fake_stripe.running(tmp_path / "stripe.json") as running:
        use_stripe(app, running, monkeypatch)
        yield running


def only_run() -> Run:
    db.session.rollback()
    return db.session.query(Run).populate_existing().one()


def item_of(labeler_id: str) -> Item:
    db.session.rollback()
    return db.session.query(Item).populate_existing().filter_by(labeler_id=labeler_id).order_by(Item.id.desc()).first()


def built(fay: Staff) -> str:
    fay.do("/finance/runs", minimum="0.01")
    return f"/finance/runs/{only_run().id}"


def approved(fay: Staff, carl: Staff) -> str:
    path = built(fay)
    approve(path, fay, carl)
    return path


def approve(path: str, fay: Staff, carl: Staff) -> None:
    fay.do(f"{path}/freeze")
    carl.do(f"{path}/approve", content_hash=carl.see(path).fields["content_hash"])
    assert only_run().state is RunState.APPROVED


def test_an_amount_that_is_none_stays_in_its_field_with_the_reason(world: World, fay: Staff) -> None:
    earned(world.ana, 1_810)
    fields = {"csrf_token": fay.see("/finance").fields["csrf_token"], "minimum": "ten"}
    refused = fay.client.post("/finance/runs", data=fields)
    assert refused.status_code == 400 and "Please give an amount in dollars" in refused.text
    assert Page(refused).fields["minimum"] == "ten" and db.session.query(Run).count() == 0


def test_a_run_needs_two_people(world: World, fay: Staff, carl: Staff) -> None:
    earned(world.ana, 1_810)
    earned(world.ben, 700)
    waiting = fay.see("/finance")
    assert "2 payouts wait for you, $25.10" in waiting.words and "Payouts are manual." in waiting.words
    assert "Build a run for 2 labelers, $25.10" in waiting.answer.text
    path = built(fay)
    fay.do(f"{path}/freeze")
    mine, other = fay.see(path), carl.see(path)
    assert "Pay 2 labelers $25.10" in other.answer.text and "Pay 2 labelers" not in mine.answer.text
    assert "another person&#39;s approval" in mine.answer.text
    told = fay.do(f"{path}/approve", content_hash=other.fields["content_hash"])
    assert "Another person must." in told.words and only_run().state is RunState.FROZEN
    told = carl.do(f"{path}/approve", content_hash="what I saw yesterday")
    assert "has changed since you looked" in told.words and only_run().state is RunState.FROZEN
    carl.do(f"{path}/approve", content_hash=other.fields["content_hash"])
    assert only_run().state is RunState.APPROVED
    actions = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    assert actions == ["payout.build", "payout.freeze", "payout.approve"]


def test_a_hold_has_a_reason_and_voids_the_freeze(world: World, fay: Staff, carl: Staff) -> None:
    earned(world.ana, 1_810)
    earned(world.ben, 700)
    path = built(fay)
    fay.do(f"{path}/freeze")
    item = f"/finance/payouts/{item_of(world.ana.id).id}"
    assert "Please give a reason" in carl.decide(item, "hold", " ").words
    assert only_run().state is RunState.FROZEN, "nothing half-done"
    assert "$18.10 to Ana is held." in carl.decide(item, "hold", "A new bank account.").words
    assert only_run().state is RunState.DRAFT and item_of(world.ana.id).reason == "A new bank account."
    assert "Freeze 1 payout, $7.00" in fay.see(path).answer.text
    fay.decide(item, "release", "It is hers.")
    assert item_of(world.ana.id).state is ItemState.READY
    fay.do(f"{path}/cancel", reason="wrong week")
    assert only_run().state is RunState.CANCELED


def test_paid_by_bank_from_the_csv(world: World, fay: Staff, carl: Staff) -> None:
    earned(world.ana, 1_810)
    earned(world.ben, 700)
    path = approved(fay, carl)
    world.run_jobs()
    assert "Pay these by bank." in fay.see(path).words
    rows = fay.csv(f"{path}?format=csv")
    assert {(row["name"], row["amount"], row["currency"], row["state"]) for row in rows} == {
        ("Ana", "18.10", "USD", "manual"),
        ("Ben", "7.00", "USD", "manual"),
    }
    ana, ben = f"/finance/payouts/{item_of(world.ana.id).id}", f"/finance/payouts/{item_of(world.ben.id).id}"
    assert "bank's reference" in fay.decide(ana, "paid", " ", "reference").words.replace("’", "'")
    fay.decide(ana, "paid", "SEPA 17", "reference")
    fay.decide(ben, "refused", "The account is closed.")
    assert item_of(world.ana.id).state is ItemState.PAID and item_of(world.ben.id).state is ItemState.FAILED
    assert "SEPA 17" in fay.see(ana).words
    assert [row["bank_reference"] for row in fay.csv("/finance/payouts?format=csv&state=paid")] == ["SEPA 17"]
    fay.decide(ben, "again")
    world.run_jobs()
    fay.decide(ben, "paid", "SEPA 18", "reference")
    assert only_run().state is RunState.DONE
    assert "Conservation holds" in fay.see("/finance/ledger/checks").words


def test_from_a_payout_to_the_accepted_subtasks_behind_it(world: World, fay: Staff, carl: Staff) -> None:
    """First in, first out: each payout is made of exactly the answers that it pays."""
    first = {world.complete().id, world.complete().id}
    settle.release_due_holds()
    approved(fay, carl)
    world.run_jobs()
    one = item_of(world.ana.id)
    fay.decide(f"/finance/payouts/{one.id}", "paid", "1", "reference")
    second = {world.complete().id}
    settle.release_due_holds()
    fay.do("/finance/runs", minimum="0.01")
    other = item_of(world.ana.id)
    assert other.id != one.id
    for item, tasks in ((one, first), (other, second)):
        table = next(t for t in fay.see(f"/finance/payouts/{item.id}").tables if t.header[0] == "Accepted subtask")
        assert {row[2] for row in table.rows} == tasks
        cents = sum(round(float(row[5].removeprefix("$")) * 100) for row in table.rows)
        assert cents == item.amount_cents


def test_through_stripe(world: World, fay: Staff, carl: Staff, fake: Fake) -> None:
    earned(world.ana, 1_810)
    onboard(world.ana, fake)
    fake.command("top_up", id="tu_2", amount=700)
    fake.fault("drop_after")
    path = built(fay)
    assert "Our balance at Stripe is $18.10 short" in fay.see(path).words
    top_up(fake, 5_000)
    assert "short" not in fay.see(path).words
    approve(path, fay, carl)
    world.run_jobs()
    assert "Payouts are manual" not in fay.see("/finance").words
    unknown = fay.see("/finance/unknown").words
    assert "1 payout is neither paid nor not paid" in unknown and "connection to Stripe broke" in unknown
    item = item_of(world.ana.id)
    assert "protects against a second payment" in fay.see(f"/finance/payouts/{item.id}").words
    assert "may still have been made" in fay.decide(f"/finance/payouts/{item.id}", "giveup").words
    assert item_of(world.ana.id).state is ItemState.UNKNOWN, "too early to decide that"
    beside = fay.see("/finance/ledger/stripe")
    assert "2 movements differ" in beside.words and "Book the top-up of $7.00" in beside.answer.text
    fay.do("/finance/ledger/stripe/top-ups/tu_2")
    assert ledger.balance(db.session(), Kind.STRIPE_AVAILABLE) == 5_700
    assert "1 movement differs" in fay.see("/finance/ledger/stripe").words
    assert len(fay.csv("/finance/ledger/stripe?format=csv")) == 3
    assert fay.see(path).headings


def test_a_wire_is_credited_once(world: World, fay: Staff) -> None:
    path = f"/finance/customers/{world.customer.id}"
    token = token_of(fay.client.get(path))
    for amount, reference, field in (("a lot", "wire 1", "amount"), ("0", "wire 1", "amount"), ("5", " ", "reference")):
        form = {"csrf_token": token, "amount": amount, "reference": reference}
        answer = fay.client.post(f"{path}/fund", data=form)
        assert answer.status_code == 400 and f'id="{field}-error"' in answer.text
        assert Page(answer).fields["amount"] == amount, "nothing typed is lost"
    fay.do(f"{path}/fund", amount="1,284.50", reference="wire 1")
    assert "had been credited before" in fay.do(f"{path}/fund", amount="1,284.50", reference="wire 1").words
    again = fay.client.post(f"{path}/fund", data={"csrf_token": token, "amount": "9", "reference": "wire 1"})
    assert again.status_code == 400 and "with another amount" in again.text
    db.session.rollback()
    assert ledger.balance(db.session(), Kind.CUSTOMER_FUNDS, world.customer.id) == 100_000 + 128_450
    rows = fay.csv(f"{path}?format=csv")
    assert [(row["code"], row["amount"]) for row in rows] == [("fund", "1284.50"), ("fund", "1000.00")]


def test_the_ledger_filters_in_the_address_and_the_csv_is_what_is_seen(world: World, fay: Staff) -> None:
    task = world.complete()
    seen = fay.see("/finance/ledger?code=reserve").tables[0].rows
    assert [row[2] for row in seen] == ["reserved for a task"]
    assert [row["code"] for row in fay.csv("/finance/ledger?code=reserve&format=csv")] == ["reserve"]
    codes = {row["code"] for row in fay.csv(f"/finance/ledger?q={task.id}&format=csv")}
    assert codes == {"reserve", "earn", "revenue"}
    assert fay.csv("/finance/ledger?since=2999-01-01&format=csv") == []
    assert fay.csv("/finance/ledger?until=nonsense&format=csv")
    balances = {(row["kind"], row["owner"]): row["balance"] for row in fay.csv("/finance/ledger/accounts?format=csv")}
    assert balances[("bank", "")] == "1000.00" and ("customer_funds", "Nora") in balances


def test_the_checks_show_the_rows_that_break_a_law(world: World, fay: Staff, database_urls: dict[str, str]) -> None:
    earned(world.ana, 1_810)
    assert "Conservation holds as of" in fay.see("/finance/ledger/checks").words
    with psycopg.connect(libpq(database_urls["owner"]), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE ledger_account SET balance_cents = 1811 WHERE kind = 'labeler_available'")
    broken = fay.see("/finance/ledger/checks").words
    assert "1 law is broken" in broken and "kept 1811, entries 1810" in broken


def test_every_page_keeps_the_rules(world: World, fay: Staff, carl: Staff) -> None:
    """No inline script or style, one heading, a label for every field, no dead link; missing things are 404."""
    world.complete()
    settle.release_due_holds()
    run = approved(fay, carl)
    world.run_jobs()
    account = db.session.query(LedgerAccount).filter_by(kind="customer_funds").one().id
    transfer = db.session.query(LedgerTransfer).first().id
    item = item_of(world.ana.id).id
    paths = ["", "/runs", "/payouts", "/unknown", "/customers", "/labelers", "/ledger", "/ledger/accounts"]
    paths += ["/ledger/checks", "/ledger/stripe", f"/ledger/accounts/{account}", f"/ledger/transfers/{transfer}"]
    paths += [f"/payouts/{item}", f"/customers/{world.customer.id}", f"/labelers/{world.ana.id}"]
    seen = [fay.see(f"/finance{path}") for path in paths] + [fay.see(run)]
    for one in seen:
        assert one.forbidden == [] and len(one.headings) == 1
        assert set(one.unlabeled) <= one.labels_for
        assert len(one.ids) == len(set(one.ids)), one.headings
    links = {link.partition("#")[0] for one in seen for link in one.links if link.startswith("/finance")}
    assert {fay.client.get(link).status_code for link in links} == {200}
    for missing in (
        "/runs/x",
        "/payouts/x",
        "/customers/x",
        "/labelers/x",
        "/ledger/accounts/0",
        "/ledger/transfers/0",
    ):
        assert fay.client.get(f"/finance{missing}").status_code == 404
    assert signed_in(world.app, "omar", Role.OPERATOR).client.get("/finance").status_code == 403


@given(st.integers(0, CENTS_MAX))
def test_an_amount_reads_back(cents: int) -> None:
    assert read_cents(f"{cents // 100:,}.{cents % 100:02d}", "amount") == cents


@pytest.mark.parametrize("text", ["", "1.005", "-1", "1e99", "1e999999999", "NaN", "Infinity", "12,5x", "1" * 5000])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"as 12\.50"):
        read_cents(text, "amount")
