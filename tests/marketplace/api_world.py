"""What the tests of the customers' API share: bodies of good tasks, a caller of the API, a server in a thread."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from marketplace import people
from marketplace.db import db, transaction
from marketplace.people import NewCustomer
from payouts import ledger, postings
from payouts.chart import Kind

FUNDS_CENTS = 1_000_000

CATEGORIZATION: dict[str, Any] = {
    "instruction": "What is this message about?",
    "attachment_type": "text",
    "attachment": "When will my parcel arrive?",
    "categories": ["shipping", "billing"],
}
BOXES: dict[str, Any] = {
    "instruction": "Draw a box around every car.",
    "attachment": "https://example.org/street.jpg",
    "geometries": {"box": {"objects_to_annotate": ["car", "person"]}},
}
DRIVE: dict[str, Any] = {
    "instruction": "Draw a cuboid around every car.",
    "attachments": [f"https://example.org/{k}.json" for k in range(5)],
    "attachment_type": "json",
    "labels": ["car", "person"],
    "window_frames": 3,
    "window_overlap": 1,
}


def new_customer(name: str = "Nora", funds_cents: int = FUNDS_CENTS) -> NewCustomer:
    with transaction():
        made = people.create_customer(name, email=f"{name.lower()}@example.org")
        if funds_cents:
            postings.fund_customer(db.session, made.customer.id, funds_cents, key=f"wire {made.customer.id}")  # type: ignore[arg-type]
    return made


def funds_of(made: NewCustomer) -> int:
    with transaction():
        return ledger.balance(db.session, Kind.CUSTOMER_FUNDS, made.customer.id)  # type: ignore[arg-type]


@dataclass
class Caller:
    """A customer's program with one key, speaking plain HTTP."""

    client: FlaskClient
    key: str

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        if body is not None:
            options |= {"data": json.dumps(body), "content_type": "application/json"}
        return self.client.open(f"/v1/{path}", method=method, auth=(self.key, ""), **options)

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.send("GET", path, query_string=query)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.send("POST", path, body, **options)


def refused(answer: TestResponse, status: int) -> dict[str, Any]:
    """The error of a refusal, which always has the contract's shape."""
    body = answer.get_json()
    assert answer.status_code == status, body
    assert body["status_code"] == status and isinstance(body["error"], str) and body["error"]
    assert set(body) <= {"status_code", "error", "field"}
    return dict(body)


def answered(answer: TestResponse) -> dict[str, Any]:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return dict(answer.get_json())


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The application on a free port; gives the address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
