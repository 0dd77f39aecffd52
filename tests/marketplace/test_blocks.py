"""Blocks over the customers' API: of who has worked for the customer, seen by nobody else, felt by the next claim."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from marketplace import auth
from marketplace.db import db, transaction
from marketplace.models import Assignment, AuditEvent, KeyMode, Labeler
from tests.marketplace import labeling_world
from tests.marketplace.api_world import Caller, answered, new_customer, refused
from tests.marketplace.labeling_world import CAT, Yard, claim, claimed, give


@pytest.fixture
def yard(app: Flask, run_jobs: Callable[[], None]) -> Yard:
    return labeling_world.build(app, run_jobs)


@pytest.fixture
def live(yard: Yard) -> Caller:
    with transaction():
        key = auth.new_api_key(yard.customer, KeyMode.LIVE, name="first")
    return Caller(yard.app.test_client(), key)


def wish(labeler: Labeler, reason: str = "Careless.") -> dict[str, Any]:
    return {"labeler_id": labeler.id, "reason": reason}


def listed(caller: Caller, path: str) -> list[Any]:
    found = caller.get(path).get_json()
    assert isinstance(found, list), found
    return found


def test_who_has_worked_is_listed_by_id_and_can_be_blocked(yard: Yard, live: Caller) -> None:
    yard.send(answers=3)
    ana, ben = yard.hire(2)
    give(ana, CAT)
    [member] = listed(live, "projects/texts/labelers")
    assert member == member | {"labeler_id": ana.id, "accepted": 0, "rejected": 0, "blocked": False}
    assert "name" not in member and ana.email not in str(member)
    refused(live.post("blocks", wish(ben)), 404)
    assert refused(live.post("blocks", {"labeler_id": ana.id}), 400)["field"] == "reason"
    yard.send(answers=3)
    held = claimed(ana)
    answered(live.post("blocks", wish(ana)))
    answered(live.post("blocks", wish(ana, "Again.")))
    assert claimed(ana).id == held.id, "what she holds stays hers"
    labeling_world.answered(ana, held)
    reason = claim(ana).reason
    assert reason is not None and "chosen to work with other labelers" in reason.text and "Careless" not in reason.text
    assert [one["reason"] for one in listed(live, "blocks")] == ["Careless."]
    assert listed(live, "projects/texts/labelers")[0]["blocked"]
    answered(live.send("DELETE", f"blocks/{ana.id}"))
    refused(live.send("DELETE", f"blocks/{ana.id}"), 404)
    assert claim(ana).reason.code == "seen_all"  # type: ignore[union-attr]
    events = db.session.query(AuditEvent).filter_by(subject_id=ana.id).order_by(AuditEvent.id)
    assert [one.action for one in events] == ["labeler.block", "labeler.unblock"]
    assert db.session.query(Assignment).filter_by(labeler_id=ana.id).count() == 2


def test_another_customers_blocks_are_neither_seen_nor_felt(yard: Yard, live: Caller) -> None:
    yard.send(answers=3)
    [ana] = yard.hire(1)
    give(ana, CAT)
    answered(live.post("blocks", wish(ana)))
    sam = Caller(yard.app.test_client(), new_customer("Sam").live_key)
    assert listed(sam, "blocks") == []
    refused(sam.send("DELETE", f"blocks/{ana.id}"), 404)
    refused(sam.post("blocks", wish(ana)), 404)
    refused(sam.get("projects/texts/labelers"), 404)
    yard.customer = db.session.query(type(yard.customer)).filter_by(name="Sam").one()
    yard.send(project="of Sam")
    assert claim(ana).assignment is not None
