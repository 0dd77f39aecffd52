"""Pages about who may work: a customer's rule and blocks, an operator's credentials, a labeler's reasons and trials."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from marketplace import lanes
from marketplace.db import db, transaction
from marketplace.models import Assignment, Block, KeyMode, Labeler
from marketplace.pipeline import dispatch, intake, submit
from tests.marketplace import page_world
from tests.marketplace.page_world import World, csv_rows, page
from tests.marketplace.page_world import submit as send


@pytest.fixture
def world(app: Flask, run_jobs: Callable[[], None]) -> World:
    return page_world.build(app, run_jobs)


def rule(world: World, **given: Any) -> None:
    with transaction():
        lanes.set_rule(world.project, given)


def gold(world: World, count: int) -> None:
    with transaction():
        for number in range(count):
            asked = {"project": "texts", "attachment": f"gold {number}", "attachment_type": "text"}
            intake.accept_task(
                world.customer, KeyMode.LIVE, "categorization", asked, expected_answer={"category": "cat"}
            )
    world.run_jobs()


def answer(world: World, who: str, category: str = "cat") -> Assignment:
    with transaction():
        held = dispatch.claim_next(world.labeler(who).id).assignment
        assert held is not None
        submit.submit_answer(world.labeler(who), held.id, held.epoch, {"category": category}, 10.0)
    world.run_jobs()
    return held


# Customers

FORM = {"languages": "FR", "teams": "north", "countries": "fr, be", "accuracy": "80", "trial_answers": "", "exam": "1"}


def set_rule(world: World, **fields: str) -> TestResponse:
    address = f"/projects/{world.project.id}/labelers"
    return send(world.as_("nora"), address, FORM | fields, seen_on=address)


def test_a_rule_is_saved_by_its_form_and_shown_again(world: World) -> None:
    assert (
        "Every labeler who is qualified" in page(world.as_("nora").get(f"/projects/{world.project.id}/labelers")).words
    )
    assert set_rule(world).status_code == 302
    db.session.expire_all()
    assert world.project.labelers == {
        "requires": ["language:fr", "team:north"],
        "countries": ["BE", "FR"],
        "exam": True,
        "accuracy_min": 0.8,
        "trial_answers": 10,
    }
    shown = page(world.as_("nora").get(f"/projects/{world.project.id}/labelers"))
    kept = {name: shown.fields[name] for name in ("languages", "teams", "countries", "accuracy", "trial_answers")}
    assert kept == {
        "languages": "fr", "teams": "north", "countries": "BE, FR", "accuracy": "80", "trial_answers": ""
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("languages", "très français", "is no credential"),
        ("teams", "the north", "is no credential"),
        ("countries", "France", "no country code"),
        ("accuracy", "99", "from 30 to 94"),
        ("trial_answers", "5", "takes 10 answers to show"),
        ("trial_answers", "many", "from 1 to 50"),
    ],
)
def test_a_mistake_stands_beside_its_field_and_nothing_typed_is_lost(
    world: World, field: str, typed: str, words: str
) -> None:
    refused = set_rule(world, **{field: typed})
    assert refused.status_code == 400
    shown = page_world.Page(refused)
    assert shown.fields[field] == typed and f"{field}-error" in shown.ids and words in shown.words
    assert world.project.labelers["requires"] == []


def test_a_labeler_is_blocked_with_a_reason_and_unblocked(world: World) -> None:
    world.send_text()
    answer(world, "ana")
    world.send_text()
    nora, ana = world.as_("nora"), world.labeler("ana")
    address = f"/projects/{world.project.id}/labelers"
    assert [row["labeler_id"] for row in csv_rows(nora.get(f"{address}?format=csv"))] == [ana.id]
    assert ana.name not in page(nora.get(address)).words and ana.email not in nora.get(address).text
    assert send(nora, f"{address}/{ana.id}/block", {"reason": " "}, seen_on=address).status_code == 400
    send(nora, f"{address}/{ana.id}/block", {"reason": "Draws over the edge."}, seen_on=address)
    assert "Draws over the edge." in nora.get(address).text
    work = world.as_("ana").get("/work").text
    assert "chosen to work with other labelers" in work and "edge" not in work
    assert "Draws over the edge." in world.as_("omar").get(f"/operator/labelers/{ana.id}").text
    assert world.as_("eve").get(address).status_code == 404
    assert send(nora, f"{address}/{world.labeler('ben').id}/block", {"reason": "?"}, seen_on=address).status_code == 404
    send(nora, f"{address}/{ana.id}/unblock", {}, seen_on=address)
    with transaction():
        assert dispatch.claim_next(ana.id).held is not None


def test_an_operator_blocks_from_a_review_and_a_reviewer_does_not(world: World) -> None:
    task = world.send_text()
    held = answer(world, "ana")
    path = f"/reviews/{held.subtask_id}"
    fields = {"labeler_id": held.labeler_id, "block_reason": "Sent by the customer's mail."}
    refused = send(world.as_("omar"), f"{path}/block", fields | {"block_reason": ""}, seen_on=path)
    assert refused.status_code == 400 and "block_reason-error" in page_world.Page(refused).ids
    assert send(world.as_("rita"), f"{path}/block", fields, seen_on=path).status_code == 403
    send(world.as_("omar"), f"{path}/block", fields, seen_on=path)
    [block] = db.session.query(Block).all()
    assert (block.customer_id, block.labeler_id) == (task.customer_id, held.labeler_id)


# Operators and labelers


def test_a_credential_is_asked_for_given_and_taken_back(world: World) -> None:
    world.send_text()
    rule(world, requires=["language:fr"])
    ana, omar = world.labeler("ana"), world.as_("omar")
    assert 'needs the language "fr"' in page(world.as_("ana").get("/work")).words.replace("\n", " ")
    send(world.as_("ana"), "/work/request", {"credential": "language:fr"}, seen_on="/work")
    assert "asked, an operator decides" in world.as_("ana").get("/work").text
    address = f"/operator/labelers/{ana.id}"
    shown = page(omar.get(address))
    assert "Asks for language:fr" in shown.words and 'needs the language "fr"' in shown.words
    assert [row["name"] for row in csv_rows(omar.get("/operator/labelers?state=requests&format=csv"))] == ["Ana"]
    send(omar, f"{address}/credentials/grant", {"credential": "Language:FR"}, seen_on=address)
    held = answer(world, "ana")
    assert held.slot_id is not None
    wrong = send(omar, f"{address}/credentials/grant", {"credential": "french"}, seen_on=address)
    assert wrong.status_code == 400 and "is no credential" in wrong.text
    again = {"credential": "language:fr", "reason": " "}
    assert send(omar, f"{address}/credentials/revoke", again, seen_on=address).status_code == 400
    send(omar, f"{address}/credentials/revoke", again | {"reason": "Not hers."}, seen_on=address)
    assert db.session.get_one(Labeler, ana.id, populate_existing=True).credentials == []
    words = [row[2] for row in page(omar.get(address)).tables[-1].rows]
    assert words == ["Credential taken back", "Credential given", "Asked for a credential"]


def test_an_operator_sets_the_country_that_a_project_asks_for(world: World) -> None:
    world.send_text()
    rule(world, countries=["FR"])
    ana, omar = world.labeler("ana"), world.as_("omar")
    address = f"/operator/labelers/{ana.id}"
    refused = send(omar, f"{address}/country", {"country": "F1"}, seen_on=address)
    assert refused.status_code == 400 and "no country code" in refused.text
    assert "for labelers in FR" in world.as_("ana").get("/work").text
    send(omar, f"{address}/country", {"country": "fr"}, seen_on=address)
    assert answer(world, "ana").slot_id is not None


def test_a_trial_begins_and_ends_on_the_work_page(world: World) -> None:
    world.send_text()
    gold(world, 10)
    rule(world, exam=True)
    client = world.as_("ben")
    shown = page(client.get("/work"))
    [offer] = next(table for table in shown.tables if "Try" in table.header).rows
    assert "needs a passed exam" in offer[0] and offer[1:4] == ["Take the exam5 paid subtasks", "30 s", "$0.15"]
    lane = shown.fields["lane"]
    begun = send(client, "/work/trials", {"lane": lane}, seen_on="/work")
    assert begun.headers["Location"].startswith("/assignments/")
    again = send(client, "/work/trials", {"lane": lane}, seen_on="/work")
    assert again.headers["Location"] == "/work" and "in a trial already" in client.get("/work").text
    answer(world, "ben", "dog")
    assert "1 of 5 answers are given" in page(client.get("/work")).words
    answer(world, "ben", "dog")
    ended = page(client.get("/work")).words
    assert "You did not pass the exam at texts: 0% on 2 answers" in ended and "You may try again from" in ended
    assert not [table for table in page(client.get("/work")).tables if "Try" in table.header]


def test_a_trial_is_stopped(world: World) -> None:
    world.send_text()
    gold(world, 10)
    rule(world, accuracy_min=0.8)
    client = world.as_("ben")
    lane = page(client.get("/work")).fields["lane"]
    send(client, "/work/trials", {"lane": lane}, seen_on="/work")
    send(client, "/work/trials/stop", {}, seen_on="/work")
    assert "Your trial at texts" not in page(client.get("/work")).words
    held = dispatch.claim_next(world.labeler("ben").id).held
    assert held is not None, "what is in hand is still hers"
