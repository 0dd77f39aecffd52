"""What tests of callbacks, payouts and sweeps share: accepted answers, a customer's server, a double of Stripe."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask import Flask

from marketplace import people, projects
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.models import Customer, KeyMode, Labeler, Project, Qualification, Task
from marketplace.pipeline import dispatch, intake, settle, submit
from payouts import accounts, postings
from tests.fake_stripe import client as fake_stripe
from tests.fake_stripe.client import Fake


@dataclass
class World:
    """A funded customer with a project of texts that two answer, and two labelers; nobody has a password to hash."""

    app: Flask
    run_jobs: Callable[[], None]
    customer: Customer
    project: Project
    ana: Labeler
    ben: Labeler

    def send_text(self, mode: KeyMode = KeyMode.LIVE, **body: Any) -> Task:
        """A task that is accepted, and nothing more."""
        with transaction():
            asked = {"project": "texts", "attachment": "A cat sat on the mat.", "attachment_type": "text"} | body
            return intake.accept_task(self.customer, mode, "categorization", asked)

    def open_text(self, **body: Any) -> Task:
        """A task that is open to labelers."""
        task = self.send_text(**body)
        self.run_jobs()
        return task

    def complete(self, **body: Any) -> Task:
        """A task that two labelers have answered alike: paid, delivered, announced."""
        task = self.open_text(**body)
        for labeler in (self.ana, self.ben):
            answer(labeler)
        self.run_jobs()
        db.session.expire_all()
        return task


def build(app: Flask, run_jobs: Callable[[], None]) -> World:
    with transaction():
        customer = people.create_customer("Nora", email="nora@example.org").customer
        postings.fund_customer(db.session(), customer.id, 100_000, key="opening")
        params = {"categories": ["cat", "dog"], "answers": 2}
        project = projects.create_project(customer, KeyMode.LIVE, "texts", "categorization", params, answers_min=2)
        ana, ben = (Labeler(name=name, email=f"{name.lower()}@example.org") for name in ("Ana", "Ben"))
        db.session.add_all([ana, ben])
        db.session.flush()
        db.session.add_all(Qualification(labeler_id=one.id, task_type="categorization") for one in (ana, ben))
    return World(app, run_jobs, customer, project, ana, ben)


def answer(labeler: Labeler) -> None:
    """Claim what there is and answer it."""
    with transaction():
        claim = dispatch.claim_next(labeler.id)
        assert claim.assignment is not None, claim.reason
        submit.submit_answer(labeler, claim.assignment.id, claim.assignment.epoch, {"category": "cat"}, 20)


# A customer's server


@dataclass
class Receiver:
    """Takes callbacks; answers with `statuses` in turn, then 200, after `before` has looked around."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.heard]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.before()
            receiver.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("Location", receiver.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/callback"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


# Stripe


def use_stripe(app: Flask, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application pays through the fake from now on, until the test ends."""
    known = app.config["SETTINGS"]
    changed = replace(
        known,
        stripe_api_key=fake_stripe.KEY,
        stripe_webhook_secret=fake_stripe.WEBHOOK_SECRET,
        stripe_api_base=fake.base,
    )
    monkeypatch.setitem(app.config, "SETTINGS", changed)
    monkeypatch.delitem(app.extensions, "stripe", raising=False)


def onboard(labeler: Labeler, fake: Fake) -> str:
    """The labeler has an account at Stripe that can receive."""
    stripe = settle.gateway()
    assert stripe is not None
    account_id = stripe.open_account(labeler.id, country="US", email=labeler.email).account_id
    fake.activate(account_id)
    with transaction():
        accounts.link_account(db.session(), labeler.id, stripe.read_account(account_id), utc_now())
    return account_id


def top_up(fake: Fake, cents: int) -> None:
    fake.command("top_up", id="tu_1", amount=cents)
    with transaction():
        postings.top_up_stripe(db.session(), cents, "tu_1")


def earned(labeler: Labeler, cents: int, name: str = "1") -> None:
    """The labeler has earned this much with gold, and its hold has ended."""
    with transaction():
        postings.earn_gold(db.session(), labeler.id, f"{labeler.id}.{name}", cents, utc_now())
    settle.release_due_holds()
